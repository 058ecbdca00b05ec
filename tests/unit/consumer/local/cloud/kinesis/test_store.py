"""The laws of a stream: whatever is put, split and merged, each record can be read exactly once, in order."""

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.local.cloud.kinesis.shard import HASH_SPACE, KinesisError, NewRecord, Shard
from consumer.local.cloud.kinesis.store import Stream, Streams

HASH_KEYS = st.integers(0, HASH_SPACE - 1)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), HASH_KEYS),
        st.tuples(st.just("split"), HASH_KEYS),
        st.tuples(st.just("merge"), HASH_KEYS),
    ),
    max_size=40,
)


def new_stream(shards: int = 1) -> Stream:
    return Stream("s", "arn:aws:kinesis:us-east-1:123456789012:stream/s", shards)


def put(stream: Stream, hash_key: int, data: str = "") -> tuple[str, str]:
    return stream.put(NewRecord(data, "key", 100, hash_key))


def run(stream: Stream, steps: list[tuple[str, int]]) -> list[tuple[str, str]]:
    """Carry the steps out where they are allowed; return what was put, as (shard, sequence)."""
    put_so_far = []
    for step, hash_key in steps:
        shard = stream.route(hash_key)
        if step == "put":
            put_so_far.append(put(stream, hash_key))
        elif step == "split" and hash_key > shard.first_hash:
            stream.split(shard.shard_id, hash_key)
        elif step == "merge" and shard.last_hash + 1 < HASH_SPACE:
            stream.merge(shard.shard_id, stream.route(shard.last_hash + 1).shard_id)
    return put_so_far


def walk(stream: Stream, limit: int) -> Iterator[tuple[str, str]]:
    """Read the whole tree of shards as a consumer does: children when all their parents have ended."""
    waiting = [shard for shard in stream.shards if not shard.parents]
    ended: set[str] = set()
    while waiting:
        shard = waiting.pop()
        position = 0
        while records := shard.read(position, limit):
            position += len(records)
            yield from ((shard.shard_id, record["SequenceNumber"]) for record in records)
        ended.add(shard.shard_id)
        waiting += [child for child in shard.children if ended.issuperset(child.parents)]


@given(STEPS, st.integers(1, 3), st.integers(1, 7))
def test_each_record_is_read_exactly_once_over_the_tree_of_shards(
    steps: list[tuple[str, int]], shards: int, limit: int
) -> None:
    stream = new_stream(shards)
    written = run(stream, steps)
    read = list(walk(stream, limit))
    assert sorted(read) == sorted(written)
    assert len(set(written)) == len(written)


@given(STEPS, st.integers(1, 5))
def test_open_shards_always_cover_the_hash_space_once(steps: list[tuple[str, int]], shards: int) -> None:
    stream = new_stream(shards)
    run(stream, steps)
    assert stream.open_shards[0].first_hash == 0
    assert stream.open_shards[-1].last_hash == HASH_SPACE - 1
    for left, right in zip(stream.open_shards, stream.open_shards[1:], strict=False):
        assert left.last_hash + 1 == right.first_hash


@given(STEPS)
def test_sequence_numbers_grow_over_the_whole_stream_and_lie_within_their_shard(
    steps: list[tuple[str, int]],
) -> None:
    stream = new_stream()
    written = run(stream, steps)
    numbers = [sequence for _, sequence in written]
    assert numbers == sorted(set(numbers), key=int)
    assert all(len(number) == 56 and int(number) > 0 for number in numbers)
    for shard_id, number in written:
        shard = stream.shard(shard_id)
        assert int(shard.first_sequence) < int(number)
        if shard.last_sequence is not None:
            assert int(number) < int(shard.last_sequence)
        assert stream.owns_sequence(shard, number)


@given(STEPS)
def test_a_child_begins_after_its_parents_ended(steps: list[tuple[str, int]]) -> None:
    stream = new_stream()
    run(stream, steps)
    for shard in stream.shards:
        for parent in map(stream.shard, shard.parents):
            assert parent.last_sequence is not None
            assert int(parent.last_sequence) < int(shard.first_sequence)
            assert shard in parent.children
            assert shard.first_hash <= parent.last_hash
            assert parent.first_hash <= shard.last_hash


@given(st.text(min_size=1, max_size=20), st.integers(1, 10))
def test_a_partition_key_goes_where_its_md5_says(key: str, shards: int) -> None:
    stream = new_stream(shards)
    shard_id, _ = stream.put(NewRecord("", key, 1))
    hash_key = int(hashlib.md5(key.encode()).hexdigest(), 16)  # noqa: S324 - Kinesis's own choice
    shard = stream.shard(shard_id)
    assert shard.first_hash <= hash_key <= shard.last_hash


@given(st.lists(st.floats(0, 1000), max_size=30).map(sorted), st.floats(0, 1000))
def test_a_position_by_time_is_the_first_record_not_earlier(arrivals: list[float], when: float) -> None:
    shard = Shard("s", 0, 1, "0", 0.0, arrivals=arrivals)
    position = shard.position_at_time(when)
    assert all(arrival < when for arrival in arrivals[:position])
    assert all(arrival >= when for arrival in arrivals[position:])


def test_positions_at_and_after_a_sequence_number() -> None:
    stream = new_stream()
    numbers = [put(stream, 0)[1] for _ in range(3)]
    shard = stream.shards[0]
    assert [shard.position_at_sequence(number) for number in numbers] == [0, 1, 2]
    assert [shard.position_after_sequence(number) for number in numbers] == [1, 2, 3]
    assert shard.position_at_sequence(shard.first_sequence) == 0


def test_a_read_stops_at_ten_megabytes_but_gives_one_record() -> None:
    stream = new_stream()
    for _ in range(30):
        stream.put(NewRecord("", "k", 1024 * 1024))
    shard = stream.shards[0]
    assert len(shard.read(0, 10_000)) == 10
    assert len(shard.read(25, 10_000)) == 5
    stream.put(NewRecord("", "k", 11 * 1024 * 1024))
    assert len(shard.read(30, 10_000)) == 1


def test_the_lag_is_the_age_of_the_first_record_not_read() -> None:
    stream = new_stream()
    shard = stream.shards[0]
    assert shard.millis_behind(0, 1e12) == 0
    put(stream, 0)
    put(stream, 0)
    now = shard.arrivals[0] + 2.5
    assert shard.millis_behind(0, now) == 2500
    assert shard.millis_behind(2, now) == 0


def test_arrival_times_never_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = new_stream()
    for clock in (100.0, 200.0, 150.0):
        monkeypatch.setattr("consumer.local.cloud.kinesis.store.time.time", lambda clock=clock: clock)
        put(stream, 0)
    assert stream.shards[0].arrivals == [100.0, 200.0, 200.0]


def test_a_closed_shard_can_be_neither_split_nor_merged_and_takes_no_records() -> None:
    stream = new_stream(2)
    first, second = stream.shards
    stream.split(first.shard_id, first.first_hash + 1)
    assert put(stream, 0)[0] == "shardId-000000000002"
    with pytest.raises(KinesisError) as refused:
        stream.split(first.shard_id, first.first_hash + 1)
    assert refused.value.code == "InvalidArgumentException"
    with pytest.raises(KinesisError):
        stream.merge(first.shard_id, second.shard_id)


@pytest.mark.parametrize("hash_key", [0, HASH_SPACE // 2, HASH_SPACE - 1])
def test_a_split_must_leave_both_sides_something(hash_key: int) -> None:
    stream = new_stream(2)
    second = stream.shards[1]
    if hash_key <= second.first_hash:
        with pytest.raises(KinesisError):
            stream.split(second.shard_id, hash_key)
        assert second.is_open
    else:
        stream.split(second.shard_id, hash_key)
        assert not second.is_open


def test_only_neighbours_merge() -> None:
    stream = new_stream(3)
    with pytest.raises(KinesisError):
        stream.merge(stream.shards[0].shard_id, stream.shards[2].shard_id)
    with pytest.raises(KinesisError):
        stream.merge(stream.shards[0].shard_id, stream.shards[0].shard_id)
    assert all(shard.is_open for shard in stream.shards)


def test_a_stream_created_again_gives_out_later_numbers() -> None:
    streams = Streams("us-east-1")
    streams.create("s", 1)
    _, before = streams.get("s").put(NewRecord("", "k", 1))
    streams.delete("s")
    streams.create("s", 1)
    _, after = streams.get("s").put(NewRecord("", "k", 1))
    assert int(after) > int(before)
