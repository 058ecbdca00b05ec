"""KPL aggregates, taken apart as the KCL does."""

import hashlib
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from consumer.kinesis.kpl import HashRange, Lost, UserRecord, UserRecords, aggregated, user_records
from tests.kits.kpl import (
    MAGIC,
    Part,
    aggregate,
    fixed,
    group,
    hash_of,
    number,
    part,
    sealed,
    tag,
    text,
    varint,
)
from tests.kits.kpl_judge import AggregatedRecord, judged

ALL = HashRange(0, 2**128 - 1)
ONE = Part(b"one")


def as_it_is(data: bytes) -> UserRecords:
    return UserRecords([UserRecord(data, "outer")], is_aggregate=False)


def taken_apart(data: bytes, hash_range: HashRange = ALL) -> UserRecords:
    return user_records(data, "outer", hash_range)


PARTS = st.lists(
    st.builds(Part, st.binary(max_size=200), st.integers(0, 2), st.none() | st.integers(0, 1)), min_size=1, max_size=30
)


@given(PARTS, st.lists(st.text(max_size=20), min_size=3, max_size=3))
def test_what_was_put_together_is_taken_apart_in_order(parts: list[Part], keys: list[str]) -> None:
    found = taken_apart(aggregate(parts, keys, ["0", str(2**128 - 1)]))
    assert found == UserRecords([UserRecord(each.data, keys[each.key]) for each in parts], is_aggregate=True)


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_other_bytes_stay_as_they_are(data: bytes, more: bytes) -> None:
    for each in (data, MAGIC + data, aggregate([ONE]) + more + b"!", aggregate([ONE])[:-1], b"x" + aggregate([ONE])):
        assert taken_apart(each) == as_it_is(each)


@given(st.binary(min_size=1, max_size=200))
def test_no_message_makes_it_raise(message: bytes) -> None:
    data = sealed(message)
    found = taken_apart(data)
    assert found == as_it_is(data) or found.is_aggregate


@given(PARTS, st.data())
def test_a_cut_or_changed_message_never_raises(parts: list[Part], draw: st.DataObject) -> None:
    message = aggregate(parts, ["a", "b", "c"], ["0", "1"])[4:-16]
    place = draw.draw(st.integers(0, len(message) - 1))
    byte = draw.draw(st.integers(0, 255))
    for broken in (message[:place], message[:place] + bytes([byte]) + message[place + 1 :]):
        data = sealed(broken)
        found = taken_apart(data)
        assert found.is_aggregate or found == as_it_is(data)


def test_twenty_bytes_are_no_aggregate() -> None:
    assert taken_apart(sealed(b"")) == as_it_is(sealed(b""))


def test_an_aggregate_of_nothing_is_nothing() -> None:
    assert taken_apart(aggregate([])) == UserRecords([], is_aggregate=True)


NO_MESSAGES = {
    "cut": aggregate([ONE])[4:-17],
    "without key index": text(1, b"key") + text(3, text(3, b"data")),
    "without data": text(1, b"key") + text(3, number(1, 0)),
    "tag without key": text(1, b"key") + part(ONE, tag(None, b"v")),
    "field number 0": b"\x02\x00" + text(1, b"key"),
    "wire type 7": text(1, b"key") + b"\x0f",
    "stray end of group": text(1, b"key") + varint(9 << 3 | 4),
    "other end of group": varint(9 << 3 | 3) + varint(8 << 3 | 4),
    "group without end": varint(9 << 3 | 3) + text(1, b"x"),
    "groups too deep": varint(9 << 3 | 3) * 101 + varint(9 << 3 | 4) * 101,
    "varint too long": b"\x08" + b"\xff" * 10 + b"\x01",
    "length beyond the end": b"\x0a\x7f",
}


@pytest.mark.parametrize("message", NO_MESSAGES.values(), ids=NO_MESSAGES)
def test_what_java_s_parser_refuses_stays_as_it_is(message: bytes) -> None:
    data = sealed(message)
    assert taken_apart(data) == as_it_is(data)


def test_what_nobody_knows_is_skipped() -> None:
    unknown = number(9, 2**64 - 1) + text(10, b"x") + group(11, group(12, number(1, 1)) + text(1, b"y")) + fixed(13)
    message = unknown + text(1, b"key") + text(3, unknown + number(1, 0) + text(3, b"one") + tag(b"k", b"v") + unknown)
    assert taken_apart(sealed(message)).delivered == [UserRecord(b"one", "key")]
    # A known number of another kind is unknown too, and of a field that stands twice the last one counts.
    message = number(1, 5) + text(1, b"key") + text(3, text(1, b"?") + number(1, 9) + number(1, 0) + text(3, b"a") * 2)
    assert taken_apart(sealed(message)).delivered == [UserRecord(b"a", "key")]


@pytest.mark.parametrize(
    "wrong", [Part(b"two", key=1), Part(b"two", key=2**31), Part(b"two", explicit=2), Part(b"two", explicit=1)]
)
def test_what_stands_before_a_malformed_one_is_delivered(wrong: Part) -> None:
    data = aggregate([ONE, ONE, wrong, ONE], explicit=["7", "no number"])
    expected = [UserRecord(b"one", "key")] * 2
    assert taken_apart(data) == UserRecords(expected, is_aggregate=True, lost=2, why=Lost.MALFORMED)


@pytest.mark.parametrize("explicit", [" 1", "1_0", "", "0x1", "1.0"])
def test_python_s_integers_are_not_java_s(explicit: str) -> None:
    found = taken_apart(aggregate([Part(b"one", explicit=0)], explicit=[explicit]))
    assert (found.delivered, found.why) == ([], Lost.MALFORMED)


@pytest.mark.parametrize("explicit", ["+5", "05", "5"])
def test_java_s_integers_are_taken(explicit: str) -> None:
    assert taken_apart(aggregate([Part(b"one", explicit=0)], explicit=[explicit]), HashRange(5, 5)).delivered


def test_an_index_is_cut_to_32_bits_as_in_java() -> None:
    assert taken_apart(aggregate([Part(b"one", key=2**32)])).delivered == [UserRecord(b"one", "key")]


def test_one_foreign_record_takes_all_with_it() -> None:
    mine = HashRange(hash_of("key"), hash_of("key"))
    data = aggregate([ONE, Part(b"two", key=1), ONE], ["key", "other"])
    assert taken_apart(data, mine) == UserRecords([], is_aggregate=True, lost=3, why=Lost.FOREIGN)
    assert len(taken_apart(aggregate([ONE, ONE]), mine).delivered) == 2
    data = aggregate([ONE, Part(b"two", explicit=0)], explicit=["-1"])
    assert taken_apart(data).why is Lost.FOREIGN


def test_a_key_that_is_no_utf_8_is_read_as_java_does() -> None:
    digest = hashlib.md5("a\ufffdb".encode(), usedforsecurity=False).hexdigest()
    data = sealed(text(1, b"a\xffb") + part(ONE))
    assert taken_apart(data, HashRange(int(digest, 16), int(digest, 16))).delivered == [UserRecord(b"one", "a\ufffdb")]


KEYS = st.lists(st.text(max_size=5), max_size=3)
TEXTS = st.text(st.characters(max_codepoint=127), max_size=8).map(str.encode)
TAGS = st.lists(st.fixed_dictionaries({"key": TEXTS}, optional={"value": TEXTS}), max_size=2)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {"partition_key_index": st.integers(0, 3), "data": TEXTS, "tags": TAGS},
        optional={"explicit_hash_key_index": st.integers(0, 2)},
    ),
    max_size=5,
)
EXPLICIT = st.lists(st.sampled_from(["0", "+7", str(2**128 - 1), "no number"]), max_size=2)


def as_judged(data: bytes) -> UserRecords:
    """What KCL makes of the message that protobuf reads; all hash keys are the shard's own."""
    message = judged(data[4:-16])
    if message is None or len(data) <= 20:
        return as_it_is(data)
    found: list[UserRecord] = []
    for record in message.records:
        try:
            key = message.partition_key_table[record.partition_key_index % 2**32].decode(errors="replace")
            if record.HasField("explicit_hash_key_index"):
                explicit = message.explicit_hash_key_table[record.explicit_hash_key_index % 2**32]
                assert 0 <= int(explicit.decode(errors="replace")) < 2**128
        except (IndexError, ValueError):
            return UserRecords(found, True, len(message.records) - len(found), Lost.MALFORMED)  # noqa: FBT003
        found.append(UserRecord(record.data, key))
    return UserRecords(found, is_aggregate=True)


@given(KEYS, EXPLICIT, RECORDS)
def test_what_protobuf_writes_is_read_as_protobuf_reads_it(
    keys: list[str], explicit: list[str], records: list[dict[str, object]]
) -> None:
    message = AggregatedRecord(
        partition_key_table=map(str.encode, keys), explicit_hash_key_table=map(str.encode, explicit), records=records
    )
    data = sealed(message.SerializeToString())
    assert taken_apart(data) == as_judged(data)


@given(st.lists(st.builds(UserRecord, st.binary(max_size=200), st.text(max_size=20)), max_size=10))
def test_protobuf_reads_what_is_put_together_here(records: list[UserRecord]) -> None:
    data = aggregated(records)
    message = judged(data[4:-16])
    assert message is not None
    keys = [key.decode() for key in message.partition_key_table]
    assert [UserRecord(each.data, keys[each.partition_key_index]) for each in message.records] == records
    assert data == sealed(message.SerializeToString())


@given(KEYS, RECORDS, st.data())
def test_what_protobuf_refuses_is_refused(
    keys: list[str], records: list[dict[str, object]], draw: st.DataObject
) -> None:
    body = bytearray(AggregatedRecord(partition_key_table=map(str.encode, keys), records=records).SerializeToString())
    for _ in range(draw.draw(st.integers(1, 3))):
        first = draw.draw(st.integers(0, len(body)))
        last = min(len(body), first + draw.draw(st.integers(0, 2)))
        body[first:last] = draw.draw(st.binary(max_size=3))
    # Of a tag with more than 32 bits Java, and so this parser, drops the rest; Python's protobuf refuses it.
    assume(not re.search(rb"[\x80-\xff]{4}", body))
    # What `int` takes for a number, and Java does not, has tests of its own.
    message = judged(bytes(body))
    assume(not message or all(key.isdigit() and key.isascii() for key in message.explicit_hash_key_table))
    data = sealed(bytes(body))
    assert taken_apart(data) == as_judged(data)


def test_a_tag_is_read_to_its_end() -> None:
    data = sealed(text(1, b"key") + part(ONE, text(4, text(1, b"k") + b"\x12\x42v")))
    assert taken_apart(data) == as_judged(data) == as_it_is(data)
