"""Gives quarantined records another chance: reads them from the stream, and does with them as the worker would today.

What is stored is what the worker would have stored under today's policy, so that a replay may be repeated. Nothing new
goes to quarantine: an entry stays as it is, or is marked as replayed.
"""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any, Final, TypeAlias

from consumer.errors import EncodeError
from consumer.kinesis.reader import ShardReader, Start
from consumer.kinesis.shards import Shard, kinesis_client, list_shards, shards_of
from consumer.quarantine.entry import fingerprint
from consumer.quarantine.fingerprint_key import chosen_key
from consumer.quarantine.store import Entry, Quarantine
from consumer.record import Item, Record
from consumer.settings import Settings
from consumer.sink import DocumentSink, Fate
from redaction.plugin import Dropped, Redactor, Released, Verdict

BATCH: Final = 500
"""Entries that are looked for at once."""

NAMED: Final = 20
"""Entries that a report names, of those that could not be replayed."""

_POLL_SECONDS: Final = 0.5

OTHER_RECORD: Final = "other_record"
NO_SUB_RECORD: Final = "no_sub_record"
ITEM_REFUSED: Final = "item_refused"
STOPPED: Final = "stopped"
"""Why a replay failed, besides today's codes."""


class Result(StrEnum):
    """What became of an entry."""

    STORED = "stored"
    DROPPED = "dropped"
    DUPLICATE = "duplicate"
    """A newer document stands in its place."""
    REJECTED = "rejected"
    EXPIRED = "expired"
    FAILED = "failed"


_BY_WEIGHT: Final = (Result.FAILED, Result.REJECTED, Result.STORED, Result.DROPPED, Result.DUPLICATE)
"""An entry of a whole record becomes the first of these that one of its documents does."""

Judge: TypeAlias = Callable[[Sequence[Record]], Iterable[list[tuple[Record, Verdict]]]]
_Ended: TypeAlias = tuple[Result, str | None]

_MARKED: Final = frozenset({Result.STORED, Result.DROPPED, Result.DUPLICATE})
_FATES: Final = {
    Fate.DURABLE: (Result.STORED, None),
    Fate.SUPERSEDED: (Result.DUPLICATE, None),
    Fate.REFUSED: (Result.REJECTED, ITEM_REFUSED),
    Fate.PENDING: (Result.FAILED, STOPPED),
}


@dataclass
class Report:
    """What became of each entry.

    :ivar skipped: entries that had been replayed before.
    :ivar reasons: of those rejected, today's code; of those that failed, why.
    :ivar undone: the first of those that could not be replayed.
    """

    results: Counter[Result] = field(default_factory=Counter)
    reasons: Counter[tuple[Result, str]] = field(default_factory=Counter)
    undone: list[tuple[Entry, Result, str | None]] = field(default_factory=list)
    skipped: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether each entry could be replayed."""
        return all(result in _MARKED for result in self.results.elements())

    def add(self, entry: Entry, result: Result, why: str | None = None) -> None:
        """Enter what became of an entry."""
        self.results[result] += 1
        if why:
            self.reasons[result, why] += 1
        if result not in _MARKED and len(self.undone) < NAMED:
            self.undone.append((entry, result, why))


class Replay:
    """Replays entries of one quarantine.

    :param judge: gives, for each record, the documents that it holds, and the verdict on each.
    :param output: where documents go.
    :param dry_run: nothing is written anywhere.
    :param again: also what was replayed before.
    :param rate: entries a second at most.
    :param stop: ends the work after what is under way.
    :param say: is told how far it is, from time to time.
    """

    def __init__(  # noqa: PLR0913 - what it needs, and how it goes about it
        self,
        settings: Settings,
        redactor: Redactor,
        judge: Judge,
        output: DocumentSink,
        stop: threading.Event,
        *,
        dry_run: bool = False,
        again: bool = False,
        rate: int | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._settings = settings
        self._redactor = redactor
        self._judge = judge
        self._output = output
        self._dry_run = dry_run
        self._quarantine = Quarantine(settings)
        self._stop = stop
        self._again = again
        self._rate = rate
        self._say = say
        self._client = kinesis_client()
        self._shards: dict[str, Shard] = {}
        self._readers: dict[str, ShardReader] = {}
        self._key = chosen_key(settings.quarantine)  # a random one would compare nothing
        self.report = Report()

    def run(self, entries: Iterable[Entry], limit: int | None = None) -> Report:
        """Replay; the report stands also when an error ends it.

        :param limit: at most so many, those not counted that were replayed before.

        :raises ServiceError: stream or tables cannot be read or written.
        """
        self._shards = shards_of(list_shards(self._client, self._settings.stream.name))
        began = time.monotonic()
        done = 0
        for batch in _batches(islice(self._not_replayed(entries), limit)):
            if self._rate:
                self._stop.wait(max(0.0, began + done / self._rate - time.monotonic()))
            if self._stop.is_set():
                self._give_up(batch)
                break
            by_shard: dict[str, list[Entry]] = defaultdict(list)
            for entry in batch:
                by_shard[entry.shard].append(entry)
            for shard, some in by_shard.items():
                self._replay_shard(shard, some)
            done += len(batch)
        return self.report

    def _not_replayed(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            if entry.replayed_as and not self._again:
                self.report.skipped += 1
            else:
                yield entry

    def _give_up(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.report.add(entry, Result.FAILED, STOPPED)

    def _replay_shard(self, shard_id: str, entries: Sequence[Entry]) -> None:
        missing: dict[int, list[Entry]] = defaultdict(list)
        for entry in entries:
            missing[int(entry.sequence)].append(entry)
        if shard := self._shards.get(shard_id):
            for pairs in self._found(shard, missing):
                self._settle(shard_id, pairs)
                if self._say:  # entries far from one another take a read each, and a reader at most one a second
                    self._say(f"{self.report.results.total()} entries replayed")
                if self._stop.is_set():
                    break
        for rest in missing.values():
            if self._stop.is_set():
                self._give_up(rest)
            else:
                for entry in rest:
                    self.report.add(entry, Result.EXPIRED)

    def _found(self, shard: Shard, missing: dict[int, list[Entry]]) -> Iterator[list[tuple[Entry, Record]]]:
        """Yield the entries with their records, a page at a time, and take them out of `missing`."""
        stream = self._settings.stream.name
        reader = self._readers.setdefault(shard.id, ShardReader(self._client, stream, shard.id, Start()))
        for page in reader.find([some[0].sequence for some in missing.values()], self._stop.wait):
            pairs: list[tuple[Entry, Record]] = []
            for raw in page:
                records = list(raw.taken_apart(shard.hash_range)[0])
                for entry in missing.pop(int(raw.sequence)):
                    if entry.sub >= len(records):
                        self.report.add(entry, Result.FAILED, NO_SUB_RECORD)
                    elif not self._is_of(entry, records[entry.sub]):
                        self.report.add(entry, Result.FAILED, OTHER_RECORD)
                    else:
                        pairs.append((entry, records[entry.sub]))
            yield pairs

    def _is_of(self, entry: Entry, record: Record) -> bool:
        """Tell whether a record is the one that was quarantined: a stream may be deleted and made anew."""
        if (entry.size, entry.arrival_ms) != (len(record.data), record.arrival_ms):
            return False
        return self._key is None or entry.fields.get("fingerprint") == fingerprint(self._key, record.data)

    def _settle(self, shard: str, pairs: Sequence[tuple[Entry, Record]]) -> None:
        encoder = self._output.encoder(shard)
        ended: list[list[_Ended]] = [[] for _ in pairs]
        items: list[tuple[list[_Ended], Item]] = []
        for number, documents in self._meant(pairs):
            results = ended[number]
            if not documents:
                results.append((Result.FAILED, NO_SUB_RECORD))
            for record, verdict in documents:
                if isinstance(verdict, Released):
                    try:
                        items.append((results, encoder.encode(verdict.document, record)))
                    except EncodeError as error:
                        results.append((Result.REJECTED, error.code))
                elif isinstance(verdict, Dropped):
                    results.append((Result.DROPPED, None))
                else:
                    results.append((Result.REJECTED, verdict.code))
                if len(items) >= BATCH:
                    self._store_all(items)
                    items = []
        self._store_all(items)
        for (entry, _), results in zip(pairs, ended, strict=True):
            self._enter(entry, *min(results, key=lambda each: _BY_WEIGHT.index(each[0])))

    def _meant(self, pairs: Sequence[tuple[Entry, Record]]) -> Iterator[tuple[int, list[tuple[Record, Verdict]]]]:
        """Yield what each entry is of, by its number; a record is decoded once, however many entries it has."""
        numbers: dict[tuple[str, int], list[int]] = defaultdict(list)
        for number, (_, record) in enumerate(pairs):
            numbers[record.sequence, record.sub].append(number)
        judged = self._judge([pairs[some[0]][1] for some in numbers.values()])
        for some, documents in zip(numbers.values(), judged, strict=True):
            for number in some:
                part = pairs[number][0].part
                yield number, documents if part is None else documents[part : part + 1]

    def _store_all(self, items: list[tuple[list["_Ended"], Item]]) -> None:
        while items:  # one round, unless documents share a key: then in the order of the stream
            first = {pair[1].key: pair for pair in reversed(items)}
            self._store(list(first.values()))
            items = [pair for pair in items if first[pair[1].key] is not pair]

    def _store(self, items: Sequence[tuple[list["_Ended"], Item]]) -> None:
        if self._dry_run:
            for results, _ in items:
                results.append((Result.STORED, None))
            return
        writing = self._output.start([item for _, item in items], self._stop)
        while not writing.wait(_POLL_SECONDS):
            pass
        for (results, _), fate in zip(items, writing.fates, strict=True):
            results.append(_FATES[fate])

    def _enter(self, entry: Entry, result: Result, why: str | None) -> None:
        self.report.add(entry, result, why)
        if result in _MARKED and not self._dry_run:
            # If another replay was faster, or the entry is gone, the record is where it belongs all the same.
            self._quarantine.mark(entry, result.value, self._redactor.digest, again=self._again)


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    while batch := list(islice(entries, BATCH)):
        yield batch


def to_json(report: Report, *, dry_run: bool) -> dict[str, Any]:
    """Return a report for scripts."""
    reasons: dict[str, dict[str, int]] = {Result.REJECTED: {}, Result.FAILED: {}}
    for (result, why), count in sorted(report.reasons.items()):
        reasons[result][why] = count
    return {
        "dry_run": dry_run,
        "entries": report.results.total(),
        **{result.value: report.results[result] for result in Result},
        "skipped": report.skipped,
        "reasons": reasons,
    }
