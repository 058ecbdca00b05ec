"""What Prometheus sees: the files of all processes as one, and what only holds at this moment."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import Metric
from prometheus_client.multiprocess import mark_process_dead
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from consumer import __version__
from consumer.metrics.declared import CANDIDATE, DECLARED, LAST, Declarations, Declared
from consumer.metrics.merged import Files, Values
from consumer.metrics.process_usage import Usage

BatchAges = dict[str, float]
"""Seconds that the batch in flight has been so, by shard."""

_Merged = Mapping[str, Values]


class WorkerCollector(Collector):
    """Collects one worker.

    :param directory: folder of the memory-mapped files.
    :param policy: name, version and digest of the redactor.
    :param candidate: the same of the policy that is tried, if there is one.
    :param vitals: what each of the worker's processes uses, by its name; empty where the system does not tell.
    :param leased: the shards whose leases are this worker's, as it last saw them, with a session or without.
    """

    def __init__(
        self,
        directory: Path,
        policy: dict[str, str],
        candidate: dict[str, str] | None = None,
        vitals: Callable[[], Mapping[str, Usage]] = dict,
        leased: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self._files = Files(directory)
        self._policy = policy
        self._candidate = candidate
        self._vitals = vitals
        self._leased = leased
        self._held: frozenset[tuple[str, ...]] = frozenset()
        self._started_at = time.time()

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of the worker, those without a value, too, so that their names are known."""
        merged = self._files.merged()
        derived = self._moment(merged) | self._constants()
        for declared in DECLARED:
            values = derived[declared] if declared.derived else merged.get(declared.name, {})
            if declared.condition == CANDIDATE and not (self._candidate or values):
                continue
            yield _histogram(declared, merged) if declared.type == "histogram" else _family(declared, values)

    def values(self) -> dict[str, Values]:
        """Return what all processes have counted, and what holds at this moment, by the samples' names.

        The buckets of a histogram hold what fell into each, and not below it, too.
        """
        merged = self._files.merged()
        return merged | {declared.name: values for declared, values in self._moment(merged).items()}

    def batch_ages(self) -> BatchAges:
        """Return how long each batch in flight has been so, for the health check."""
        ages = _in_flight_ages(self._files.merged(f"gauge_{LAST}_*.db"), time.time())
        return {shard: age for (shard,), age in ages.items() if age}

    def served(self) -> set[str]:
        """Return the shards that have a session."""
        return {shard for (shard,) in _owned(self._files.merged(f"gauge_{LAST}_*.db"))}

    def unanswered(self) -> BatchAges:
        """Return, by shard, for how long nothing was heard of the stream; without those whose batch is in flight."""
        merged, now = self._files.merged(f"gauge_{LAST}_*.db"), time.time()
        held, busy, waiting = self._holding(merged), _in_flight_ages(merged, now), _waiting_times(merged, now)
        heard = merged.get(Declarations.heard_at.name, {})
        return {
            s[0]: max(0.0, now - at) for s, at in heard.items() if s in held and not busy.get(s) and s not in waiting
        }

    def waiting_for_decoders(self) -> BatchAges:
        """Return, by shard, for how long a record has waited for what its decoder asks."""
        return {
            shard: age
            for (shard,), age in _waiting_times(self._files.merged(f"gauge_{LAST}_*.db"), time.time()).items()
        }

    def _holding(self, merged: _Merged) -> frozenset[tuple[str, ...]]:
        """Return the shards that are served, and those that were and whose leases have been this worker's since.

        Where nothing answers, KCL loses its leases and ends the sessions; nobody else has the shards then.
        """
        leased = {(shard,) for shard in self._leased()}
        self._held = frozenset(_owned(merged) | (self._held & leased))
        return self._held

    def _moment(self, merged: _Merged) -> dict[Declared[Any], Values]:
        """Return what holds at this moment."""
        now = time.time()
        owned, held = _owned(merged), self._holding(merged)
        up_to = merged.get(Declarations.up_to.name, {})
        checkpointed = merged.get(Declarations.checkpointed_at.name, {})
        used = self._vitals()
        return {
            Declarations.in_flight: _in_flight(merged),
            Declarations.behind: {shard: max(0.0, now - at) for shard, at in up_to.items() if shard in held},
            Declarations.in_flight_age: _in_flight_ages(merged, now),
            Declarations.checkpoint_age: {s: max(0.0, now - at) for s, at in checkpointed.items() if s in owned},
            Declarations.shards_owned: {(): len(owned)},
            Declarations.cpu: {(name,): each.cpu_seconds for name, each in used.items()},
            Declarations.memory: {(name,): each.memory_bytes for name, each in used.items()},
        }

    def _constants(self) -> dict[Declared[Any], Values]:
        return {
            Declarations.start_time: {(): self._started_at},
            Declarations.policy_info: _info(Declarations.policy_info, self._policy),
            Declarations.candidate_policy_info: _info(Declarations.candidate_policy_info, self._candidate or {}),
            Declarations.build_info: {(__version__,): 1.0},
        }


def _family(declared: Declared[Any], values: Values) -> Metric:
    family = declared.empty()
    for labels, value in sorted(values.items()):
        family.add_sample(declared.name, dict(zip(declared.labels, labels, strict=True)), value)
    return family


def _histogram(declared: Declared[Any], merged: _Merged) -> Metric:
    family = declared.empty()
    count = 0.0
    buckets = {float(bound): value for (bound,), value in merged.get(f"{declared.name}_bucket", {}).items()}
    for bound, value in sorted(buckets.items()):
        count += value
        family.add_sample(f"{declared.name}_bucket", {"le": floatToGoString(bound)}, count)  # type: ignore[no-untyped-call]
    if buckets:
        family.add_sample(f"{declared.name}_count", {}, count)
        family.add_sample(f"{declared.name}_sum", {}, merged[f"{declared.name}_sum"][()])
    return family


def _info(declared: Declared[Any], names: Mapping[str, str]) -> Values:
    return {tuple(names[label] for label in declared.labels): 1.0} if names else {}


def _owned(merged: _Merged) -> set[tuple[str, ...]]:
    return {shard for shard, value in merged.get(Declarations.owned.name, {}).items() if value}


def _in_flight_ages(merged: _Merged, now: float) -> Values:
    owned = _owned(merged)
    since = merged.get(Declarations.batch_since.name, {})
    return {shard: max(0.0, now - at) if at else 0.0 for shard, at in since.items() if shard in owned}


def _waiting_times(merged: _Merged, now: float) -> Values:
    since = merged.get(Declarations.held_since.name, {})
    return {shard: max(0.0, now - at) for shard, at in since.items() if at}


def _in_flight(
    merged: _Merged,
    received: Declared[Any] = Declarations.received,
    ended: Declared[Any] = Declarations.outcomes,
) -> Values:
    open_ = dict(merged.get(received.name, {}))
    for (shard, _), count in merged.get(ended.name, {}).items():
        open_[shard,] = open_.get((shard,), 0.0) - count
    return open_


def forget_gauges(directory: Path, slot: str) -> None:
    """Drop the gauges of a dead process: what it held, it holds no more. Its counters stay."""
    mark_process_dead(slot, path=str(directory))  # type: ignore[no-untyped-call]


def open_deliveries(
    directory: Path,
    slot: str,
    closed_by: str,
    received: Declared[Any] = Declarations.received,
    ended: Declared[Any] = Declarations.outcomes,
) -> dict[str, int]:
    """Return, by shard, what a dead process received and nobody has closed.

    :param slot: the dead process; its counters outlive it, so earlier deaths are in them too.
    :param closed_by: the process that closes the books of the dead.
    :param received: the counter of records or documents that were received.
    :param ended: the counter of those that ended, by how.
    """
    files = Files(directory)
    closed = files.merged(f"counter_{closed_by}.db").get(ended.name, {})
    open_ = _in_flight(files.merged(f"counter_{slot}.db"), received, ended)
    for (shard, _), count in closed.items():
        if (shard,) in open_:
            open_[shard,] -= count
    return {shard: int(count) for (shard,), count in open_.items() if count}
