"""When documents became durable: seen at the table's own door, not reported by the worker in question."""

import time
from typing import Any

import orjson

from consumer.record import place_of

RESERVED_ATTRIBUTE = "_sanitizer"
MAX_ENTRIES = 1_000_000

_MARK = b'"' + RESERVED_ATTRIBUTE.encode() + b'"'


class DurableTimes:
    """When each document was first written, in ms since the epoch, by ``shard/sequence/place``.

    Sees items with the reserved attribute, a map with `shard` (S), `sequence` (S) and `sub` (N), and of a record that
    was decoded `part` (N); for the place see `consumer.record.place_of`. Full at `MAX_ENTRIES`: further ones go
    unnoted.
    """

    def __init__(self) -> None:
        self._times: dict[str, float] = {}

    def note(self, operation: str, request: bytes, answer: bytes) -> None:
        """Take note of a DynamoDB request that has just been answered 200."""
        if operation not in {"BatchWriteItem", "PutItem"} or _MARK not in request:
            return
        now = time.time() * 1000
        body = orjson.loads(request)
        if operation == "PutItem":
            items = [body.get("Item")]
            refused: list[Any] = []
        else:
            items = _put_items(body.get("RequestItems"))
            refused = _put_items(orjson.loads(answer).get("UnprocessedItems"))
        durable = {_identity(item) for item in items} - {_identity(item) for item in refused}
        for identity in durable:
            if identity is not None and len(self._times) < MAX_ENTRIES:
                self._times.setdefault(identity, now)

    def to_json(self) -> bytes:
        """Return all entries as a JSON object."""
        return orjson.dumps(self._times)


def _put_items(requests_by_table: dict[str, list[dict[str, Any]]] | None) -> list[Any]:
    return [
        request["PutRequest"]["Item"]
        for requests in (requests_by_table or {}).values()
        for request in requests
        if "PutRequest" in request
    ]


def _identity(item: dict[str, Any]) -> str | None:
    try:
        record = item[RESERVED_ATTRIBUTE]["M"]
        part = int(record["part"]["N"]) if "part" in record else None
        return f"{record['shard']['S']}/{record['sequence']['S']}/{place_of(record['sub']['N'], part)}"
    except (KeyError, TypeError, ValueError):
        return None
