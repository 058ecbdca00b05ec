"""Items and quarantine entries: whole, small enough, and the latter without any content."""

import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.dynamodb.attribute_values import MAX_ITEM_BYTES, size_of
from consumer.dynamodb.item import ItemEncoder, decode_item, key_names
from consumer.errors import EncodeError
from consumer.quarantine.entry import KEY_NAMES, QuarantineEncoder
from consumer.record import Item, Record
from consumer.settings import Output

SHARD = "shardId-000000000007"
RECORD = Record("4" * 56, 2, 1_710_498_600_000, b"")
DOCUMENT: dict[str, Any] = {
    "user_id": "12345",
    "amount": Decimal("149.99"),
    "merchant": "Amazon",
    "timestamp": "2024-03-15T10:30:00Z",
}


def encode(document: dict[str, Any], record: Record = RECORD, output: Output | None = None) -> Item:
    return ItemEncoder(output or Output(), "orders", SHARD, "default@1", "abc").encode(document, record)


def published_size(value: dict[str, Any]) -> int:
    """AWS's rule, for the types that stand in these items."""
    ((kind, content),) = value.items()
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + published_size(member) for name, member in content.items())
    return (len(content.strip("0-")) + 1) // 2 + 1 if kind == "N" else len(content.encode())


def test_the_item_is_the_document_and_what_the_service_adds() -> None:
    item = encode(DOCUMENT)
    document, added = decode_item(item.attributes, Output())
    assert document == DOCUMENT
    assert added == {
        "stream": "orders", "shard": SHARD, "sequence": "4" * 56, "sub": 2, "arrival_ms": 1_710_498_600_000,
        "policy": "default@1", "digest": "abc",
    }  # fmt: skip
    assert item.key == ("12345", f"2024-03-15T10:30:00Z#{SHARD}#{'4' * 56}#2")
    assert item.attributes["_sanitizer_pk"] == {"S": item.key[0]}
    assert item.attributes["_sanitizer_sk"] == {"S": item.key[1]}


def test_a_document_without_what_the_service_adds_is_still_read() -> None:
    assert decode_item({"a": {"S": "b"}}, Output()) == ({"a": "b"}, {})


@pytest.mark.parametrize("suffix", ["", "_pk", "_sk", "_ipk", "_isk", "_ttl"])
@pytest.mark.parametrize("reserved", ["_sanitizer", "meta"])
def test_a_field_of_ours_is_refused(reserved: str, suffix: str) -> None:
    output = Output(reserved_attribute=reserved)
    with pytest.raises(EncodeError) as refusal:
        encode(DOCUMENT | {reserved + suffix: "mine"}, output=output)
    assert refusal.value.code == "reserved_attribute"
    assert encode(DOCUMENT | {reserved + "_x": "mine"}, output=output).attributes[reserved + "_x"] == {"S": "mine"}


def test_the_reserved_name_is_configurable_with_its_keys() -> None:
    output = Output(reserved_attribute="meta")
    assert key_names(output) == ("meta_pk", "meta_sk")
    assert decode_item(encode(DOCUMENT, output=output).attributes, output)[0] == DOCUMENT


def test_an_item_holds_400_kilobytes_and_not_a_byte_more() -> None:
    room = MAX_ITEM_BYTES - size_of(encode(DOCUMENT | {"pad": ""}).attributes)
    assert size_of(encode(DOCUMENT | {"pad": "x" * room}).attributes) == MAX_ITEM_BYTES
    with pytest.raises(EncodeError) as refusal:
        encode(DOCUMENT | {"pad": "x" * (room + 1)})
    assert refusal.value.code == "item_too_large"


def test_an_item_of_many_numbers_is_taken_up_to_what_dynamodb_takes() -> None:
    # 3 for the list, for each number 1 and what it takes itself: measured, see test_attribute_values.py.
    room = MAX_ITEM_BYTES - size_of(encode(DOCUMENT | {"pad": ""}).attributes) - len("n") - 3 - 4000 * (1 + 2)
    whole = DOCUMENT | {"n": [100] * 4000, "pad": "x" * room}
    assert encode(whole).attributes["pad"] == {"S": "x" * room}
    with pytest.raises(EncodeError):
        encode(whole | {"pad": "x" * (room + 1)})


@given(
    st.builds(Record, st.integers(0, 10**56).map(str), st.integers(0, 10**6), st.integers(0, 10**13), st.just(b"")),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
)
def test_the_size_is_never_below_the_published_one(record: Record, user: str) -> None:
    item = encode({"user_id": user, "timestamp": "t"}, record)
    assert size_of(item.attributes) >= sum(len(name) + published_size(value) for name, value in item.attributes.items())
    assert len(item.body) >= size_of(item.attributes)


def test_surrogates_in_a_key_are_refused_as_such() -> None:
    with pytest.raises(EncodeError) as refusal:
        encode(DOCUMENT | {"user_id": "\ud800"})
    assert refusal.value.code == "invalid_unicode"


def quarantine(data: bytes, key: bytes = b"k" * 32, rule: str | None = None) -> Item:
    encoder = QuarantineEncoder("orders", SHARD, "default@1", "abc", key)
    return encoder.encode(RECORD._replace(data=data), "invalid_json", rule, 1_710_498_601.5)


def test_the_entry_says_where_when_and_why() -> None:
    entry = quarantine(b"broken", rule="ssn").attributes
    assert entry["code"] == {"S": "invalid_json"}
    assert entry["rule"] == {"S": "ssn"}
    assert entry["bytes"] == {"N": "6"}
    assert entry["quarantined_at"] == {"S": "2024-03-15T10:30:01.500+00:00"}
    assert {name: entry[name]["S"] for name in KEY_NAMES} == {
        "source": f"orders/{SHARD}",
        "position": f"{'4' * 56}#2",
    }
    assert "rule" not in quarantine(b"broken").attributes


@given(st.binary(min_size=0, max_size=200), st.binary(min_size=0, max_size=200))
def test_nothing_of_the_content_is_in_the_entry(one: bytes, other: bytes) -> None:
    """Two records of one length differ in the keyed fingerprint alone: no other attribute depends on the content."""
    length = max(len(one), len(other))
    entries = [quarantine(data.ljust(length)).attributes for data in (one, other)]
    prints = [entry.pop("fingerprint")["S"] for entry in entries]
    assert entries[0] == entries[1]
    assert (prints[0] == prints[1]) == (one.ljust(length) == other.ljust(length))


def test_a_canary_is_not_in_the_entry_in_any_spelling() -> None:
    shown = json.dumps(quarantine(b'{"card": "4111 1111 1111 1111"}').attributes)
    assert "4111" not in shown
    assert b"4111 1111".hex() not in shown


def test_the_fingerprint_is_deterministic_and_depends_on_the_key() -> None:
    def fingerprint(key: bytes) -> str:
        return str(quarantine(b"same", key).attributes["fingerprint"]["S"])

    assert fingerprint(b"k" * 32) == fingerprint(b"k" * 32) != fingerprint(b"l" * 32)


INDEXED = Output.model_validate({"index": {"partition_key": "{merchant}#{shard}", "sort_key": "{amount}"}})


def test_the_index_key_is_made_of_the_document() -> None:
    item = encode(DOCUMENT, output=INDEXED)
    assert item.attributes["_sanitizer_ipk"] == {"S": f"Amazon#{SHARD}"}
    assert item.attributes["_sanitizer_isk"] == {"S": "149.99"}
    assert decode_item(item.attributes, INDEXED)[0] == DOCUMENT
    assert item.key == encode(DOCUMENT).key


@pytest.mark.parametrize("change", [{"merchant": None}, {"amount": None}, {"merchant": None, "amount": ""}], ids=repr)
def test_a_document_without_a_field_of_the_index_does_not_stand_in_it(change: dict[str, Any]) -> None:
    attributes = encode(DOCUMENT | change, output=INDEXED).attributes
    assert not {"_sanitizer_ipk", "_sanitizer_isk"} & attributes.keys()
    assert encode(DOCUMENT | change).attributes == attributes


@pytest.mark.parametrize(
    "change", [{"merchant": ""}, {"merchant": []}, {"amount": True}, {"merchant": "m" * 2049}, {"amount": "1" * 1025}]
)
def test_what_the_index_would_refuse_is_quarantined(change: dict[str, Any]) -> None:
    encode(DOCUMENT | change)
    with pytest.raises(EncodeError) as refusal:
        encode(DOCUMENT | change, output=INDEXED)
    assert refusal.value.code == "index_key_unusable"


def test_a_document_expires_days_after_its_record_arrived() -> None:
    mortal = Output(ttl_days=2)
    item = encode(DOCUMENT, output=mortal)
    assert item == encode(DOCUMENT, output=mortal)
    attributes = item.attributes
    assert attributes["_sanitizer_ttl"] == {"N": str(1_710_498_600 + 2 * 86_400)}
    assert decode_item(attributes, mortal)[0] == DOCUMENT
    before = time.time()
    unknown = encode(DOCUMENT, RECORD._replace(arrival_ms=0), mortal).attributes["_sanitizer_ttl"]["N"]
    assert before - 1 <= int(unknown) - 2 * 86_400 <= time.time()
