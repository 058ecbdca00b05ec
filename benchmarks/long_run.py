"""The whole worker for minutes: memory and lag over time, during the load and while the rest is written afterwards."""

import time
from dataclasses import asdict, dataclass
from typing import Any, Final

from benchmarks.load.results import Load
from benchmarks.load.worker import MIB, STALL_SECONDS, Bench

POINT_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Point:
    """One moment: seconds from the window's start; `lag`: records in the stream that are not written."""

    at: float
    pss_mib: float
    lag: int
    written: int
    is_load_on: bool


class WatchedBench(Bench):
    """A bench that keeps a point every ten seconds."""

    def __init__(self, load: Load) -> None:
        super().__init__(load)
        self.points: list[Point] = []
        self._started = 0.0

    def _watch(self, seconds: float) -> list[dict[str, int]]:
        self._started = time.monotonic()  # the window is watched last
        self.points = []
        memory: list[dict[str, int]] = []
        until = self._started + seconds
        while (left := until - time.monotonic()) > 0:
            self._note(is_load_on=True)
            memory += super()._watch(min(POINT_SECONDS, left))
        self._note(is_load_on=True)
        return memory

    def _wait_until_written(self, seconds: float) -> tuple[dict[str, Any], dict[str, Any]]:
        """As in `Bench`, in turns of ten seconds with a point between them."""
        until = time.monotonic() + seconds
        seen, seen_at = -1, time.monotonic()
        while True:
            left = until - time.monotonic()
            kinesis, dynamodb = super()._wait_until_written(min(POINT_SECONDS, left))
            self._note(is_load_on=False)
            if dynamodb["distinct"] != seen:
                seen, seen_at = dynamodb["distinct"], time.monotonic()
            if seen >= kinesis["put"] or time.monotonic() > min(until, seen_at + STALL_SECONDS):
                return kinesis, dynamodb

    def _note(self, *, is_load_on: bool) -> None:
        put, written = self._kinesis.ask("stats")["put"], self._dynamodb.ask("stats")["distinct"]
        at = round(time.monotonic() - self._started, 1)
        if self.points and self.points[-1].at == at:
            return
        memory = round(sum(self._tree.pss().values()) / MIB, 1)
        self.points.append(Point(at, memory, put - written, written, is_load_on))


def measure(load: Load) -> dict[str, Any]:
    """Run the worker under `load`; return the bench's result and the `points`."""
    with WatchedBench(load) as bench:
        result = bench.run()
    return asdict(result) | {"points": [asdict(point) for point in bench.points]}
