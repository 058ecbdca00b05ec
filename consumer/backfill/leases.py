"""How far a backfill is: a checkpoint for each shard, in a lease table of its own.

The rows are KCL's, so that `sanitizer status` shows them, with two attributes more: where the backfill began, and which
stream it reads. So a table of a KCL application, whose rows lack them, is told from a backfill's.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from consumer import aws
from consumer.dynamodb.scan import read_error
from consumer.dynamodb.schema import create_each
from consumer.errors import LeaseLost, ServiceError, SessionBroken, StartError, UsageError
from consumer.kcl.leases.tables import SHARD_END, Lease, LeaseTables, lease_table
from consumer.pipeline.checkpoint import CheckpointRefused
from consumer.record import Position

_TRANSIENT: Final = frozenset({"throttled", "unreachable", "service"})


class LeaseCheckpointer:
    """`consumer.pipeline.checkpoint.Checkpointer` over a lease that this backfill owns."""

    def __init__(self, tables: LeaseTables, name: str, lease: Lease) -> None:
        self._tables = tables
        self._name = name
        self._lease = lease

    def at(self, position: Position) -> None:
        self._save(str(position.sequence), position.sub)

    def at_end(self) -> None:
        self._save(SHARD_END, 0)

    def _save(self, checkpoint: str, sub: int) -> None:
        try:
            lease = self._tables.checkpoint(self._lease, checkpoint, sub)
        except aws.CALL_ERRORS as error:
            if aws.reason(error) in _TRANSIENT:
                raise CheckpointRefused(aws.error_code(error)) from None
            raise SessionBroken(aws.explain(error, "dynamodb:UpdateItem", f"table {self._name}")) from None
        if lease is None:
            raise LeaseLost("Another backfill of this name has taken over.")
        self._lease = lease


def create_table(application: str) -> None:
    """Create a backfill's lease table, if it is missing.

    :raises ServiceError, StartError: see `create_each`.
    """
    create_each([lease_table(application)])


class BackfillLeases:
    """The lease table of one backfill.

    :param application: the backfill's name, and the table's.
    :param began: where it begins, as a text; a later run with the same name has to begin there too.
    :param stream: see `consumer.kcl.leases.origin.identity`; a later run has to read the same.
    :param owner: this run.
    """

    def __init__(self, application: str, began: str, stream: str, owner: str) -> None:
        # Retried here, briefly: a checkpoint that cannot be written now is tried again with the next batch.
        self._tables = LeaseTables(aws.client("dynamodb", retries=3, timeout=10), application)
        self._name = application
        self._began = began
        self._stream = stream
        self._owner = owner

    def claim(self, shards: Sequence[Mapping[str, Any]], first: str) -> dict[str, tuple[Lease, LeaseCheckpointer]]:
        """Take the shards over from an earlier run, which then stops; those that are new begin at `first`.

        :param shards: as ListShards describes them.
        :raises UsageError: the table is a KCL application's, or the backfill began elsewhere or reads another stream.
        :raises ServiceError: the table is missing, out of reach or not permitted.
        :raises StartError: another run claims them at the same time.
        """
        try:
            leases = {lease.shard: lease for lease in self._tables.leases()}
        except aws.CALL_ERRORS as error:
            raise read_error(error, "scan", self._name) from None
        for lease in leases.values():
            self._check(lease)
        claimed = {}
        for shard in shards:
            lease = self._claim(shard, leases.get(shard["ShardId"]), first)
            claimed[lease.shard] = lease, LeaseCheckpointer(self._tables, self._name, lease)
        return claimed

    def _check(self, lease: Lease) -> None:
        began = lease.backfill_from
        if began is None:
            raise UsageError(f"The table {self._name} is a KCL application's: give the backfill a name of its own.")
        if began != self._began:
            raise UsageError(
                f"The backfill {self._name} began at {began}, and goes on from its checkpoints: give the same --from, "
                "or take another name."
            )
        if lease.backfill_of not in (None, self._stream):
            raise UsageError(
                f"The checkpoints of the backfill {self._name} are of another stream, or of one that was deleted and "
                "made anew since: take another name."
            )

    def _claim(self, shard: Mapping[str, Any], lease: Lease | None, first: str) -> Lease:
        try:
            if lease:
                claimed = self._tables.claim(lease, self._owner)
            else:
                claimed = self._tables.add(
                    shard, first, owner=self._owner, backfill_from=self._began, backfill_of=self._stream
                )
        except aws.CALL_ERRORS as error:
            operation = "dynamodb:UpdateItem" if lease else "dynamodb:PutItem"
            raise ServiceError(aws.explain(error, operation, f"table {self._name}")) from None
        if claimed is None:
            raise StartError(f"Another backfill of the name {self._name} is at work.")
        return claimed

    def release(self, shards: list[str]) -> None:
        """Let go of the shards; a failure is of no consequence, since the next run takes them anyway."""
        for shard in shards:
            try:
                self._tables.release(shard, self._owner)
            except aws.CALL_ERRORS:
                return
