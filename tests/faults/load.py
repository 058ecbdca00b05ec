"""Steady load, and how long a fault was felt: from the fault to the first record, put after it, being durable."""

import random
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any, Self

from consumer.kinesis.kpl import UserRecord, aggregated
from consumer.kinesis.producer import Placed, Producer, Put, calls
from tests.faults.canaries import Sample, samples
from tests.faults.mixture import Lot, lots

_PAUSE_SECONDS = 0.05


class Load:
    """Puts canary records at a steady rate, in a thread; a context manager.

    :param lab: whose stream and ledger; see `tests.faults.lab.FaultLab`.
    :param rate: records a second.
    :param mixed: with aggregates, and bursts of large records beyond the rate.
    """

    def __init__(self, lab: Any, rate: float = 100.0, seed: int = 1, *, mixed: bool = False) -> None:
        self._lab = lab
        self._rate = rate
        self._samples = samples(seed)
        self._mixture = random.Random(f"mixture-{seed}") if mixed else None  # noqa: S311 - repeatable by design
        self._stop = threading.Event()
        self._placed: list[Placed] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self.count = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the load. Raises what ended it before."""
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error

    def wait_for(self, count: int, timeout: float = 60.0) -> None:
        """Wait until so many records more have been put."""
        goal = self.count + count
        deadline = time.monotonic() + timeout
        while self.count < goal:
            assert time.monotonic() < deadline, f"only {self.count} of {goal} records were put"
            assert self._thread.is_alive() or self._stop.is_set(), "the load has ended"
            time.sleep(_PAUSE_SECONDS)

    def put_after(self, moment: float) -> list[Placed]:
        """Where the records are that were put after `moment` (epoch seconds)."""
        return [placed for placed in self._placed.copy() if placed.put_at > moment]

    def _run(self) -> None:
        try:
            producer = Producer(self._lab.name)
            began = time.monotonic()
            paced = 0
            while not self._stop.wait(_PAUSE_SECONDS):
                due = int((time.monotonic() - began) * self._rate) - paced
                if due > 0:
                    # After a pause of this very process no flood: a few hundred at once are enough.
                    paced += due
                    for lot in self._lots(min(due, 300)):
                        self._put(producer, lot)
        except BaseException as error:  # noqa: BLE001 - told by `stop`
            self._error = error

    def _lots(self, count: int) -> Iterable[Lot]:
        if self._mixture is not None:
            return lots(self._samples, count, self._mixture)
        return [Lot([next(self._samples) for _ in range(count)])]

    def _put(self, producer: Producer, lot: Lot) -> None:
        placed = self._lab.put_samples(producer, lot.samples, lot.together)
        self._placed += placed
        self.count += len(placed)


def put_samples(producer: Producer, made: Sequence[Sample], together: int = 1) -> list[Placed]:
    """Put records, each or so many `together` as one record of the stream."""
    groups = [made[first : first + together] for first in range(0, len(made), together)]
    puts = [_one(group) for group in groups] if together > 1 else [Put(each.data, each.partition_key) for each in made]
    places = [place for call in calls(puts) for place in producer.put(call)]
    return [place._replace(sub=sub) for place, group in zip(places, groups, strict=True) for sub in range(len(group))]


def _one(group: Sequence[Sample]) -> Put:
    # One key for all, so that they belong to one shard whatever is split and merged.
    key = group[0].partition_key
    return Put(aggregated([UserRecord(each.data, key) for each in group]), key)


def recovery_seconds(
    load: Load, durable_ms: dict[str, float], since: float, shards: Iterable[str] | None = None
) -> dict[str, float]:
    """Return by shard the seconds from `since` to the first record, put after it, being durable.

    :param durable_ms: `Cloud.durable_times`.
    :param shards: those that must be in the result; default: whichever got records.
    :return: only shards that have recovered.
    """
    found: dict[str, float] = {}
    for placed in load.put_after(since):
        at = durable_ms.get(placed.name)
        if at is not None:
            found[placed.shard] = min(found.get(placed.shard, float("inf")), at / 1000 - since)
    return {shard: seconds for shard, seconds in found.items() if shards is None or shard in shards}
