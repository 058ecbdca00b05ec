"""How far a backfill is: a checkpoint for each shard, in a lease table of its own.

The rows are KCL's, so that `sanitizer status` shows them, with one attribute more: where the backfill began. So a table
of a KCL application, whose rows lack it, is told from a backfill's.
"""

from typing import Any, Final, NamedTuple

from consumer import aws
from consumer.dynamodb.schema import create_each, if_unchanged
from consumer.errors import LeaseLost, SessionBroken, StartError, UsageError
from consumer.kcl.lease_table import BACKFILL_BEGAN, SHARD_END, lease_table, leases, new_lease
from consumer.pipeline.checkpoint import CheckpointRefused
from consumer.record import Position

BEGAN: Final = BACKFILL_BEGAN
_TRANSIENT: Final = frozenset({"throttled", "unreachable", "service"})


class Lease(NamedTuple):
    """What the table says of a shard.

    :ivar position: all up to there is done; None: nothing yet.
    :ivar is_ended: the shard was read to its end.
    """

    counter: int
    position: Position | None
    is_ended: bool


class LeaseCheckpointer:
    """`consumer.pipeline.checkpoint.Checkpointer` over a row that this backfill owns."""

    def __init__(self, client: Any, table: str, shard: str, owner: str, counter: int) -> None:
        self._client = client
        self._table = table
        self._shard = shard
        self._owner = owner
        self._counter = counter

    def at(self, position: Position) -> None:
        self._save(str(position.sequence), position.sub)

    def at_end(self) -> None:
        self._save(SHARD_END, 0)

    def _save(self, checkpoint: str, sub: int) -> None:
        try:
            is_mine = if_unchanged(
                self._client.update_item,
                TableName=self._table,
                Key={"leaseKey": {"S": self._shard}},
                UpdateExpression="SET checkpoint = :checkpoint, checkpointSubSequenceNumber = :sub, "
                "leaseCounter = :next",
                ConditionExpression="leaseOwner = :me AND leaseCounter = :counter",
                ExpressionAttributeValues={
                    ":checkpoint": {"S": checkpoint},
                    ":sub": {"N": str(sub)},
                    ":next": {"N": str(self._counter + 1)},
                    ":counter": {"N": str(self._counter)},
                    ":me": {"S": self._owner},
                },
            )
        except aws.CALL_ERRORS as error:
            if aws.reason(error) in _TRANSIENT:
                raise CheckpointRefused(aws.error_code(error)) from None
            raise SessionBroken(aws.explain(error, "dynamodb:UpdateItem", f"table {self._table}")) from None
        if not is_mine:
            raise LeaseLost("Another backfill of this name has taken over.")
        self._counter += 1


def create_table(application: str) -> None:
    """Create a backfill's lease table, if it is missing.

    :raises StartError: not permitted, or a table of that name has other keys.
    """
    list(create_each([lease_table(application)]))


class BackfillLeases:
    """The lease table of one backfill.

    :param application: the backfill's name, and the table's.
    :param began: where it begins, as a text; a later run with the same name has to begin there too.
    :param owner: this run.
    """

    def __init__(self, application: str, began: str, owner: str) -> None:
        # Retried here, briefly: a checkpoint that cannot be written now is tried again with the next batch.
        self._client = aws.client("dynamodb", retries=3, timeout=10)
        self._table = application
        self._began = began
        self._owner = owner

    def claim(self, shards: list[dict[str, Any]], first: str) -> dict[str, tuple[Lease, LeaseCheckpointer]]:
        """Take the shards over from an earlier run, which then stops; those that are new begin at `first`.

        :param shards: as ListShards describes them.
        :raises UsageError: the table is a KCL application's, or the backfill began elsewhere.
        :raises StartError: the table is missing, out of reach or not permitted.
        """
        rows = {str(row.get("leaseKey")): row for row in leases(self._table)}
        for row in rows.values():
            self._check(row)
        return {shard["ShardId"]: self._claim(shard, rows.get(shard["ShardId"]), first) for shard in shards}

    def _check(self, row: dict[str, Any]) -> None:
        began = row.get(BEGAN)
        if began is None:
            raise UsageError(f"The table {self._table} is a KCL application's: give the backfill a name of its own.")
        if began != self._began:
            raise UsageError(
                f"The backfill {self._table} began at {began}, and goes on from its checkpoints: give the same --from, "
                "or take another name."
            )

    def _claim(self, shard: dict[str, Any], row: dict[str, Any] | None, first: str) -> tuple[Lease, LeaseCheckpointer]:
        shard_id = shard["ShardId"]
        counter = int(row["leaseCounter"]) + 1 if row else 0
        try:
            if row:
                is_mine = if_unchanged(
                    self._client.update_item,
                    TableName=self._table,
                    Key={"leaseKey": {"S": shard_id}},
                    UpdateExpression="SET leaseOwner = :me, leaseCounter = :next",
                    ConditionExpression="leaseCounter = :counter",
                    ExpressionAttributeValues={
                        ":me": {"S": self._owner},
                        ":next": {"N": str(counter)},
                        ":counter": {"N": str(counter - 1)},
                    },
                )
            else:
                own = {BEGAN: {"S": self._began}, "leaseOwner": {"S": self._owner}}
                is_mine = if_unchanged(
                    self._client.put_item,
                    TableName=self._table,
                    Item=new_lease(shard, first) | own,
                    ConditionExpression="attribute_not_exists(leaseKey)",
                )
        except aws.CALL_ERRORS as error:
            operation = "dynamodb:UpdateItem" if row else "dynamodb:PutItem"
            raise StartError(aws.explain(error, operation, f"table {self._table}")) from None
        if not is_mine:
            raise StartError(f"Another backfill of the name {self._table} is at work.")
        checkpointer = LeaseCheckpointer(self._client, self._table, shard_id, self._owner, counter)
        return _lease(row, counter), checkpointer

    def release(self, shards: list[str]) -> None:
        """Let go of the shards; a failure is of no consequence, since the next run takes them anyway."""
        for shard in shards:
            try:
                if_unchanged(
                    self._client.update_item,
                    TableName=self._table,
                    Key={"leaseKey": {"S": shard}},
                    UpdateExpression="REMOVE leaseOwner",
                    ConditionExpression="leaseOwner = :me",
                    ExpressionAttributeValues={":me": {"S": self._owner}},
                )
            except aws.CALL_ERRORS:
                return


def _lease(row: dict[str, Any] | None, counter: int) -> Lease:
    checkpoint = str(row["checkpoint"]) if row else ""
    if checkpoint.isdecimal() and row:
        return Lease(counter, Position(int(checkpoint), int(row["checkpointSubSequenceNumber"])), is_ended=False)
    return Lease(counter, None, is_ended=checkpoint == SHARD_END)
