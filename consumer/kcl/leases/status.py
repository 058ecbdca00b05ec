"""The whole application as its lease table shows it: shards, owners, lags, and which workers live.

An owner none of whose leases is renewed for the failover time is dead; see `consumer.kcl.leases.renewals`.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal

from consumer import aws
from consumer.dynamodb.scan import read_error
from consumer.errors import ServiceError, StartError
from consumer.kcl.leases import origin
from consumer.kcl.leases.application_item import ApplicationItem, Facts
from consumer.kcl.leases.renewals import Renewals
from consumer.kcl.leases.roster import Roster, Terms
from consumer.kcl.leases.tables import AT_TIMESTAMP, LEADER, TRIM_HORIZON, Leader, Lease, LeaseTables
from consumer.kinesis.reader import NotInShard, ShardReader, Start
from consumer.kinesis.shards import list_shards, open_shards
from consumer.settings import Settings, lease_tables

WorkerState = Literal["living", "silent", "dead", "unknown", "idle"]
"""`silent`: no renewal seen yet, though one is due; `unknown`: looked at once only; `idle`: owns nothing, and has
reported itself within the last minute."""

ShardState = Literal[
    "reading", "owner_silent", "owner_dead", "owned", "unowned", "no_lease", "foreign", "finished", "expired"
]
"""`owned`: whether its owner lives is not known; `foreign`: its checkpoint is none of this stream's, so nobody reads
it, whoever owns it; `expired`: has a lease, and the stream holds it no longer."""

_OF_ITS_OWNER: Final[dict[WorkerState, ShardState]] = {
    "living": "reading",
    "silent": "owner_silent",
    "dead": "owner_dead",
    "unknown": "owned",
}
_READERS: Final = 16
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class ShardStatus:
    """One shard.

    :ivar lag_ms: age of the first record behind the checkpoint, 0 if there is none; None: not known.
    """

    shard: str
    owner: str | None
    checkpoint: str | None
    sub: int
    state: ShardState
    lag_ms: int | None


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One worker: an owner of leases of shards that are not read to their end, or one that waits for such.

    :ivar silent_seconds: since its last renewal, or since the first look.
    :ivar terms: what it works by; None: it has not made that known.
    """

    worker: str
    state: WorkerState
    leases: int
    lag_ms: int | None
    silent_seconds: float
    terms: Terms | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The application.

    :ivar leader_state: that of its worker; ``unknown`` also for one without leases.
    :ivar is_of_stream: whether the leases are of this stream, as far as it is known.
    :ivar notes: what is wrong, with what to do; and what could not be looked at.
    """

    application: str
    stream: str
    leader: str | None
    leader_state: WorkerState
    workers: list[WorkerStatus]
    shards: list[ShardStatus]
    is_of_stream: bool
    notes: list[str]

    @property
    def is_served(self) -> bool:
        """Whether every shard that has something to read has an owner that is known to live, and can read it."""
        are_served = all(each.state in ("reading", "finished", "expired") for each in self.shards)
        return self.is_of_stream and bool(self.shards) and are_served


class Observer:
    """Looks at one application again and again.

    :param now: seconds, of a clock that only goes forward.
    """

    def __init__(self, settings: Settings, now: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._now = now
        self._failover = settings.kcl.failover_ms / 1000
        self._leases: list[Lease] = []
        self._looked_at = now()
        self._renewals = Renewals()

    @cached_property
    def _tables(self) -> LeaseTables:
        return LeaseTables(aws.client("dynamodb", timeout=30, retries=3), self._settings.kcl.application)

    def look(self) -> None:
        """Read the lease table.

        :raises ServiceError: it is missing, out of reach or not permitted.
        :raises StartError: see `aws.client`.
        """
        try:
            self._leases = self._tables.leases()
        except aws.CALL_ERRORS as error:
            raise read_error(error, "scan", self._settings.kcl.application) from None
        now = self._now()
        self._renewals.look([lease for lease in self._leases if not lease.is_finished], now - self._looked_at)
        self._looked_at = now

    def watch(self, seconds: float | None = None) -> None:
        """Look until of each owner it is known whether it lives.

        :param seconds: for so long at most; None: for the failover time.
        """
        limit = self._failover if seconds is None else seconds
        self.look()
        until = self._now() + limit
        while (left := until - self._now()) > 0 and not all(
            self._state(each) == "living" for each in self._renewals.owners
        ):
            time.sleep(min(left, max(0.1, min(1.0, self._failover / 10))))
            self.look()

    def status(self, *, with_lag: bool) -> Status:
        """Return what the looks so far have shown, with what the stream and the coordinator table say now."""
        notes: list[str] = []
        open_, listed = self._listed(notes)
        leader, facts = self._coordinator(notes)
        states = {owner: self._state(owner) for owner in self._renewals.owners}
        foreign = {lease.shard for lease in self._leases if lease.is_finished and lease.shard in open_}
        lags = self._lags(listed, facts, foreign, notes) if with_lag else {}
        shards = [
            ShardStatus(
                lease.shard,
                lease.owner,
                lease.checkpoint,
                lease.sub,
                "foreign" if lease.shard in foreign else self._shard_state(lease, states, listed),
                lags.get(lease.shard),
            )
            for lease in self._leases
        ]
        missing = sorted(open_ - {each.shard for each in shards})
        shards += [ShardStatus(shard, None, None, 0, "no_lease", None) for shard in missing]
        workers = [self._worker(owner, state, shards) for owner, state in sorted(states.items())]
        idle = self._reporting(notes) - states.keys()
        workers += [WorkerStatus(each, "idle", 0, None, 0.0) for each in sorted(idle)]
        terms = self._terms()
        workers = [replace(each, terms=terms.get(each.worker)) for each in workers]
        by_name = {each.worker: each.state for each in workers}
        leader_state = by_name.get(leader.owner, "unknown") if leader else "unknown"
        other = self._other_stream(facts, notes) if listed else None
        status = Status(
            self._settings.kcl.application,
            self._settings.stream.name,
            leader.owner if leader else None,
            leader_state,
            workers,
            shards,
            other is None,
            notes,
        )
        if facts.fetch_records is not None and facts.fetch_records < self._settings.kcl.max_records:
            notes.append(
                f"A daemon fetches {facts.fetch_records} records of a shard at once, and not "
                f"{self._settings.kcl.max_records}: one ran out of memory. It is raised when more fits."
            )
        if other or foreign:
            notes.insert(0, other or origin.foreign(self._settings, min(foreign)))
        if not self._is_backfill:  # of which shards without owners are the end, or wait for the same command again
            notes[:0] = _advice(status, lease_tables(status.application)[2])
        return status

    @property
    def _is_backfill(self) -> bool:
        return any(lease.backfill_from is not None for lease in self._leases)

    def _state(self, owner: str) -> WorkerState:
        silent = self._renewals.silence(owner)
        if silent >= self._failover and not self._is_backfill:  # which renews by its checkpoints alone
            return "dead"
        if self._renewals.has_renewed(owner) and silent < self._failover:
            return "living"
        # A third of the failover time is what a renewal may take.
        return "silent" if silent > self._failover / 3 else "unknown"

    def _worker(self, owner: str, state: WorkerState, shards: list[ShardStatus]) -> WorkerStatus:
        own = [each for each in shards if each.owner == owner and each.state != "finished"]
        lags = [each.lag_ms for each in own if each.lag_ms is not None]
        silent = round(self._renewals.silence(owner), 1)
        return WorkerStatus(owner, state, len(own), max(lags) if lags else None, silent)

    @staticmethod
    def _shard_state(lease: Lease, states: dict[str, WorkerState], listed: set[str]) -> ShardState:
        if lease.is_finished:
            return "finished"
        if listed and lease.shard not in listed:
            return "expired"
        return _OF_ITS_OWNER[states[lease.owner]] if lease.owner else "unowned"

    def _listed(self, notes: list[str]) -> tuple[set[str], set[str]]:
        """Return the stream's shards: the open ones, and all."""
        try:
            shards = list_shards(aws.client("kinesis", retries=1), self._settings.stream.name)
        except (ServiceError, StartError) as error:
            notes.append(f"Whether each shard has a lease is not known: {error}")
            return set(), set()
        return set(open_shards(shards)), {each["ShardId"] for each in shards}

    def _coordinator(self, notes: list[str]) -> tuple[Leader | None, Facts]:
        """Return the leader, and what is remembered of the application."""
        application = self._settings.kcl.application
        try:
            item = ApplicationItem(aws.client("dynamodb", timeout=30, retries=3), application)
            return self._tables.leader(), item.read()
        except aws.CALL_ERRORS as error:
            _note(notes, "The leader is not known", error, "dynamodb:GetItem", lease_tables(application)[2])
            return None, Facts()

    def _other_stream(self, facts: Facts, notes: list[str]) -> str | None:
        """Say so if the leases are of another stream."""
        if facts.stream_created_ms is None:
            return None
        try:
            seen = origin.look(aws.client("kinesis", retries=1), self._settings.stream.name)
        except ServiceError as error:
            notes.append(f"Whether the leases are of this stream is not known: {error}")
            return None
        return origin.other_stream(self._settings, seen.facts, facts)

    def _reporting(self, notes: list[str]) -> set[str]:
        table = lease_tables(self._settings.kcl.application)[1]
        try:
            return self._tables.reporting()
        except aws.CALL_ERRORS as error:
            _note(notes, "Workers without shards are not known", error, "dynamodb:Scan", table)
            return set()

    def _terms(self) -> dict[str, Terms]:
        try:
            return Roster(aws.client("dynamodb", retries=1), self._settings.kcl.application).read()
        except aws.CALL_ERRORS:  # of the same call of the same table as the leader, where it is said
            return {}

    def _lags(self, listed: set[str], facts: Facts, foreign: set[str], notes: list[str]) -> dict[str, int]:
        """Ask of each unfinished shard how old its first record behind the checkpoint is; its data is thrown away.

        :param foreign: those whose checkpoint turns out to be none of theirs are added.
        """
        starts = {each.shard: start for each in self._leases if each.shard in listed and (start := _start(each, facts))}
        client = aws.client("kinesis", retries=1, connections=_READERS)

        def ask(item: tuple[str, Start]) -> int | str | None:
            try:
                page = ShardReader(client, self._settings.stream.name, *item).read(1)
            except NotInShard:
                foreign.add(item[0])
                return None
            except ServiceError as error:
                return str(error)
            age = round(time.time() * 1000) - page.records[0].arrival_ms if page.records else 0
            return max(age, page.behind_ms)

        with ThreadPoolExecutor(_READERS) as pool:
            answers = dict(zip(starts, pool.map(ask, starts.items()), strict=True))
        problems = [each for each in answers.values() if isinstance(each, str)]
        if problems:
            notes.append(f"The lag of {_count(len(problems), 'shard')} is not known: {problems[0]}")
        return {shard: lag for shard, lag in answers.items() if isinstance(lag, int)}


def _note(notes: list[str], what: str, error: Exception, operation: str, table: str) -> None:
    """Note a call that failed; but not a missing table: a backfill has leases alone."""
    if aws.reason(error) != "missing":
        notes.append(f"{what}: {aws.explain(error, operation, f'table {table}')}")


def _start(lease: Lease, facts: Facts) -> Start | None:
    """Return where a lease goes on reading; None: at its end, or where only its worker knows."""
    if lease.checkpoint == TRIM_HORIZON:
        return Start()
    if lease.checkpoint == AT_TIMESTAMP and facts.starts_at is not None:
        return Start(at_ms=facts.starts_at * 1000)
    return Start(after=lease.checkpoint) if lease.position else None


def _advice(status: Status, coordinator: str) -> list[str]:
    """Say what is wrong and what to do, the worst first."""
    counts = {state: sum(each.state == state for each in status.shards) for state in ("unowned", "no_lease")}
    said = [
        f"Worker {each.worker} is dead: it has renewed none of its {_count(each.leases, 'lease')} for "
        f"{each.silent_seconds:.0f} s. A living worker takes them over within seconds; if none does, start one."
        for each in status.workers
        if each.state == "dead"
    ]
    if counts["unowned"]:
        said.append(
            f"{_count(counts['unowned'], 'shard')} without an owner: a living worker takes such shards within "
            "seconds; if that does not happen, start one, or look at /readyz and the logs of those that run."
        )
    if counts["no_lease"]:
        said.append(
            f"{_count(counts['no_lease'], 'open shard')} without a lease: a child gets it when its parents are read to "
            "their ends; else the worker that leads writes it when it has missed it three times, kcl.shard_sync_ms "
            "apart. If that does not happen, none leads: look whether any runs, at their logs, and restart them."
        )
    if status.leader_state == "dead":
        said.append(
            f"The leader, {status.leader}, is dead: until another leads nobody assigns leases. A living worker clears "
            f"its place; if none does within two minutes, delete the item {LEADER!r} of the table {coordinator}."
        )
    by_terms: dict[Terms, list[str]] = {}
    for each in status.workers:
        if each.terms and each.state != "dead":
            by_terms.setdefault(each.terms, []).append(each.worker)
    if any(one.differs(other) for one in by_terms for other in by_terms):
        named = "; ".join(f"{terms}: {_some(workers)}" for terms, workers in by_terms.items())
        said.append(
            f"The workers differ in policy or settings, and it is chance which of them a record meets. {named}. The "
            "end of a rolling deployment mends it; else deploy the same everywhere."
        )
    return said


def _some(workers: list[str]) -> str:
    rest = f" and {len(workers) - _NAMED} more" if len(workers) > _NAMED else ""
    return ", ".join(workers[:_NAMED]) + rest


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"
