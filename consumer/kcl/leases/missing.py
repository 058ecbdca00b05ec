"""Writes the lease of a shard again that has lost it.

KCL writes a shard's lease once, when its parents are read to their ends or the table is empty. A row that is gone later
is missed only by its leader's audit of hash ranges, for which nothing can be set, and which took longer than nine
minutes where it was tried (KCL 3.1.3: `PeriodicShardSyncManager`). So the supervisor of the worker that leads looks as
often as KCL may list the shards, and what it has missed several times in a row it writes again. The shard is then read
from its beginning: what was stored is delivered again, which is harmless.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Final

from consumer import aws
from consumer.errors import ServiceError, StartError
from consumer.kcl.leases import origin
from consumer.kcl.leases.application_item import Facts
from consumer.kcl.leases.tables import AT_TIMESTAMP, Lease, LeaseTables
from consumer.kinesis.shards import list_shards, open_shards
from consumer.logs import Logger
from consumer.metrics import Metrics
from consumer.periodic import Periodic
from consumer.settings import Settings

LOOKS: Final = 3
"""Looks in a row that have to miss a lease: KCL may be about to write it."""


class MissingLeases:
    """Watches for one worker.

    :param facts: what is remembered of the application: no lease is written for another stream.
    :param is_serving: whether this worker could serve more shards now.
    """

    def __init__(
        self,
        settings: Settings,
        worker_id: str,
        facts: Facts,
        is_serving: Callable[[], bool],
        metrics: Metrics,
        log: Logger,
    ) -> None:
        self._settings = settings
        self._me = worker_id
        self._facts = facts
        self._is_serving = is_serving
        self._metrics = metrics
        self._log = log
        self._missed: dict[str, int] = {}
        self._rounds = Periodic(
            "missing-leases",
            settings.kcl.shard_sync_ms / 1000,
            lambda _: self.look(),
            errors=(*aws.CALL_ERRORS, ServiceError, StartError),
            failed=self._not_watching,
        )

    def start(self) -> None:
        """Watch in a thread of its own, for as long as the process lives."""
        self._rounds.start()

    def _not_watching(self, error: Exception) -> None:
        code = aws.error_code(error) if isinstance(error, aws.CALL_ERRORS) else type(error).__name__
        self._log.warning("leases.not_watched", table=self._settings.kcl.application, code=code)

    @cached_property
    def _tables(self) -> LeaseTables:
        return LeaseTables(aws.client("dynamodb", timeout=5, retries=1), self._settings.kcl.application)

    def look(self) -> int:
        """Look once, if this worker leads; return how many leases were written again."""
        leader = self._tables.leader() if self._is_serving() else None
        if leader is None or leader.owner != self._me:
            self._missed = {}
            return 0
        kinesis = aws.client("kinesis", timeout=5, retries=1)
        seen = origin.look(kinesis, self._settings.stream.name)
        if origin.other_stream(self._settings, seen.facts, self._facts):
            return 0
        position = origin.beginning(self._settings)
        since = self._facts.starts_at if position == AT_TIMESTAMP else None
        shards = {shard["ShardId"]: shard for shard in list_shards(kinesis, self._settings.stream.name, since)}
        leases = self._tables.leases()  # after the shards, whose leases come later than they
        if not leases:  # KCL begins with it
            return 0
        origin.restate(self._settings, self._tables, leases)  # those of an older worker beside this one
        self._missed = {shard: self._missed.get(shard, 0) + 1 for shard in missing(shards, leases)}
        due = [shard for shard, times in self._missed.items() if times >= LOOKS]
        return sum(self._restore(shards[shard], position) for shard in due)

    def _restore(self, shard: Mapping[str, Any], position: str) -> bool:
        is_written = self._tables.add(shard, position) is not None
        if is_written:
            self._metrics.leases_restored.inc()
            self._log.warning("lease.restored", shard=shard["ShardId"])
        return is_written


def missing(shards: Mapping[str, Mapping[str, Any]], leases: Iterable[Lease]) -> set[str]:
    """Return the shards that need a lease before all open ones are read.

    A child comes after its parents: KCL writes its lease when it has read them to their ends, and removes theirs when
    their children are being read (`ShutdownTask`, `LeaseCleanupManager`). So a parent without a lease is done if one of
    its children has one; else it is missing itself, and its children come after it.

    :param shards: all that hold something to read, by id, as ListShards describes them.
    """
    known = {lease.shard: lease for lease in leases}
    parents: dict[str, list[str]] = {
        shard: [p for name in ("ParentShardId", "AdjacentParentShardId") if (p := described.get(name, "")) in shards]
        for shard, described in shards.items()
    }
    begun = {parent for shard in known if shard in parents for parent in parents[shard]}
    found: set[str] = set()
    waiting = [shard for shard in open_shards(shards.values()) if shard not in known]
    while waiting:
        shard = waiting.pop()
        unknown = [parent for parent in parents[shard] if parent not in known and parent not in begun]
        if unknown:
            waiting += unknown
        elif all(known[parent].is_finished for parent in parents[shard] if parent in known):
            found.add(shard)
    return found
