"""Items made from what was written, without a document: the same as those made from the document."""

import json
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumer.dynamodb.attribute_values import MAX_ITEM_BYTES
from consumer.dynamodb.item import ItemEncoder
from consumer.dynamodb.versions import FieldVersions
from consumer.errors import EncodeError
from consumer.record import Item, Record
from consumer.settings import Output
from redaction.compiled import MOST_BYTES
from redaction.engine import PolicyRedactor
from redaction.plugin import Released
from redaction.policy import load_policy
from tests.kits.needs import needs_native

RECORD = Record("4" * 56, 2, 1_710_498_600_000, b"")
SIMPLE = Output()
RICH = Output(
    partition_key="{order.id}",
    sort_key="{user_id}",
    index={"partition_key": "{merchant}", "sort_key": "{timestamp}"},
    ttl_days=30,
    write_mode="newest",
    version_field="version.of",
)

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(-1000, 1000, places=2).map(float) | st.text() | st.sampled_from([0.0, -0.0, 1e-4, 1e15, 0, 100.0]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)  # fmt: skip
names = st.sampled_from(["user_id", "timestamp", "order", "merchant", "version", "_sanitizer", "amount", "", 'a"b'])
documents = st.dictionaries(names | st.text(), values | st.fixed_dictionaries({"id": values, "of": values}))


def encoder(output: Output) -> ItemEncoder:
    versions = FieldVersions(output.version_field) if output.version_field else None
    return ItemEncoder(output, "orders", "shardId-000000000007", "default@1", "abc", versions)


def by_document(output: Output, document: dict[str, Any]) -> Item | EncodeError:
    try:
        return encoder(output).encode(document, RECORD)
    except EncodeError as error:
        return error


def told(item: Item | EncodeError) -> Any:
    return item.code if isinstance(item, EncodeError) else item


@given(documents)
@example({"user_id": "1", "timestamp": "2", "a": [{"b": [1, -0.0, 0.0001, 1e-5, 2**63 - 1, "\\u0041\n", None, True]}]})
@example({"user_id": {"x": 1}, "timestamp": "2"})
@example({"user_id": "1", "timestamp": 149.90, "order": {"id": 7}, "merchant": "", "version": {"of": "2024"}})
@example({"order": {"id": "1"}, "user_id": "2", "merchant": "m", "timestamp": 3, "version": {"of": 5}})
@pytest.mark.parametrize("output", [SIMPLE, RICH], ids=["simple", "rich"])
def test_what_was_written_makes_the_same_item(output: Output, document: dict[str, Any]) -> None:
    needs_native()
    try:
        body = orjson.dumps(document)
    except orjson.JSONEncodeError:  # half a surrogate pair, which no document of the engine has
        return
    [made] = encoder(output).encode_all([Released.written(body, ())], [RECORD])
    assert told(made) == told(by_document(output, orjson.loads(body)))


def nested(levels: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return {"user_id": "1", "timestamp": "2", "deep": value}


@pytest.mark.parametrize(
    "document",
    [nested(31), nested(32), nested(33), {"user_id": "1", "timestamp": "2", "n": "x" * 70_000}],
    ids=["31", "32", "33", "large"],
)
def test_limits_are_the_same(document: dict[str, Any]) -> None:
    needs_native()
    [made] = encoder(SIMPLE).encode_all([Released.written(orjson.dumps(document), ())], [RECORD])
    assert told(made) == told(by_document(SIMPLE, document))


@pytest.mark.parametrize("element", [1, [], "", True, {}], ids=repr)
def test_none_that_is_written_so_is_too_large(element: Any) -> None:
    """What grows most, as large as the compiled part takes it."""
    needs_native()
    document: dict[str, Any] = {"user_id": "1", "timestamp": "2", "n": []}
    room = MOST_BYTES - len(orjson.dumps(document))
    document["n"] = [element] * (room // (len(orjson.dumps(element)) + 1))
    body = orjson.dumps(document)
    assert MOST_BYTES - 8 <= len(body) <= MOST_BYTES
    released = Released.written(body, ())
    [made] = encoder(SIMPLE).encode_all([released], [RECORD])
    assert isinstance(made, Item)
    assert released.is_unread
    assert len(made.body) <= MAX_ITEM_BYTES
    assert made == by_document(SIMPLE, document)


def test_no_document_is_read_where_nobody_asks() -> None:
    needs_native()
    payload = json.dumps({"user_id": "1", "timestamp": "2", "note": "paid 4111 1111 1111 1111"}).encode()
    redactor = PolicyRedactor(load_policy("default"))
    redactor.redact([payload])
    [verdict] = redactor.redact([payload])
    assert isinstance(verdict, Released)
    [made] = encoder(SIMPLE).encode_all([verdict], [RECORD])
    assert isinstance(made, Item)
    assert verdict.is_unread
    assert made.attributes["note"] == {"S": "paid **** **** **** 1111"}


def test_documents_that_were_read_and_such_that_were_not_stay_in_order() -> None:
    needs_native()
    released = [
        Released({"user_id": str(number), "timestamp": "t", "exact": Decimal("0.1")}, b"")
        if number % 2
        else Released.written(b'{"user_id":"%d","timestamp":"t"}' % number, ())
        for number in range(6)
    ]
    released[4] = Released.written(b'{"user_id":"4"}', ())
    made = encoder(SIMPLE).encode_all(released, [RECORD] * 6)
    assert [item.key[0] if isinstance(item, Item) else item.code for item in made] == [
        "0",
        "1",
        "2",
        "3",
        "key_missing",
        "5",
    ]


def test_what_is_refused_holds_no_item_in_memory() -> None:
    large: dict[str, Any] = {"user_id": "1", "timestamp": "t", "note": "x" * MAX_ITEM_BYTES}
    [made] = encoder(SIMPLE).encode_all([Released(large, b"")], [RECORD])
    assert isinstance(made, EncodeError)
    assert (made.code, made.__traceback__, made.__context__) == ("item_too_large", None, None)
