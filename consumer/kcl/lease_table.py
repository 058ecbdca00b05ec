"""KCL's three tables: names, schema, rows, leader; the one place that knows their attributes."""

import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from consumer.dynamodb.attribute_values import decode_document
from consumer.dynamodb.scan import all_items
from consumer.dynamodb.schema import Table, key_schema, new_table
from consumer.settings import Settings, lease_tables


def lease_table(name: str) -> Table:
    """Return an application's lease table, as KCL 3 wants it."""
    index = {
        "IndexName": LEASE_OWNER_INDEX,
        "KeySchema": key_schema("leaseOwner", "leaseKey"),
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    return new_table(name, "leaseKey", attributes=("leaseOwner",), GlobalSecondaryIndexes=[index])


def new_lease(shard: dict[str, Any], checkpoint: str) -> dict[str, Any]:
    """Return the lease of a shard that nobody has read yet, as KCL writes it.

    :param shard: as ListShards describes it.
    :param checkpoint: ``TRIM_HORIZON``, ``LATEST`` or ``AT_TIMESTAMP``.
    """
    lease: dict[str, Any] = {
        "leaseKey": {"S": shard["ShardId"]},
        "checkpoint": {"S": checkpoint},
        "checkpointSubSequenceNumber": {"N": "0"},
        "leaseCounter": {"N": "0"},
        "ownerSwitchesSinceCheckpoint": {"N": "0"},
        "startingHashKey": {"S": shard["HashKeyRange"]["StartingHashKey"]},
        "endingHashKey": {"S": shard["HashKeyRange"]["EndingHashKey"]},
    }
    parents = [shard[name] for name in ("ParentShardId", "AdjacentParentShardId") if shard.get(name)]
    return lease | ({"parentShardId": {"SS": parents}} if parents else {})


REPORT_SECONDS: Final = 60.0
"""For so long KCL's leader takes a worker for alive after its report: twice its period of 30 s."""


LEADER_KEY: Final = {"key": {"S": "Leader"}}


SHARD_END: Final = "SHARD_END"


class Lease(NamedTuple):
    """Who owns it (empty: nobody), and the counter that each renewal moves on."""

    owner: str
    counter: str


class Leader(NamedTuple):
    """Who holds the lock, and its version, which changes with every heartbeat."""

    owner: str
    version: str


def read_leader(client: Any, table: str) -> Leader | None:
    """Return the leader by KCL's coordinator table, if there is one. Raises what the call raises."""
    item = client.get_item(TableName=table, Key=LEADER_KEY, ConsistentRead=True).get("Item", {})
    owner = item.get("ownerName", {}).get("S")
    return Leader(owner, item["recordVersionNumber"]["S"]) if owner and "recordVersionNumber" in item else None


def reporting(client: Any, table: str) -> set[str]:
    """Return the workers that have reported themselves alive (`lut`: epoch seconds), as KCL's leader reads it.

    :param table: KCL's table of worker metrics. Raises what the call raises.
    """
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True, ProjectionExpression="wid, lut")
    since = time.time() - REPORT_SECONDS
    return {
        item["wid"]["S"] for page in pages for item in page["Items"] if float(item.get("lut", {}).get("N", 0)) > since
    }


LEASE_OWNER_INDEX = "LeaseOwnerToLeaseKeyIndex"
"""The index that KCL 3 queries; it would build it itself, which takes minutes on a fresh table."""


BACKFILL_BEGAN: Final = "backfillFrom"
"""The attribute of leases that are a backfill's: where it began."""


def shards(settings: Settings) -> list[dict[str, Any]]:
    """Return the leases by shard: owner, checkpoint, sub-sequence number, counter of renewals, whether a backfill's."""
    table = lease_tables(settings.kcl.application)[0]
    rows = [
        {
            "shard": lease["leaseKey"],
            "owner": lease.get("leaseOwner"),
            "checkpoint": lease.get("checkpoint"),
            "sub": lease.get("checkpointSubSequenceNumber", 0),
            "counter": lease.get("leaseCounter", 0),
            "is_backfill": BACKFILL_BEGAN in lease,
        }
        for lease in leases(table)
        if str(lease.get("leaseKey", "")).startswith("shardId-")
    ]
    return sorted(rows, key=lambda row: str(row["shard"]))


def leases(table: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a lease table, as far as they are texts and numbers: KCL also writes sets, such as parents."""
    return (
        decode_document({name: value for name, value in item.items() if value.keys() <= {"S", "N"}})
        for item in all_items(table)
    )
