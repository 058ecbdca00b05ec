"""What Prometheus sees: the files of all processes as one, and what only holds at this moment."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from consumer import __version__
from consumer.metrics import SHARD_BATCH_SINCE, SHARD_BEHIND, SHARD_CHECKPOINTED_AT, SHARD_OWNED

BatchAges = dict[str, float]
"""Seconds that the batch in flight has been so, by shard."""

_INTERNAL = frozenset({SHARD_OWNED, SHARD_BEHIND, SHARD_CHECKPOINTED_AT, SHARD_BATCH_SINCE})


class WorkerCollector(Collector):
    """Collects one worker.

    :param directory: folder of the memory-mapped files.
    :param policy: name, version and digest of the redactor.
    :param candidate: the same of the policy that is tried, if there is one.
    """

    def __init__(self, directory: Path, policy: dict[str, str], candidate: dict[str, str] | None = None) -> None:
        self._merged = MultiProcessCollector(CollectorRegistry(), path=str(directory))  # type: ignore[no-untyped-call]
        self._policy = policy
        self._candidate = candidate

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of the worker."""
        families = {family.name: family for family in self._families()}
        yield from (family for name, family in sorted(families.items()) if name not in _INTERNAL)
        yield self._in_flight(families)
        owned = self._owned(families)
        yield self._per_shard(
            "sanitizer_behind_latest_seconds",
            "Lag of the shard as KCL reported it at the last fetch.",
            {shard: value for shard, value in _by_shard(families.get(SHARD_BEHIND)).items() if shard in owned},
        )
        now = time.time()
        yield self._per_shard(
            "sanitizer_checkpoint_age_seconds",
            "Time since the last accepted checkpoint of the shard, or since its session began.",
            {s: max(0.0, now - at) for s, at in _by_shard(families.get(SHARD_CHECKPOINTED_AT)).items() if s in owned},
        )
        count = GaugeMetricFamily("sanitizer_shards_owned", "Shards that this worker serves.")
        count.add_metric([], len(owned))
        yield count
        yield _info("sanitizer_policy_info", "The policy that is applied; always 1.", self._policy)
        if self._candidate:
            text = "The policy that is tried beside the one applied; always 1."
            yield _info("sanitizer_candidate_policy_info", text, self._candidate)
        build = GaugeMetricFamily("sanitizer_build_info", "The worker's version; always 1.", labels=("version",))
        build.add_metric([__version__], 1)
        yield build

    def batch_ages(self) -> BatchAges:
        """Return how long each batch in flight has been so, for the health check."""
        families = {family.name: family for family in self._families()}
        owned = self._owned(families)
        now = time.time()
        return {s: now - at for s, at in _by_shard(families.get(SHARD_BATCH_SINCE)).items() if at and s in owned}

    def _families(self) -> Iterable[Metric]:
        collected: Iterable[Metric] = self._merged.collect()  # type: ignore[no-untyped-call]
        return collected

    def _owned(self, families: dict[str, Metric]) -> set[str]:
        return {shard for shard, value in _by_shard(families.get(SHARD_OWNED)).items() if value}

    def _in_flight(self, families: dict[str, Metric]) -> Metric:
        open_ = dict(_by_shard(families.get("sanitizer_records_received")))
        for shard, ended in _by_shard(families.get("sanitizer_records")).items():
            open_[shard] = open_.get(shard, 0.0) - ended
        return self._per_shard(
            "sanitizer_records_in_flight",
            "Deliveries that have not ended yet: received less every outcome.",
            open_,
        )

    @staticmethod
    def _per_shard(name: str, text: str, values: dict[str, float]) -> Metric:
        family = GaugeMetricFamily(name, text, labels=("shard",))
        for shard, value in sorted(values.items()):
            family.add_metric([shard], value)
        return family


def _info(name: str, text: str, names: dict[str, str]) -> Metric:
    labels = ("name", "version", "digest")
    family = GaugeMetricFamily(name, text, labels=labels)
    family.add_metric([names[label] for label in labels], 1)
    return family


def _by_shard(family: Metric | None) -> dict[str, float]:
    """Sum a family's samples by shard."""
    sums: dict[str, float] = {}
    for sample in family.samples if family else ():
        sums[sample.labels["shard"]] = sums.get(sample.labels["shard"], 0.0) + sample.value
    return sums


def forget_gauges(directory: Path, slot: str) -> None:
    """Drop the gauges of a dead process: what it held, it holds no more. Its counters stay."""
    mark_process_dead(slot, path=str(directory))  # type: ignore[no-untyped-call]


def open_deliveries(directory: Path, slot: str, closed_by: str) -> dict[str, int]:
    """Return, by shard, the deliveries that a dead process received and nobody has closed.

    :param slot: the dead process; its counters outlive it, so earlier deaths are in them too.
    :param closed_by: the process that closes the books of the dead.
    """
    received, ended = _counted(directory, slot)
    _, closed = _counted(directory, closed_by)
    open_ = {shard: int(count - ended.get(shard, 0) - closed.get(shard, 0)) for shard, count in received.items()}
    return {shard: count for shard, count in open_.items() if count}


def _counted(directory: Path, slot: str) -> tuple[dict[str, float], dict[str, float]]:
    """Return one process's deliveries received and ended, by shard."""
    file = directory / f"counter_{slot}.db"
    if not file.exists():
        return {}, {}
    merged: Iterable[Metric] = MultiProcessCollector.merge([str(file)])  # type: ignore[no-untyped-call]
    families = {family.name: family for family in merged}
    return _by_shard(families.get("sanitizer_records_received")), _by_shard(families.get("sanitizer_records"))
