"""A bounded run beside the worker: in order, resumable, accounted for, and harmless to what is stored."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from consumer import logs
from consumer.backfill import run as backfill
from consumer.backfill.leases import BackfillLeases, create_table
from consumer.backfill.run import ENDED, NOT_BEGUN, REACHED, Account, Backfill, Plan, ShardTask
from consumer.errors import LeaseLost, StartError, UsageError
from consumer.kinesis import reader
from consumer.kinesis.shards import list_shards
from consumer.local.cloud.process import Cloud
from consumer.pipeline import Pipeline
from consumer.record import Position, Record
from tests.kits.cli import Ran, Run
from tests.kits.kpl import Part, aggregate
from tests.kits.stream import DEEP, DROPPING, LAX, World

SHARD = "shardId-000000000000"
NAME = "backfill"


Make = Callable[..., World]


@pytest.fixture
def make(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(reader, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(logs, "configure", lambda *_: None)  # hooks of the whole process

    def make(**sections: Any) -> World:
        sections = {"pipeline": {"checkpoint_seconds": 0.0}} | sections
        return World(cloud, tmp_path, f"b{abs(hash(os.fspath(tmp_path)))}", **sections)

    return make


@pytest.fixture
def world(make: Make) -> World:
    return make()


def application(world: World) -> str:
    return f"{world.name}-{NAME}"


def started(run: Run, world: World, *options: object) -> Ran:
    names = ["--application", application(world), "--from", "TRIM_HORIZON"]
    return run("backfill", "--config", world.config, *names, *options)


def filled(run: Run, world: World, *options: object, status: int = 0) -> dict[str, Any]:
    ran = started(run, world, "--json", *options)
    assert (ran.status, ran.err.count("\n")) == (status, bool(json.loads(ran.out)["trouble"]))
    value: dict[str, Any] = json.loads(ran.out)
    settled = sum(value.get(name, 0) for name in ("stored", "quarantined", "dropped", "duplicate", "abandoned"))
    assert "--dry-run" in options or value["read"] == settled
    assert value["read"] == sum(shard["read"] for shard in value["shards"])
    return value


def good(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"user_id": f"u{n}", "timestamp": "t", "ssn": "078-05-1120"} | more for n in range(count)]


def test_what_the_worker_would_store_is_stored(run: Run, world: World) -> None:
    world.use(DROPPING)
    world.put(*good(3), DEEP, b"broken", {"kind": "test"})
    world.put(aggregate([Part(json.dumps(good(1, a=1)[0]).encode()), Part(b"broken")]))
    value = filled(run, world)
    assert {name: value[name] for name in ("read", "stored", "quarantined", "dropped")} == {
        "read": 8,
        "stored": 5,
        "quarantined": 2,
        "dropped": 1,
    }
    assert value["complete"]
    stored, quarantined = world.stored(), world.quarantined()
    assert [entry["sub"] for entry in quarantined] == [0, 1]
    assert "078-05" not in str(stored)
    world.work(at=1.0)
    assert world.stored() == stored  # by the worker's own way
    assert len(world.quarantined()) == 2
    # Once more, under another name: the same items again.
    ran = run("backfill", "--config", world.config, "--application", "another", "--from", "TRIM_HORIZON")
    assert ran.status == 0
    assert world.stored() == stored
    lines = ran.out.splitlines()
    assert lines[0].split() == [
        "shard",
        "read",
        "stored",
        "quarantined",
        "dropped",
        "duplicate",
        "abandoned",
        "how",
        "far",
    ]
    assert lines[1].split() == [SHARD, "8", "5", "2", "1", "0", "0", "up", "to", "the", "time"]
    assert lines[2].split() == ["all", "8", "5", "2", "1", "0", "0"]
    assert world.leases(world.settings.kcl.application)[SHARD]["leaseCounter"] == "0"  # the worker's own are as before


def test_a_finished_backfill_goes_on_with_what_is_new(run: Run, world: World) -> None:
    first = world.put(*good(3))
    assert filled(run, world)["read"] == 3
    lease = world.leases(application(world))[SHARD]
    assert (lease["checkpoint"], lease["checkpointSubSequenceNumber"]) == (first[-1], "0")
    assert lease["backfillFrom"] == "TRIM_HORIZON"
    assert "leaseOwner" not in lease
    assert filled(run, world)["read"] == 0
    world.put(*good(2))
    assert filled(run, world)["read"] == 2
    status = run("status", "--json", "--config", world.config)
    assert json.loads(status.out)[0]["checkpoint"] == "TRIM_HORIZON"  # the worker's


def test_a_checkpoint_within_an_aggregate_is_kept(run: Run, world: World) -> None:
    parts = [Part(json.dumps(each).encode()) for each in good(4)]
    (number,) = world.put(aggregate(parts))
    assert filled(run, world)["read"] == 4
    world.dynamodb.update_item(
        TableName=application(world),
        Key={"leaseKey": {"S": SHARD}},
        UpdateExpression="SET checkpointSubSequenceNumber = :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    assert filled(run, world)["read"] == 2
    lease = world.leases(application(world))[SHARD]
    assert (lease["checkpoint"], lease["checkpointSubSequenceNumber"]) == (number, "3")


def split(world: World, shard: str, at: int) -> None:
    world.kinesis.split_shard(StreamName=world.name, ShardToSplit=shard, NewStartingHashKey=str(at))


def test_shards_are_read_after_their_parents(run: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    process = Pipeline.process

    def remember(self: Pipeline, records: Sequence[Record], *more: Any) -> None:
        seen.append(self._shard)
        process(self, records, *more)

    monkeypatch.setattr(Pipeline, "process", remember)
    ids = [f"shardId-{n:012d}" for n in range(4)]
    world.put(*good(2))
    split(world, ids[0], 2**127)
    world.put(*good(2), explicit=0)
    world.put(*good(2), explicit=2**128 - 1)
    world.kinesis.merge_shards(StreamName=world.name, ShardToMerge=ids[1], AdjacentShardToMerge=ids[2])
    world.put(*good(2))
    value = filled(run, world)
    assert value["read"] == value["stored"] == 8
    assert (seen[0], {*seen[1:3]}, seen[3]) == (ids[0], {*ids[1:3]}, ids[3])
    assert [shard["state"] for shard in value["shards"]] == [ENDED, ENDED, ENDED, REACHED]
    leases = world.leases(application(world))
    assert [leases[shard]["checkpoint"] for shard in ids[:3]] == ["SHARD_END"] * 3
    assert sorted(leases[ids[3]]["parentShardId"]) == ids[1:3]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANITIZER_KCL__APPLICATION", application(world))
        status = json.loads(run("status", "--json", "--config", world.config).out)
    assert [row["checkpoint"] for row in status][:3] == ["SHARD_END"] * 3
    value = filled(run, world)
    assert value["read"] == 0
    assert [shard["state"] for shard in value["shards"]] == [ENDED, ENDED, ENDED, REACHED]


def arrival(world: World, shard: str = SHARD, index: int = -1) -> str:
    stamp = world.records(shard)[index].arrival_ms
    return datetime.fromtimestamp(stamp / 1000, UTC).isoformat(timespec="milliseconds")


def apart(world: World) -> list[str]:
    """Put three records that arrive one after the other, milliseconds apart."""
    numbers: list[str] = []
    for each in good(3):
        numbers += world.put(each)
        threading.Event().wait(0.01)
    return numbers


def test_it_begins_and_ends_where_it_is_told(run: Run, world: World) -> None:
    apart(world)
    middle = arrival(world, index=1)

    def read(*options: str) -> list[str]:
        ran = run("backfill", "--config", world.config, "--dry-run", "--json", "--application", "the-end", *options)
        assert ran.status == 0
        return [str(json.loads(ran.out)["read"])]

    assert read("--from", middle) == ["2"]
    assert read("--from", "TRIM_HORIZON", "--until", middle) == ["2"]
    assert read("--from", "1h", "--until", middle) == ["2"]
    assert read("--from", arrival(world)) == ["1"]


def test_children_of_a_shard_that_goes_beyond_the_end_are_not_begun(run: Run, world: World) -> None:
    apart(world)
    until = arrival(world, index=0)
    split(world, SHARD, 2**127)
    world.put(*good(2))
    value = filled(run, world, "--until", until)
    assert [shard["state"] for shard in value["shards"]] == [REACHED, NOT_BEGUN, NOT_BEGUN]
    assert (value["read"], value["complete"]) == (1, True)
    assert filled(run, world)["read"] == 4


@pytest.mark.parametrize("at", [1, 3])
def test_interrupted_it_goes_on_where_it_was(run: Run, world: World, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    monkeypatch.setattr(reader, "FIRST_RECORDS", 2)
    monkeypatch.setattr(reader, "MAX_RECORDS", 2)
    numbers = world.put(*good(8))
    calls = 0
    process = Pipeline.process

    def interrupted(self: Pipeline, *arguments: Any) -> None:
        nonlocal calls
        calls += 1
        process(self, *arguments)
        if calls == at:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Pipeline, "process", interrupted)
    value = filled(run, world, status=1)
    assert (value["read"], value["stored"], value["complete"]) == (2 * at, 2 * at, False)
    assert world.leases(application(world))[SHARD]["checkpoint"] == numbers[2 * at - 1]
    value = filled(run, world)
    assert (value["read"], value["complete"]) == (8 - 2 * at, True)
    assert len(world.stored()) == 8


def test_an_interrupted_write_is_not_checkpointed(run: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = world.put(*good(3))
    process = Pipeline.process

    def interrupted(self: Pipeline, *arguments: Any) -> None:
        signal.raise_signal(signal.SIGINT)  # before anything is written
        process(self, *arguments)

    monkeypatch.setattr(Pipeline, "process", interrupted)
    ran = started(run, world, "--json")
    value = json.loads(ran.out.splitlines()[-1])  # the log goes to stdout here
    assert (ran.status, value["read"], value.get("abandoned")) == (1, 3, 3)
    assert world.leases(application(world))[SHARD]["checkpoint"] == "TRIM_HORIZON"
    monkeypatch.setattr(Pipeline, "process", process)
    assert filled(run, world)["stored"] == 3
    assert world.leases(application(world))[SHARD]["checkpoint"] == numbers[-1]


def test_a_wrong_policy_is_stopped_by_the_brake(run: Run, make: Make) -> None:
    world = make(quarantine={"max_share": 0.5, "judged_records": 10})
    world.put(*[b"broken"] * 20)
    ran = started(run, world)
    assert ran.status == 1
    assert "too many records go to quarantine" in ran.err
    assert "Not complete; the same command goes on" in ran.out
    assert world.quarantined() == []
    assert world.leases(application(world))[SHARD]["checkpoint"] == "TRIM_HORIZON"


def test_a_dry_run_compares_and_writes_nothing(run: Run, world: World) -> None:
    world.put(*good(4), b"broken")
    world.work()
    items = world.stored()
    changed = items[0] | {"user_id": {"S": "x"}}
    world.dynamodb.put_item(TableName=world.settings.output.table, Item=changed)
    keys = {name: items[1][name] for name in ("_sanitizer_pk", "_sanitizer_sk")}
    world.dynamodb.delete_item(TableName=world.settings.output.table, Key=keys)
    world.use(LAX.replace("extends: default", "extends: default\ndrop_records: [{id: x, field: user_id, equals: u3}]"))
    before = world.stored(), world.quarantined()
    value = filled(run, world, "--dry-run")
    assert {name: value.get(name) for name in ("missing", "equal", "different", "quarantined", "dropped")} == {
        "missing": 1,
        "equal": 1,
        "different": 1,
        "quarantined": 1,
        "dropped": 1,
    }
    assert (world.stored(), world.quarantined()) == before
    ran = started(run, world, "--dry-run")
    assert ran.out.splitlines()[-1] == "Dry run: nothing was written."
    assert "078-05" not in ran.out
    with pytest.raises(world.dynamodb.exceptions.ResourceNotFoundException):
        world.dynamodb.describe_table(TableName=application(world))


SHARED = {"partition_key": "{user_id}", "sort_key": "{timestamp}"}


def test_a_dry_run_knows_newer_documents(run: Run, make: Make) -> None:
    world = make(output=SHARED | {"write_mode": "newest", "version_field": "v"})
    world.put(*(good(1)[0] | {"v": n} for n in (1, 2, 3)))
    value = filled(run, world)
    assert (value["stored"], value["duplicate"]) == (1, 2)
    value = filled(run, world, "--dry-run")
    assert (value["newer"], value["equal"]) == (2, 1)
    assert filled(run, world)["read"] == 0
    assert world.stored()[0]["v"] == {"N": "3"}


def test_old_records_do_not_replace_newer_ones_unasked(run: Run, make: Make) -> None:
    world = make(output=SHARED)
    world.put(*(good(1)[0] | {"v": n} for n in (1, 2)))
    ran = started(run, world)
    assert (ran.status, ran.out) == (2, "")
    assert "set output.write_mode to newest" in ran.err
    value = filled(run, world, "--dry-run")
    assert value["missing"] == 2
    value = filled(run, world, "--overwrite")
    assert (value["stored"], value["duplicate"]) == (1, 1)
    value = filled(run, world, "--dry-run")
    assert (value["newer"], value["equal"]) == (1, 1)


def test_aggregates_of_another_shard_are_left_out_and_said(run: Run, make: Make) -> None:
    world = make(shards=2)
    data = json.dumps(good(1)[0]).encode()
    world.put(aggregate([Part(data, explicit=0), Part(data, explicit=1)], explicit=["0", str(2**128 - 1)]), explicit=0)
    ran = started(run, world)
    assert ran.status == 0
    assert "2 records in aggregates of other shards were left out" in ran.out
    world.put(aggregate([Part(data), Part(data, key=9), Part(data)]))
    value = filled(run, world)
    assert (value["stored"], value["quarantined"], value["foreign"], value["complete"]) == (1, 1, 2, True)


def test_wrong_usage_has_status_2(run: Run, world: World) -> None:
    world.put(*good(1))
    settings = world.settings
    for taken in (settings.kcl.application, settings.output.table, f"{settings.kcl.application}-CoordinatorState"):
        ran = run("backfill", "--config", world.config, "--application", taken, "--from", "1h")
        assert ran.status == 2
        assert "give the backfill a name of its own" in ran.err
    for wrong, said in (
        (["--from", "1h", "--until", "2h"], "--from has to lie before --until"),
        (["--from", "1h", "--until", "2999-01-01"], "--until lies in the future"),
        (["--from", "2999-01-01", "--until", "2998-01-01"], "--from lies in the future"),
        (["--from", "LATEST"], "write a time as"),
        (["--from", "1h", "--rate", "0"], "--rate"),
        ([], "--from"),
    ):
        ran = run("backfill", "--config", world.config, "--application", "a-name", *wrong)
        assert ran.status == 2
        assert said in ran.err
    filled(run, world)
    ran = run("backfill", "--config", world.config, "--application", application(world), "--from", "1h")
    assert ran.status == 2
    assert "began at TRIM_HORIZON" in ran.err


def test_another_worker_s_leases_are_not_taken(run: Run, world: World) -> None:
    other = world.config.with_name("other.yaml")
    other.write_text(world.config.read_text().replace(f"{world.name}-app", f"{world.name}-other"))
    before = world.leases(world.settings.kcl.application)
    live = world.settings.kcl.application
    ran = run("backfill", "--config", other, "--application", live, "--from", "TRIM_HORIZON")
    assert ran.status == 2
    assert f"The table {live} is a KCL application's" in ran.err
    assert world.leases(live) == before


def test_the_table_is_created_unless_told_not_to(run: Run, world: World) -> None:
    world.put(*good(1))
    ran = started(run, world, "--no-create")
    assert (ran.status, ran.out) == (1, "")
    assert f"There is no table {application(world)}" in ran.err
    filled(run, world)
    assert filled(run, world, "--no-create")["complete"]


def test_a_stream_that_was_made_anew_is_refused(run: Run, world: World) -> None:
    world.put(*good(1))
    assert filled(run, world)["complete"]
    before = world.leases(application(world))
    world.kinesis.delete_stream(StreamName=world.name)
    time.sleep(0.002)
    world.kinesis.create_stream(StreamName=world.name, ShardCount=1)
    world.put(*good(1))
    ran = started(run, world)
    assert (ran.status, ran.out) == (2, "")
    assert f"The checkpoints of the backfill {application(world)} are of another stream" in ran.err
    assert world.leases(application(world)) == before


def test_a_second_run_takes_over_from_the_first(world: World) -> None:
    create_table(application(world))
    shards = list_shards(world.kinesis, world.name)
    first = BackfillLeases(application(world), "TRIM_HORIZON", "stream@5", "one")
    lease, checkpointer = first.claim(shards, "TRIM_HORIZON")[SHARD]
    assert (lease.position, lease.is_finished) == (None, False)
    checkpointer.at(Position(5, 1))
    checkpointer.at(Position(6, 0))
    second = BackfillLeases(application(world), "TRIM_HORIZON", "stream@5", "two")
    lease, mine = second.claim(shards, "TRIM_HORIZON")[SHARD]
    assert lease.position == Position(6, 0)
    with pytest.raises(LeaseLost):
        checkpointer.at(Position(7, 0))
    first.release([SHARD])
    mine.at_end()
    second.release([SHARD])
    lease, _ = BackfillLeases(application(world), "TRIM_HORIZON", "stream@5", "three").claim(shards, "TRIM_HORIZON")[
        SHARD
    ]
    assert lease.is_finished
    with pytest.raises(UsageError, match="began at TRIM_HORIZON"):
        BackfillLeases(application(world), "2024", "stream@5", "four").claim(shards, "AT_TIMESTAMP")


def test_a_stream_that_was_made_anew_is_refused_at_a_checkpoint_of_an_earlier_version(run: Run, world: World) -> None:
    world.put(*good(1))
    filled(run, world)
    world.dynamodb.update_item(
        TableName=application(world), Key={"leaseKey": {"S": SHARD}}, UpdateExpression="REMOVE backfillOf"
    )
    world.kinesis.delete_stream(StreamName=world.name)
    world.kinesis.create_stream(StreamName=world.name, ShardCount=1)
    value = filled(run, world, status=1)
    assert "none of this stream's" in value["trouble"]


class Failing:
    """Works that cannot be done."""

    done: Position | None = None
    is_ended = False

    def __init__(self) -> None:
        self.closed = 0
        self.paused = 0

    def open(self, shards: Any, accounts: dict[str, Account]) -> dict[str, ShardTask]:
        del shards
        return dict.fromkeys(accounts, self)

    def process(self, records: Sequence[Record], behind_ms: int) -> None:
        del records, behind_ms
        raise StartError("It cannot be done.")

    def end(self) -> None:
        raise AssertionError

    def pause(self) -> None:
        self.paused += 1

    def close(self) -> None:
        self.closed += 1


def test_an_error_ends_the_run_with_its_account(world: World) -> None:
    world.put(*good(1))
    works = Failing()
    plan = Plan("x", None, datetime.now(UTC))
    report = Backfill(world.name, plan, works, threading.Event()).run()
    assert (report.trouble, report.is_complete, works.closed, works.paused) == ("It cannot be done.", False, 1, 1)


def test_pages_are_worked_on_in_bounded_batches(run: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    process = Pipeline.process

    def remember(self: Pipeline, records: Sequence[Record], *more: Any) -> None:
        sizes.append(len(records))
        process(self, records, *more)

    monkeypatch.setattr(Pipeline, "process", remember)
    monkeypatch.setattr(backfill, "BATCH_RECORDS", 4)
    world.put(aggregate([Part(json.dumps(each).encode()) for each in good(9)]), *good(2))
    assert filled(run, world)["stored"] == 11
    assert sizes == [4, 4, 3]


def test_a_rate_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put(*good(3))
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    waits: list[float] = []

    class Watch(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0)
            return False

    class Counting(Failing):
        def process(self, records: Sequence[Record], behind_ms: int) -> None:
            del behind_ms
            waits.append(-len(records))

    Backfill(world.name, Plan("x", None, datetime.now(UTC), rate=1), Counting(), Watch()).run()
    assert [each for each in waits if each < 0] == [-1, -1, -1]
    assert max(waits) == 3
