"""KCL's tables have one owner, who knows them of one version of KCL."""

import re
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

import consumer
from consumer import aws
from consumer.kcl.jvm import jars
from consumer.kcl.leases import tables as lease_tables
from consumer.kcl.leases.tables import KCL_VERSION, SHARD_END, Leader, Lease, LeaseTables, tables_of
from consumer.record import Position

SHARD = "shardId-000000000000"
DESCRIBED = {"ShardId": SHARD, "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "9"}, "ParentShardId": "p"}
ATTRIBUTES = re.compile(
    r"lease(Key|Owner|Counter)\b|checkpointSub|checkpointOwner|ownerName|ownerSwitches|recordVersionNumber"
    r"""|["'](SHARD_END|Leader|wid|lut|backfillFrom|backfillOf)["']"""
)


@pytest.fixture
def client(_in_the_cloud: None) -> Any:
    return aws.client("dynamodb")


@pytest.fixture
def tables(client: Any, request: pytest.FixtureRequest) -> LeaseTables:
    application = f"a{abs(hash(request.node.name))}"
    for table in tables_of(application):
        client.create_table(**table.request)
    return LeaseTables(client, application)


def test_nobody_else_knows_their_attributes() -> None:
    folder = Path(consumer.__file__).parent
    may = {folder / "kcl" / "leases" / "tables.py", folder / "kcl" / "log_templates.py"}
    assert ATTRIBUTES.search((folder / "kcl" / "leases" / "tables.py").read_text())
    assert [
        f"{path.relative_to(folder)}: {found[0]}"
        for path in sorted(folder.rglob("*.py"))
        if path not in may and (found := ATTRIBUTES.search(path.read_text()))
    ] == []


def test_they_were_read_in_the_source_of_the_kcl_that_runs() -> None:
    assert jars.version() == KCL_VERSION, (
        "KCL's version has changed. Read again, in its source at the new tag, all that the docstring of "
        f"{lease_tables.__name__} names, what takeover and handover beside it say of it, the properties "
        "(settings/kcl_properties.py) and the messages (kcl/log_templates.py); then change KCL_VERSION."
    )


def test_a_lease_is_written_once_and_read_as_it_was(tables: LeaseTables) -> None:
    lease = Lease(SHARD, None, 0, "TRIM_HORIZON")
    assert tables.add(DESCRIBED, "TRIM_HORIZON") == lease
    assert tables.add(DESCRIBED, "LATEST") is None
    assert tables.leases() == [lease]
    assert (lease.position, lease.is_finished) == (None, False)


def test_rows_that_are_no_leases_are_left_out(tables: LeaseTables, client: Any) -> None:
    client.put_item(TableName=tables._leases, Item={"leaseKey": {"S": "other"}})
    assert tables.leases() == []


def test_all_pages_are_read(tables: LeaseTables, client: Any) -> None:
    for number in range(4):
        row = {"leaseKey": {"S": f"s{number}"}, "leaseCounter": {"N": "1"}, "other": {"S": "x" * 390_000}}
        client.put_item(TableName=tables._leases, Item=row)
    assert "LastEvaluatedKey" in client.scan(TableName=tables._leases)
    assert tables.leases() == [Lease(f"s{number}", None, 1) for number in range(4)]


def test_a_backfill_claims_checkpoints_and_releases_what_is_still_its_own(tables: LeaseTables) -> None:
    mine = tables.add(DESCRIBED, "TRIM_HORIZON", owner="me", backfill_from="then")
    assert mine == Lease(SHARD, "me", 0, "TRIM_HORIZON", 0, "then")
    assert tables.leases() == [mine]
    moved = tables.checkpoint(mine, "7", 3)
    assert moved == Lease(SHARD, "me", 1, "7", 3, "then")
    assert moved.position == Position(7, 3)
    assert tables.leases() == [moved]
    assert tables.checkpoint(mine, "8", 0) is None  # as it was before
    yours = tables.claim(moved, "you")
    assert yours == moved._replace(owner="you", counter=2)
    assert tables.claim(moved, "she") is None
    assert tables.checkpoint(moved, "9", 0) is None
    assert not tables.release(SHARD, "me")
    ended = tables.checkpoint(yours, SHARD_END, 0)
    assert ended is not None
    assert (ended.is_finished, ended.position) == (True, None)
    assert tables.release(SHARD, "you")
    (free,) = tables.leases()
    assert (free.owner, free.counter) == (None, 4)


def test_a_lease_that_drains_at_its_last_owner_is_not_released(tables: LeaseTables, client: Any) -> None:
    row = {"leaseKey": {"S": SHARD}, "leaseCounter": {"N": "1"}, "leaseOwner": {"S": "me"}}
    client.put_item(TableName=tables._leases, Item=row | {"checkpointOwner": {"S": "you"}})
    assert not tables.release(SHARD, "me")


def test_a_lease_is_taken_only_as_it_was_seen(tables: LeaseTables) -> None:
    lease = tables.add(DESCRIBED, "TRIM_HORIZON")
    assert lease is not None
    assert not tables.take(lease._replace(counter=5), "me")
    assert not tables.take(lease._replace(owner="you"), "me")
    assert tables.take(lease, "me")
    assert not tables.take(lease, "you")
    assert tables.leases() == [lease._replace(owner="me", counter=1)]


@pytest.mark.parametrize("owner", ["you", None])
def test_a_hand_over_is_ended_only_as_it_was_seen(tables: LeaseTables, client: Any, owner: str | None) -> None:
    row = {"leaseKey": {"S": "s1"}, "leaseCounter": {"N": "4"}, "checkpointOwner": {"S": "me"}}
    client.put_item(TableName=tables._leases, Item=row | ({"leaseOwner": {"S": owner}} if owner else {}))
    (lease,) = tables.leases()
    assert (lease.owner, lease.drained_by) == (owner, "me")
    assert not tables.pass_on(lease._replace(owner="she"))
    assert not tables.pass_on(lease._replace(drained_by="she"))
    assert tables.pass_on(lease._replace(counter=3))  # who drains it renews it
    assert not tables.pass_on(lease)
    assert tables.leases() == [lease._replace(counter=5, drained_by=None)]


def test_reports_count_for_a_minute(tables: LeaseTables, client: Any) -> None:
    for worker, age in (("new", 0), ("old", lease_tables.REPORT_SECONDS + 5)):
        lut = {"N": str(int(time.time() - age))}
        client.put_item(TableName=tables._workers, Item={"wid": {"S": worker}, "lut": lut})
    client.put_item(TableName=tables._workers, Item={"wid": {"S": "none"}})
    assert tables.reporting() == {"new"}
    tables.forget("new")
    assert tables.reporting() == set()


def test_the_leaders_place_is_cleared_by_itself_or_if_it_shows_no_life(tables: LeaseTables, client: Any) -> None:
    def lead(version: str) -> None:
        lock = {"ownerName": {"S": "she"}, "recordVersionNumber": {"S": version}}
        client.put_item(TableName=tables._coordinator, Item={"key": {"S": lease_tables.LEADER}} | lock)

    assert tables.leader() is None
    lead("1")
    assert tables.leader() == Leader("she", "1")
    assert not tables.resign("me")
    lead("2")
    assert not tables.depose(Leader("she", "1"))
    assert tables.leader() == Leader("she", "2")
    assert tables.depose(Leader("she", "2"))
    assert tables.leader() is None
    lead("3")
    assert tables.resign("she")
    assert tables.leader() is None


def test_the_index_is_queried_as_kcl_does(tables: LeaseTables) -> None:
    tables.add(DESCRIBED, "TRIM_HORIZON", owner="me")
    found = boto3.client("dynamodb").query(TableName=tables._leases, **lease_tables.owned_by("me"))["Items"]
    assert [item["leaseKey"]["S"] for item in found] == [SHARD]
