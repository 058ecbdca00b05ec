"""KPL aggregates, taken apart as the KCL does."""

import hashlib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.kinesis.kpl import HashRange, UserRecord, aggregated, user_records
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

ALL = HashRange(0, 2**128 - 1)
ONE = Part(b"one")


def taken_apart(data: bytes, hash_range: HashRange = ALL) -> list[UserRecord] | None:
    """None: it is no aggregate."""
    found = user_records(data, "outer", hash_range)
    return None if found is None else list(found)


def is_foreign(data: bytes, hash_range: HashRange = ALL) -> bool:
    found = user_records(data, "outer", hash_range)
    return found is not None and found.is_foreign


PARTS = st.lists(
    st.builds(Part, st.binary(max_size=200), st.integers(0, 2), st.none() | st.integers(0, 1)), min_size=1, max_size=30
)


@given(PARTS, st.lists(st.text(max_size=20), min_size=3, max_size=3))
def test_what_was_put_together_is_taken_apart_in_order(parts: list[Part], keys: list[str]) -> None:
    found = taken_apart(aggregate(parts, keys, ["0", str(2**128 - 1)]))
    assert found == [UserRecord(each.data, keys[each.key]) for each in parts]


@given(st.binary(max_size=300), st.binary(max_size=40))
def test_other_bytes_stay_as_they_are(data: bytes, more: bytes) -> None:
    for each in (data, MAGIC + data, aggregate([ONE]) + more + b"!", aggregate([ONE])[:-1], b"x" + aggregate([ONE])):
        assert taken_apart(each) is None


@given(st.binary(min_size=1, max_size=200))
def test_no_message_makes_it_raise(message: bytes) -> None:
    taken_apart(sealed(message))


@given(PARTS, st.data())
def test_a_cut_or_changed_message_never_raises(parts: list[Part], draw: st.DataObject) -> None:
    message = aggregate(parts, ["a", "b", "c"], ["0", "1"])[4:-16]
    place = draw.draw(st.integers(0, len(message) - 1))
    byte = draw.draw(st.integers(0, 255))
    for broken in (message[:place], message[:place] + bytes([byte]) + message[place + 1 :]):
        taken_apart(sealed(broken))


def test_twenty_bytes_are_no_aggregate() -> None:
    assert taken_apart(sealed(b"")) is None


def test_an_aggregate_of_nothing_is_nothing() -> None:
    assert taken_apart(aggregate([])) == []


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
    assert taken_apart(data) is None


def test_what_nobody_knows_is_skipped() -> None:
    unknown = number(9, 2**64 - 1) + text(10, b"x") + group(11, group(12, number(1, 1)) + text(1, b"y")) + fixed(13)
    message = unknown + text(1, b"key") + text(3, unknown + number(1, 0) + text(3, b"one") + tag(b"k", b"v") + unknown)
    assert taken_apart(sealed(message)) == [UserRecord(b"one", "key")]
    # A known number of another kind is unknown too, and of a field that stands twice the last one counts.
    message = number(1, 5) + text(1, b"key") + text(3, text(1, b"?") + number(1, 9) + number(1, 0) + text(3, b"a") * 2)
    assert taken_apart(sealed(message)) == [UserRecord(b"a", "key")]


@pytest.mark.parametrize(
    "wrong", [Part(b"two", key=1), Part(b"two", key=2**31), Part(b"two", explicit=2), Part(b"two", explicit=1)]
)
def test_what_stands_before_a_malformed_one_is_delivered_and_then_the_whole(wrong: Part) -> None:
    data = aggregate([ONE, ONE, wrong, ONE], explicit=["7", "no number"])
    assert taken_apart(data) == [UserRecord(b"one", "key")] * 2 + [UserRecord(data, "outer")]


@pytest.mark.parametrize("explicit", [" 1", "1_0", "", "0x1", "1.0"])
def test_python_s_integers_are_not_java_s(explicit: str) -> None:
    data = aggregate([Part(b"one", explicit=0)], explicit=[explicit])
    assert taken_apart(data) == [UserRecord(data, "outer")]


@pytest.mark.parametrize("explicit", ["+5", "05", "5"])
def test_java_s_integers_are_taken(explicit: str) -> None:
    assert taken_apart(aggregate([Part(b"one", explicit=0)], explicit=[explicit]), HashRange(5, 5)) == [
        UserRecord(b"one", "key")
    ]


def test_an_index_is_cut_to_32_bits_as_in_java() -> None:
    assert taken_apart(aggregate([Part(b"one", key=2**32)])) == [UserRecord(b"one", "key")]


def test_one_foreign_record_takes_all_with_it() -> None:
    mine = HashRange(hash_of("key"), hash_of("key"))
    data = aggregate([ONE, Part(b"two", key=1), ONE], ["key", "other"])
    assert taken_apart(data, mine) == []
    assert is_foreign(data, mine)
    assert taken_apart(aggregate([ONE, ONE]), mine) == [UserRecord(b"one", "key")] * 2
    assert is_foreign(aggregate([ONE, Part(b"two", explicit=0)], explicit=["-1"]))


def test_a_key_that_is_no_utf_8_is_read_as_java_does() -> None:
    digest = hashlib.md5("a\ufffdb".encode(), usedforsecurity=False).hexdigest()
    data = sealed(text(1, b"a\xffb") + part(ONE))
    assert taken_apart(data, HashRange(int(digest, 16), int(digest, 16))) == [UserRecord(b"one", "a\ufffdb")]


def test_what_is_put_together_here_is_as_another_encoder_writes_it() -> None:
    records = [UserRecord(b"x" * 200, "one"), UserRecord(b"", "two"), UserRecord(b"z", "one")]
    assert aggregated(records) == aggregate([Part(b"x" * 200, 0), Part(b"", 1), Part(b"z", 0)], ["one", "two"])


def test_a_tag_is_read_to_its_end() -> None:
    assert taken_apart(sealed(text(1, b"key") + part(ONE, text(4, text(1, b"k") + b"\x12\x42v")))) is None


def test_records_of_an_aggregate_are_made_one_by_one() -> None:
    found = user_records(aggregate([Part(b"x" * 100_000)] * 200), "outer", ALL)
    assert found is not None
    tracemalloc.start()
    try:
        assert sum(len(each.data) for each in found) == 20_000_000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
