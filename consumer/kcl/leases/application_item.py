"""What all workers of an application have to agree upon, over restarts: one item of ours beside the leases.

It lies in KCL's coordinator table, under a key of its own. KCL 3.1.3 reads that table by the keys `Leader` and
`Migration3.0` alone and deletes nothing but its lock (`CoordinatorStateDAO`, whose list nobody calls). 3.5.1 takes a
row whose key and `entityType` it does not know for a state without a meaning
(`CoordinatorStateDAODelegate.fromDynamoRecord`), and would move it only with its migration of everything into the
lease table (`TableMigrationStateMachineImpl`), which has to be asked for, and cannot be by a property.

A fact more is a field of `Facts` and its line in `_NAMES`.
"""

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Self

from consumer.kcl.leases.tables import KEYS
from consumer.settings import lease_tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

ITEM: Final = "Sanitizer"
"""The item's key."""

_KEY: Final = {KEYS[2]: {"S": ITEM}}

_NAMES: Final = {
    "stream_arn": "streamArn",
    "stream_created_ms": "streamCreatedMillis",
    "starts_at": "startsAtSeconds",
    "fetch_records": "fetchRecords",
}
"""The attribute of each fact."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is remembered of an application; None: nothing yet.

    :ivar stream_arn: of the stream that the leases are of.
    :ivar stream_created_ms: when that was created, in epoch milliseconds; of a stream that was deleted and made anew
        under its name it is another.
    :ivar starts_at: what ``LATEST`` was when it was first asked for: from then on shards without a checkpoint are read,
        in epoch seconds.
    :ivar fetch_records: how many records a worker's daemon may fetch at once, as far as its memory has told.
    """

    stream_arn: str | None = None
    stream_created_ms: int | None = None
    starts_at: int | None = None
    fetch_records: int | None = None

    @classmethod
    def of(cls, item: dict[str, Any]) -> Self:
        """Read an item in DynamoDB's form."""
        known: dict[str, Any] = {
            name: value["S"] if "S" in value else int(Decimal(value["N"]))
            for name, attribute in _NAMES.items()
            if (value := item.get(attribute)) is not None
        }
        return cls(**known)


class ApplicationItem:
    """The item of one application. Each method raises what its call raises."""

    def __init__(self, client: "DynamoDBClient", application: str) -> None:
        self._client = client
        self._table = lease_tables(application)[2]

    def read(self) -> Facts:
        """Return what is remembered, as it is now."""
        answer = self._client.get_item(TableName=self._table, Key=_KEY, ConsistentRead=True)
        return Facts.of(answer.get("Item", {}))

    def settle(self, facts: Facts) -> Facts:
        """Write the facts that nobody has written before; return all as they stand now, this worker's or another's."""
        return self._write(facts, "{name} = if_not_exists({name}, {value})")

    def change(self, facts: Facts) -> Facts:
        """Write these facts over what stands there, those that are None excepted; return all as they stand now."""
        return self._write(facts, "{name} = {value}")

    def _write(self, facts: Facts, assignment: str) -> Facts:
        told = {each.name: value for each in fields(facts) if (value := getattr(facts, each.name)) is not None}
        if not told:
            return self.read()
        answer = self._client.update_item(
            TableName=self._table,
            Key=_KEY,
            UpdateExpression="SET " + ", ".join(assignment.format(name=f"#{n}", value=f":{n}") for n in told),
            ExpressionAttributeNames={f"#{name}": _NAMES[name] for name in told},
            ExpressionAttributeValues={
                f":{name}": {"S": value} if isinstance(value, str) else {"N": str(value)}
                for name, value in told.items()
            },
            ReturnValues="ALL_NEW",
        )
        return Facts.of(answer["Attributes"])
