"""Sending a load: evenly, in order for each key, and aggregates that KCL takes apart whatever becomes of the shards."""

import gzip
import itertools
import json
import re
import threading
from collections import Counter
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import ServiceError
from consumer.kinesis.kpl import HashRange, UserRecord, aggregated, hash_of, user_records
from consumer.kinesis.producer import ATTEMPTS, Put
from consumer.kinesis.reader import Start
from consumer.kinesis.sender import AGGREGATE_BYTES, WINDOW, Pace, Parcel, Sender, Sent, rounds
from consumer.kinesis.shards import kinesis_client, list_shards, shards_of
from tests.kits.cli import Run
from tests.kits.kpl import Part, aggregate

WHOLE = HashRange(0, (1 << 128) - 1)
KEYS = st.sampled_from(["a", "b", "c", "d"])


pytestmark = pytest.mark.usefixtures("_in_the_cloud")


@pytest.fixture
def stream(request: pytest.FixtureRequest) -> str:
    name = f"s{abs(hash(request.node.name))}"
    boto3.client("kinesis").create_stream(StreamName=name, ShardCount=2)
    return name


def puts(count: int, keys: int) -> list[Put]:
    return [Put(b"%d" % number, f"key-{number % keys}") for number in range(count)]


def read(stream: str) -> dict[str, list[tuple[bytes, str]]]:
    """Return what KCL would deliver of each shard, in its order."""
    client = kinesis_client()
    shards: dict[str, list[tuple[bytes, str]]] = {}
    for shard in shards_of(list_shards(client, stream)).values():
        request = Start().request()
        at = client.get_shard_iterator(StreamName=stream, ShardId=shard.id, **request)["ShardIterator"]
        shards[shard.id] = delivered = []
        while at:
            answer = client.get_records(ShardIterator=at)
            if not answer["Records"] and not answer["MillisBehindLatest"]:
                break
            for record in answer["Records"]:
                found = user_records(record["Data"], record["PartitionKey"], shard.hash_range)
                taken = [UserRecord(record["Data"], record["PartitionKey"])] if found is None else found
                delivered += [(each.data, each.partition_key) for each in taken]
            at = answer.get("NextShardIterator")
    return shards


def assert_in_order(found: dict[str, list[tuple[bytes, str]]], sent: list[Put]) -> None:
    """Each record is there once, and those of a key are in their order, from parents to children."""
    by_key: dict[str, list[int]] = {}
    for data, key in itertools.chain.from_iterable(found.values()):
        by_key.setdefault(key, []).append(int(data))
    assert Counter(itertools.chain.from_iterable(by_key.values())) == Counter(int(put.data) for put in sent)
    assert all(numbers == sorted(numbers) for numbers in by_key.values())


@given(st.lists(st.builds(UserRecord, st.binary(max_size=300), st.text(min_size=1, max_size=200)), min_size=1))
def test_an_aggregate_is_taken_apart_into_what_was_put_in(records: list[UserRecord]) -> None:
    taken = user_records(aggregated(records), "any", WHOLE)
    assert taken is not None
    assert list(taken) == [UserRecord(each.data, each.partition_key.encode().decode()) for each in records]


def test_an_aggregate_is_as_another_encoder_writes_it() -> None:
    records = [UserRecord(b"x" * 200, "one"), UserRecord(b"", "two"), UserRecord(b"z", "one")]
    parts = [Part(b"x" * 200, 0), Part(b"", 1), Part(b"z", 0)]
    assert aggregated(records) == aggregate(parts, ["one", "two"])


@given(st.lists(st.lists(KEYS, min_size=1, max_size=3)))
def test_no_round_holds_a_key_twice_and_keys_keep_their_order(groups: list[list[str]]) -> None:
    parcels = [Parcel(Put(b"", keys[0]), [Put(b"%d" % i, key) for key in keys]) for i, keys in enumerate(groups)]
    made = rounds(parcels)
    for round_ in made:
        keys = [key for parcel in round_ for key in {record.partition_key for record in parcel.records}]
        assert len(keys) == len(set(keys))
    sent = [record for round_ in made for parcel in round_ for record in parcel.records]
    assert sorted(sent) == sorted(record for parcel in parcels for record in parcel.records)
    for key in "abcd":
        assert [int(r.data) for r in sent if r.partition_key == key] == sorted(
            int(r.data) for r in sent if r.partition_key == key
        )


@pytest.mark.parametrize("pace", [Pace(100), Pace(100, 10), Pace(7, 0.5)])
def test_the_rate_grows_evenly_and_then_stays(pace: Pace) -> None:
    assert pace.rate is not None
    assert pace.due(0) == 0
    for second in range(20):
        grown = pace.due(second + 1) - pace.due(second)
        if second >= pace.ramp:
            assert grown == pytest.approx(pace.rate)
        elif second + 1 <= pace.ramp:
            assert grown == pytest.approx(pace.rate * (second + 0.5) / pace.ramp)


@pytest.mark.parametrize("keys", [3, 500])
@pytest.mark.parametrize("aggregate_", [1, 7, 100])
def test_all_records_arrive_in_order(stream: str, aggregate_: int, keys: int) -> None:
    sent = puts(WINDOW // 4 + 3 if keys == 3 else WINDOW + 3, keys)
    sender = Sender(stream, aggregate_)
    sender.send(sent)
    assert_in_order(read(stream), sent)
    assert sender.sent.records == len(sent)
    assert sender.sent.size == sum(len(put.data) for put in sent)
    assert dict(sender.sent.shards) == {shard: len(found) for shard, found in read(stream).items() if found}
    assert sender.sent.puts == len(sent) if aggregate_ == 1 else sender.sent.puts < len(sent) / 2


def test_large_records_are_not_aggregated(stream: str) -> None:
    sender = Sender(stream, 10)
    sender.send([Put(b"x" * AGGREGATE_BYTES, "a"), Put(b"1", "a"), Put(b"2", "a")])
    assert sender.sent.puts == 2
    assert [len(data) for data, _ in itertools.chain.from_iterable(read(stream).values())] == [AGGREGATE_BYTES, 1, 1]


def test_what_is_turned_away_is_sent_again_before_what_follows(stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sender = Sender(stream)
    real, count = sender._producer._client, itertools.count()

    class Throttling:
        def put_records(self, StreamName: str, Records: list[Any]) -> Any:  # noqa: N803
            """Turn away every third record, so that later ones of a call overtake it."""
            kept = [record for record in Records if next(count) % 3]
            answers = iter(real.put_records(StreamName=StreamName, Records=kept)["Records"] if kept else [])
            taken = {id(record) for record in kept}
            refused = {"ErrorCode": "ProvisionedThroughputExceededException"}
            return {"Records": [next(answers) if id(record) in taken else refused for record in Records]}

    monkeypatch.setattr("consumer.kinesis.producer.time.sleep", lambda _: None)
    sender._producer._client = cast("Any", Throttling())
    sent = puts(300, 20)
    sender.send(sent)
    assert_in_order(read(stream), sent)
    assert sender.retries["ProvisionedThroughputExceededException"] > 50


@pytest.mark.parametrize("aggregate_", [1, 50])
def test_nothing_is_lost_when_shards_split_and_merge_meanwhile(stream: str, aggregate_: int) -> None:
    kinesis = boto3.client("kinesis")
    steps = iter([4, 8, 4, 3])
    sender = Sender(stream, aggregate_)

    def reshard(sent: Sent) -> None:
        target = next(steps, None) if sent.records else None
        if target:
            kinesis.update_shard_count(StreamName=stream, TargetShardCount=target, ScalingType="UNIFORM_SCALING")

    sent = puts(6 * WINDOW, 900)
    sender.send(sent, tell=reshard)
    found = read(stream)
    assert_in_order(found, sent)
    assert sum(1 for shard in found.values() if shard) > 8
    assert dict(sender.sent.shards) == {shard: len(records) for shard, records in found.items() if records}


def test_aggregates_for_shards_of_yesterday_would_be_lost(stream: str) -> None:
    """What the test before relies on: without looking at where they went, these are gone."""
    keys = sorted((f"key-{number}" for number in range(40)), key=hash_of)
    data = aggregated([UserRecord(key.encode(), key) for key in keys])
    boto3.client("kinesis").put_record(StreamName=stream, Data=data, PartitionKey=keys[0])
    assert not any(read(stream).values())


def test_a_failure_says_what_is_there_for_certain(stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.kinesis.producer.time.sleep", lambda _: None)
    sender = Sender(stream)
    sender.send(puts(10, 10))
    taken = threading.Semaphore(3)

    class Failing:
        def put_records(self, Records: list[Any], **_: Any) -> Any:  # noqa: N803
            here = {"ShardId": "s", "SequenceNumber": "1"}
            return {"Records": [here if taken.acquire(blocking=False) else {"ErrorCode": "X"} for _ in Records]}

    sender._producer._client = cast("Any", Failing())
    with pytest.raises(ServiceError, match=f"turned 17 records away {ATTEMPTS} times"):
        sender.send(puts(20, 20))
    assert sender.sent.records == 10


class Clock:
    """Stands in for `time`: it passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(("pace", "expected"), [(Pace(400), 2000), (Pace(400, 4), 1200), (Pace(30), 150)])
def test_they_are_sent_evenly(stream: str, monkeypatch: pytest.MonkeyPatch, pace: Pace, expected: int) -> None:
    clock = Clock()
    monkeypatch.setattr("consumer.kinesis.sender.time", clock)
    seen: list[int] = []
    sender = Sender(stream)
    sender.send((Put(b"", str(i)) for i in itertools.count()), pace, 5.0, lambda sent: seen.append(sent.records))
    assert sender.sent.records == pytest.approx(expected, abs=pace.due(5.0) - pace.due(4.9) + 1)
    steps = [after - before for before, after in itertools.pairwise(seen)]
    assert max(steps) <= pace.due(5.0) - pace.due(4.95) + 1


def test_documents_are_sent_evenly_however_many_are_in_a_record(stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.kinesis.sender.time", Clock())
    held = itertools.cycle([20, 1, 0, 7])
    seen: list[int] = []
    sender = Sender(stream)
    puts = (Put(b"", str(i), (b"",) * next(held)) for i in itertools.count())
    sender.send(puts, Pace(400), 5.0, lambda sent: seen.append(sent.documents))
    assert sender.sent.documents == pytest.approx(2000, abs=41)
    assert sender.sent.records == pytest.approx(2000 / 7, abs=8)
    assert max(after - before for before, after in itertools.pairwise(seen)) <= 41


def test_the_command_generates_and_reports(run: Run, tmp_path: Path, stream: str) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text(yaml.safe_dump({"stream": {"name": stream}}))
    ran = run("produce", "--config", config, "--records", "250", "--aggregate", "50", "--json")
    report = json.loads(ran.out)
    assert report["records"] == 250 == sum(report["shards"].values())
    assert report["kinesis_records"] < 20
    assert set(report["shards"]) == {"shardId-000000000000", "shardId-000000000001"}
    ran = run("produce", "--config", config, "--seconds", "0.3", "--rate", "1000", "--ramp", "0.2")
    assert ran.status == 0
    assert "records a second" in ran.out
    assert "shardId-000000000000" in ran.out
    assert ran.err == ""


@pytest.mark.parametrize("aggregate_", ["1", "4"])
def test_the_command_writes_several_documents_into_a_record(
    run: Run, tmp_path: Path, stream: str, aggregate_: str
) -> None:
    config, source = tmp_path / "settings.yaml", tmp_path / "mine.jsonl"
    config.write_text(yaml.safe_dump({"stream": {"name": stream}}))
    lines = [b'{"user_id":"u%d","n":%d}' % (number % 5, number) for number in range(60)]
    source.write_bytes(b"\n".join([*lines, b"{broken"]))
    words = ["--format", "gzip-ndjson", "--documents", "4", "--aggregate", aggregate_]
    ran = run("produce", "--config", config, *words, "--json", source)
    report = json.loads(ran.out)
    assert (report["documents"], report["records"]) == (61, 16)
    assert report["kinesis_records"] == 16 if aggregate_ == "1" else report["kinesis_records"] < 16
    found = [record for records in read(stream).values() for record in records]
    by_key: dict[str, list[bytes]] = {}
    for data, key in found:
        by_key.setdefault(key, []).extend(gzip.decompress(data).splitlines())
    assert by_key.pop("line-61") == [b"{broken"]
    assert by_key == {f"u{user}": lines[user::5] for user in range(5)}

    ran = run("produce", "--config", config, *words, "--records", "40", "--rate", "10000")
    # What a format cannot hold, of what is broken on purpose, has a record for itself.
    assert re.match(rf"40 documents in 1\d records put onto {stream}\n", ran.out)


def test_a_format_that_holds_one_document_takes_no_number_of_them(run: Run) -> None:
    ran = run("produce", "--format", "sns", "--documents", "2")
    assert ran.status == 2
    assert ran.err.startswith("sanitizer: A record of the format sns holds one document")
    assert run("produce", "--format", "xml").status == 2


@pytest.mark.parametrize("words", [["--ramp", "3"], ["--records", "3", __file__], ["--seconds", "0"]])
def test_contradictions_are_refused(run: Run, words: list[str]) -> None:
    assert run("produce", *words).status == 2
