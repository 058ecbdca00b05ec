"""The metrics of one process, as `consumer.metrics.declared` declares them.

The pipeline processes and the supervisor write to memory-mapped files (prometheus_client's multiprocess mode), one set
for each process *slot* and not for each pid: a successor goes on in its predecessor's files, so that counters never go
backwards and the number of files stays bounded. What only holds for a moment (in flight, ages) is derived when the
supervisor is scraped; see `consumer.metrics.collector`.
"""

import bisect
import os
from collections.abc import Iterable, Sequence
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prometheus_client import Counter, Gauge, Histogram, values
from prometheus_client.registry import CollectorRegistry

from consumer.errors import StartError
from consumer.metrics.declared import ALL, Declarations, Declared
from consumer.record import Outcome


class SessionEvent(StrEnum):
    """The label values of ``sanitizer_sessions_total``."""

    BEGAN = "began"
    HANDED_OVER = "handed_over"
    LEASE_LOST = "lease_lost"
    SHARD_ENDED = "shard_ended"
    BROKEN = "broken"


def set_up(directory: Path | None = None, slot: str = "") -> None:
    """Say where this process counts. To be called once, in its main function, before its `Metrics` are made.

    :param directory: folder of the memory-mapped files, common to all processes of the worker; None: nobody scrapes
        this process, which counts in its own memory.
    :param slot: stable name of this process, e.g. ``pipeline-0``; letters, digits and dashes.
    :raises StartError: prometheus_client is not as `observe_many` must know it.
    """
    values.ValueClass = values.MutexValue
    if not agrees_with_observe():
        msg = f"Latencies would not be counted as prometheus_client {version('prometheus-client')} counts. Report this."
        raise StartError(msg)
    if directory is not None:
        # Both must be in place before the first metric is made; prometheus_client reads them then.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
        values.ValueClass = values.MultiProcessValue(process_identifier=lambda: slot)  # type: ignore[no-untyped-call]


class Metrics(Declarations):
    """The metrics of one process: for each declared one that is counted, what counts it."""

    def __init__(self) -> None:
        registry = CollectorRegistry()  # refuses a name that is declared twice
        for attribute, declared in ALL.items():
            if not declared.derived:
                setattr(self, attribute, _made(declared, registry))

    def shard(self, shard: str) -> "ShardBooks":
        """Return the books of one shard."""
        return ShardBooks(self, shard)

    def session(self, event: SessionEvent, count: int = 1) -> None:
        """Enter how sessions began or ended."""
        self.sessions.labels(event.value).inc(count)


def _made(declared: Declared[Any], registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    name, text, labels = declared.name, declared.help, tuple(declared.labels)
    if declared.type == "counter":
        return Counter(name, text, labels, registry=registry)
    if declared.type == "gauge":
        mode: Any = declared.merged
        return Gauge(name, text, labels, registry=registry, multiprocess_mode=mode)
    return Histogram(name, text, labels, registry=registry, buckets=declared.buckets)


class ShardBooks:
    """The accounting of one shard: a batch is entered in a handful of increments, whatever its size."""

    def __init__(self, metrics: Metrics, shard: str) -> None:
        self._received = metrics.received.labels(shard)
        self._bytes = metrics.bytes_received.labels(shard)
        self._kinesis_records = metrics.kinesis_records.labels(shard)
        self._stream_seconds = metrics.stream_seconds.labels(shard)
        self._last_arrival = 0.0
        self._outcomes = {outcome: metrics.outcomes.labels(shard, outcome.value) for outcome in Outcome}
        self._documents_received = metrics.documents_received.labels(shard)
        self._documents = {outcome: metrics.documents.labels(shard, outcome.value) for outcome in Outcome}
        self._held_since = metrics.held_since.labels(shard)
        self._owned = metrics.owned.labels(shard)
        self._up_to = metrics.up_to.labels(shard)
        self._checkpointed_at = metrics.checkpointed_at.labels(shard)
        self._heard_at = metrics.heard_at.labels(shard)
        self._batch_since = metrics.batch_since.labels(shard)
        self._reported_up_to = 0.0

    def received(self, records: int, size: int) -> None:
        """Enter a delivery of `records` records with `size` bytes of data."""
        self._received.inc(records)
        self._bytes.inc(size)

    def documents_received(self, documents: int) -> None:
        """Enter the documents that records were found to hold."""
        self._documents_received.inc(documents)

    def documents_ended(self, outcome: Outcome, documents: int) -> None:
        """Enter how documents ended."""
        self._documents[outcome].inc(documents)

    def held_since(self, at: float) -> None:
        """Note since when a record has waited for what its decoder asks, in epoch seconds; 0: none does."""
        self._held_since.set(at)

    def arrived(self, kinesis_records: int, first: float, last: float) -> None:
        """Enter what a delivery says of the shard's load.

        :param kinesis_records: aggregates count once.
        :param first: arrival of its first record in epoch seconds, as `last` is that of the last; 0: not known.
        """
        self._kinesis_records.inc(kinesis_records)
        if first:
            self._stream_seconds.inc(max(0.0, last - (self._last_arrival or first)))
            self._last_arrival = max(last, self._last_arrival)

    def ended(self, outcome: Outcome, records: int) -> None:
        """Enter how `records` deliveries ended."""
        if records:
            self._outcomes[outcome].inc(records)

    def owned(self, *, now: float) -> None:
        """The shard's session began."""
        self._reported_up_to = now
        self._up_to.set(now)
        self._checkpointed_at.set(now)
        self._heard_at.set(now)
        self._batch_since.set(0)
        self._held_since.set(0)
        self._owned.set(1)

    def released(self) -> None:
        """The shard's session ended."""
        self._owned.set(0)
        self._batch_since.set(0)
        self._held_since.set(0)

    def delivered(self, behind: float, oldest: float, *, now: float) -> None:
        """KCL delivered, if only a heartbeat.

        :param behind: lag in seconds, as KCL reports it with the delivery.
        :param oldest: arrival of the first record, in epoch seconds; 0: there is none, or it is not known.
        """
        self._heard_at.set(now)
        self._reported_up_to = now - behind
        self.unfinished_since(oldest)

    def unfinished_since(self, oldest: float) -> None:
        """Note the arrival of the oldest record that is unfinished.

        KCL's report is of the time of its fetch, before up to three batches that wait, so the records themselves say
        more. Both lags grow by a second a second: which of them is the larger is known now, and stays so.
        """
        self._up_to.set(min(self._reported_up_to, oldest) if oldest else self._reported_up_to)

    def checkpointed(self, now: float) -> None:
        """A checkpoint was accepted."""
        self._checkpointed_at.set(now)

    def batch_began(self, now: float) -> None:
        """A batch is in flight."""
        self._batch_since.set(now)

    def batch_ended(self) -> None:
        """No batch is in flight."""
        self._batch_since.set(0)


def show_zeros(counter: Counter, labels: Iterable[str]) -> None:
    """Show a counter with one label as 0: a first increment is then an increase, and not a new series."""
    for label in labels:
        counter.labels(str(label))


def observe_many(histogram: Histogram, observations: Sequence[float]) -> None:
    """Enter many observations at the cost of a few.

    prometheus_client has no call for this; one `observe` per record would cost more than its redaction. So this stands
    on private attributes of its, and each process asks `agrees_with_observe` at its start.
    """
    if not observations:
        return
    ordered = sorted(observations)
    child: Any = histogram
    child._sum.inc(sum(ordered))  # noqa: SLF001
    start = 0
    for bound, bucket in zip(child._upper_bounds, child._buckets, strict=True):  # noqa: SLF001
        end = bisect.bisect_right(ordered, bound, start)
        if end > start:
            bucket.inc(end - start)
            start = end
        if start == len(ordered):
            return


def agrees_with_observe() -> bool:
    """Return whether `observe_many` counts as prometheus_client's `observe` does; to be asked once, at the start."""
    observations, buckets = (0.5, 1.0, 1.5, 2.0, 7.0), (1.0, 2.0, 5.0)
    one, other = (Histogram("check", "check", registry=None, buckets=buckets) for _ in range(2))
    for observation in observations:
        one.observe(observation)
    try:
        observe_many(other, observations)
    except (AttributeError, TypeError, ValueError):
        return False
    return _counted(one) == _counted(other)


def _counted(histogram: Histogram) -> list[tuple[str, str | None, float]]:
    return [
        (sample.name, sample.labels.get("le"), sample.value)
        for family in histogram.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]
