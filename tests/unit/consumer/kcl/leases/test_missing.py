"""A lease that is gone is written again, by the worker that leads, and not before its parents' are done."""

import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from consumer import tables
from consumer.kcl.leases import origin
from consumer.kcl.leases.missing import LOOKS, MissingLeases, missing
from consumer.kcl.leases.tables import SHARD_END, Lease, LeaseTables
from consumer.metrics import Metrics
from consumer.settings import Settings, lease_tables

READING = "123"


def shard(name: str, *parents: str, is_open: bool = True) -> dict[str, Any]:
    described: dict[str, Any] = {"ShardId": name, "SequenceNumberRange": {"StartingSequenceNumber": "1"}}
    described |= dict(zip(("ParentShardId", "AdjacentParentShardId"), parents, strict=False))
    if not is_open:
        described["SequenceNumberRange"]["EndingSequenceNumber"] = "2"
    return described


SPLIT = [shard("p", is_open=False), shard("a", "p"), shard("b", "p")]
MERGED = [shard("p", is_open=False), shard("q", is_open=False), shard("c", "p", "q")]
TWICE = [shard("g", is_open=False), shard("p", "g", is_open=False), shard("a", "p"), shard("b", "p")]


@pytest.mark.parametrize(
    ("shards", "leases", "found"),
    [
        ([shard("a"), shard("b")], {"a": READING}, {"b"}),
        ([shard("a", "trimmed")], {"z": READING}, {"a"}),
        (SPLIT, {"p": READING}, set()),  # KCL writes the children's when it has read it
        (SPLIT, {"p": SHARD_END, "a": READING}, {"b"}),
        (SPLIT, {"p": SHARD_END}, {"a", "b"}),
        (SPLIT, {"a": READING}, {"b"}),  # the parent's was removed when a was being read
        (SPLIT, {"z": READING}, {"p"}),
        (SPLIT, {"a": READING, "b": READING}, set()),
        (MERGED, {"p": SHARD_END, "q": READING}, set()),
        (MERGED, {"p": SHARD_END}, {"q"}),
        (MERGED, {"z": READING}, {"p", "q"}),
        (TWICE, {"z": READING}, {"g"}),
        (TWICE, {"g": SHARD_END}, {"p"}),
        (TWICE, {"g": READING}, set()),
        ([shard("a", is_open=False)], {"z": READING}, set()),
    ],
)
def test_which_are_missing(shards: list[dict[str, Any]], leases: dict[str, str], found: set[str]) -> None:
    listed = {each["ShardId"]: each for each in shards}
    assert missing(listed, [Lease(name, checkpoint=checkpoint) for name, checkpoint in leases.items()]) == found


class Application:
    """A stream with two shards, one of whose leases is gone; `me` leads."""

    def __init__(self, name: str, metrics: Metrics, log: Any, position: str = "TRIM_HORIZON") -> None:
        self.settings = Settings.model_validate(
            {
                "stream": {"name": name, "initial_position": position},
                "kcl": {"application": f"{name}-app"},
                "output": {"table": f"{name}-out"},
                "quarantine": {"table": f"{name}-quarantine"},
            }
        )
        self.kinesis: Any = boto3.client("kinesis")
        self.dynamodb: Any = boto3.client("dynamodb")
        self.kinesis.create_stream(StreamName=name, ShardCount=2)
        tables.create(self.settings)
        tables.seed_leases(self.settings)
        self.facts = origin.enter(self.settings)
        self.is_serving = True
        self.watch = MissingLeases(self.settings, "me", self.facts, lambda: self.is_serving, metrics, log)
        self.lead("me")
        self.lose()

    def lead(self, owner: str) -> None:
        item = {"key": {"S": "Leader"}, "ownerName": {"S": owner}, "recordVersionNumber": {"S": "v"}}
        self.dynamodb.put_item(TableName=lease_tables(self.settings.kcl.application)[2], Item=item)

    def lose(self, number: int = 1) -> None:
        key = {"leaseKey": {"S": f"shardId-{number:012d}"}}
        self.dynamodb.delete_item(TableName=self.settings.kcl.application, Key=key)

    def leases(self) -> list[Lease]:
        return LeaseTables(self.dynamodb, self.settings.kcl.application).leases()

    def looks(self, times: int) -> list[int]:
        return [self.watch.look() for _ in range(times)]


@pytest.fixture
def application(
    _in_the_cloud: None, metrics: Metrics, log: Any, request: pytest.FixtureRequest
) -> Callable[..., Application]:
    return lambda *more: Application(f"m{abs(hash(request.node.name))}", metrics, log, *more)


def restored(metrics: Metrics) -> float:
    return float(metrics.leases_restored._value.get())


def test_it_is_written_after_several_looks(application: Callable[..., Application], metrics: Metrics, log: Any) -> None:
    app = application()
    before = restored(metrics)
    assert app.looks(LOOKS + 1) == [*[0] * (LOOKS - 1), 1, 0]
    assert [(lease.shard, lease.checkpoint) for lease in app.leases()] == [
        ("shardId-000000000000", "TRIM_HORIZON"),
        ("shardId-000000000001", "TRIM_HORIZON"),
    ]
    assert log.events == [("warning", "lease.restored", {"shard": "shardId-000000000001"})]
    assert restored(metrics) - before == 1


def test_with_latest_it_begins_at_the_remembered_time(application: Callable[..., Application]) -> None:
    app = application("LATEST")
    assert sum(app.looks(LOOKS)) == 1
    assert [lease.checkpoint for lease in app.leases()] == ["AT_TIMESTAMP"] * 2


def test_what_kcl_writes_meanwhile_is_not_missing(application: Callable[..., Application]) -> None:
    app = application()
    app.looks(LOOKS - 1)
    bounds = {"StartingHashKey": "0", "EndingHashKey": "9"}
    LeaseTables(app.dynamodb, app.settings.kcl.application).add(
        {"ShardId": "shardId-000000000001", "HashKeyRange": bounds}, "TRIM_HORIZON"
    )
    assert app.looks(1) == [0]
    app.lose()
    assert app.looks(LOOKS) == [*[0] * (LOOKS - 1), 1]  # counted anew


def test_who_does_not_lead_or_serve_writes_nothing(application: Callable[..., Application]) -> None:
    app = application()
    app.lead("another")
    assert app.looks(LOOKS + 1) == [0] * (LOOKS + 1)
    app.lead("me")
    app.is_serving = False
    assert app.looks(LOOKS + 1) == [0] * (LOOKS + 1)


def test_an_empty_table_is_kcls_to_fill(application: Callable[..., Application]) -> None:
    app = application()
    app.lose(0)
    assert app.looks(LOOKS + 1) == [0] * (LOOKS + 1)


def test_nothing_is_written_for_a_stream_that_was_made_anew(application: Callable[..., Application]) -> None:
    app = application()
    app.kinesis.delete_stream(StreamName=app.settings.stream.name)
    time.sleep(0.002)
    app.kinesis.create_stream(StreamName=app.settings.stream.name, ShardCount=2)
    assert app.looks(LOOKS + 1) == [0] * (LOOKS + 1)


def test_shards_that_were_closed_before_latest_are_not_read(application: Callable[..., Application]) -> None:
    app = application("LATEST")
    app.kinesis.split_shard(
        StreamName=app.settings.stream.name, ShardToSplit="shardId-000000000001", NewStartingHashKey=str(2**127 + 5)
    )
    app.watch = MissingLeases(
        app.settings, "me", app.facts.__class__(starts_at=int(time.time()) + 5), lambda: True, app.watch._metrics,
        app.watch._log,
    )  # fmt: skip
    app.looks(LOOKS)
    assert [lease.shard[-1] for lease in app.leases()] == ["0", "2", "3"]


def test_what_cannot_be_read_is_said_once(application: Callable[..., Application], log: Any) -> None:
    app = application()
    app.kinesis.delete_stream(StreamName=app.settings.stream.name)
    app.watch._rounds.round(1.0)
    app.watch._rounds.round(1.0)
    assert [event for _, event, _ in log.events] == ["leases.not_watched"]
