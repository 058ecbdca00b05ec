"""Each worker makes known by what it works, and hears of those that live and work by something else."""

import time
from dataclasses import replace
from typing import Any

import pytest

from consumer import aws
from consumer.kcl.leases import handover, roster
from consumer.kcl.leases.roster import ITEM, Roster, RosterWatch, Terms
from consumer.kcl.leases.tables import LeaseTables, tables_of
from consumer.local.cloud.process import Cloud
from consumer.settings import Settings
from tests.kits.door import Door
from tests.kits.log import RecordingLog

OURS = Terms("default@5", "d5", "s1", "0.2.0")


@pytest.fixture
def settings(_in_the_cloud: None, request: pytest.FixtureRequest) -> Settings:
    settings = Settings.model_validate({"kcl": {"application": f"r{abs(hash(request.node.name))}"}})
    for table in tables_of(settings.kcl.application):
        aws.client("dynamodb").create_table(**table.request)
    return settings


@pytest.fixture
def known(settings: Settings) -> Roster:
    return Roster(aws.client("dynamodb"), settings.kcl.application)


def report(settings: Settings, worker: str, age: float = 0.0) -> None:
    item = {"wid": {"S": worker}, "lut": {"N": str(int(time.time() - age))}}
    aws.client("dynamodb").put_item(TableName=tables_of(settings.kcl.application)[1].name, Item=item)


def test_who_enters_is_known_until_it_leaves(known: Roster) -> None:
    assert known.read() == {}
    known.enter("one", OURS)
    known.enter("two", replace(OURS, digest="d6"))
    known.enter("one", replace(OURS, settings="s2"))
    assert known.read() == {"one": replace(OURS, settings="s2"), "two": replace(OURS, digest="d6")}
    known.leave("one")
    known.leave("nobody")
    assert set(known.read()) == {"two"}


def test_those_that_were_killed_are_forgotten_after_a_day(known: Roster, monkeypatch: pytest.MonkeyPatch) -> None:
    day = roster.FORGET_SECONDS
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0)
    for number in range(130):
        known.enter(f"killed-{number}", OURS)
    monkeypatch.setattr(time, "time", lambda: 1_000_001.0 + day / 2)
    known.enter("lives", OURS)
    assert len(known.read()) == 131
    monkeypatch.setattr(time, "time", lambda: 1_000_001.0 + day)
    known.enter("new", OURS)
    assert set(known.read()) == {"lives", "new"}


def test_what_another_version_writes_there_is_let_be(known: Roster, settings: Settings) -> None:
    table = tables_of(settings.kcl.application)[2].name
    item: dict[str, Any] = {"key": {"S": ITEM}, "entityType": {"S": "x"}, "w": {"M": {"more": {"N": "1"}}}}
    aws.client("dynamodb").put_item(TableName=table, Item=item)
    known.enter("one", OURS)
    assert known.read() == {"one": OURS}
    (found,) = [each for each in aws.client("dynamodb").scan(TableName=table)["Items"] if each["key"]["S"] == ITEM]
    assert item.items() <= found.items()
    assert LeaseTables(aws.client("dynamodb"), settings.kcl.application).leader() is None


def test_a_worker_that_starts_beside_others_that_differ_says_so_once(known: Roster, settings: Settings) -> None:
    for worker, terms in {
        "equal": OURS,
        "newer": replace(OURS, version="0.3.0"),
        "policy": replace(OURS, policy="default@6", digest="d6"),
        "settings": replace(OURS, settings="s2"),
        "both": replace(OURS, digest="d7", settings="s2"),
        "dead": replace(OURS, digest="d8"),
    }.items():
        known.enter(worker, terms)
        report(settings, worker, age=600.0 if worker == "dead" else 0.0)
    log = RecordingLog()
    watch = RosterWatch(settings, "me", OURS, log)
    watch.look()
    assert watch.differing == ["both", "policy", "settings"]
    assert [(each["worker_id"], each["reason"]) for each in log.named("workers.differ")] == [
        ("both", "policy and settings"),
        ("policy", "policy"),
        ("settings", "settings"),
    ]
    known.leave("both")
    watch.look()
    assert watch.differing == ["policy", "settings"]
    assert len(log.named("workers.differ")) == 3
    assert known.read()["me"] == OURS


def test_a_table_that_cannot_be_read_stops_nobody(
    settings: Settings, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = RecordingLog()
    with Door(cloud.endpoint) as door:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", door.url)
        door.refused = {"GetItem": "AccessDeniedException"}
        watch = RosterWatch(settings, "me", OURS, log)
        watch.start()
        until = time.monotonic() + 15
        while not log.named("workers.not_compared") and time.monotonic() < until:
            time.sleep(0.01)
        watch._rounds.stop()
    assert log.named("workers.not_compared")[0]["code"] == "AccessDeniedException"
    assert watch.differing == ()


def test_a_worker_that_stops_takes_its_terms_away(known: Roster, settings: Settings) -> None:
    known.enter("me", OURS)
    known.enter("other", OURS)
    handover.hand_over(settings, "me", RecordingLog())
    assert set(known.read()) == {"other"}
