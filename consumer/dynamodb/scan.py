"""Reads tables item by item; for documents see `consumer.documents`."""

from collections.abc import Iterator
from typing import Any

from consumer import aws
from consumer.errors import ServiceError


def pages(method: str, table: str, **request: Any) -> Iterator[dict[str, Any]]:
    """Yield the items of a query or scan, page after page, in DynamoDB's wire form.

    :raises ServiceError: the table is missing, out of reach or not permitted.
    """
    client = aws.client("dynamodb", retries=3, timeout=30)
    while True:
        try:
            page = getattr(client, method)(TableName=table, **request)
        except aws.CALL_ERRORS as error:
            raise read_error(error, method, table) from None
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def read_error(error: Exception, method: str, table: str) -> ServiceError:
    """Return what a failed query or scan means."""
    hint = " `sanitizer tables create` makes the tables." if aws.reason(error) == "missing" else ""
    return ServiceError(aws.explain(error, f"dynamodb:{method.title()}", f"table {table}") + hint)
