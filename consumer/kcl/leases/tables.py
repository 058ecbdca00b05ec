"""KCL's three tables, as KCL 3.4.2 keeps them: names of attributes, schemas, rows, and every write into them.

They are another program's, so that nothing outside of this module knows their attributes:

    <application>                     a row for each shard, its lease: who owns it, and how far it is read
    <application>-WorkerMetricStats   a row for each worker, with the time of its last report
    <application>-CoordinatorState    the lock of the leader, among other things

All of it was read in KCL's source, at the tag of `KCL_VERSION`: `DynamoDBLeaseSerializer` and `DynamoDBLeaseRefresher`
(rows, conditions, updates, index of leases), `WorkerMetricStats` and its DAO, `LeaseAssignmentManager` (whose reports
count), `CoordinatorStateDAO` and `DynamoDBLockBasedLeaderDecider` (the leader, by the client of DynamoDB's locks).
"""

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from consumer.dynamodb.schema import Table, if_unchanged, key_schema, new_table
from consumer.record import Position
from consumer.settings import lease_tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

KCL_VERSION: Final = "3.4.2"

SHARD_END: Final = "SHARD_END"
"""The checkpoint of a shard that is read to its end."""

TRIM_HORIZON: Final = "TRIM_HORIZON"
LATEST: Final = "LATEST"
AT_TIMESTAMP: Final = "AT_TIMESTAMP"
"""The checkpoints of a shard of which nothing was settled yet: where reading begins. KCL looks LATEST up anew at each
start, and takes the time of AT_TIMESTAMP from its property."""

LEASE_OWNER_INDEX: Final = "LeaseOwnerToLeaseKeyIndex"
"""The index that KCL 3 queries; it would build it itself, which takes minutes on a fresh table."""

BACKFILL_BEGAN: Final = "backfillFrom"
"""The attribute of leases that are a backfill's, and not of KCL: where it began."""

BACKFILL_OF: Final = "backfillOf"
"""And of which stream they are."""

REPORT_SECONDS: Final = 60.0
"""For so long KCL's leader takes a worker for alive after its report: twice its period of 30 s."""

KEYS: Final = ("leaseKey", "wid", "key")
"""The keys of the three tables."""

LEADER: Final = "Leader"
"""The key of the leader's lock in the coordinator table."""

_LEADER_KEY: Final = {"key": {"S": LEADER}}

_READ: Final = (
    "leaseKey",
    "leaseOwner",
    "leaseCounter",
    "checkpoint",
    "checkpointSubSequenceNumber",
    "checkpointOwner",
    BACKFILL_BEGAN,
    BACKFILL_OF,
)
_ONE: Final = {"N": "1"}


def lease_table(name: str) -> Table:
    """Return an application's lease table, as KCL 3 wants it."""
    index = {
        "IndexName": LEASE_OWNER_INDEX,
        "KeySchema": key_schema("leaseOwner", "leaseKey"),
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    return new_table(name, "leaseKey", attributes=("leaseOwner",), GlobalSecondaryIndexes=[index])


def tables_of(application: str) -> tuple[Table, Table, Table]:
    """Return an application's three tables, in the order of `lease_tables`."""
    leases, workers, coordinator = lease_tables(application)
    return lease_table(leases), new_table(workers, "wid"), new_table(coordinator, "key")


def owned_by(worker: str) -> dict[str, Any]:
    """Return the query of the lease table's index for one worker's leases, which KCL makes."""
    return {
        "IndexName": LEASE_OWNER_INDEX,
        "KeyConditionExpression": "leaseOwner = :owner",
        "ExpressionAttributeValues": {":owner": {"S": worker}},
    }


class Lease(NamedTuple):
    """A shard's row.

    :ivar owner: None: nobody.
    :ivar drained_by: who had it before, still renews it, and is asked to settle what it has read; None: nobody.
    :ivar counter: every renewal, checkpoint and change of owner moves it on.
    :ivar checkpoint: a sequence number, `SHARD_END`, or where reading begins, e.g. ``TRIM_HORIZON``.
    :ivar sub: the checkpoint's sub-sequence number.
    :ivar backfill_from: where the backfill began whose lease it is; None: it is a worker's.
    :ivar backfill_of: which stream that reads; None: an earlier version did not say.
    """

    shard: str
    owner: str | None = None
    counter: int = 0
    checkpoint: str | None = None
    sub: int = 0
    backfill_from: str | None = None
    backfill_of: str | None = None
    drained_by: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the shard is read to its end."""
        return self.checkpoint == SHARD_END

    @property
    def position(self) -> Position | None:
        """All up to there is done; None: nothing yet, or all."""
        number = self.checkpoint or ""
        return Position(int(number), self.sub) if number.isdecimal() else None


class Leader(NamedTuple):
    """Who holds the lock, and its version, which changes with every heartbeat."""

    owner: str
    version: str


class LeaseTables:
    """The three tables of an application. Each method raises what its call raises.

    A write that returns whether it was made has a condition: what it is based on still stands.
    """

    def __init__(self, client: "DynamoDBClient", application: str) -> None:
        self._client = client
        self._leases, self._workers, self._coordinator = lease_tables(application)

    def leases(self) -> list[Lease]:
        """Return all leases, by shard, as they are now."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._leases, ConsistentRead=True, ProjectionExpression=", ".join(_READ)
        )
        found = [_lease(item) for page in pages for item in page["Items"] if "leaseCounter" in item]
        return sorted(found, key=lambda lease: lease.shard)

    def add(
        self,
        shard: Mapping[str, Any],
        checkpoint: str,
        *,
        owner: str | None = None,
        backfill_from: str | None = None,
        backfill_of: str | None = None,
    ) -> Lease | None:
        """Write the lease of a shard that has none, as KCL writes it; None: it has one.

        :param shard: as ListShards describes it.
        :param checkpoint: ``TRIM_HORIZON`` or ``AT_TIMESTAMP``.
        """
        item: dict[str, Any] = {
            "leaseKey": {"S": shard["ShardId"]},
            "checkpoint": {"S": checkpoint},
            "checkpointSubSequenceNumber": {"N": "0"},
            "leaseCounter": {"N": "0"},
            "ownerSwitchesSinceCheckpoint": {"N": "0"},
            "startingHashKey": {"S": shard["HashKeyRange"]["StartingHashKey"]},
            "endingHashKey": {"S": shard["HashKeyRange"]["EndingHashKey"]},
        }
        parents = [shard[name] for name in ("ParentShardId", "AdjacentParentShardId") if shard.get(name)]
        if parents:
            item["parentShardId"] = {"SS": parents}
        more = {"leaseOwner": owner, BACKFILL_BEGAN: backfill_from, BACKFILL_OF: backfill_of}
        item |= {name: {"S": value} for name, value in more.items() if value is not None}
        is_new = if_unchanged(
            self._client.put_item,
            TableName=self._leases,
            Item=item,
            ConditionExpression="attribute_not_exists(leaseKey)",
        )
        return _lease(item) if is_new else None

    def created_at(self) -> float:
        """Return when the lease table was created, in epoch seconds."""
        return self._client.describe_table(TableName=self._leases)["Table"]["CreationDateTime"].timestamp()

    def restate(self, lease: Lease, checkpoint: str) -> bool:
        """Write another beginning into the lease of a shard that was not checkpointed, unless it is meanwhile.

        Its owner may read on: KCL renews a lease by its counter, and reads the checkpoint when a session begins.
        """
        return self._update(
            lease.shard,
            "SET checkpoint = :checkpoint",
            "checkpoint = :before",
            {":checkpoint": {"S": checkpoint}, ":before": {"S": lease.checkpoint}},
        )

    def claim(self, lease: Lease, owner: str) -> Lease | None:
        """Take a backfill's lease, whoever owns it; return it as it is now, None if another was faster."""
        is_mine = self._update(
            lease.shard,
            "SET leaseOwner = :me ADD leaseCounter :one",
            "leaseCounter = :counter",
            {":me": {"S": owner}, ":one": _ONE, ":counter": {"N": str(lease.counter)}},
        )
        return lease._replace(owner=owner, counter=lease.counter + 1) if is_mine else None

    def checkpoint(self, lease: Lease, checkpoint: str, sub: int) -> Lease | None:
        """Move a backfill's checkpoint on; return the lease as it is now, None if it is its owner's no longer."""
        is_mine = self._update(
            lease.shard,
            "SET checkpoint = :checkpoint, checkpointSubSequenceNumber = :sub ADD leaseCounter :one",
            "leaseOwner = :me AND leaseCounter = :counter",
            {
                ":checkpoint": {"S": checkpoint},
                ":sub": {"N": str(sub)},
                ":one": _ONE,
                ":me": {"S": lease.owner},
                ":counter": {"N": str(lease.counter)},
            },
        )
        return lease._replace(checkpoint=checkpoint, sub=sub, counter=lease.counter + 1) if is_mine else None

    def release(self, shard: str, owner: str) -> bool:
        """Let go of a lease.

        As KCL's own evictLease does it: the counter moves on, so that whoever watched it sees a change. Not a lease
        on its way to this owner, whose last one still drains: it would lose it before its last checkpoint.
        """
        return self._update(
            shard,
            "REMOVE leaseOwner ADD leaseCounter :one",
            "leaseOwner = :me AND attribute_not_exists(checkpointOwner)",
            {":me": {"S": owner}, ":one": _ONE},
        )

    def take(self, lease: Lease, worker: str) -> bool:
        """Assign a lease that has expired, or that nobody owns.

        As KCL's own assignLease does it, with the counter as a condition besides the owner.
        """
        is_still_owned, owner = _as_owned(lease)
        return self._update(
            lease.shard,
            "SET leaseOwner = :me REMOVE checkpointOwner ADD leaseCounter :one, ownerSwitchesSinceCheckpoint :one",
            f"leaseCounter = :counter AND {is_still_owned}",
            {":me": {"S": worker}, ":one": _ONE, ":counter": {"N": str(lease.counter)}} | owner,
        )

    def pass_on(self, lease: Lease) -> bool:
        """End a hand-over, so that the owner may begin; who drained the shard loses the lease.

        As KCL's own assignLease does it; and the change of owner is counted.
        """
        is_still_owned, owner = _as_owned(lease)  # by nobody: where a hand took the new owner's name off
        return self._update(
            lease.shard,
            "REMOVE checkpointOwner ADD leaseCounter :one, ownerSwitchesSinceCheckpoint :one",
            f"checkpointOwner = :drained_by AND {is_still_owned}",
            {":drained_by": {"S": lease.drained_by}, ":one": _ONE} | owner,
        )

    def _update(self, shard: str, update: str, condition: str, values: dict[str, Any]) -> bool:
        return if_unchanged(
            self._client.update_item,
            TableName=self._leases,
            Key={"leaseKey": {"S": shard}},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
        )

    def reporting(self) -> set[str]:
        """Return the workers that have reported themselves alive (`lut`: epoch seconds), as KCL's leader reads it."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._workers, ConsistentRead=True, ProjectionExpression="wid, lut"
        )
        since = time.time() - REPORT_SECONDS
        items: Iterable[Mapping[str, Any]] = (item for page in pages for item in page["Items"])
        return {item["wid"]["S"] for item in items if float(item.get("lut", {}).get("N", 0)) > since}

    def forget(self, worker: str) -> None:
        """Take a worker's report away, so that the leader assigns it nothing; one that lives soon writes another."""
        self._client.delete_item(TableName=self._workers, Key={"wid": {"S": worker}})

    def leader(self) -> Leader | None:
        """Return the leader, if there is one."""
        answer = self._client.get_item(TableName=self._coordinator, Key=_LEADER_KEY, ConsistentRead=True)
        item: Mapping[str, Any] = answer.get("Item", {})
        owner = item.get("ownerName", {}).get("S")
        return Leader(owner, item["recordVersionNumber"]["S"]) if owner and "recordVersionNumber" in item else None

    def resign(self, worker: str) -> bool:
        """Clear the leader's place, if this worker leads: else nobody would before KCL's lock of 120 s has run out."""
        return self._clear_leader("ownerName = :me", {":me": {"S": worker}})

    def depose(self, leader: Leader) -> bool:
        """Clear the place of a leader, unless it has shown a sign of life."""
        return self._clear_leader("recordVersionNumber = :version", {":version": {"S": leader.version}})

    def _clear_leader(self, condition: str, values: dict[str, Any]) -> bool:
        return if_unchanged(
            self._client.delete_item,
            TableName=self._coordinator,
            Key=_LEADER_KEY,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
        )


def _as_owned(lease: Lease) -> tuple[str, dict[str, Any]]:
    """Return the condition that a lease's owner is the same still, with its values."""
    if lease.owner:
        return "leaseOwner = :owner", {":owner": {"S": lease.owner}}
    return "attribute_not_exists(leaseOwner)", {}


def _lease(item: Mapping[str, Any]) -> Lease:
    def text(name: str) -> str | None:
        found: str | None = item.get(name, {}).get("S")
        return found

    return Lease(
        item["leaseKey"]["S"],
        text("leaseOwner"),
        int(item["leaseCounter"]["N"]),
        text("checkpoint"),
        int(item.get("checkpointSubSequenceNumber", {}).get("N", 0)),
        text(BACKFILL_BEGAN),
        text(BACKFILL_OF),
        text("checkpointOwner"),
    )
