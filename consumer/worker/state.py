"""What the supervisor knows of its worker, for those who ask in other threads: the health checks, the takeover."""

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from consumer.kcl.log import Phase
from consumer.metrics.collector import BatchAges
from consumer.pipeline.crash_journal import sights
from consumer.web.health import Condition, EndedShards, deadlocked
from consumer.worker.daemon_runner import DaemonRunner
from consumer.worker.fetch_size import FetchSize
from consumer.worker.pipeline_pool import PipelinePool


class LeaseSigns(NamedTuple):
    """What the watch over the lease table tells; see `consumer.kcl.leases.takeover`.

    :ivar seen_ago: returns the time since the table was last read.
    :ivar leased: returns the shards whose leases are this worker's.
    :ivar has_others: returns whether other workers renew leases.
    :ivar ownerless: returns, by shard whose lease has no living owner, for how long it has lain so.
    :ivar takeover_seconds: within which such a lease is taken over, and served.
    """

    seen_ago: Callable[[], float]
    leased: Callable[[], Collection[str]]
    has_others: Callable[[], bool]
    ownerless: Callable[[], Mapping[str, float]]
    takeover_seconds: float


class Signs(NamedTuple):
    """What tells how the worker is.

    :ivar batch_ages: returns for how long each batch in flight has been so.
    :ivar unanswered: returns, by shard that is not busy, for how long nothing was heard of the stream.
    :ivar waiting_for_decoders: returns, by shard, for how long a record has waited for what its decoder asks.
    :ivar differing: returns the workers with another policy or other settings.
    """

    batch_ages: Callable[[], BatchAges]
    unanswered: Callable[[], BatchAges]
    waiting_for_decoders: Callable[[], BatchAges]
    leases: LeaseSigns
    fetch: FetchSize | None
    differing: Callable[[], Collection[str]]


class WorkerState:
    """Changed by the supervisor's main thread, read by any.

    :param journal: folder of the crash journals.
    :param stuck_seconds: how long a shard may stand still.
    :ivar has_served: KCL has worked since the start.
    :ivar is_stopping: the worker was asked to stop, or has to.
    """

    def __init__(
        self,
        daemons: DaemonRunner,
        pipelines: PipelinePool,
        journal: Path,
        signs: Signs,
        stuck_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._daemons = daemons
        self._pipelines = pipelines
        self._journal = journal
        self._signs = signs
        self._stuck_seconds = stuck_seconds
        self._clock = clock
        self._ended = EndedShards(stuck_seconds)
        self._turned_at = self._read_at = self._unleased_at = clock()
        self.has_served = False
        self.is_stopping = False

    def turned(self) -> None:
        """Note that the main loop turns."""
        self._turned_at = self._clock()
        if self._pipelines.sessions or self._signs.leases.has_others() or not self.is_at(Phase.SERVING):
            self._read_at = self._turned_at
        if not self._signs.leases.leased():
            self._unleased_at = self._turned_at

    def ended_for(self, shard: str) -> None:
        """Note that a shard's process was ended for giving no sign of life."""
        self._ended.note(shard, self._clock())

    def may_take_over(self) -> bool:
        """Whether leases that are taken now will be renewed in time: not while Java is still starting."""
        return self.is_at(Phase.INITIALISING)

    def is_at(self, phase: Phase) -> bool:
        """Whether all processes are there, and KCL has come so far."""
        return (
            self._daemons.process is not None
            and self._daemons.phase >= phase
            and self._pipelines.all_ready
            and not self.is_stopping
        )

    def condition(self) -> Condition:
        """Return what the verdicts on the worker's health rest on."""
        in_flight = self._signs.batch_ages()
        fetch, leases = self._signs.fetch, self._signs.leases
        now = self._clock()
        return Condition(
            has_served=self.has_served,
            is_serving=self.is_at(Phase.SERVING),
            is_stopping=self.is_stopping,
            failures=self._daemons.failures,
            failed_for=self._daemons.failed_for,
            is_steady=self._daemons.is_healthy,
            turned_ago=now - self._turned_at,
            in_flight=in_flight,
            slow_after=self._stuck_seconds,
            fetch_reduced_to=fetch.records if fetch and fetch.is_reduced else None,
            unanswered=self._signs.unanswered(),
            waiting_for_decoders=self._signs.waiting_for_decoders(),
            leases_seen_ago=leases.seen_ago(),
            leased=leases.leased(),
            unread_for=self._turned_at - self._read_at,
            leased_for=self._turned_at - max(self._read_at, self._unleased_at),
            ownerless=leases.ownerless(),
            takeover_seconds=leases.takeover_seconds,
            ended_in_vain=self._ended.in_vain(now),
            differing=self._signs.differing(),
            deadlocked=deadlocked(in_flight, self._stuck_seconds, sights(self._journal)),
        )
