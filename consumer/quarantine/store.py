"""The entries of the quarantine: read, marked as replayed, purged."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from consumer import aws
from consumer.dynamodb.attribute_values import decode_document
from consumer.dynamodb.scan import pages
from consumer.errors import ServiceError
from consumer.quarantine.entry import EXPIRES_AT, KEY_NAMES, position_of, source_of
from consumer.record import place_of
from consumer.settings import Settings

CHANGED: Final = "ConditionalCheckFailedException"


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a record stands that went to quarantine, and why; never its content.

    :ivar fields: all that the table holds of it.
    """

    fields: dict[str, Any]

    @property
    def stream(self) -> str:
        return self._text("stream")

    @property
    def shard(self) -> str:
        return self._text("shard")

    @property
    def sequence(self) -> str:
        return self._text("sequence")

    @property
    def sub(self) -> int:
        return self._number("sub")

    @property
    def part(self) -> int | None:
        """Number of the document in its record; None: the record as a whole."""
        return self._number("part") if "part" in self.fields else None

    @property
    def place(self) -> str:
        """See `consumer.record.place_of`."""
        return place_of(self.sub, self.part)

    @property
    def arrival_ms(self) -> int:
        return self._number("arrival_ms")

    @property
    def size(self) -> int:
        return self._number("bytes")

    @property
    def code(self) -> str:
        return self._text("code")

    @property
    def quarantined_at(self) -> str:
        return self._text("quarantined_at")

    @property
    def replayed_as(self) -> str:
        """``stored`` or ``dropped``; empty before a replay."""
        return self._text("replayed_as")

    def _text(self, name: str) -> str:
        return str(self.fields.get(name, ""))

    def _number(self, name: str) -> int:
        value = self.fields.get(name)
        return int(value) if isinstance(value, (int, Decimal)) else 0


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries of the configured stream are meant; None leaves a question open.

    :ivar since: quarantined then or later.
    :ivar before: quarantined before.
    """

    shard: str | None = None
    code: str | None = None
    since: datetime | None = None
    before: datetime | None = None

    def request(self, stream: str, now: datetime) -> tuple[str, dict[str, Any]]:
        """Return DynamoDB's operation for it, and the request."""
        names = {"#e": EXPIRES_AT, "#t": "stream"}
        values: dict[str, Any] = {":now": {"N": str(int(now.timestamp()))}, ":stream": {"S": stream}}
        # DynamoDB deletes what has expired within days, not at once.
        conditions = ["#t = :stream", "(attribute_not_exists(#e) OR #e > :now)"]
        for name, attribute, operator, value in (
            ("code", "code", "=", self.code),
            ("since", "quarantined_at", ">=", _stored(self.since)),
            ("before", "quarantined_at", "<", _stored(self.before)),
        ):
            if value is not None:
                names[f"#{name}"], values[f":{name}"] = attribute, {"S": value}
                conditions.append(f"#{name} {operator} :{name}")
        request: dict[str, Any] = {"FilterExpression": " AND ".join(conditions), "ConsistentRead": True}
        operation = "scan"
        if self.shard is not None:
            operation = "query"
            request["KeyConditionExpression"] = "#source = :source"
            names["#source"], values[":source"] = KEY_NAMES[0], {"S": source_of(stream, self.shard)}
        return operation, request | {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}


def entries(settings: Settings, selection: Selection | None = None) -> Iterator[Entry]:
    """Yield the entries of the configured stream, but for those that have expired; by shard, if one is selected.

    :raises ServiceError: the table is missing, out of reach or not permitted.
    """
    operation, request = (selection or Selection()).request(settings.stream.name, datetime.now(UTC))
    return (Entry(decode_document(item)) for item in pages(operation, settings.quarantine.table, **request))


class Quarantine:
    """One table's entries, one by one."""

    def __init__(self, settings: Settings) -> None:
        self._client = aws.client("dynamodb", retries=6, timeout=10)
        self._stream, self._table = settings.stream.name, settings.quarantine.table

    def get(self, shard: str, sequence: str, place: str) -> Entry | None:
        """Return an entry, if there is one.

        :param place: see `consumer.record.place_of`.
        :raises ServiceError: the table is missing, out of reach or not permitted.
        """
        answer = self._call("get_item", "dynamodb:GetItem", Key=self._key(shard, sequence, place), ConsistentRead=True)
        return Entry(decode_document(answer["Item"])) if "Item" in answer else None

    def mark(self, entry: Entry, replayed_as: str, digest: str, *, again: bool) -> bool:
        """Note that an entry was replayed.

        :param again: also if it was before.
        :return: False: it has changed meanwhile: another replay was faster, or it is gone.
        :raises ServiceError: see `get`.
        """
        condition = "quarantined_at = :seen" + ("" if again else " AND attribute_not_exists(replayed_at)")
        return self._if_unchanged(
            "update_item",
            "dynamodb:UpdateItem",
            Key=self._key(entry.shard, entry.sequence, entry.place),
            UpdateExpression="SET replayed_at = :at, replayed_as = :as, replayed_digest = :digest",
            ConditionExpression=condition,
            ExpressionAttributeValues={
                ":seen": {"S": entry.quarantined_at},
                ":at": {"S": _stored(datetime.now(UTC))},
                ":as": {"S": replayed_as},
                ":digest": {"S": digest},
            },
        )

    def delete(self, entry: Entry) -> bool:
        """Delete an entry; False: it has changed since it was read, or is gone.

        :raises ServiceError: see `get`.
        """
        return self._if_unchanged(
            "delete_item",
            "dynamodb:DeleteItem",
            Key=self._key(entry.shard, entry.sequence, entry.place),
            ConditionExpression="quarantined_at = :seen",
            ExpressionAttributeValues={":seen": {"S": entry.quarantined_at}},
        )

    def _key(self, shard: str, sequence: str, place: str) -> dict[str, Any]:
        return {
            KEY_NAMES[0]: {"S": source_of(self._stream, shard)},
            KEY_NAMES[1]: {"S": position_of(sequence, place)},
        }

    def _if_unchanged(self, method: str, operation: str, **request: Any) -> bool:
        return self._call(method, operation, **request) is not None

    def _call(self, method: str, operation: str, **request: Any) -> Any:
        """Return the answer; None: the condition did not hold."""
        try:
            return getattr(self._client, method)(TableName=self._table, **request)
        except aws.CALL_ERRORS as error:
            if aws.error_code(error) == CHANGED:
                return None
            raise ServiceError(aws.explain(error, operation, f"table {self._table}")) from None


def _stored(when: datetime | None) -> str | None:
    """Return a time as the entries hold it, in which texts order as times do."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds") if when else None
