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
from pathlib import Path
from typing import Any, Final

from prometheus_client import Counter, Gauge, Histogram, values
from prometheus_client.registry import CollectorRegistry

from consumer.metrics import declared as declarations
from consumer.metrics.declared import Declared
from consumer.record import Outcome


class SessionEvent(StrEnum):
    """The label values of ``sanitizer_sessions_total``."""

    BEGAN = "began"
    HANDED_OVER = "handed_over"
    LEASE_LOST = "lease_lost"
    SHARD_ENDED = "shard_ended"
    BROKEN = "broken"


class Metrics:
    """The metrics of one process.

    :param directory: folder of the memory-mapped files, common to all processes of the worker.
    :param slot: stable name of this process, e.g. ``pipeline-0``; letters, digits and dashes.
    """

    def __init__(self, directory: Path, slot: str) -> None:
        # Both must be in place before the first metric is made; prometheus_client reads them then.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
        values.ValueClass = values.MultiProcessValue(process_identifier=lambda: slot)  # type: ignore[no-untyped-call]
        registry = CollectorRegistry()

        def counter(declared: Declared) -> Counter:
            return Counter(declared.name, declared.help, tuple(declared.labels), registry=registry)

        def gauge(declared: Declared) -> Gauge:
            mode: Any = declared.merged
            return Gauge(
                declared.name, declared.help, tuple(declared.labels), registry=registry, multiprocess_mode=mode
            )

        def histogram(declared: Declared) -> Histogram:
            return Histogram(declared.name, declared.help, registry=registry, buckets=declared.buckets)

        self.received: Final = counter(declarations.RECEIVED)
        self.bytes_received: Final = counter(declarations.BYTES_RECEIVED)
        self.kinesis_records: Final = counter(declarations.KINESIS_RECORDS)
        self.stream_seconds: Final = counter(declarations.STREAM_SECONDS)
        self.outcomes: Final = counter(declarations.OUTCOMES)
        self.quarantined: Final = counter(declarations.QUARANTINED)
        self.redactions: Final = counter(declarations.REDACTIONS)
        self.field_values: Final = counter(declarations.FIELD_VALUES)
        self.field_drift: Final = gauge(declarations.FIELD_DRIFT)
        self.candidate_records: Final = counter(declarations.CANDIDATE_RECORDS)
        self.candidate_differences: Final = counter(declarations.CANDIDATE_DIFFERENCES)
        self.write_retries: Final = counter(declarations.WRITE_RETRIES)
        self.sessions: Final = counter(declarations.SESSIONS)
        self.application_leases: Final = gauge(declarations.APPLICATION_LEASES)
        self.application_workers: Final = gauge(declarations.APPLICATION_WORKERS)
        self.read_throttles: Final = counter(declarations.READ_THROTTLES)
        self.open_shards: Final = gauge(declarations.OPEN_SHARDS)
        self.retention: Final = gauge(declarations.RETENTION)
        self.daemon_restarts: Final = counter(declarations.DAEMON_RESTARTS)
        self.daemon_log_lines: Final = counter(declarations.DAEMON_LOG_LINES)
        self.log_lines_suppressed: Final = counter(declarations.LOG_LINES_SUPPRESSED)
        self.latency: Final = histogram(declarations.LATENCY)
        self.write_seconds: Final = histogram(declarations.WRITE_SECONDS)
        self.write_items: Final = histogram(declarations.WRITE_ITEMS)
        self.write_concurrency: Final = gauge(declarations.WRITE_CONCURRENCY)
        self.owned: Final = gauge(declarations.RAW_OWNED)
        self.up_to: Final = gauge(declarations.RAW_UP_TO)
        self.checkpointed_at: Final = gauge(declarations.RAW_CHECKPOINTED_AT)
        self.batch_since: Final = gauge(declarations.RAW_BATCH_SINCE)

    def shard(self, shard: str) -> "ShardBooks":
        """Return the books of one shard."""
        return ShardBooks(self, shard)

    def session(self, event: SessionEvent, count: int = 1) -> None:
        """Enter how sessions began or ended."""
        self.sessions.labels(event.value).inc(count)


class ShardBooks:
    """The accounting of one shard: a batch is entered in a handful of increments, whatever its size."""

    def __init__(self, metrics: Metrics, shard: str) -> None:
        self._received = metrics.received.labels(shard)
        self._bytes = metrics.bytes_received.labels(shard)
        self._kinesis_records = metrics.kinesis_records.labels(shard)
        self._stream_seconds = metrics.stream_seconds.labels(shard)
        self._last_arrival = 0.0
        self._outcomes = {outcome: metrics.outcomes.labels(shard, outcome.value) for outcome in Outcome}
        self._owned = metrics.owned.labels(shard)
        self._up_to = metrics.up_to.labels(shard)
        self._checkpointed_at = metrics.checkpointed_at.labels(shard)
        self._batch_since = metrics.batch_since.labels(shard)
        self._reported_up_to = 0.0

    def received(self, records: int, size: int) -> None:
        """Enter a delivery of `records` records with `size` bytes of data."""
        self._received.inc(records)
        self._bytes.inc(size)

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
        self._batch_since.set(0)
        self._owned.set(1)

    def released(self) -> None:
        """The shard's session ended."""
        self._owned.set(0)
        self._batch_since.set(0)

    def delivered(self, behind: float, oldest: float, *, now: float) -> None:
        """KCL delivered, if only a heartbeat.

        :param behind: lag in seconds, as KCL reports it with the delivery.
        :param oldest: arrival of the first record, in epoch seconds; 0: there is none, or it is not known.
        """
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

    prometheus_client has no call for this; one `observe` per record would cost more than its redaction. A test holds
    this against `observe`.
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
