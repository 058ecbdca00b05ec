"""What the worker's metrics were in the last minutes: rates, growth and quantiles without a Prometheus."""

import bisect
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from prometheus_client import Metric

from consumer.logs import Logger
from consumer.periodic import Periodic

SAMPLE_SECONDS: Final = 5.0
RATE_SECONDS: Final = 30.0
"""Over which a rate or a quantile is taken that holds now: batches come in lumps."""

SPANS: Final = (60.0, 300.0, 900.0)
"""Over which growth is shown."""

HOUR_SECONDS: Final = 3600.0
"""For so long points of the lines are kept."""

_KEPT: Final = int(SPANS[-1] / SAMPLE_SECONDS) + 1
_POINTS: Final = int(HOUR_SECONDS / SAMPLE_SECONDS) + 1

RECEIVED: Final = "sanitizer_records_received_total"
OUTCOMES: Final = "sanitizer_records_total"
DOCUMENTS: Final = "sanitizer_documents_total"
QUARANTINED: Final = "sanitizer_quarantined_total"
REDACTIONS: Final = "sanitizer_redactions_total"
RETRIES: Final = "sanitizer_write_retries_total"
RESTARTS: Final = "sanitizer_daemon_restarts_total"
SESSIONS: Final = "sanitizer_sessions_total"
CANDIDATE: Final = "sanitizer_candidate_records_total"
CPU: Final = "sanitizer_process_cpu_seconds_total"
LOG_LINES: Final = "sanitizer_daemon_log_lines_total"
KINESIS_RECORDS: Final = "sanitizer_kinesis_records_received_total"
BYTES: Final = "sanitizer_record_bytes_received_total"
STREAM_SECONDS: Final = "sanitizer_stream_seconds_received_total"
LAG: Final = "sanitizer_behind_latest_seconds"
LATENCY: Final = "sanitizer_record_latency_seconds"
WRITES: Final = "sanitizer_write_batch_seconds"

_COUNTERS: Final[Mapping[str, tuple[str, ...]]] = {
    RECEIVED: ("shard",),
    KINESIS_RECORDS: ("shard",),
    BYTES: ("shard",),
    STREAM_SECONDS: ("shard",),
    OUTCOMES: ("outcome",),
    DOCUMENTS: ("outcome",),
    QUARANTINED: ("code",),
    REDACTIONS: ("rule", "action"),
    RETRIES: ("reason",),
    RESTARTS: ("reason",),
    SESSIONS: ("event",),
    CANDIDATE: ("result",),
    CPU: ("process",),
    LOG_LINES: ("logger", "level"),
}
"""Those of which the growth is shown, and by which labels."""

Collect = Callable[[], Iterable[Metric]]
Buckets = tuple[tuple[float, float], ...]
"""Upper bounds, ascending, and cumulative counts."""

Counts = Mapping[tuple[str, ...], float]
"""By the values of labels."""


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
    """What is kept of a reading for a quarter of an hour.

    :ivar at: monotonic seconds.
    :ivar counts: of the counters, by their names.
    :ivar buckets: of the histograms, by their names.
    """

    at: float
    counts: Mapping[str, Counts]
    buckets: Mapping[str, Buckets]


class Window(NamedTuple):
    """Two samples, and what happened between them."""

    first: Sample
    last: Sample

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.last.at - self.first.at

    def grown(self, name: str) -> dict[tuple[str, ...], float]:
        """Return how much a counter grew, by its labels."""
        before = self.first.counts[name]
        return {key: max(0.0, count - before.get(key, 0.0)) for key, count in self.last.counts[name].items()}

    def total(self, name: str) -> float:
        """Return how much a counter grew, over all of its labels."""
        return sum(self.grown(name).values())

    def rates(self, name: str) -> dict[tuple[str, ...], float]:
        """Return how much a counter grew per second, by its labels."""
        return {key: count / self.seconds for key, count in self.grown(name).items()}

    def quantile(self, share: float, name: str) -> float | None:
        """Return a quantile of what a histogram observed; see `quantile`."""
        return quantile(share, self.first.buckets[name], self.last.buckets[name])


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


class Point(NamedTuple):
    """What is kept for an hour.

    :ivar at: epoch seconds.
    :ivar rate: records a second.
    :ivar latency: the 99th percentile, in seconds; None: nothing was stored.
    :ivar lag: of the shard that lags most, in seconds; None: no shard is this worker's.
    """

    at: float
    rate: float
    latency: float | None
    lag: float | None


class View(NamedTuple):
    """What a page is made from; never changed, since pages are made in other threads.

    :ivar reading: the last one; empty before the first.
    :ivar now: the last half a minute; None before the second sample.
    :ivar recent: the spans of `SPANS`, each as long as there are samples for; empty before the second sample.
    :ivar points: the last hour's, the latest last.
    """

    reading: Reading
    now: Window | None
    recent: tuple[Window, ...]
    points: tuple[Point, ...]

    @property
    def last_lag(self) -> Point | None:
        """The last point at which a lag was known."""
        return next((point for point in reversed(self.points) if point.lag is not None), None)


class History:
    """Looks at the metrics every few seconds.

    Pages are made from what it has found, so that looking at one costs the worker nothing more than it spends anyway.

    :param collect: reads the metrics now.
    :param clock: epoch seconds.
    """

    def __init__(self, collect: Collect, log: Logger, clock: Callable[[], float] = time.time) -> None:
        self._collect = collect
        self._clock = clock
        self._samples: tuple[Sample, ...] = ()
        self._keys: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.view = View(Reading((), 0.0), None, (), ())
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
        reading = Reading(self._collect(), self._clock())
        samples = self._samples = (*self._samples, self._sample(reading, now))[-_KEPT:]
        if len(samples) == 1:
            self.view = View(reading, None, (), ())
            return
        current = _window(samples, RATE_SECONDS)
        point = Point(
            reading.at,
            current.total(RECEIVED) / current.seconds,
            current.quantile(0.99, LATENCY),
            max((value for _, value in reading.rows(LAG)), default=None),
        )
        # Not by their number alone: the clock goes on while a machine sleeps, and may be set.
        before = [each for each in self.view.points if 0 <= reading.at - each.at <= HOUR_SECONDS]
        self.view = View(
            reading,
            current,
            tuple(_window(samples, seconds) for seconds in SPANS),
            (*before, point)[-_POINTS:],
        )

    def _sample(self, reading: Reading, at: float) -> Sample:
        """Take from a reading what is kept. Each key is kept once for all samples: they are most of the memory."""
        once = self._keys.setdefault
        return Sample(
            at,
            {
                name: {once(key, key): count for key, count in reading.by(name, *labels).items()}
                for name, labels in _COUNTERS.items()
            },
            {name: reading.buckets(name) for name in (LATENCY, WRITES)},
        )


def _window(samples: Sequence[Sample], seconds: float) -> Window:
    """Return what ends with the last sample: as long as was asked for, or as there are samples."""
    last = samples[-1]
    # A little more than so long ago: rounds of a thread are never quite on time.
    first = bisect.bisect_left(samples, last.at - seconds - SAMPLE_SECONDS / 2, hi=len(samples) - 2, key=_at)
    return Window(samples[first], last)


def _at(sample: Sample) -> float:
    return sample.at
