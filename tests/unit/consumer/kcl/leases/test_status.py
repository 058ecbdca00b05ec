"""The application's status, on tables as KCL keeps them: who lives, who does not, and how far behind they are."""

import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from consumer import aws, tables
from consumer.commands import status as status_cli
from consumer.kcl.leases.application_item import ApplicationItem, Facts
from consumer.kcl.leases.roster import Roster, Terms
from consumer.kcl.leases.status import Observer, ShardState, Status
from consumer.kcl.leases.tables import BACKFILL_BEGAN
from consumer.local.cloud.process import Cloud
from consumer.settings import lease_tables, load_settings
from tests.kits.cli import Run
from tests.kits.door import SECRET, Door
from tests.kits.stand_in_worker import stand_in

FAILOVER = 9.0
END = "SHARD_END"


pytestmark = pytest.mark.usefixtures("_in_the_cloud")


class Application:
    """A stream, and leases as its workers would have written them."""

    def __init__(self, name: str, folder: Path, shards: int) -> None:
        self.config = folder / "settings.yaml"
        values = {
            "stream": {"name": name},
            "kcl": {"application": f"{name}-app", "failover_ms": int(FAILOVER * 1000)},
            "output": {"table": f"{name}-out"},
            "quarantine": {"table": f"{name}-quarantine"},
        }
        self.config.write_text(yaml.safe_dump(values))
        self.settings = load_settings(self.config)
        self.kinesis: Any = boto3.client("kinesis")
        self.dynamodb: Any = boto3.client("dynamodb")
        self.kinesis.create_stream(StreamName=name, ShardCount=shards)
        self.leases, self.worker_metrics, self.coordinator = lease_tables(self.settings.kcl.application)
        for table in tables.wanted(self.settings):
            if table.name in (self.leases, self.worker_metrics, self.coordinator):
                self.dynamodb.create_table(**table.request)
        self.now = 0.0
        self.observer = Observer(self.settings, lambda: self.now)

    def lease(
        self, number: int, owner: str | None, checkpoint: str = "TRIM_HORIZON", sub: int = 0, more: Any = None
    ) -> str:
        shard = f"shardId-{number:012d}"
        item = {
            "leaseKey": {"S": shard},
            "leaseCounter": {"N": "7"},
            "checkpoint": {"S": checkpoint},
            "checkpointSubSequenceNumber": {"N": str(sub)},
            **(more or {}),
        }
        if owner:
            item["leaseOwner"] = {"S": owner}
        self.dynamodb.put_item(TableName=self.leases, Item=item)
        return shard

    def renew(self, *numbers: int) -> None:
        for number in numbers:
            self.dynamodb.update_item(
                TableName=self.leases,
                Key={"leaseKey": {"S": f"shardId-{number:012d}"}},
                UpdateExpression="ADD leaseCounter :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    def lead(self, owner: str) -> None:
        item = {"key": {"S": "Leader"}, "ownerName": {"S": owner}, "recordVersionNumber": {"S": "v"}}
        self.dynamodb.put_item(TableName=self.coordinator, Item=item)

    def report(self, owner: str, age: float = 0.0) -> None:
        item = {"wid": {"S": owner}, "lut": {"N": str(int(time.time() - age))}}
        self.dynamodb.put_item(TableName=self.worker_metrics, Item=item)

    def put(self, key: str, count: int = 1) -> list[str]:
        return [
            self.kinesis.put_record(StreamName=self.settings.stream.name, Data=SECRET.encode(), PartitionKey=key)[
                "SequenceNumber"
            ]
            for _ in range(count)
        ]

    def look(self, after: float = 0.0, *, with_lag: bool = False) -> Status:
        """Look again after some seconds."""
        self.now += after
        self.observer.look()
        return self.observer.status(with_lag=with_lag)


@pytest.fixture
def application(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[int], Application]:
    return lambda shards: Application(f"s{abs(hash(request.node.name))}", tmp_path, shards)


def states(status: Status) -> list[str]:
    return [each.state for each in status.shards]


def workers(status: Status) -> dict[str, str]:
    return {each.worker: each.state for each in status.workers}


def test_who_renews_lives_and_who_does_not_is_dead(application: Callable[[int], Application]) -> None:
    app = application(4)
    for number, owner in enumerate(("one", "one", "two", None)):
        app.lease(number, owner)
    app.lead("two")
    seen = app.look()
    assert workers(seen) == {"one": "unknown", "two": "unknown"}
    assert states(seen) == ["owned", "owned", "owned", "unowned"]
    assert not seen.is_served
    app.renew(0, 1)
    seen = app.look(after=FAILOVER / 2)
    assert workers(seen) == {"one": "living", "two": "silent"}
    assert states(seen) == ["reading", "reading", "owner_silent", "unowned"]
    app.renew(0)  # one of its leases is enough
    seen = app.look(after=FAILOVER / 2)
    assert workers(seen) == {"one": "living", "two": "dead"}
    assert states(seen) == ["reading", "reading", "owner_dead", "unowned"]
    assert (seen.leader, seen.leader_state) == ("two", "dead")
    dead, unowned, leader = seen.notes
    assert dead.startswith("Worker two is dead: it has renewed none of its 1 lease for 9 s.")
    assert unowned.startswith("1 shard without an owner: a living worker takes such shards within seconds")
    assert leader.startswith("The leader, two, is dead")
    assert f"delete the item 'Leader' of the table {app.coordinator}" in leader
    app.renew(0, 1, 2)
    app.lease(3, "one")
    seen = app.look(after=1)
    assert workers(seen) == {"one": "living", "two": "living"}
    assert (seen.is_served, seen.notes, seen.leader_state) == (True, [], "living")


def test_a_lease_that_went_to_another_says_nothing_of_the_new_owner(application: Callable[[int], Application]) -> None:
    """KCL's leader writes the names of others."""
    app = application(1)
    app.lease(0, "one")
    app.look()
    app.lease(0, "two")
    app.renew(0)
    assert workers(app.look(after=1)) == {"two": "unknown"}
    app.renew(0)
    assert workers(app.look(after=1)) == {"two": "living"}


def test_workers_that_wait_for_shards_are_shown(application: Callable[[int], Application]) -> None:
    app = application(1)
    app.lease(0, "one")
    for worker in ("one", "new"):
        app.report(worker)
    app.report("long gone", age=100)
    app.lead("new")
    app.look()
    app.renew(0)
    seen = app.look(after=1)
    assert workers(seen) == {"one": "living", "new": "idle"}
    assert (seen.leader_state, seen.is_served, seen.notes) == ("idle", True, [])


def test_a_backfill_has_leases_alone(application: Callable[[int], Application]) -> None:
    app = application(2)
    app.lease(0, "run", more={BACKFILL_BEGAN: {"S": "TRIM_HORIZON"}})
    app.lease(1, None)
    for table in (app.worker_metrics, app.coordinator):
        app.dynamodb.delete_table(TableName=table)
    seen = app.look()
    assert (seen.leader, seen.notes) == (None, [])
    seen = app.look(after=FAILOVER * 2)
    assert (workers(seen), seen.notes) == ({"run": "silent"}, [])  # it renews by its checkpoints, and may take long
    app.renew(0)
    assert workers(app.look(after=1)) == {"run": "living"}


def test_shards_that_are_read_to_their_end_need_no_owner(application: Callable[[int], Application]) -> None:
    app = application(1)
    app.kinesis.split_shard(
        StreamName=app.settings.stream.name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127)
    )
    app.lease(0, "gone", END)
    app.lease(1, "one")
    app.lease(9, None)
    app.look()
    app.renew(1)
    seen = app.look(after=1)
    assert {each.shard[-1]: each.state for each in seen.shards} == {
        "0": "finished",
        "1": "reading",
        "2": "no_lease",
        "9": "expired",
    }
    assert workers(seen) == {"one": "living"}
    assert not seen.is_served
    (note,) = seen.notes
    assert note.startswith("1 open shard without a lease: a child gets it when its parents are read to their ends; ")
    app.lease(2, "one")
    app.look()
    assert app.look().is_served


def test_the_lag_is_the_age_of_what_comes_next(application: Callable[[int], Application]) -> None:
    app = application(1)
    shard = app.lease(0, "one", "LATEST")
    assert app.look(with_lag=True).shards[0].lag_ms is None  # only its worker knows where it began
    first, *_, last = app.put("key", 3)
    time.sleep(0.3)
    for checkpoint in ("TRIM_HORIZON", first):
        app.lease(0, "one", checkpoint)
        seen = app.look(with_lag=True)
        assert 300 <= (seen.shards[0].lag_ms or 0) < 60_000
        assert seen.workers[0].lag_ms == seen.shards[0].lag_ms
    app.lease(0, "one", last)
    assert app.look(with_lag=True).shards[0].lag_ms == 0
    assert app.look(with_lag=False).shards[0].lag_ms is None
    assert app.look().shards[0].shard == shard


def test_the_lag_of_a_shard_that_began_with_latest_is_known(application: Callable[[int], Application]) -> None:
    app = application(1)
    starts_at = int(time.time()) - 100
    ApplicationItem(app.dynamodb, app.settings.kcl.application).settle(Facts(starts_at=starts_at))
    app.lease(0, "one", "AT_TIMESTAMP")
    assert app.look(with_lag=True).shards[0].lag_ms == 0
    app.put("key")
    time.sleep(0.1)
    assert 100 <= (app.look(with_lag=True).shards[0].lag_ms or 0) < 60_000


def test_an_open_shard_that_a_lease_says_is_finished_is_read_by_nobody(
    application: Callable[[int], Application],
) -> None:
    """As after a stream that was resharded is made anew, of which an earlier version remembered nothing."""
    app = application(2)
    for number in range(4):
        app.lease(number, None, END)
    seen = app.look(with_lag=True)
    assert states(seen) == ["foreign", "foreign", "finished", "finished"]
    assert not seen.is_served
    assert seen.notes[0].startswith("The lease of shardId-000000000000 of the application")


def test_a_shard_whose_checkpoint_the_stream_refuses_is_not_read(application: Callable[[int], Application]) -> None:
    app = application(2)
    app.lease(0, "one", app.put("key")[0])
    app.kinesis.delete_stream(StreamName=app.settings.stream.name)
    time.sleep(0.002)
    app.kinesis.create_stream(StreamName=app.settings.stream.name, ShardCount=1)
    app.look()
    app.renew(0)
    seen = app.look(after=1, with_lag=True)
    assert (states(seen), workers(seen)) == (["foreign"], {"one": "living"})
    assert not seen.is_served


def test_leases_of_another_stream_are_told_without_a_look_at_any_shard(
    application: Callable[[int], Application],
) -> None:
    app = application(1)
    name, application_ = app.settings.stream.name, app.settings.kcl.application
    ApplicationItem(app.dynamodb, application_).settle(Facts(f"arn:aws:kinesis:r:1:stream/{name}", 5))
    app.lease(0, "one")
    app.look()
    app.renew(0)
    seen = app.look(after=1)
    assert states(seen) == ["reading"]
    assert (seen.is_of_stream, seen.is_served) == (False, False)
    assert seen.notes[0].startswith(f"The stream {name} was made anew at ")


def test_nothing_at_all_is_not_served(application: Callable[[int], Application]) -> None:
    app = application(1)
    assert states(app.look()) == ["no_lease"]
    app.kinesis.delete_stream(StreamName=app.settings.stream.name)
    assert not app.look().is_served


def test_what_is_not_permitted_is_left_out_and_said(
    application: Callable[[int], Application], cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = application(2)
    app.lease(0, "one")
    app.lease(1, "one")
    app.lead("one")
    with Door(cloud.endpoint) as door:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", door.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", door.url)
        door.refused = dict.fromkeys(("GetShardIterator", "GetItem"), "AccessDeniedException")
        door.refused[f"Scan {app.worker_metrics}"] = "AccessDeniedException"
        seen = app.look(with_lag=True)
        assert [each.lag_ms for each in seen.shards] == [None, None]
        leader, lag, idle = seen.notes
        assert lag.startswith("The lag of 2 shards is not known: kinesis:GetShardIterator on shard")
        assert leader.startswith(
            f"The leader is not known: dynamodb:GetItem on table {app.coordinator} is not permitted"
        )
        assert idle.startswith(
            f"Workers without shards are not known: dynamodb:Scan on table {app.worker_metrics} is not"
        )
        door.refused = {"ListShards": "AccessDeniedException"}
        seen = app.look(with_lag=True)
        assert states(seen) == ["owned", "owned"]
        assert seen.notes[0].startswith("Whether each shard has a lease is not known: kinesis:ListShards on stream")
    assert SECRET not in str(seen)


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
def test_the_workers_processes_on_this_machine_are_named(run: Run, application: Callable[[int], Application]) -> None:
    app = application(1)
    app.lease(0, "one")
    look = ("status", "--config", app.config, "--no-lag", "--wait", 0)
    assert "on this machine" not in run(*look).out
    name = app.settings.kcl.application
    with stand_in(name) as pids:
        assert (
            f"\non this machine: sanitizer-supervisor {name} (pid {pids.supervisor}), "
            f"sanitizer-pipeline 0 (pid {pids.pipeline}), sh (pid {pids.daemon})\n"
        ) in run(*look).out


def test_the_command_tells_it_to_people_and_to_scripts(
    run: Run, application: Callable[[int], Application], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = application(2)
    number, *_ = app.put("key")
    owned = app.lease(0, "one", number, 3)
    other = app.lease(1, None)
    app.lead("one")
    ran = run("status", "--config", app.config, "--wait", 0)
    assert (ran.status, ran.err) == (0, "")
    assert "0 of 2 shards have a living owner; of 1 that is not known yet\n" in ran.out
    assert "leader one\n" in ran.out
    assert any(
        line.split()[:3] == [owned, "owned", "one"] and f"…{number[-12:]}/3" in line for line in ran.out.split("\n")
    )
    assert any(line.split()[:3] == [other, "unowned", "-"] for line in ran.out.split("\n"))
    assert "1 shard without an owner" in ran.out
    assert SECRET not in ran.out
    assert run("status", "--config", app.config, "--wait", 0, "--check").status == 1
    app.lease(1, "one")

    look = Observer.look

    def renewed(self: Observer) -> None:
        look(self)
        app.renew(0, 1)

    monkeypatch.setattr(Observer, "look", renewed)
    ran = run("status", "--config", app.config, "--check", "--json")
    assert ran.status == 0
    rows = json.loads(ran.out)
    assert rows[0] | {"lag_ms": 0} == {
        "shard": owned,
        "owner": "one",
        "checkpoint": number,
        "sub": 3,
        "state": "reading",
        "lag_ms": 0,
    }
    ran = run("status", "--config", app.config, "--no-lag")
    assert "2 of 2 shards have a living owner\n" in ran.out
    everything = json.loads(run("status", "--config", app.config, "--json-all", "--no-lag").out)
    assert everything["is_served"] is True
    assert "loads" not in everything
    assert (everything["leader"], everything["leader_state"]) == ("one", "living")
    assert [(each["worker"], each["leases"], each["lag_ms"]) for each in everything["workers"]] == [("one", 2, None)]


def test_workers_that_differ_are_shown_with_what_they_work_by(
    run: Run, application: Callable[[int], Application]
) -> None:
    app = application(2)
    app.lease(0, "one")
    app.lease(1, "two")
    app.report("idle")
    roster = Roster(aws.client("dynamodb"), app.settings.kcl.application)
    ours = Terms("default@5", "d5", "s1", "0.2.0")
    roster.enter("one", ours)
    roster.enter("idle", replace(ours, version="0.3.0"))
    assert "differ" not in " ".join(app.look().notes)  # by version alone
    roster.enter("two", replace(ours, policy="default@6", digest="d6"))
    status = app.look()
    assert {each.worker: each.terms and each.terms.digest for each in status.workers} == {
        "one": "d5",
        "two": "d6",
        "idle": "d5",
    }
    (note,) = [each for each in status.notes if "differ" in each]
    assert "default@5 (digest d5), settings s1, version 0.2.0: one; " in note
    assert "default@6 (digest d6), settings s1, version 0.2.0: two" in note
    everything = json.loads(run("status", "--config", app.config, "--json-all", "--no-lag", "--wait", 0).out)
    shown = {each["worker"]: each["terms"] for each in everything["workers"]}
    assert shown["two"] == {"policy": "default@6", "digest": "d6", "settings": "s1", "version": "0.2.0"}
    ran = run("status", "--config", app.config, "--no-lag", "--wait", 0)
    assert re.search(r"^two .*default@6 d6 +s1$", ran.out, re.MULTILINE)


def test_it_is_watched_until_ctrl_c(
    run: Run, application: Callable[[int], Application], cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = application(1)
    app.lease(0, "one")
    with Door(cloud.endpoint) as door:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", door.url)
        pauses = 0

        def pause(_: float) -> None:
            nonlocal pauses
            pauses += 1
            door.refused = {"Scan": "AccessDeniedException"} if pauses == 2 else {}
            app.renew(0)
            if pauses == 3:  # a look that failed shows nothing, least of all dead workers
                raise KeyboardInterrupt

        monkeypatch.setattr("consumer.commands.status.time.sleep", pause)
        ran = run("status", "--config", app.config, "--watch", "--json", "--no-lag")
    assert ran.status == 0
    assert [json.loads(line)[0]["state"] for line in ran.out.splitlines()] == ["owned", "reading"]
    assert f"dynamodb:Scan on table {app.leases} is not permitted" in ran.err


def test_nobody_waits_where_nobody_owns_anything(application: Callable[[int], Application]) -> None:
    app = application(1)
    app.lease(0, None)
    began = time.monotonic()
    app.observer.watch()
    assert time.monotonic() - began < FAILOVER / 2


def test_the_load_is_told_to_scripts_too(run: Run, application: Callable[[int], Application]) -> None:
    app = application(2)
    app.put("key", 3)
    names = [app.lease(number, "one") for number in range(2)]
    look = ["status", "--config", app.config, "--no-lag", "--wait", 0, "--load"]
    shards = json.loads(run(*look, "--json").out)
    assert [row["shard"] for row in shards] == names
    assert sum(row["load"]["records_per_second"] > 0 for row in shards) == 1  # all have one key
    everything = json.loads(run(*look, "--json-all").out)
    assert everything["loads"].keys() == set(names)


@pytest.mark.parametrize(
    ("states_", "said"),
    [
        (["owned"], "1 shard; whether the owners live is not known yet"),
        (["owned", "owned"], "2 shards; whether the owners live is not known yet"),
        (["reading", "owned"], "1 of 2 shards have a living owner; of 1 that is not known yet"),
        (["owner_dead", "reading"], "1 of 2 shards have a living owner"),
        ([], "0 of 0 shards have a living owner"),
    ],
)
def test_what_is_not_known_yet_is_no_alarm(states_: list[ShardState], said: str) -> None:
    assert status_cli._served(states_) == said


def test_long_names_are_shortened_where_they_are_listed_in_full_above() -> None:
    assert status_cli._tail("0123456789abcdef0123456789abcdef-fedcba987654") == "…fedcba987654"
    assert status_cli._tail("worker-1") == "worker-1"


@pytest.mark.parametrize(
    ("ms", "shown"), [(None, "-"), (0, "0.0 s"), (1240, "1.2 s"), (200_000, "3 min 20 s"), (7_500_000, "2 h 5 min")]
)
def test_lags_are_told_in_words(ms: int | None, shown: str) -> None:
    assert status_cli._duration(ms) == shown


def test_a_fetch_that_the_heap_has_made_smaller_is_told(application: Callable[[int], Application]) -> None:
    app = application(1)
    item = ApplicationItem(app.dynamodb, app.settings.kcl.application)
    item.change(Facts(fetch_records=20))
    assert any("fetches 20 records of a shard at once, and not 500" in note for note in app.look().notes)
    item.change(Facts(fetch_records=500))
    assert not any("at once" in note for note in app.look().notes)


@pytest.mark.parametrize(
    ("words", "why"), [(["--json", "--json-all"], "--json-all"), (["--watch", "--wait", "3"], "leave --wait out")]
)
def test_options_that_exclude_each_other_are_refused(run: Run, words: list[str], why: str) -> None:
    ran = run("status", *words)
    assert (ran.status, ran.out) == (2, "")
    assert why in ran.err
