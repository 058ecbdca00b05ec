"""Reads tables item by item, and the shards' leases in theirs; for documents see `consumer.documents`."""

from collections.abc import Iterator
from typing import Any

from consumer import aws
from consumer.errors import StartError


def all_items(table: str) -> Iterator[dict[str, Any]]:
    """Yield every item of a table, in DynamoDB's wire form."""
    return pages("scan", table, ConsistentRead=True)


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
