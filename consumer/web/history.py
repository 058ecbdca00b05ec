"""What the worker's metrics were in the last minutes: rates and quantiles without a Prometheus."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from prometheus_client import Metric

from consumer.logs import Logger
from consumer.periodic import Periodic

SAMPLE_SECONDS: Final = 5.0
KEPT: Final = 181
"""Samples: fifteen minutes."""

WINDOW: Final = 6
"""Intervals over which a rate or a quantile is taken: half a minute. Batches come in lumps."""

_LOAD: Final = {
    "records": "sanitizer_kinesis_records_received_total",
    "bytes": "sanitizer_record_bytes_received_total",
    "seconds": "sanitizer_stream_seconds_received_total",
}

Collect = Callable[[], Iterable[Metric]]
Buckets = tuple[tuple[float, float], ...]
"""Upper bounds, ascending, and cumulative counts."""


class Reading:
    """All metrics at one moment, by the names and labels that /metrics shows.

    :param at: epoch seconds.
    """

    def __init__(self, families: Iterable[Metric], at: float) -> None:
        self.at = at
        self._samples: dict[str, list[tuple[Mapping[str, str], float]]] = {}
        for family in families:
            for sample in family.samples:
                self._samples.setdefault(sample.name, []).append((sample.labels, sample.value))

    def rows(self, name: str) -> Sequence[tuple[Mapping[str, str], float]]:
        """Return labels and value of each sample of a name."""
        return self._samples.get(name, ())

    def value(self, name: str) -> float | None:
        """Return the sum over all labels; None if there is no such metric (yet)."""
        rows = self.rows(name)
        return sum(value for _, value in rows) if rows else None

    def by(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Return the sums by some of the labels."""
        sums: dict[tuple[str, ...], float] = {}
        for found, value in self.rows(name):
            key = tuple(found.get(label, "") for label in labels)
            sums[key] = sums.get(key, 0.0) + value
        return sums

    def buckets(self, name: str) -> Buckets:
        """Return a histogram's buckets, over all of its labels."""
        counts = self.by(f"{name}_bucket", "le")
        return tuple(sorted((float(bound), count) for (bound,), count in counts.items()))


class Sample(NamedTuple):
    """What is kept of a reading.

    :ivar at: monotonic seconds.
    :ivar received: records delivered, by shard.
    :ivar load: of a shard, by shard and kind: Kinesis records, bytes, and the stream's seconds that they span.
    :ivar latency: of the records; `writes`: of the batch writes.
    :ivar lag: of the shard that lags most, in seconds.
    :ivar cpu: seconds used, by process.
    """

    at: float
    received: dict[str, float]
    load: dict[str, dict[str, float]]
    outcomes: dict[str, float]
    latency: Buckets
    writes: Buckets
    lag: float | None
    cpu: dict[str, float]


def sample(reading: Reading, at: float) -> Sample:
    """Take from a reading what is kept."""
    lags = [value for _, value in reading.rows("sanitizer_behind_latest_seconds")]
    return Sample(
        at,
        _by_one(reading, "sanitizer_records_received_total", "shard"),
        {kind: _by_one(reading, name, "shard") for kind, name in _LOAD.items()},
        _by_one(reading, "sanitizer_records_total", "outcome"),
        reading.buckets("sanitizer_record_latency_seconds"),
        reading.buckets("sanitizer_write_batch_seconds"),
        max(lags, default=None),
        _by_one(reading, "sanitizer_process_cpu_seconds_total", "process"),
    )


def _by_one(reading: Reading, name: str, label: str) -> dict[str, float]:
    return {value: count for (value,), count in reading.by(name, label).items()}


class Window(NamedTuple):
    """Two samples, and what happened between them."""

    first: Sample
    last: Sample

    def rates(self, counts: Callable[[Sample], Mapping[str, float]]) -> dict[str, float]:
        """Return how much each counter of a kind grew, per second."""
        passed = self.last.at - self.first.at
        before = counts(self.first)
        return {key: max(0.0, count - before.get(key, 0.0)) / passed for key, count in counts(self.last).items()}

    def quantile(self, share: float, buckets: Callable[[Sample], Buckets]) -> float | None:
        """Return a quantile of what a histogram observed; see `quantile`."""
        return quantile(share, buckets(self.first), buckets(self.last))


def quantile(share: float, first: Buckets, last: Buckets) -> float | None:
    """Return a quantile of what was observed between two moments, as Prometheus' ``histogram_quantile`` estimates it.

    :return: in the histogram's unit; None if nothing was observed.
    """
    before = dict(first)
    grown = [(bound, count - before.get(bound, 0.0)) for bound, count in last]
    if not grown or grown[-1][1] <= 0:
        return None
    rank = share * grown[-1][1]
    lower, below = 0.0, 0.0
    for bound, count in grown:
        if count >= rank and count > below:
            # What lies beyond the last bound is unknown.
            return lower if math.isinf(bound) else lower + (bound - lower) * (rank - below) / (count - below)
        lower, below = bound, max(below, count)
    return lower


class History:
    """The last reading, and a sample of each for the last fifteen minutes.

    Pages are made from it, so that looking at one costs the worker nothing more than it spends anyway.

    :param collect: reads the metrics now.
    """

    def __init__(self, collect: Collect, log: Logger) -> None:
        self._collect = collect
        self._samples: tuple[Sample, ...] = ()
        self._reading = Reading((), 0.0)
        self._looks = Periodic(
            "history",
            SAMPLE_SECONDS,
            lambda _: self.look(time.monotonic()),
            errors=(Exception,),  # files come and go under it; the next look may succeed
            failed=lambda error: log.warning("history.not_sampled", error=type(error).__name__),
        )

    def start(self) -> None:
        """Sample in a thread of its own, until `close`."""
        self._looks.start(at_once=True)

    def close(self) -> None:
        """Sample no more."""
        self._looks.stop()

    def look(self, now: float) -> None:
        """Take one sample, at a monotonic time."""
        reading = Reading(self._collect(), time.time())
        # Tuples that are replaced, never changed: pages are made in other threads.
        self._reading, self._samples = reading, (*self._samples, sample(reading, now))[-KEPT:]

    @property
    def reading(self) -> Reading:
        """The last one; empty before the first."""
        return self._reading

    def windows(self) -> list[Window]:
        """Return the windows that end with each sample but the first, the latest last; the first ones are short."""
        samples = self._samples
        return [Window(samples[max(0, end - WINDOW)], samples[end]) for end in range(1, len(samples))]
