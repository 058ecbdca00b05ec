"""One shard's flow: redact, encode, write, checkpoint. A batch is settled before the next one is read."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from consumer.decoding.documents import tags_of
from consumer.errors import EncodeError, SessionBroken
from consumer.logs import Logger, batch_began
from consumer.metrics import Metrics, ShardBooks, observe_many
from consumer.pipeline.batch import Batch, by_key, note_quarantined, note_stored
from consumer.pipeline.checkpoint import Checkpointer, HighWaterMark
from consumer.pipeline.crash_journal import CrashJournal, Stage
from consumer.pipeline.decoding import Decoding, ShardDecoding
from consumer.pipeline.isolation import Isolation
from consumer.pipeline.redaction import ShardRedaction
from consumer.quarantine.circuit_breaker import QuarantineBreaker
from consumer.quarantine.entry import QuarantineEncoder
from consumer.record import Item, Outcome, Position, Record
from consumer.redactors.candidate import CandidateRun
from consumer.sink import BatchEncoder, Encoder, Fate, Sink, Writing
from redaction.plugin import Applied, Dropped, Redactor, Released


def _encoded(encoder: Encoder, released: Sequence[Released], records: Sequence[Record]) -> list[Item | EncodeError]:
    if isinstance(encoder, BatchEncoder):
        return encoder.encode_all(released, records)
    made: list[Item | EncodeError] = []
    for each, record in zip(released, records, strict=True):
        try:
            made.append(encoder.encode(each.document, record))
        except EncodeError as error:
            made.append(EncodeError(error.code))  # without what it was raised by, which holds the whole item
    return made


class StepTimes:
    """Seconds by step, from its making on."""

    def __init__(self) -> None:
        self._began = self._at = time.perf_counter()
        self._seconds: dict[str, float] = {}

    def lap(self, step: str) -> None:
        """Enter the time since the last lap as the step's."""
        now = time.perf_counter()
        self._seconds[step] = self._seconds.get(step, 0.0) + now - self._at
        self._at = now

    def fields(self) -> dict[str, float]:
        """Return what the log has of it: ``seconds`` in all, and ``<step>_seconds``."""
        whole = {"seconds": round(time.perf_counter() - self._began, 6)}
        return whole | {f"{step}_seconds": round(seconds, 6) for step, seconds in self._seconds.items()}


POLL_SECONDS: Final = 0.5
"""How often a slow write is looked at, to checkpoint what is durable of its batch."""

CLOSE_SECONDS: Final = 130.0
"""Longer than a request may take: connecting and reading have up to 60 s each."""


@dataclass(frozen=True, slots=True)
class Stages:
    """What a shard's pipeline is made of.

    :ivar journals: folder of the crash journals.
    """

    decoding: Decoding
    redactor: Redactor
    encoder: Encoder
    output: Sink
    quarantine_encoder: QuarantineEncoder
    quarantine: Sink
    isolation: Isolation
    breaker: QuarantineBreaker
    journals: Path
    candidate: CandidateRun | None = None


class Pipeline:
    """The flow of one shard, from the start of a session to its end. Used by one thread.

    :param settled: the last position of this shard that this process has settled, in this session or an earlier one;
        it is shared, so that redeliveries after a restart of the daemon are known as duplicates.
    :param stop: set by others to give up what is not durable yet.
    :raises SessionBroken: the shard's crash journal cannot be used.
    """

    def __init__(
        self,
        shard: str,
        stages: Stages,
        mark: HighWaterMark,
        books: ShardBooks,
        metrics: Metrics,
        settled: dict[str, Position],
        stop: threading.Event,
        log: Logger,
    ) -> None:
        self._shard = shard
        self._stages = stages
        self._mark = mark
        self._books = books
        self._metrics = metrics
        self._settled = settled
        self._journal = CrashJournal(stages.journals, shard)
        self._decoding = ShardDecoding(stages.decoding, stages.isolation, self._journal, stop, books.held_since, log)
        self._redacting = ShardRedaction(stages.redactor, stages.isolation, self._journal)
        self._record_so_far: Outcome | None = None
        """What has become of the documents of a record that goes on in the next batch."""
        self._begun = 0
        """Records of the delivery that have begun to be settled."""
        self._stop = stop
        self._log = log
        self._halted = False
        self._batches = 0
        self._laps = StepTimes()
        self._under_way: list[Writing] = []
        books.owned(now=time.time())

    @property
    def is_halted(self) -> bool:
        """Whether nothing more is written or checkpointed: what comes after a gap is abandoned."""
        return self._halted

    def process(
        self, records: Sequence[Record], behind_seconds: float | None, checkpointer: Checkpointer | None
    ) -> None:
        """Settle a batch: each record is stored, quarantined, dropped or known as a duplicate when this returns.

        Unless the work was stopped: then the rest is abandoned, nothing beyond the last gap is ever checkpointed, and
        KCL delivers it again to whoever has the lease next.

        :param behind_seconds: the lag of what was delivered; None: not told yet.
        :param checkpointer: None: there can be no checkpoint before the next batch, with which this was delivered.
        :raises LeaseLost: another worker has the shard.
        :raises SessionBroken: see `Checkpointer`.
        """
        with self._halting():
            self._note_delivery(records, behind_seconds)
            if records:
                self._settle_all(records, checkpointer)
            if not self._halted:
                self._mark.save_if_due(checkpointer)

    def _note_delivery(self, records: Sequence[Record], behind_seconds: float | None) -> None:
        if (
            not self._halted and behind_seconds is not None
        ):  # else the lag grows from the first record that was abandoned
            self._books.delivered(behind_seconds, records[0].arrival_ms / 1000 if records else 0.0, now=time.time())
        if records:
            kinesis_records = [record.sub for record in records].count(0)
            self._books.arrived(kinesis_records, records[0].arrival_ms / 1000, records[-1].arrival_ms / 1000)

    def _settle_all(self, records: Sequence[Record], checkpointer: Checkpointer | None) -> None:
        self._begun = 0
        try:
            if self._halted:
                self._settle_and_account(Batch(records, is_given_up=True), checkpointer)
                return
            with closing(self._decoding.batches(records)) as batches:
                for batch in batches:
                    for part in self._redacting.parts(batch):
                        self._settle_and_account(part, checkpointer)
        finally:
            if self._record_so_far:  # the rest of its documents was not come to
                self._record_so_far = None
                self._books.ended(Outcome.ABANDONED, 1)
            if left := records[self._begun :]:
                self._books.received(len(left), sum([len(record.data) for record in left]))
                self._books.ended(Outcome.ABANDONED, len(left))

    def _settle_and_account(self, batch: Batch, checkpointer: Checkpointer | None) -> None:
        self._batches += 1
        batch_began(self._shard, self._batches)
        self._laps = StepTimes()
        self._log.debug("batch.began", records=batch.begun, documents=len(batch.records), bytes=batch.size)
        self._begun += batch.begun
        self._books.received(batch.begun, batch.size)
        if not batch.is_given_up:
            self._books.documents_received(len(batch.records))
        self._books.batch_began(time.time())
        self._halted = self._halted or batch.is_given_up
        try:
            if not self._halted:
                self._journal.at(Stage.SETTLING)
                self._settle(batch, checkpointer)
        finally:
            self._journal.at(Stage.WAITING)
            self._account_for(batch)

    def end_shard(self, checkpointer: Checkpointer) -> None:
        """The shard is closed and everything in it was delivered: say so, if all of it is durable.

        :raises SessionBroken: it is not, or KCL refuses the checkpoint; a new session reads the rest.
        """
        if self._halted:
            msg = "the shard ended, but not all of its records were settled"
            raise SessionBroken(msg)
        self._mark.save_end(checkpointer)

    def shut_down(self, checkpointer: Checkpointer) -> None:
        """Take the last chance to checkpoint."""
        with self._halting():
            self._mark.save_now(checkpointer)
        self._halted = True

    def close(self) -> None:
        """The session is over, whatever the reason."""
        self._halted = True
        self._stop.set()
        for writing in self._under_way:  # else a request could land beside the shard's next session
            with contextlib.suppress(Exception):
                writing.wait(CLOSE_SECONDS)
        self._journal.close()
        self._books.released()

    @contextmanager
    def _halting(self) -> Iterator[None]:
        """Whatever gets out, nothing is written or checkpointed after it."""
        try:
            yield
        except BaseException:
            self._halted = True
            self._stop.set()
            raise

    def _settle(self, batch: Batch, checkpointer: Checkpointer | None) -> None:
        first = self._skip_settled(batch)
        items, entries = self._sort_out(batch, first)
        self._laps.lap("encode")
        rounds = [[index] for index in items] if self._stages.encoder.has_unique_keys else by_key(items)
        # One round, unless records share a key and the newest of them is refused.
        while (rounds or entries) and not self._stop.is_set():
            refused = self._write_round(batch, items, rounds, entries, checkpointer)
            now = time.time()
            self._stages.breaker.check(0, len(refused))
            entries = [(i, self._entry(batch, i, "item_refused", None, now)) for i in sorted(refused)]
            rounds = [indices[:-1] for indices in rounds if len(indices) > 1 and indices[-1] in refused]
        self._laps.lap("write")
        self._advance(batch, checkpointer)
        self._try_candidate(batch)  # where nothing was to be written
        self._halted = self._halted or not batch.is_settled

    def _write_round(
        self,
        batch: Batch,
        items: dict[int, Item],
        rounds: list[list[int]],
        entries: list[tuple[int, Item]],
        checkpointer: Checkpointer | None,
    ) -> set[int]:
        """Write the newest item of each key and the quarantine entries; return the indices that were refused."""
        stored = self._stages.output.start([items[indices[-1]] for indices in rounds], self._stop)
        self._under_way = [stored]
        kept = self._stages.quarantine.start([entry for _, entry in entries], self._stop)
        self._under_way.append(kept)
        self._try_candidate(batch)  # while the sink is at work
        ended = False
        while not ended:
            # When the work is stopped, a request under way is not waited for: what is not known durable is abandoned.
            # Both are waited for: an answer that nobody reads holds a slot.
            ended = all([stored.wait(POLL_SECONDS), kept.wait(POLL_SECONDS)]) or self._stop.is_set()
            self._journal.at(Stage.SETTLING)  # slow is not stuck
            note_stored(batch, rounds, stored)
            note_quarantined(batch, entries, kept)
            self._advance(batch, checkpointer)
        return {indices[-1] for indices, fate in zip(rounds, stored.fates, strict=True) if fate is Fate.REFUSED}

    def _skip_settled(self, batch: Batch) -> int:
        """Mark what this process settled before; return the index of the first record that is new."""
        last = self._settled.get(self._shard)
        index = 0
        if last is not None:
            while index < len(batch.records) and batch.records[index].position <= last:
                batch.outcomes[index] = Outcome.DUPLICATE
                index += 1
        return index

    def _sort_out(self, batch: Batch, first: int) -> tuple[dict[int, Item], list[tuple[int, Item]]]:
        """Redact and encode; return the items to store and the entries to quarantine, by index in the batch."""
        records = batch.records
        verdicts = self._redacting.redact(batch, first) if first < len(records) else []
        self._laps.lap("redact")
        batch.untried = first, verdicts
        items: dict[int, Item] = {}
        entries: list[tuple[int, Item]] = []
        applied: list[Applied] = []
        released = [(index, each) for index, each in enumerate(verdicts, start=first) if isinstance(each, Released)]
        made = iter(
            _encoded(self._stages.encoder, [each for _, each in released], [records[index] for index, _ in released])
        )
        now = time.time()
        for index, verdict in enumerate(verdicts, start=first):
            if isinstance(verdict, Released):
                item = next(made)
                if isinstance(item, EncodeError):
                    entries.append((index, self._entry(batch, index, item.code, None, now)))
                else:
                    items[index] = item
                    applied += verdict.applied
            elif isinstance(verdict, Dropped):
                batch.outcomes[index] = Outcome.DROPPED
                applied.append((verdict.rule, "drop_record"))
            else:
                entries.append((index, self._entry(batch, index, verdict.code, verdict.rule, now)))
        self._stages.breaker.check(len(verdicts), len(entries))
        for (rule, action), count in Counter(applied).items():
            self._metrics.redactions.labels(rule, action).inc(count)
        return items, entries

    def _try_candidate(self, batch: Batch) -> None:
        """Show the batch, once, to the candidate policy, if there is one."""
        first, verdicts = batch.untried
        batch.untried = first, ()
        if self._stages.candidate and verdicts:
            shown = zip(batch.documents()[first:], verdicts, strict=True)
            for tags, run in groupby(shown, key=lambda pair: tags_of(pair[0])):
                mine = [(each.record.data, verdict) for each, verdict in run if each.verdict is None]
                self._stages.candidate.compare([data for data, _ in mine], [verdict for _, verdict in mine], tags)

    def _entry(self, batch: Batch, index: int, code: str, rule: str | None, now: float) -> Item:
        batch.codes[index] = code
        return self._stages.quarantine_encoder.encode(batch.records[index], code, rule, now)

    def _advance(self, batch: Batch, checkpointer: Checkpointer | None) -> None:
        position = batch.settled_up_to()
        if position is not None:
            self._books.unfinished_since(batch.unfinished_since())
            self._settled[self._shard] = max(position, self._settled.get(self._shard, position))
            if whole := batch.settled_records_up_to():
                self._mark.advance(whole)
                self._mark.save_if_due(checkpointer)

    def _account_for(self, batch: Batch) -> None:
        """Enter the batch into the books, once, whatever happened to it."""
        documents = batch.document_outcomes()
        records, self._record_so_far = batch.record_outcomes(documents, self._record_so_far)
        for outcome, count in records.items():
            self._books.ended(outcome, count)
        if not batch.is_given_up:
            for outcome, count in documents.items():
                self._books.documents_ended(outcome, count)
        for code, count in batch.quarantined().items():
            self._metrics.quarantined.labels(code).inc(count)
        observe_many(self._metrics.latency, batch.latencies())
        self._books.batch_ended()
        if abandoned := documents[Outcome.ABANDONED]:
            self._log.warning("batch.abandoned", documents=abandoned)
        ended = {outcome.value: count for outcome, count in documents.items()}
        counted = {"records": batch.begun, "documents": len(batch.records)}
        self._log.debug("batch.ended", **counted, bytes=batch.size, **ended, **self._laps.fields())
