"""Sends many records evenly: what `sanitizer produce` does.

The records of one key reach the stream in their order, whatever is turned away: PutRecords promises no order within a
call, so that a record is sent only when those before it with its key are on the stream. To have several records of one
key in flight, aggregate them.
"""

import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from consumer.errors import ServiceError
from consumer.kinesis.kpl import HashRange, UserRecord, aggregated, hash_of
from consumer.kinesis.producer import Producer, Put, calls
from consumer.kinesis.shards import Shard, kinesis_client, list_shards, shards_of

CALLS_AT_ONCE: Final = 4
WINDOW: Final = 2000
"""Documents that are sent before the next ones are taken: four full calls where each is a record."""

_LOOKS: Final = 4
TICK_SECONDS: Final = 0.05
AGGREGATE_BYTES: Final = 51_200
"""What the Kinesis Producer Library puts into one record at most, unless told otherwise."""


class Pace(NamedTuple):
    """How fast: documents a second, after so many seconds of growing evenly from 0."""

    rate: float | None = None
    ramp: float = 0.0

    def due(self, seconds: float) -> float:
        """Return how many documents are to be sent within the first `seconds`."""
        if self.rate is None:
            return float("inf")
        if seconds < self.ramp:
            return self.rate * seconds**2 / (2 * self.ramp)
        return self.rate * (seconds - self.ramp / 2)


@dataclass(slots=True)
class Sent:
    """What is on the stream.

    :ivar records: so many of the first ones, none missing.
    :ivar documents: in those records.
    :ivar puts: records of Kinesis; fewer than `records` where they are aggregated.
    :ivar shards: records by shard.
    """

    records: int = 0
    documents: int = 0
    puts: int = 0
    size: int = 0
    shards: Counter[str] = field(default_factory=Counter)


class Parcel(NamedTuple):
    """A record of Kinesis, and the user records in it.

    :ivar shard: where an aggregate has to go; None: it is none.
    """

    put: Put
    records: Sequence[Put]
    shard: str | None = None


class Sender:
    """Sends to one stream.

    :param aggregate: how many records become one of Kinesis, at most; 1: each its own.
    """

    def __init__(self, stream: str, aggregate: int = 1) -> None:
        self._producer = Producer(stream)
        self._stream = stream
        self._aggregate = aggregate
        self._open: list[Shard] = []
        self._ranges: dict[str, HashRange] = {}
        self.sent = Sent()

    @property
    def retries(self) -> Counter[str]:
        """How often a record of Kinesis was sent again, by the code with which it was turned away."""
        return self._producer.retries

    @property
    def has_put(self) -> bool:
        """Whether any record is known to be on the stream, be it counted in `sent` or not."""
        return self._producer.has_put

    def send(
        self,
        records: Iterable[Put],
        pace: Pace = Pace(),  # noqa: B008 - a tuple
        seconds: float | None = None,
        tell: Callable[[Sent], object] = lambda _: None,
    ) -> None:
        """Send all records, or as many as can be sent in `seconds`; `sent` says what has been, whatever is raised.

        :param tell: called now and then.
        :raises ServiceError: see `Producer.put`.
        """
        source = iter(records)
        began = time.monotonic()
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            passed = 0.0
            while seconds is None or passed < seconds:
                passed = time.monotonic() - began
                due = pace.due(passed if seconds is None else min(passed, seconds)) - self.sent.documents
                window = list(_window(source, min(due, WINDOW)))
                if window:
                    self._send_window(window, pool)
                elif due >= 1:
                    return
                tell(self.sent)
                if due < WINDOW:
                    time.sleep(max(0.0, TICK_SECONDS - (time.monotonic() - began - passed)))

    def _send_window(self, window: Sequence[Put], pool: ThreadPoolExecutor) -> None:
        to_do = rounds(self._packed(window))
        while to_do:
            lost = self._send_round(to_do.pop(0), pool)
            if lost:  # before what is left: it may have the same keys
                left = [record for parcels in to_do for parcel in parcels for record in parcel.records]
                to_do = rounds(self._packed([*lost, *left]))
        self.sent.records += len(window)
        self.sent.documents += sum(map(_documents_in, window))
        self.sent.size += sum([len(record.data) for record in window])

    def _send_round(self, parcels: Sequence[Parcel], pool: ThreadPoolExecutor) -> list[Put]:
        """Send parcels in any order; return the records in those that arrived where nobody will take them out."""
        groups = list(calls(parcel.put for parcel in parcels))
        placed = [place for places in pool.map(self._producer.put, groups) for place in places]
        self.sent.puts += len(placed)
        lost: list[Put] = []
        for parcel, place in zip(parcels, placed, strict=True):
            if parcel.shard in (None, place.shard) or self._owns(place.shard, parcel.records):
                self.sent.shards[place.shard] += len(parcel.records)
            else:
                lost += parcel.records
        return lost

    def _packed(self, window: Sequence[Put]) -> list[Parcel]:
        if self._aggregate == 1:
            return [Parcel(record, (record,)) for record in window]
        if not self._open:
            self._look_at_shards()
        starts = [shard.hash_range.first for shard in self._open]
        by_shard: dict[int, list[Put]] = {}
        for record in window:
            by_shard.setdefault(bisect_right(starts, hash_of(record.partition_key)) - 1, []).append(record)
        return [
            parcel for index, records in by_shard.items() for parcel in self._parcels(records, self._open[index].id)
        ]

    def _parcels(self, records: Sequence[Put], shard: str) -> Iterator[Parcel]:
        """Aggregate the records of one shard."""
        for some in calls(records, self._aggregate, AGGREGATE_BYTES):
            if len(some) == 1:
                yield Parcel(some[0], some)
            else:
                data = aggregated([UserRecord(record.data, record.partition_key) for record in some])
                yield Parcel(Put(data, some[0].partition_key), some, shard)

    def _owns(self, shard: str, records: Iterable[Put]) -> bool:
        """Whether a shard, of a later split or merge, owns all keys of an aggregate; else KCL skips it as a whole."""
        for attempt in range(_LOOKS):
            if shard in self._ranges:
                break
            time.sleep(attempt)
            self._look_at_shards()
        else:
            raise ServiceError(f"The stream {self._stream} does not list {shard}, which it put records into.")
        first, last = self._ranges[shard]
        return all(first <= hash_of(record.partition_key) <= last for record in records)

    def _look_at_shards(self) -> None:
        described = list_shards(kinesis_client(), self._stream)
        self._ranges = {shard.id: shard.hash_range for shard in shards_of(described).values()}
        is_open = [each for each in described if not each["SequenceNumberRange"].get("EndingSequenceNumber")]
        self._open = sorted(shards_of(is_open).values(), key=lambda shard: shard.hash_range.first)


def _window(source: Iterator[Put], most: float) -> Iterator[Put]:
    """Take records with so many documents; the last of them may have more, so that there is always one to send."""
    taken = 0
    while most - taken >= 1:
        put = next(source, None)
        if put is None:
            return
        taken += _documents_in(put)
        yield put


def _documents_in(put: Put) -> int:
    return 1 if put.documents is None else len(put.documents)


def rounds(parcels: Iterable[Parcel]) -> list[list[Parcel]]:
    """Divide parcels into rounds, none of which holds a key twice; a key's parcels keep their order."""
    last: dict[str, int] = {}
    made: list[list[Parcel]] = []
    for parcel in parcels:
        keys = {record.partition_key for record in parcel.records}
        number = max((last.get(key, -1) for key in keys), default=-1) + 1
        if number == len(made):
            made.append([])
        made[number].append(parcel)
        last |= dict.fromkeys(keys, number)
    return made
