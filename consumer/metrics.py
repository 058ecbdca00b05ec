"""Every metric, declared once, with its help text.

The pipeline processes and the supervisor write to memory-mapped files (prometheus_client's multiprocess mode), one set
for each process *slot* and not for each pid: a successor goes on in its predecessor's files, so that counters never go
backwards and the number of files stays bounded. What only holds for a moment (in flight, ages) is derived when the
supervisor is scraped; see `consumer.exposition`.
"""

import bisect
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from prometheus_client import Counter, Gauge, Histogram, values
from prometheus_client.registry import CollectorRegistry

from consumer.record import Outcome

LATENCY_BUCKETS: Final = (
    0.01,
    0.025,
    0.05,
    0.1,
    0.2,
    0.3,
    0.4,
    0.5,
    0.75,
    1.0,
    1.5,
    2.5,
    5.0,
    10.0,
    30.0,
    120.0,
    600.0,
    3600.0,
)
WRITE_BUCKETS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0)
ITEM_BUCKETS: Final = (1.0, 5.0, 10.0, 15.0, 20.0, 24.0, 25.0)

# Raw gauges of the pipeline processes. They go when their process dies ("live"), and are not shown as they are.
SHARD_OWNED: Final = "sanitizer_internal_shard_owned"
SHARD_BEHIND: Final = "sanitizer_internal_behind_latest_seconds"
SHARD_CHECKPOINTED_AT: Final = "sanitizer_internal_checkpointed_at_seconds"
SHARD_BATCH_SINCE: Final = "sanitizer_internal_batch_since_seconds"


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

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, ("shard",), registry=registry, multiprocess_mode="livemostrecent")

        def alarm(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=registry, multiprocess_mode="livemax")

        self.received: Final = counter(
            "sanitizer_records_received_total",
            "Records delivered by the daemon, redeliveries included.",
            "shard",
        )
        self.bytes_received: Final = counter(
            "sanitizer_record_bytes_received_total", "Bytes of record data delivered by the daemon.", "shard"
        )
        self.outcomes: Final = counter(
            "sanitizer_records_total",
            "Deliveries by how they ended: stored, quarantined, dropped, duplicate or abandoned.",
            "shard",
            "outcome",
        )
        self.redactions: Final = counter(
            "sanitizer_redactions_total",
            "Applications of a rule of the policy, by its action.",
            "rule",
            "action",
        )
        self.field_values: Final = counter(
            "sanitizer_field_values_total",
            "Values of a field by what became of them: released, redacted, or unknown: redacted because no rule of the "
            "policy speaks of the field.",
            "path",
            "result",
        )
        self.field_drift: Final = alarm(
            "sanitizer_field_drift",
            "1 while a field whose values were always redacted is redacted no longer.",
            "path",
        )
        self.candidate_records: Final = counter(
            "sanitizer_candidate_records_total",
            "Records by what the candidate policy would make of them: same, different, or failed.",
            "result",
        )
        self.candidate_differences: Final = counter(
            "sanitizer_candidate_differences_total",
            "What the candidate policy would do differently, by field and kind of change.",
            "path",
            "change",
        )
        self.write_retries: Final = counter(
            "sanitizer_write_retries_total", "Batch writes that were sent again, by reason.", "reason"
        )
        self.daemon_restarts: Final = counter(
            "sanitizer_daemon_restarts_total",
            "Starts of the KCL daemon after its first, by reason.",
            "reason",
        )
        self.daemon_log_lines: Final = counter(
            "sanitizer_daemon_log_lines_total",
            "Log lines of the KCL daemon, by logger and level.",
            "logger",
            "level",
        )
        self.latency: Final = Histogram(
            "sanitizer_record_latency_seconds",
            "Time from a record's arrival in the stream until it was durable.",
            registry=registry,
            buckets=LATENCY_BUCKETS,
        )
        self.write_seconds: Final = Histogram(
            "sanitizer_write_batch_seconds",
            "Time of one batch write request.",
            registry=registry,
            buckets=WRITE_BUCKETS,
        )
        self.write_items: Final = Histogram(
            "sanitizer_write_batch_items",
            "Items in one batch write request.",
            registry=registry,
            buckets=ITEM_BUCKETS,
        )
        self.write_concurrency: Final = Gauge(
            "sanitizer_write_concurrency",
            "Batch writes that may be under way at once, in all pipeline processes; falls when the table throttles or "
            "slows down.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.owned: Final = gauge(SHARD_OWNED, "1 while this process serves the shard.")
        self.behind: Final = gauge(SHARD_BEHIND, "Lag of the shard as KCL reported it at the last fetch.")
        self.checkpointed_at: Final = gauge(SHARD_CHECKPOINTED_AT, "Epoch seconds of the last checkpoint.")
        self.batch_since: Final = gauge(SHARD_BATCH_SINCE, "Epoch seconds when the batch in flight began; 0: none.")

    def shard(self, shard: str) -> "ShardBooks":
        """Return the books of one shard."""
        return ShardBooks(self, shard)


class ShardBooks:
    """The accounting of one shard: a batch is entered in a handful of increments, whatever its size."""

    def __init__(self, metrics: Metrics, shard: str) -> None:
        self._received = metrics.received.labels(shard)
        self._bytes = metrics.bytes_received.labels(shard)
        self._outcomes = {outcome: metrics.outcomes.labels(shard, outcome.value) for outcome in Outcome}
        self._owned = metrics.owned.labels(shard)
        self._behind = metrics.behind.labels(shard)
        self._checkpointed_at = metrics.checkpointed_at.labels(shard)
        self._batch_since = metrics.batch_since.labels(shard)

    def received(self, records: int, size: int) -> None:
        """Enter a delivery of `records` records with `size` bytes of data."""
        self._received.inc(records)
        self._bytes.inc(size)

    def ended(self, outcome: Outcome, records: int) -> None:
        """Enter how `records` deliveries ended."""
        if records:
            self._outcomes[outcome].inc(records)

    def owned(self, *, now: float) -> None:
        """The shard's session began."""
        self._owned.set(1)
        self._checkpointed_at.set(now)
        self._batch_since.set(0)
        self._behind.set(0)

    def released(self) -> None:
        """The shard's session ended."""
        self._owned.set(0)
        self._batch_since.set(0)

    def behind(self, seconds: float) -> None:
        """KCL reported the lag."""
        self._behind.set(seconds)

    def checkpointed(self, now: float) -> None:
        """A checkpoint was accepted."""
        self._checkpointed_at.set(now)

    def batch_began(self, now: float) -> None:
        """A batch is in flight."""
        self._batch_since.set(now)

    def batch_ended(self) -> None:
        """No batch is in flight."""
        self._batch_since.set(0)


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


Clock = Callable[[], float]
