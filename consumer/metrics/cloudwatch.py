"""What a worker tells CloudWatch of itself, without a Prometheus: a line a minute, of what is counted anyway."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from consumer import logs
from consumer.logs import EmbeddedMetrics, Measured
from consumer.logs.embedded import Unit
from consumer.metrics.declared import Declarations, Declared
from consumer.metrics.merged import Values
from consumer.periodic import Periodic
from redaction.engine.work import LEAK_SUSPECTED

NAMESPACE: Final = "KinesisSanitizer"
DIMENSION: Final = "Application"
SECONDS: Final = 59.0
"""From one line to the next. Less than a minute by more than a line takes, so that no minute of the clock is without
one: an alarm that wants five minutes in a row would begin anew."""

THROTTLED: Final = ("throttled", "unprocessed")
"""Reasons of a retry that say: the table takes no more."""

THROTTLED_SHARE: Final = 0.001
"""Of a minute's batch writes, from which on the table is the limit. One that was given ten times what it takes turned
away half of them (`benchmarks/results/long-slow-table.json`); a key that is hot for a moment is far below."""

_Sampled = Mapping[str, Values]

PUBLISHED: Final[Mapping[str, tuple[Unit, str]]] = {
    "LagSeconds": (
        "Seconds",
        "The largest `sanitizer_behind_latest_seconds` of the worker's shards; absent while it has none.",
    ),
    "ScalingLagSeconds": (
        "Seconds",
        "The same, but 0 after a minute in which the table throttled one batch write in a thousand, or more.",
    ),
    "RetentionUsed": (
        "Percent",
        "`LagSeconds` as a share of what the stream keeps: at 100 records are lost unread.",
    ),
    "RecordsReceived": ("Count", "Records delivered, redeliveries included."),
    "RecordsQuarantined": ("Count", "Records that ended in quarantine."),
    "LeaksSuspected": ("Count", "Entries of the quarantine with the code `leak_suspected`."),
    "WritesThrottled": ("Count", "Batch writes that were sent again since the table throttled them, or part of them."),
    "FieldsDrifted": ("Count", "Fields that are redacted no longer, now (`sanitizer_field_drift`)."),
    "ShardsServed": ("Count", "Shards that the worker serves now."),
    "ShardsWithoutOwner": (
        "Count",
        "Leases of the whole application that nobody has, or nobody renews: they are in nobody's lag.",
    ),
}
"""Each metric's unit, and what it is."""


class CloudWatchMetrics:
    """Writes the metrics of one worker, from `start` to `close`.

    :param application: KCL's name of it, which all of its workers have.
    :param read: returns all metrics of the worker; see `WorkerCollector.values`.
    :param write: takes each line's.
    :param failed: is told when they cannot be read; the next minute's line tells of both.
    """

    def __init__(
        self,
        application: str,
        read: Callable[[], _Sampled],
        write: Callable[[EmbeddedMetrics], object] = logs.publish,
        failed: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        self._application = application
        self._read = read
        self._write = write
        self._is_over = False
        self._before: Mapping[str, float] = {}
        self._lock = threading.Lock()
        # Files come and go under it.
        self._rounds = Periodic("cloudwatch-metrics", SECONDS, self._round, errors=(Exception,), failed=failed)

    def start(self) -> None:
        """Begin, with a line at once: a metric that exists can be watched."""
        self._rounds.start(at_once=True)

    def close(self) -> None:
        """Write the last line, of less than a minute. A worker that stops since too much is quarantined says so.

        Its leases are handed over, so it has no lag any more.
        """
        self._is_over = True
        self._rounds.stop()
        self.publish()

    def publish(self) -> None:
        """Write a line of what was counted since the last one."""
        self._rounds.round(0.0)

    def _round(self, _passed: float) -> None:
        with self._lock:  # the last round may meet another one
            self._write_line(self._read())

    def _write_line(self, now: _Sampled) -> None:
        counts = _counts(now)
        grown = {name: count - self._before.get(name, 0.0) for name, count in counts.items()}
        self._before = counts
        writes = grown.pop("writes")
        values = grown if self._is_over else _lags(now, grown["WritesThrottled"], writes) | grown
        values["FieldsDrifted"] = _sum(now, Declarations.field_drift)
        values["ShardsServed"] = _sum(now, Declarations.shards_owned)
        values["ShardsWithoutOwner"] = _sum(now, Declarations.application_leases, "unowned", "expired")
        metrics = {name: Measured(values[name], unit) for name, (unit, _) in PUBLISHED.items() if name in values}
        self._write(EmbeddedMetrics(NAMESPACE, {DIMENSION: self._application}, metrics, time.time()))


def _counts(now: _Sampled) -> dict[str, float]:
    """Return the counters behind the metrics, since the worker's start."""
    return {
        "RecordsReceived": _sum(now, Declarations.received),
        "RecordsQuarantined": _sum(now, Declarations.outcomes, "quarantined"),
        "LeaksSuspected": _sum(now, Declarations.quarantined, LEAK_SUSPECTED),
        "WritesThrottled": _sum(now, Declarations.write_retries, *THROTTLED),
        "writes": sum(now.get(f"{Declarations.write_items.name}_bucket", {}).values()),
    }


def _lags(now: _Sampled, throttled: float, writes: float) -> dict[str, float]:
    lags = now.get(Declarations.behind.name, {}).values()
    if not lags:
        return {}
    # A request that was turned away whole is none of `writes`.
    is_table_the_limit = throttled > 0 and throttled >= THROTTLED_SHARE * (writes + throttled)
    lag = max(lags)
    told = {"LagSeconds": lag, "ScalingLagSeconds": 0.0 if is_table_the_limit else lag}
    if retention := _sum(now, Declarations.retention):  # not known before the first look
        told["RetentionUsed"] = 100 * lag / retention
    return told


def _sum(now: _Sampled, declared: Declared[object], *last: str) -> float:
    """Return the sum over all labels, or over those whose last one is one of these."""
    return sum(value for labels, value in now.get(declared.name, {}).items() if not last or labels[-1] in last)
