"""Whether the container is to be replaced (/healthz), and whether the worker is at work (/readyz): verdict and reasons.

A restart costs everybody a pause, so only what it would mend is a failure. What it would not (a table that throttles, a
permission that is missing: all workers would be replaced for nothing, again and again) is told as a warning.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from consumer.pipeline.crash_journal import JournalReading, Stage

FAILURES_UNHEALTHY: Final = 6
"""Failures of the daemon in a row after which a new container is wanted."""

ENDS_UNHEALTHY: Final = 3
"""Processes of a shard that were ended in a row, for giving no sign of life, after which a new container is wanted."""

TURN_SECONDS: Final = 120.0
"""The main loop turns every few seconds; replacing a daemon that will not die takes up to a minute."""

RESTART_SECONDS: Final = 60.0
"""What it takes until a shard is served again after its process was ended; generously."""

UNANSWERED_SECONDS: Final = 30.0
"""For so long a stream or a lease table may be silent: KCL reads several times a second, and the takeover as often."""

UNREAD_SECONDS: Final = 20.0
"""What it takes, generously, until the session of a shard begins whose lease this worker has."""

_NAMED: Final = 5


class Status(StrEnum):
    """The worst of the reasons."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILING = "failing"


class Reason(NamedTuple):
    """Why it is not simply well.

    :ivar code: for scripts.
    :ivar detail: for people; names of shards and workers, and numbers at most.
    """

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """A verdict."""

    status: Status
    reasons: tuple[Reason, ...] = ()


_CAUSES: Final = {
    "daemon_exit": "it had ended by itself",
    "out_of_memory": "it had run out of memory",
    "delivery_failed": "it could not deliver records, and would have skipped them",
    "pipeline_died": "a pipeline process had died",
    "session_failed": "the session of a shard had failed",
}
"""By the reason for which the daemon was replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What the supervisor knows at one moment; times in seconds.

    :ivar has_served: KCL has worked since the start.
    :ivar is_serving: it works now.
    :ivar failures: how often in a row the daemon had to be replaced because something failed.
    :ivar failed_for: why, the last time, as `sanitizer_daemon_restarts_total` names it.
    :ivar is_steady: the daemon that runs has lived for long enough to count as healthy.
    :ivar turned_ago: since the main loop last turned.
    :ivar in_flight: by shard, for how long its batch has been in flight.
    :ivar slow_after: a batch in flight for longer is worth a word.
    :ivar fetch_reduced_to: records of a fetch, if they are fewer because the daemon ran out of memory.
    :ivar unanswered: by shard that it holds and that is not busy, for how long nothing was heard of the stream.
    :ivar waiting_for_decoders: by shard, for how long a record has waited for what its decoder asks.
    :ivar leases_seen_ago: since the lease table was last read.
    :ivar ended_in_vain: see `EndedShards.in_vain`.
    :ivar deadlocked: see `deadlocked`.
    :ivar differing: workers of this application with another policy or other settings.
    :ivar leased: shards whose leases are this worker's, as it last saw them.
    :ivar unread_for: for how long KCL has worked, and no shard was read: neither by this worker nor, as far as the
        lease table tells, by another.
    :ivar leased_for: of that time, for how long leases have been this worker's without a break.
    :ivar ownerless: by shard whose lease has no living owner, for how long it has lain so.
    :ivar takeover_seconds: within which a lease that nobody renews is taken over by another worker, and served.
    """

    has_served: bool
    is_serving: bool
    is_stopping: bool
    failures: int
    is_steady: bool
    turned_ago: float
    in_flight: Mapping[str, float]
    slow_after: float
    failed_for: str | None = None
    fetch_reduced_to: int | None = None
    unanswered: Mapping[str, float] = field(default_factory=dict)
    waiting_for_decoders: Mapping[str, float] = field(default_factory=dict)
    leases_seen_ago: float = 0.0
    ended_in_vain: Collection[str] = ()
    deadlocked: Collection[str] = ()
    differing: Collection[str] = ()
    leased: Collection[str] = ()
    unread_for: float = 0.0
    leased_for: float = 0.0
    ownerless: Mapping[str, float] = field(default_factory=dict)
    takeover_seconds: float = 0.0


def live(condition: Condition, noticed: Collection[Reason] = ()) -> Report:
    """Tell whether the container has to be replaced.

    :param noticed: what else is worth a word; see `consumer.web.noticed`.
    """
    if not condition.has_served:
        # Else ECS would stop the old tasks for a new one that cannot serve yet, or never will.
        return _failing([Reason("starting", "KCL has not reached the stream and its tables yet")])
    if condition.is_stopping:
        return Report(Status.OK, (Reason("stopping", "the worker was asked to stop"),))
    reasons = []
    if condition.turned_ago > TURN_SECONDS:
        reasons.append(
            Reason("supervisor_stuck", f"the supervisor has done nothing for {condition.turned_ago:.0f} seconds")
        )
    if condition.failures >= FAILURES_UNHEALTHY and not condition.is_steady:
        reasons.append(Reason("daemon_failing", _replaced(condition)))
    if condition.ended_in_vain:
        detail = f"the process was ended {ENDS_UNHEALTHY} times or more for giving no sign of life, and it did not help"
        reasons.append(Reason("shard_stuck", f"{detail}: {_names(condition.ended_in_vain)}"))
    if condition.deadlocked:
        detail = "a batch waits for memory, and no other shard of its process is at work to give it back"
        reasons.append(Reason("shard_deadlocked", f"{detail}: {_names(condition.deadlocked)}"))
    return _failing(reasons) if reasons else _warned(condition, noticed)


def ready(condition: Condition, noticed: Collection[Reason] = ()) -> Report:
    """Tell whether the worker is at work; parameters as of `live`."""
    if condition.is_stopping:
        return _failing([Reason("stopping", "the worker was asked to stop")])
    if not condition.has_served:
        return _failing([Reason("starting", "KCL has not reached the stream and its tables yet")])
    if not condition.is_serving:
        return _failing([Reason("restarting", "the daemon or a pipeline process is being started anew")])
    return _warned(condition, noticed)


def _warned(condition: Condition, noticed: Collection[Reason]) -> Report:
    reasons = [*_unread(condition)]
    if condition.failures and not condition.is_steady:
        reasons.append(Reason("daemon_restarted", _replaced(condition)))
    if slow := [shard for shard, age in condition.in_flight.items() if age > condition.slow_after]:
        detail = f"a batch has been in flight for more than {condition.slow_after:.0f} seconds: {_names(slow)}"
        reasons.append(Reason("batch_in_flight", f"{detail}; sanitizer_write_retries_total says what holds writes up"))
    if condition.fetch_reduced_to is not None:
        detail = f"the daemon ran out of memory, and fetches {condition.fetch_reduced_to} records at once"
        reasons.append(Reason("fetch_reduced", f"{detail} until more fit: raise kcl.heap_mb, or have more workers"))
    if silent := {shard: age for shard, age in condition.unanswered.items() if age > UNANSWERED_SECONDS}:
        detail = f"the stream has given no answer for up to {max(silent.values()):.0f} seconds: {_names(silent)}"
        reasons.append(Reason("nothing_read", f"{detail}; sanitizer_daemon_errors_total and the log say why"))
    if waiting := condition.waiting_for_decoders:
        detail = f"a record has waited for its decoder for up to {max(waiting.values()):.0f} seconds: {_names(waiting)}"
        reasons.append(
            Reason("decoder_unavailable", f"{detail}; decoder.unavailable in the log says what is out of reach")
        )
    if condition.leases_seen_ago > UNANSWERED_SECONDS:
        detail = f"the lease table has given no answer for {condition.leases_seen_ago:.0f} seconds"
        reasons.append(Reason("leases_not_seen", f"{detail}; takeover.not_watching in the log says why"))
    if condition.differing:
        detail = f"other workers have another policy or other settings: {_names(condition.differing)}"
        reasons.append(Reason("workers_differ", f"{detail}; `sanitizer status` shows them"))
    reasons += noticed
    return Report(Status.DEGRADED if reasons else Status.OK, tuple(reasons))


def _unread(condition: Condition) -> Iterator[Reason]:
    if condition.leased_for > UNREAD_SECONDS or condition.unread_for > condition.takeover_seconds:
        lost = len(condition.leased)
        why = f"{lost} {'lease' if lost == 1 else 'leases'} lost" if lost else "no worker holds a lease"
        yield Reason("no_shard_read", f"no shard is read: {why}")
    lying = {shard: age for shard, age in condition.ownerless.items() if age > condition.takeover_seconds}
    if lying:
        detail = f"no living worker has had the lease for up to {max(lying.values()):.0f} seconds: {_names(lying)}"
        yield Reason("shards_without_owner", f"{detail}; `sanitizer status` shows who owns what")


def _replaced(condition: Condition) -> str:
    """Say how often and why the daemon was replaced: it need not be the one that failed."""
    cause = _CAUSES.get(condition.failed_for or "", "it had failed")
    if condition.failures == 1:
        return f"the daemon has been started anew, because {cause}"
    return f"the daemon has been started anew {condition.failures} times in a row, the last time because {cause}"


def _failing(reasons: list[Reason]) -> Report:
    return Report(Status.FAILING, tuple(reasons))


def _names(those: Collection[str]) -> str:
    named = sorted(those)
    rest = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return ", ".join(named[:_NAMED]) + rest


class EndedShards:
    """Counts how often in a row a shard's process had to be ended for giving no sign of life.

    Not for a redactor that takes too long: the crash journal mends that, and a new container would not know it.

    :param stuck_seconds: how long a shard has to be still before that.
    """

    def __init__(self, stuck_seconds: float) -> None:
        # Ends so close together leave a shard less time at work than it spent standing still.
        self._series_seconds = 2 * (stuck_seconds + RESTART_SECONDS)
        self._series: dict[str, tuple[int, float]] = {}

    def note(self, shard: str, now: float) -> None:
        """Enter one end, at a monotonic time."""
        count, at = self._series.get(shard, (0, now))
        self._series[shard] = (count + 1 if now - at <= self._series_seconds else 1, now)

    def in_vain(self, now: float) -> set[str]:
        """Return the shards for which a new process did not help, again and again."""
        return {
            shard
            # A copy: the health check asks from another thread.
            for shard, (count, at) in self._series.copy().items()
            if count >= ENDS_UNHEALTHY and now - at <= self._series_seconds
        }


def deadlocked(in_flight: Mapping[str, float], slow_after: float, seen: Mapping[str, JournalReading]) -> set[str]:
    """Return the shards whose batch waits for memory that nobody will give back.

    Waiting for it is no fault (`consumer.worker.watchdog` lets it be) as long as other shards of the process hold it
    and work.
    """
    at_work = {sight.pid for sight in seen.values() if sight.stage is not Stage.WAITING}
    return {
        shard
        for shard, age in in_flight.items()
        if age > slow_after and shard in seen and seen[shard].pid not in at_work
    }
