"""Reads tables item by item, and the shards' leases in theirs; for documents see `consumer.documents`."""

from collections.abc import Iterator
from typing import Any, Final

from consumer import aws
from consumer.dynamodb.attribute_values import decode_document
from consumer.errors import StartError
from consumer.settings import Settings, lease_tables

BACKFILL_BEGAN: Final = "backfillFrom"
"""The attribute of leases that are a backfill's: where it began."""


def all_items(table: str) -> Iterator[dict[str, Any]]:
    """Yield every item of a table, in DynamoDB's wire form."""
    return pages("scan", table, ConsistentRead=True)


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


def pages(method: str, table: str, **request: Any) -> Iterator[dict[str, Any]]:
    """Yield the items of a query or scan, page after page, in DynamoDB's wire form.

    :raises StartError: the table is missing, out of reach or not permitted.
    """
    client = aws.client("dynamodb", retries=3, timeout=30)
    while True:
        try:
            page = getattr(client, method)(TableName=table, **request)
        except aws.CALL_ERRORS as error:
            operation = f"dynamodb:{method.title()}"
            hint = " `sanitizer tables create` makes the tables." if aws.reason(error) == "missing" else ""
            raise StartError(aws.explain(error, operation, f"table {table}") + hint) from None
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
