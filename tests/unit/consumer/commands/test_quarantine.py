"""The quarantine's life: listed, shown, replayed, purged; each command with its exit status."""

import gzip
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest

from consumer import logs, tables
from consumer.decoding.documents import judged
from consumer.dynamodb.item import ItemEncoder, item_encoder
from consumer.errors import ServiceError
from consumer.kinesis import reader
from consumer.local.cloud.process import Cloud
from consumer.metrics import Metrics
from consumer.pipeline.decoding import open_decoding
from consumer.quarantine.replay import Replay, Report, Result
from consumer.quarantine.store import Entry, Quarantine, Selection, entries
from consumer.record import Item, Record
from consumer.redactors.loading import load_plugin
from consumer.sink import Fate, Writing
from tests.kits.cli import Run
from tests.kits.kpl import Part, aggregate
from tests.kits.stream import DEEP, DROPPING, KEY, LAX, STRICT, World
from tests.kits.tables import created

SHARD = "shardId-000000000000"
NOT_RELEASED = b'{"user_id":"u","timestamp":"t","card":"4111 1111 1111 1111"'
"""Cut off: no policy takes it."""


Make = Callable[..., World]


@pytest.fixture
def make(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(reader, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(logs, "configure", lambda *_: None)  # hooks of the whole process
    return lambda **sections: World(cloud, tmp_path, f"q{abs(hash(os.fspath(tmp_path)))}", **sections)


@pytest.fixture
def world(make: Make) -> World:
    return make()


def listed(run: Run, world: World, *options: str) -> list[dict[str, Any]]:
    ran = run("quarantine", "list", "--json", "--config", world.config, *options)
    assert ran.status == 0
    return [json.loads(line) for line in ran.out.splitlines()]


def replayed(run: Run, world: World, *options: object, status: int = 0) -> dict[str, Any]:
    ran = run("quarantine", "replay", "--json", "--config", world.config, *options)
    assert (ran.status, ran.err) == (status, "")
    assert "4111 1111" not in ran.out
    return {name: count for name, count in json.loads(ran.out).items() if count}


def test_entries_are_listed_for_people_and_scripts(run: Run, world: World) -> None:
    ran = run("quarantine", "list", "--config", world.config)
    assert (ran.status, ran.out) == (0, "0 entries\n")
    numbers = world.put(NOT_RELEASED, DEEP)
    world.work(at=datetime.now(UTC).timestamp())
    ran = run("quarantine", "list", "--config", world.config)
    lines = ran.out.splitlines()
    assert lines[0].split() == ["shard", "sequence/sub", "quarantined", "at", "replayed", "bytes", "code", "(rule)"]
    assert [line.split()[:2] for line in lines[1:3]] == [[SHARD, f"{number}/0"] for number in numbers]
    assert lines[1].endswith("invalid_json")
    assert lines[3:] == ["2 entries"]
    ran = run("quarantine", "list", "--json", "--config", world.config)
    assert ran.err == "2 entries\n"
    assert json.loads(ran.out.splitlines()[0])["sub"] == 0


def test_the_list_is_filtered(run: Run, world: World, make: Make) -> None:
    world.put(NOT_RELEASED, DEEP)
    world.work(at=round(datetime.now(UTC).timestamp()) - 3600)
    assert len(listed(run, world, "--shard", SHARD)) == 2
    assert [entry["code"] for entry in listed(run, world, "--code", "too_deep")] == ["too_deep"]
    assert [entry["code"] for entry in listed(run, world, "--shard", SHARD, "--code", "too_deep")] == ["too_deep"]
    when = listed(run, world)[0]["quarantined_at"]
    assert len(listed(run, world, "--since", when)) == 2
    assert listed(run, world, "--since", when.replace(".000", ".001")) == []
    assert len(listed(run, world, "--since", "2024-03-15")) == 2
    assert run("quarantine", "list", "--since", "noon", "--config", world.config).status == 2
    # Another stream's entries in the same table are another worker's.
    foreign = {"stream": {"S": "other"}, "source": {"S": f"other/{SHARD}"}, "position": {"S": "1#0"}}
    world.dynamodb.put_item(TableName=world.settings.quarantine.table, Item=foreign)
    assert len(listed(run, world)) == 2
    del make


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--code", "too_dep"], "There is no code 'too_dep'; did you mean 'too_deep'?"),
        (["--code", "4957"], "There is no code '4957'; docs/guide.md lists them."),
        (["--shard", "shardId-000000000007"], "has no shard 'shardId-000000000007'"),
        (["--since", "2999-01-01"], "--since lies in the future."),
    ],
)
def test_a_mistyped_selection_does_not_look_like_an_empty_quarantine(
    run: Run, world: World, options: list[str], said: str
) -> None:
    for command in (["list"], ["list", "--json"], ["replay"]):
        ran = run("quarantine", *command, "--config", world.config, *options)
        assert ran.status == 2
        assert said in ran.err
    assert run("quarantine", "list", "--config", world.config, "--code", "too_deep", "--shard", SHARD).status == 0


def test_a_shard_that_is_gone_may_have_entries_of_another_time(run: Run, world: World) -> None:
    gone = "shardId-000000000007"
    item = {"stream": {"S": world.name}, "source": {"S": f"{world.name}/{gone}"}, "position": {"S": "1#0"}}
    item |= {"code": {"S": "too_deep"}, "quarantined_at": {"S": "2024-03-15T10:30:00.000Z"}}
    world.dynamodb.put_item(TableName=world.settings.quarantine.table, Item=item)
    assert listed(run, world, "--shard", gone, "--since", "1h") == []
    assert listed(run, world, "--shard", gone, "--code", "invalid_json") == []


def test_a_plug_in_may_have_codes_of_its_own(run: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    values = world.values
    world.configure(values | {"stream": values["stream"] | {"format": ["of_ours", "json"]}})
    assert listed(run, world, "--code", "not_ours") == []
    world.configure(values | {"redaction": {"plugin": "of_ours"}})
    assert listed(run, world, "--code", "not_ours") == []
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", "http://127.0.0.1:9")
    assert listed(run, world, "--shard", "shardId-000000000007") == []  # nobody says that there is none


def test_what_has_expired_is_not_listed(run: Run, world: World) -> None:
    world.put(DEEP)
    now = datetime.now(UTC).timestamp()
    world.work(at=now - 30 * 86400 - 10)
    assert len(world.quarantined()) == 1
    assert listed(run, world) == []
    world.work(at=now - 29 * 86400)
    (entry,) = listed(run, world)
    assert entry["expires_at"] - now == pytest.approx(86400, abs=5)


def test_entries_without_end(run: Run, make: Make) -> None:
    world = make(quarantine={"ttl_days": 0})
    world.put(DEEP)
    world.work(at=0)
    assert "expires_at" not in listed(run, world)[0]
    assert run("tables", "check", "--config", world.config).status == 0


def test_an_entry_is_shown_with_what_to_do(run: Run, world: World) -> None:
    (number,) = world.put(DEEP)
    world.work()
    world.work(at=datetime.now(UTC).timestamp())
    ran = run("quarantine", "show", SHARD, number, "--config", world.config)
    assert ran.status == 0
    assert f"sequence         {number}" in ran.out
    assert "too_deep: nested deeper than `limits.max_depth`.\nWhat to do: raise the limit" in ran.out
    assert f"still holds the record: sanitizer quarantine replay {SHARD} {number} 0" in ran.out
    value = json.loads(run("quarantine", "show", SHARD, number, "0", "--json", "--config", world.config).out)
    assert (value["in_stream"], value["code"], value["means"][:6]) == (True, "too_deep", "nested")
    ran = run("quarantine", "show", SHARD, number, "1", "--config", world.config)
    assert ran == (1, "", f"sanitizer: The quarantine has no entry for {SHARD} {number} 1.\n")
    world.kinesis.delete_stream(StreamName=world.name)
    world.kinesis.create_stream(StreamName=world.name, ShardCount=1)
    ran = run("quarantine", "show", SHARD, number, "--config", world.config)
    assert "The stream no longer holds the record" in ran.out


def test_an_entry_is_shown_to_whom_the_stream_does_not_answer(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (number,) = world.put(DEEP)
    world.work(at=datetime.now(UTC).timestamp())
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", "http://127.0.0.1:9")
    ran = run("quarantine", "show", SHARD, number, "--config", world.config)
    assert ran.status == 0
    assert "What to do: raise the limit" in ran.out
    assert "Whether the stream still holds the record is not known. " in ran.out
    value = json.loads(run("quarantine", "show", SHARD, number, "--json", "--config", world.config).out)
    assert value["in_stream"] is None


def test_a_replay_stores_what_the_worker_would_have_stored(run: Run, world: World) -> None:
    numbers = world.put(DEEP, NOT_RELEASED, DEEP | {"user_id": "v"}, {"user_id": "w", "timestamp": "t"})
    assert world.work() == {"stored": 1, "quarantined": 3, "dropped": 0}
    world.work(at=datetime.now(UTC).timestamp())
    assert replayed(run, world, status=1) == {
        "entries": 3,
        "rejected": 3,
        "reasons": {"rejected": {"too_deep": 2, "invalid_json": 1}, "failed": {}},
    }
    before = world.quarantined()
    world.use(LAX)
    assert replayed(run, world, "--dry-run", status=1)["stored"] == 2
    assert (len(world.stored()), world.quarantined()) == (1, before)
    counts = replayed(run, world, status=1)
    assert (counts["stored"], counts["rejected"], counts["entries"]) == (2, 1, 3)
    stored, entries_ = world.stored(), world.quarantined()
    # The same as if the worker read them today.
    world.work(at=datetime.now(UTC).timestamp())
    assert world.stored()[:2] == stored[:2]
    assert "078-05-1120" not in str(stored)
    assert {item["_sanitizer"]["M"]["sequence"]["S"] for item in stored} == {numbers[0], numbers[2], numbers[3]}
    marked = [entry for entry in entries_ if "replayed_at" in entry]
    assert [(entry["sequence"], entry["replayed_as"]) for entry in marked] == [
        (numbers[0], "stored"),
        (numbers[2], "stored"),
    ]
    assert {entry["replayed_digest"] for entry in marked} == {load_plugin(world.settings).digest}


def quarantine_two(world: World) -> list[str]:
    numbers = world.put(DEEP, DEEP | {"user_id": "v"})
    world.work(at=datetime.now(UTC).timestamp())
    world.use(LAX)
    return numbers


def test_what_was_replayed_is_left_alone_unless_again(run: Run, world: World) -> None:
    numbers = quarantine_two(world)
    assert replayed(run, world, "--limit", 1)["entries"] == 1
    counts = replayed(run, world)
    assert (counts["entries"], counts["skipped"]) == (1, 1)
    assert replayed(run, world)["skipped"] == 2
    first, stored = world.quarantined(), world.stored()
    assert replayed(run, world, "--again", "--code", "too_deep")["stored"] == 2
    assert world.stored() == stored
    assert world.quarantined()[0]["replayed_at"] > first[0]["replayed_at"]
    assert replayed(run, world, SHARD, numbers[0])["skipped"] == 1
    assert replayed(run, world, SHARD, numbers[0], "--again")["stored"] == 1
    ran = run("quarantine", "replay", "--config", world.config)
    assert ran.out.splitlines() == ["0 entries", "2 were replayed before; --again replays them once more"]


def test_entries_are_chosen_by_name_or_by_filter(run: Run, world: World) -> None:
    numbers = quarantine_two(world)
    assert "entries" not in replayed(run, world, "--code", "empty")
    assert "entries" not in replayed(run, world, "--since", datetime.now(UTC).isoformat())
    assert replayed(run, world, SHARD, numbers[1], 0)["stored"] == 1
    assert [entry.get("replayed_as") for entry in world.quarantined()] == [None, "stored"]
    for wrong in ([SHARD], [SHARD, numbers[0], "--code", "x"], [SHARD, numbers[0], "-1"], ["--rate", "0"]):
        assert run("quarantine", "replay", *wrong, "--config", world.config).status == 2
    ran = run("quarantine", "replay", SHARD, "1", "--config", world.config)
    assert ran.status == 1
    assert "has no entry" in ran.err


def test_a_record_that_the_policy_drops_now_is_accounted_for(run: Run, world: World) -> None:
    world.put(DEEP | {"kind": "test"})
    world.work(at=datetime.now(UTC).timestamp())
    world.use(DROPPING)
    assert replayed(run, world, "--dry-run")["dropped"] == 1
    assert replayed(run, world)["dropped"] == 1
    assert world.quarantined()[0]["replayed_as"] == "dropped"
    assert world.stored() == []


def test_what_is_no_longer_in_the_stream_has_expired(run: Run, world: World) -> None:
    numbers = quarantine_two(world)
    world.kinesis.delete_stream(StreamName=world.name)
    world.kinesis.create_stream(StreamName=world.name, ShardCount=1)
    assert replayed(run, world, status=1) == {
        "entries": 2,
        "expired": 2,
        "reasons": {"rejected": {}, "failed": {}},
    }
    ran = run("quarantine", "replay", "--config", world.config)
    assert ran.out.splitlines() == [
        "2 entries",
        "  expired    2",
        "Not replayed:",
        *(f"  {SHARD} {number} 0  expired" for number in numbers),
    ]


def test_a_shard_that_is_gone_has_expired_too(run: Run, world: World) -> None:
    quarantine_two(world)
    (first, _) = world.cloud.table(world.settings.quarantine.table)
    gone = "shardId-000000000009"
    item = first | {"source": {"S": f"{world.name}/{gone}"}, "shard": {"S": gone}}
    world.dynamodb.put_item(TableName=world.settings.quarantine.table, Item=item)
    assert replayed(run, world, "--shard", gone, status=1)["expired"] == 1
    assert replayed(run, world, status=1)["stored"] == 2


def test_sub_records_of_an_aggregate_are_replayed_one_by_one(run: Run, world: World) -> None:
    parts = [json.dumps({"user_id": f"u{n}", "timestamp": "t"}).encode() for n in range(3)]
    parts[1] = json.dumps(DEEP).encode()
    (number,) = world.put(aggregate(map(Part, parts)))
    assert world.work(at=datetime.now(UTC).timestamp()) == {"stored": 2, "quarantined": 1, "dropped": 0}
    world.use(LAX)
    table = world.settings.quarantine.table
    (entry,) = world.cloud.table(table)
    other = entry | {"position": {"S": f"{number}#7"}, "sub": {"N": "7"}}
    world.dynamodb.put_item(TableName=table, Item=other)
    assert replayed(run, world, SHARD, number, 1)["stored"] == 1
    assert sorted(item["_sanitizer"]["M"]["sub"]["N"] for item in world.stored()) == ["0", "1", "2"]
    assert replayed(run, world, status=1)["reasons"]["failed"] == {"no_sub_record": 1}


@pytest.mark.parametrize("changed", ["bytes", "arrival_ms", "fingerprint"])
def test_another_record_at_the_place_is_not_taken_for_it(run: Run, make: Make, changed: str) -> None:
    world = make(quarantine={"fingerprint_key": KEY})
    quarantine_two(world)
    table = world.settings.quarantine.table
    first, second = sorted(world.cloud.table(table), key=lambda item: str(item["position"]))
    other = first | {changed: {"S": "0" * 64} if changed == "fingerprint" else {"N": "3"}}
    world.dynamodb.put_item(TableName=table, Item=other)
    counts = replayed(run, world, status=1)
    assert (counts["stored"], counts["failed"]) == (1, 1)
    assert counts["reasons"]["failed"] == {"other_record": 1}
    assert [item["_sanitizer"]["M"]["sequence"] for item in world.stored()] == [second["sequence"]]


def test_random_fingerprints_are_not_compared(run: Run, world: World) -> None:
    quarantine_two(world)
    assert replayed(run, world)["stored"] == 2


SHARED = {"partition_key": "{user_id}", "sort_key": "{timestamp}"}


def test_an_old_record_does_not_replace_a_newer_one_unasked(run: Run, make: Make) -> None:
    world = make(output=SHARED)
    world.put(DEEP, {"user_id": "u", "timestamp": "t", "n": 2})
    world.work(at=datetime.now(UTC).timestamp())
    world.use(LAX)
    ran = run("quarantine", "replay", "--config", world.config)
    assert (ran.status, ran.out) == (2, "")
    assert "set output.write_mode to newest" in ran.err
    assert replayed(run, world, "--overwrite")["stored"] == 1
    assert "n" not in world.stored()[0]


def test_with_newest_a_newer_document_stays(run: Run, make: Make) -> None:
    world = make(output=SHARED | {"write_mode": "newest", "version_field": "v"})
    world.put(DEEP | {"v": 1}, {"user_id": "u", "timestamp": "t", "v": 2})
    world.work(at=datetime.now(UTC).timestamp())
    world.use(LAX)
    assert replayed(run, world)["duplicate"] == 1
    assert world.stored()[0]["v"] == {"N": "2"}
    assert world.quarantined()[0]["replayed_as"] == "duplicate"


def test_records_with_one_key_are_stored_in_the_order_of_the_stream(run: Run, make: Make) -> None:
    world = make(output=SHARED)
    world.put(*(DEEP | {"n": n} for n in range(3)))
    world.work(at=datetime.now(UTC).timestamp())
    world.use(LAX)
    assert replayed(run, world, "--overwrite")["stored"] == 3
    assert world.stored()[0]["n"] == {"N": "2"}


class Told(Writing):
    """A write whose fates are told."""

    def __init__(self, fates: list[Fate]) -> None:
        super().__init__(len(fates))
        self.fates = fates


class TellingSink:
    """Tells one fate for all, and sets the stop if it is to stay pending."""

    def __init__(self, world: World, fate: Fate = Fate.DURABLE) -> None:
        self._settings = world.settings
        self._fate = fate

    def encoder(self, shard: str) -> ItemEncoder:
        return item_encoder(self._settings, shard, "p@1", "d")

    def close(self) -> None:
        raise NotImplementedError

    def start(self, items: Sequence[Item], stop: threading.Event) -> Writing:
        if self._fate is Fate.PENDING:
            stop.set()
        return Told([self._fate] * len(items))


def deep(user: str) -> bytes:
    return json.dumps(DEEP | {"user_id": user}).encode()


def users(world: World) -> list[str]:
    return [item["user_id"]["S"] for item in world.stored()]


def test_a_document_of_a_record_is_replayed_alone(run: Run, world: World) -> None:
    (number,) = world.put(gzip.compress(b"\n".join([deep("a"), b'{"user_id":"b","timestamp":"t"}', deep("c")])))
    assert world.work(at=datetime.now(UTC).timestamp()) == {"stored": 1, "quarantined": 2, "dropped": 0}
    ran = run("quarantine", "list", "--config", world.config)
    assert [line.split()[1] for line in ran.out.splitlines()[1:3]] == [f"{number}/0", f"{number}/0+2"]
    world.use(LAX)
    ran = run("quarantine", "replay", SHARD, number, "0+2", "--config", world.config)
    assert (ran.status, users(world)) == (0, ["b", "c"])
    assert replayed(run, world) == {"entries": 1, "stored": 1, "skipped": 1, "reasons": {"rejected": {}, "failed": {}}}
    assert sorted(users(world)) == ["a", "b", "c"]
    assert run("quarantine", "show", SHARD, number, "0+x", "--config", world.config).status == 2


def test_a_record_that_could_not_be_decoded_is_replayed_with_all_that_it_holds(run: Run, world: World) -> None:
    values = world.values
    world.configure(values | {"stream": values["stream"] | {"format": ["json"]}})
    world.put(gzip.compress(b"\n".join([deep("a"), deep("b"), b"no json"])), gzip.compress(deep("c") + deep("d")))
    assert world.work(at=datetime.now(UTC).timestamp()) == {"stored": 0, "quarantined": 2, "dropped": 0}
    world.use(LAX)
    world.configure(values)
    assert replayed(run, world, status=1) == {
        "entries": 2,
        "stored": 1,
        "rejected": 1,  # as one of its documents is
        "reasons": {"rejected": {"invalid_json": 1}, "failed": {}},
    }
    assert sorted(users(world)) == ["a", "b", "c", "d"]


def test_a_record_is_decoded_once_however_many_of_its_documents_are_replayed(world: World) -> None:
    world.put(b"\n".join([deep("a"), deep("b"), deep("c")]), deep("d"))
    world.work(at=datetime.now(UTC).timestamp())
    world.use(LAX)
    replay = replay_of(world, TellingSink(world), threading.Event())
    judge = replay._judge
    asked: list[Record] = []

    def counting(records: Sequence[Record]) -> Any:
        asked.extend(records)
        return judge(records)

    replay._judge = counting
    assert replay.run(entries(world.settings)).results == {Result.STORED: 4}
    assert len(asked) == 2


def replay_of(world: World, sink: Any, stop: threading.Event, **options: Any) -> Replay:
    redactor = load_plugin(world.settings)
    chain = open_decoding(world.settings, Metrics(), logs.get_logger("test")).chain
    return Replay(world.settings, redactor, partial(judged, chain, redactor), sink, stop, **options)


@pytest.mark.parametrize(
    ("fate", "result", "why"),
    [(Fate.REFUSED, Result.REJECTED, "item_refused"), (Fate.PENDING, Result.FAILED, "stopped")],
)
def test_what_dynamodb_did_not_take_is_not_marked(world: World, fate: Fate, result: Result, why: str) -> None:
    quarantine_two(world)
    stop = threading.Event()
    report = replay_of(world, TellingSink(world, fate), stop).run(entries(world.settings))
    assert report.results == {result: 2}
    assert report.reasons == {(result, why): 2}
    assert not report.is_complete
    assert all("replayed_at" not in entry for entry in world.quarantined())


def test_two_replays_do_not_fight(world: World) -> None:
    quarantine_two(world)
    table = Quarantine(world.settings)
    entry = next(entries(world.settings))
    assert table.mark(entry, "stored", "one", again=False)
    assert not table.mark(entry, "stored", "two", again=False)
    assert world.quarantined()[0]["replayed_digest"] == "one"
    assert table.mark(entry, "stored", "three", again=True)
    # One that was quarantined anew meanwhile is another case.
    world.use(STRICT)
    world.work(at=datetime.now(UTC).timestamp() + 1)
    assert not table.mark(entry, "stored", "four", again=True)
    assert not table.delete(entry)
    # A replay whose entry was marked by another, or purged, is no failure: the record is where it belongs.
    world.use(LAX)
    chosen = list(entries(world.settings))
    for each in chosen:
        table.delete(each)
    sink = TellingSink(world)
    report = replay_of(world, sink, threading.Event()).run(chosen)
    assert report.results == {Result.STORED: 2}
    assert world.quarantined() == []


def test_a_stop_leaves_the_rest_for_later(world: World) -> None:
    quarantine_two(world)
    stop = threading.Event()
    stop.set()
    report = replay_of(world, TellingSink(world), stop).run(entries(world.settings))
    assert report.reasons == {(Result.FAILED, "stopped"): 2}


def test_a_replay_says_how_far_it_is_after_each_read(world: World) -> None:
    quarantine_two(world)
    said: list[str] = []
    replay_of(world, TellingSink(world), threading.Event(), say=said.append).run(entries(world.settings))
    assert said == ["2 entries replayed"]


def test_a_report_names_only_so_many(world: World) -> None:
    del world
    report = Report()
    for _ in range(30):
        report.add(Entry({}), Result.EXPIRED)
    assert len(report.undone) == 20
    assert report.results[Result.EXPIRED] == 30


def test_a_rate_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    quarantine_two(world)
    monkeypatch.setattr("consumer.quarantine.replay.BATCH", 1)
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)

    class Watch(threading.Event):
        waits: list[float]

        def wait(self, timeout: float | None = None) -> bool:
            self.waits.append(timeout or 0)
            return False

    stop = Watch()
    stop.waits = []
    replay = replay_of(world, TellingSink(world), stop, dry_run=True, rate=1)
    replay.run(entries(world.settings))
    assert max(stop.waits) == 1


def test_a_signal_ends_a_replay_with_its_account(run: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    quarantine_two(world)
    find = reader.ShardReader.find

    def interrupted(*arguments: Any) -> Any:
        signal.raise_signal(signal.SIGTERM)
        return find(*arguments)

    monkeypatch.setattr(reader.ShardReader, "find", interrupted)
    ran = run("quarantine", "replay", "--config", world.config)
    assert (ran.status, ran.out.splitlines()[0]) == (1, "2 entries")


def test_old_entries_are_purged(run: Run, world: World) -> None:
    numbers = world.put(DEEP, DEEP | {"user_id": "v"}, NOT_RELEASED)
    world.work(at=datetime.now(UTC).timestamp() - 10 * 86400)
    world.use(LAX)
    replayed(run, world, SHARD, numbers[0])
    purge = ["quarantine", "purge", "--config", world.config, "--before"]
    assert run(*purge, "11d", "--yes").out == "0 entries deleted\n"
    assert run(*purge, "9d", "--dry-run").out == "3 entries would be deleted, 2 of 3 never replayed\n"
    ran = run(*purge, "9d", stdin=b"n\n")
    assert ran.status == 1
    assert "Delete 3 entries, 2 of which were never replayed? [y/N]: sanitizer: Nothing was deleted." in ran.err
    ran = run(*purge, "9d")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.endswith("\nsanitizer: Nobody is there to be asked: --yes deletes without a question.\n")
    assert len(world.quarantined()) == 3
    ran = run(*purge, "9d", "--replayed-only", "--yes", "--json")
    assert json.loads(ran.out) == {"selected": 1, "never_replayed": 0, "deleted": 1, "dry_run": False}
    assert [entry["sequence"] for entry in world.quarantined()] == numbers[1:]
    assert run(*purge, "9d", stdin=b"y\n").status == 0
    assert world.quarantined() == []
    assert run("quarantine", "purge", "--config", world.config).status == 2


def test_the_time_to_live_is_turned_on_and_looked_at(run: Run, world: World) -> None:
    name = world.settings.quarantine.table
    described = world.dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert described == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    assert run("tables", "check", "--config", world.config).status == 0
    assert set(created(world.settings).values()) == {"exists"}
    off: Any = {"Enabled": False, "AttributeName": "expires_at"}
    world.dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=off)
    ran = run("tables", "check", "--config", world.config)
    assert ran.status == 1
    assert f"{name}: its time to live is off; `sanitizer tables create` turns it on" in ran.out
    other: Any = {"Enabled": True, "AttributeName": "arrival_ms"}
    world.dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=other)
    assert "goes by arrival_ms, not by expires_at" in run("tables", "check", "--config", world.config).out
    world.dynamodb.update_time_to_live(
        TableName=name, TimeToLiveSpecification={"Enabled": False, "AttributeName": "arrival_ms"}
    )
    tables.create(world.settings)
    assert run("tables", "check", "--config", world.config).status == 0


def test_a_missing_table_is_one_sentence(world: World) -> None:
    boto3.client("dynamodb").delete_table(TableName=world.settings.quarantine.table)
    for read in (
        lambda: list(entries(world.settings)),
        lambda: list(entries(world.settings, Selection(shard=SHARD))),
        lambda: Quarantine(world.settings).get(SHARD, "1", "0"),
    ):
        with pytest.raises(ServiceError, match="There is no table"):
            read()


@pytest.mark.parametrize("command", ["show", "replay"])
def test_what_is_no_sequence_number_is_wrong_usage(world: World, run: Run, command: str) -> None:
    ran = run("quarantine", command, "--config", world.config, "shardId-000000000000", "4957x")
    assert (ran.status, ran.out) == (2, "")
    assert "a sequence number is digits alone" in ran.err
