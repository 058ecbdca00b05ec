"""What a worker that stops lets go."""

from typing import Any

import pytest

from consumer import aws
from consumer.kcl.leases import handover
from consumer.kcl.leases.tables import LEADER, LeaseTables, tables_of
from consumer.local.cloud.process import Cloud
from consumer.settings import Settings
from tests.kits.door import Door
from tests.kits.log import RecordingLog


@pytest.fixture
def settings(_in_the_cloud: None, request: pytest.FixtureRequest) -> Settings:
    settings = Settings.model_validate({"kcl": {"application": f"a{abs(hash(request.node.name))}"}})
    client = aws.client("dynamodb")
    for table in tables_of(settings.kcl.application):
        client.create_table(**table.request)
    return settings


@pytest.fixture
def tables(settings: Settings) -> LeaseTables:
    return LeaseTables(aws.client("dynamodb"), settings.kcl.application)


def lease(number: int, owner: str, tables: LeaseTables, **more: Any) -> None:
    row = {"leaseKey": {"S": f"s{number}"}, "leaseCounter": {"N": "1"}, "leaseOwner": {"S": owner}}
    aws.client("dynamodb").put_item(TableName=tables._leases, Item=row | more)


def lead(owner: str, tables: LeaseTables) -> None:
    lock = {"ownerName": {"S": owner}, "recordVersionNumber": {"S": "1"}}
    client = aws.client("dynamodb")
    client.put_item(TableName=tables._coordinator, Item={"key": {"S": LEADER}} | lock)
    client.put_item(TableName=tables._workers, Item={"wid": {"S": owner}, "lut": {"N": "9999999999"}})


def test_all_that_is_its_own_is_released_and_nothing_else(
    settings: Settings, tables: LeaseTables, log: RecordingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "HAND_OVER_SECONDS", 60.0)  # the machine may be busy
    lead("me", tables)
    for number in range(5):  # of several pages
        lease(number, "me", tables, other={"S": "x" * 390_000})
    lease(8, "you", tables)
    lease(9, "me", tables, checkpointOwner={"S": "you"})
    lease(10, "you", tables, checkpointOwner={"S": "me"})
    lease(11, "you", tables, checkpointOwner={"S": "she"})
    assert handover.hand_over(settings, "me", log) == 5
    owners = {each.shard: (each.owner, each.counter) for each in tables.leases()}
    assert owners == {f"s{number}": (None, 2) for number in range(5)} | {
        "s8": ("you", 1),
        "s9": ("me", 1),
        "s10": ("you", 2),
        "s11": ("you", 1),
    }
    drained = {each.shard: each.drained_by for each in tables.leases() if each.drained_by}
    assert drained == {"s9": "you", "s11": "she"}
    assert (tables.leader(), tables.reporting()) == (None, set())


def test_a_stop_does_not_wait_for_a_slow_table(
    settings: Settings, tables: LeaseTables, log: RecordingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "HAND_OVER_SECONDS", -1.0)
    lease(1, "you", tables, checkpointOwner={"S": "me"})
    assert handover.hand_over(settings, "me", log) == 0
    assert [each.drained_by for each in tables.leases()] == ["me"]
    assert [event for _, event, _ in log.events] == ["leases.not_handed_over"]


def test_another_leader_stays(settings: Settings, tables: LeaseTables, log: RecordingLog) -> None:
    lead("you", tables)
    assert handover.hand_over(settings, "me", log) == 0
    handover.resign(settings, "me", log)
    assert tables.leader() is not None
    assert tables.reporting() == {"you"}
    handover.resign(settings, "you", log)
    assert tables.leader() is None


def test_a_failure_is_logged(
    settings: Settings, log: RecordingLog, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Door(cloud.endpoint) as door:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", door.url)
        door.refused = dict.fromkeys(("Scan", "DeleteItem"), "AccessDeniedException")
        assert handover.hand_over(settings, "me", log) == 0
        handover.resign(settings, "me", log)
    assert [event for _, event, _ in log.events] == ["leases.not_handed_over", "leases.not_resigned"]
