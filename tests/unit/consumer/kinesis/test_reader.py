"""Reading beside the workers: in order, from anywhere, gently, and single records by their number."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from consumer.errors import ServiceError
from consumer.kinesis import reader
from consumer.kinesis.kpl import HashRange
from consumer.kinesis.reader import NotInShard, RawRecord, ShardReader, Start
from consumer.kinesis.shards import kinesis_client, list_shards, shards_of
from consumer.local.cloud.process import Cloud
from tests.kits.kpl import Part, aggregate
from tests.kits.stream import World

SHARD = "shardId-000000000000"


@pytest.fixture
def world(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(reader, "PAUSE_SECONDS", 0.0)
    return World(cloud, tmp_path, f"s{abs(hash(os.fspath(tmp_path)))}")


def reads(world: World, start: Start = Start(), shard: str = SHARD, client: Any = None) -> ShardReader:  # noqa: B008
    return ShardReader(client or kinesis_client(), world.name, shard, start)


def test_parents_come_before_their_children(world: World) -> None:
    world.kinesis.split_shard(StreamName=world.name, ShardToSplit=SHARD, NewStartingHashKey=str(2**127))
    ids = [f"shardId-{n:012d}" for n in range(4)]
    world.kinesis.merge_shards(StreamName=world.name, ShardToMerge=ids[2], AdjacentShardToMerge=ids[1])
    described = list_shards(kinesis_client(), world.name)
    shards = shards_of(reversed(described))
    assert [*shards][:: len(shards) - 1] == [ids[0], ids[3]]
    assert shards[ids[3]].parents == (ids[2], ids[1])
    assert shards[ids[2]].hash_range == HashRange(2**127, 2**128 - 1)
    # A parent that is no longer listed has nothing left to be read.
    assert shards_of(described[1:])[ids[1]].parents == ()


def test_a_stream_that_is_not_there_is_one_sentence(world: World) -> None:
    del world
    with pytest.raises(ServiceError, match="There is no stream nowhere"):
        list_shards(kinesis_client(), "nowhere")
    with pytest.raises(ServiceError, match="There is no shard shardId-1 of stream nowhere"):
        ShardReader(kinesis_client(), "nowhere", "shardId-1", Start()).read()


def test_all_is_read_in_order_from_wherever_it_is_asked(world: World) -> None:
    numbers = world.put(*(b"%d" % n for n in range(5)))
    mine = reads(world)
    pages = [mine.read(2) for _ in range(4)]
    assert [raw.sequence for page in pages for raw in page.records] == numbers
    assert [len(page.records) for page in pages] == [2, 2, 1, 0]
    assert (pages[-1].behind_ms, pages[-1].is_end) == (0, False)
    first = pages[0].records[0]
    assert first == RawRecord(numbers[0], first.arrival_ms, b"0", "key")
    assert [raw.sequence for raw in reads(world, Start(sequence=numbers[3])).read().records] == numbers[3:]
    assert [raw.sequence for raw in reads(world, Start(after=numbers[3])).read().records] == numbers[4:]
    last = pages[2].records[0]
    assert reads(world, Start(at_ms=last.arrival_ms)).read().records[-1] == last
    assert not reads(world, Start(at_ms=last.arrival_ms + 1)).read().records
    with pytest.raises(NotInShard):
        reads(world, Start(sequence="1" + numbers[3][1:])).read()


def test_a_closed_shard_has_an_end(world: World) -> None:
    (number,) = world.put(b"1")
    world.kinesis.split_shard(StreamName=world.name, ShardToSplit=SHARD, NewStartingHashKey=str(2**127))
    page = reads(world).read()
    assert ([raw.sequence for raw in page.records], page.is_end) == ([number], True)


def test_a_read_asks_for_about_a_mebibyte(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "PAUSE_SECONDS", 1.0)
    monkeypatch.setattr(reader, "FIRST_RECORDS", 10)
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    world.put(*[b"x" * 250_000] * 20)
    mine = reads(world)
    pages = [mine.read(), mine.read()]
    assert [len(page.records) for page in pages] == [10, 4]
    assert mine.due_at == 101.0  # a shard has 5 reads and 2 MB a second for all
    mine.read(1)
    assert mine.due_at == 101.0
    mine = reads(world)
    mine.read()
    assert mine.due_at == pytest.approx(100 + 2_500_000 / 2**20)


class Expiring:
    """A client whose iterators expire after one use."""

    def __init__(self, client: Any, times: int) -> None:
        self._client = client
        self._times = times
        self.asked = 0

    def get_shard_iterator(self, **request: Any) -> Any:
        self.asked += 1
        return self._client.get_shard_iterator(**request)

    def get_records(self, **request: Any) -> Any:
        if self._times and self.asked:
            self._times -= 1
            error = {"Error": {"Code": "ExpiredIteratorException", "Message": ""}}
            raise ClientError(error, "GetRecords")  # type: ignore[arg-type]
        return self._client.get_records(**request)


def test_an_expired_iterator_is_asked_for_again(world: World) -> None:
    numbers = world.put(*(b"%d" % n for n in range(4)))
    client = Expiring(kinesis_client(), 0)
    mine = reads(world, client=client)
    first = mine.read(2)
    client._times = 1
    assert [raw.sequence for raw in (*first.records, *mine.read().records)] == numbers
    assert client.asked == 2
    client._times = 2  # one that expires at once is no matter of time
    with pytest.raises(ServiceError, match="ExpiredIteratorException"):
        mine.read()


def test_records_are_found_by_their_numbers(world: World) -> None:
    numbers = world.put(*(b"%d" % n for n in range(30)))
    pauses: list[float] = []

    def find(wanted: list[str]) -> list[str]:
        return [raw.sequence for page in reads(world).find(wanted, pauses.append) for raw in page]

    assert find(numbers) == numbers
    assert find([numbers[20], numbers[3], numbers[3], numbers[29]]) == [numbers[n] for n in (3, 20, 29)]
    before, after = str(int(numbers[0]) - 10**20), str(int(numbers[-1]) + 10**20)
    assert find([before, numbers[4], after]) == [numbers[4]]
    assert find([before]) == find([after]) == find([]) == []
    assert pauses
    pauses.clear()
    assert find(numbers[::10]) == numbers[::10]
    assert len(pauses) == 1  # one read, not one for each


class Silent:
    """A shard that has nothing, and never ends."""

    def get_shard_iterator(self, **_: Any) -> Any:
        return {"ShardIterator": "i"}

    def get_records(self, **_: Any) -> Any:
        return {"Records": [], "MillisBehindLatest": 1, "NextShardIterator": "i"}


class Trimmed(Silent):
    """A shard that begins after what is looked for: AWS then gives what comes next, after answers without any."""

    def __init__(self) -> None:
        self.empty = 3

    def get_records(self, **_: Any) -> Any:
        self.empty -= 1
        record = {"SequenceNumber": "50", "Data": b"", "PartitionKey": "k"}
        return {"Records": [record] if self.empty < 0 else [], "MillisBehindLatest": 1, "NextShardIterator": "i"}


def test_a_search_ends(world: World) -> None:
    with pytest.raises(ServiceError, match="gives no record"):
        list(reads(world, client=Silent()).find(["1"], lambda _: None))
    assert list(reads(world, client=Trimmed()).find(["49"], lambda _: None)) == []
    (page,) = reads(world, client=Trimmed()).find(["49", "50"], lambda _: None)
    assert [(raw.sequence, raw.arrival_ms) for raw in page] == [("50", 0)]


def test_an_aggregate_is_numbered_from_0(world: World) -> None:
    world.put(aggregate([Part(b"a"), Part(b"b", key=1)], ["k", "l"]), b"c")
    aggregated, single = reads(world).read().records
    taken, _, foreign = aggregated.taken_apart(HashRange(0, 2**128 - 1))
    records = list(taken)
    assert [(each.sub, each.data, each.partition_key) for each in records] == [(0, b"a", "k"), (1, b"b", "l")]
    assert {(each.sequence, each.arrival_ms) for each in records} == {(aggregated.sequence, aggregated.arrival_ms)}
    assert not foreign
    assert [(each.sub, each.partition_key) for each in single.taken_apart(HashRange(0, 1))[0]] == [(0, "key")]
