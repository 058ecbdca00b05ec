"""How many records the daemon fetches at once: as many as fit into its heap, whatever they are like.

KCL bounds a fetch by its number of records alone, and Kinesis by 10 MB. Of each shard the daemon holds a fetch that
waits, one that is under way and one that is being delivered, several times over: as AWS's answer, as records and as a
line of JSON. So a number that is right for small records is too large for large ones. What they are like is not known
until the heap is full: then the next daemon fetches a quarter of what the last one did, or as few as fit, if that is
less. It is remembered for all workers of the application, and raised again when what waits fits.
"""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from consumer.errors import ServiceError
from consumer.kcl.fetch_sample import FetchSample
from consumer.logs import Logger
from consumer.metrics import Metrics

OUT_OF_MEMORY_STATUS: Final = 3
"""Exit status of a JVM with -XX:+ExitOnOutOfMemoryError."""

PERIOD_SECONDS: Final = 60.0
"""How often it is looked whether more fits, while it is reduced."""

QUIET_SECONDS: Final = 600.0
"""For so long nothing has to wait, before it is raised without a sample."""

_CALM_SECONDS: Final = 60.0
_CALM_MOST_SECONDS: Final = 3600.0
"""From the last end out of memory until it is raised: twice as long after each relapse within this time, up to it."""

_SHRINK: Final = 4

# Measured (docs/performance.md): what a shard takes of the heap while it is read from a backlog.
_HEAP_SHARE: Final = 0.7
_BYTE_FACTOR: Final = 12
_RECORD_BYTES: Final = 1500
_TYPICAL_BYTES: Final = 1024

Sample = Callable[[int], FetchSample | None]


class Bounds(NamedTuple):
    """What a fetch is held against.

    :ivar most: records, as the settings say.
    :ivar least: records of a usual size: with fewer a shard could not be kept up with.
    :ivar heap_mib: the daemon's heap.
    :ivar shards: that this worker may have to read.
    """

    most: int
    least: int
    heap_mib: int
    shards: int

    @property
    def usual(self) -> int:
        """How many records a fetch holds, as long as they are of a usual size."""
        return min(self.most, max(self.least, self.fitting(_TYPICAL_BYTES)))

    def fitting(self, record_bytes: float) -> int:
        """Return how many records of a size a fetch may hold."""
        room = (self.heap_mib << 20) * _HEAP_SHARE / max(1, self.shards)
        return max(1, int(room / (_BYTE_FACTOR * record_bytes + _RECORD_BYTES)))


class FetchSize:
    """Changed by the supervisor's main thread, read by any.

    :param remembered: what a worker found out before; None: nothing.
    :param sample: fetches at most so many records, see `consumer.kcl.fetch_sample.take`.
    :param remember: writes it down for all workers.
    :ivar records: what the next daemon fetches.
    """

    def __init__(
        self,
        bounds: Bounds,
        remembered: int | None,
        sample: Sample,
        remember: Callable[[int], object],
        metrics: Metrics,
        log: Logger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bounds = bounds
        self._top = bounds.usual
        self._sample = sample
        self._remember = remember
        self._metrics = metrics
        self._log = log
        self._clock = clock
        self._calm = _CALM_SECONDS
        self._has_run_out = False
        self._since = clock()
        self.records = min(self._top, remembered or self._top)
        metrics.fetch_records.set(self.records)

    @property
    def is_reduced(self) -> bool:
        """Whether the heap was too small for what there was to fetch."""
        return self.records < self._top

    def ran_out(self) -> None:
        """Fetch less: a daemon ran out of memory."""
        held = self.records
        if sample := self._sampled(self.records):
            fits = self._bounds.fitting(sample.size / sample.records)
            if sample.records * _SHRINK >= fits:  # else it was another shard's, and this says nothing
                held = min(held, sample.records)
            held = min(held, _SHRINK * fits)
        is_relapse = self._clock() - self._since < _CALM_MOST_SECONDS
        self._calm = min(_CALM_MOST_SECONDS, 2 * self._calm) if self._has_run_out and is_relapse else _CALM_SECONDS
        self._has_run_out = True
        self._change(max(1, held // _SHRINK))
        self._write_down(self.records)
        self._log.error("fetch.reduced", records=self.records, bytes=sample.size if sample else None)

    def larger(self) -> int | None:
        """Return what may be fetched now, if that is much more."""
        waited = self._clock() - self._since
        if not self.is_reduced or waited < self._calm:
            return None
        sample = self._sampled(min(self._top, _SHRINK * self.records))
        if sample is None:
            return self._top if waited >= max(self._calm, QUIET_SECONDS) else None
        fits = min(self._top, self._bounds.fitting(sample.size / sample.records))
        return fits if fits >= min(self._top, 2 * self.records) else None

    def raise_to(self, records: int) -> None:
        """Fetch more from the next daemon on."""
        self._change(records)
        self._write_down(self._bounds.most if not self.is_reduced else records)
        self._log.info("fetch.raised", records=records)

    def _change(self, records: int) -> None:
        self.records = records
        self._since = self._clock()
        self._metrics.fetch_records.set(records)

    def _write_down(self, records: int) -> None:
        try:
            self._remember(records)
        except ServiceError as error:
            self._log.warning("fetch.not_remembered", reason=str(error))

    def _sampled(self, limit: int) -> FetchSample | None:
        try:
            return self._sample(limit)
        except ServiceError as error:
            self._log.warning("fetch.not_sampled", reason=str(error))
            return None
