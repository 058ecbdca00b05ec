"""A shard's decoder: what was delivered becomes batches of documents, each no larger than may be in hand at once."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Container, Generator, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from typing import Final

from consumer.backoff import backoff
from consumer.decoder import PART_BYTES, DecoderUnavailable, Undecodable
from consumer.decoding.asking import told_of_asking
from consumer.decoding.chain import SMALL_BYTES, Chain
from consumer.decoding.documents import Document, documents_of
from consumer.decoding.loading import open_chain
from consumer.logs import Logger
from consumer.metrics import Metrics
from consumer.pipeline.batch import Batch
from consumer.pipeline.byte_budget import ByteBudget
from consumer.pipeline.crash_journal import CrashJournal, Stage
from consumer.pipeline.isolation import Isolation
from consumer.record import Record
from consumer.redactors.field_labels import OTHER, Bounded
from consumer.settings import Settings
from consumer.thread_turns import beside, waiting

BATCH_DOCUMENTS: Final = 500
BATCH_BYTES: Final = 1 << 19
"""What is settled at once of documents that were decoded, at most; about, for the last record may hold more."""

_LONG_BYTES: Final = 1 << 16
"""Of a record: decoding one that is larger may take longer than other shards shall wait for it."""

_SCHEMAS_SHOWN: Final = 100

_PAUSE_SECONDS: Final = 0.2
_PAUSE_LIMIT_SECONDS: Final = 10.0


class Decoding:
    """What the shards of a process share: the chain, and how much they may hold of what it makes of large records.

    :param max_bytes: what one record may become; and all large ones together, beside the one that is being decoded.
    """

    def __init__(self, chain: Chain, max_bytes: int, metrics: Metrics) -> None:
        self.chain = chain
        self.budget = ByteBudget(max_bytes)
        self.lane = ByteBudget(1)
        self._schema_documents = metrics.schema_documents
        self._schemas = Bounded(_SCHEMAS_SHOWN)

    def batch_of(self, documents: Sequence[Document]) -> Batch:
        """Return a batch, and count by which schemas its documents were decoded."""
        schemas = Counter(each.record.schema[:2] for each in documents if each.record.schema)
        for (name, version), count in schemas.items():
            is_shown = self._schemas(f"{name} {version}") != OTHER
            self._schema_documents.labels(*((name, version) if is_shown else (OTHER, ""))).inc(count)
        return Batch.of(documents)


class _Metrics:
    """`consumer.decoder.DecoderMetrics`."""

    def __init__(self, metrics: Metrics) -> None:
        self._kept_out = metrics.fields_kept_out

    def kept_out(self, fields: int) -> None:
        self._kept_out.inc(fields)


def open_decoding(settings: Settings, metrics: Metrics, log: Logger) -> Decoding:
    """Return what `stream.format` asks for.

    :raises UsageError: see `open_chain`.
    """
    return Decoding(open_chain(settings, _Metrics(metrics), log), settings.stream.max_decoded_bytes, metrics)


class ShardDecoding:
    """Decodes the records of one shard, and keeps the crash journal of what is being decoded.

    :param isolation: of all shards of the process.
    :param stop: ends the waiting for what does not answer.
    :param held_since: is told since when a record has waited for such, in epoch seconds; 0: none does.
    """

    def __init__(
        self,
        shared: Decoding,
        isolation: Isolation,
        journal: CrashJournal,
        stop: threading.Event,
        held_since: Callable[[float], None],
        log: Logger,
    ) -> None:
        self._shared = shared
        self._chain = shared.chain
        self._isolation = isolation
        self._journal = journal
        self._stop = stop
        self._held_since = held_since
        self._log = log
        self._has_begun = False

    def batches(self, records: Sequence[Record]) -> Generator[Batch, None, None]:
        """Yield what the records hold; once the work is stopped, the rest of them as it is, to be given up."""
        if not self._has_begun:
            self._has_begun = True
            self._journal.forget_before(records[0])
        to_decode = frozenset(self._chain.to_decode([record.data for record in records]))
        if not to_decode:
            yield Batch(records)
            return
        filling = _Filling(self._shared)
        place = 0
        while place < len(records):
            if place not in to_decode:
                yield from filling.add([Document(records[place])])
                place += 1
                continue
            with ExitStack() as held:
                if self._is_small(records[place]):
                    decoded = self._decode_some(records, place, to_decode)
                else:
                    decoded = self._decode_large(records, place, to_decode, held)
                if not decoded:
                    break
                for documents in decoded:
                    yield from filling.add(documents)
            place += len(decoded)
        yield from filling.rest()
        if place < len(records):
            yield Batch(records[place:], is_given_up=True)

    def _is_small(self, record: Record) -> bool:
        return self._chain.most(len(record.data)) <= SMALL_BYTES

    def _decode_large(
        self, records: Sequence[Record], place: int, to_decode: Container[int], held: ExitStack
    ) -> list[list[Document]]:
        """Decode a record that may become large, while no other shard does, and hold room for what it has become.

        :param held: until what was decoded has been passed on.
        """
        self._journal.at(Stage.WAITING)
        with self._shared.lane.hold(1, self._stop):
            decoded = self._decode_some(records, place, to_decode)
            if decoded:
                self._journal.at(Stage.WAITING)
                size = sum([len(each.record.data) + PART_BYTES for each in decoded[0]])
                held.enter_context(self._shared.budget.hold(size, self._stop))
        return decoded

    def _decode_some(self, records: Sequence[Record], place: int, to_decode: Container[int]) -> list[list[Document]]:
        """Decode a record, and as many of those that follow as are small, and small together.

        :return: the documents of each; nothing: the work was stopped before what the decoder asks has answered.
        """
        attempt = 0
        decoded: list[list[Document]] = []
        while not decoded and not self._stop.is_set():
            try:
                self._decode_into(decoded, records, place, to_decode)
            except DecoderUnavailable as error:
                if decoded:
                    break  # those that were decoded come first
                if not attempt:
                    self._held_since(time.time())
                attempt += 1
                self._log.warning("decoder.unavailable", reason=str(error), attempt=attempt)
                with waiting():
                    self._stop.wait(backoff(attempt, _PAUSE_SECONDS, _PAUSE_LIMIT_SECONDS))
        if attempt:
            self._held_since(0)
        return decoded

    def _decode_into(
        self, decoded: list[list[Document]], records: Sequence[Record], place: int, to_decode: Container[int]
    ) -> None:
        first = last = records[place]
        judgement = self._journal.is_wary and self._journal.verdict_on_decoding(first)
        if isinstance(judgement, str):
            decoded.append(documents_of(first, (Undecodable(judgement),)))
            return
        end = place + 1
        if not self._journal.is_wary and self._is_small(first):
            while end < len(records) and end in to_decode and self._is_small(records[end]):
                end += 1
            last = records[end - 1]
        size = 0
        with (
            self._isolation.exclusive() if judgement else self._isolation.shared(),
            self._journal.decoding(first, last, alone=judgement),
            told_of_asking(self._journal.aside),
            beside() if len(first.data) > _LONG_BYTES else nullcontext(),
        ):
            for record in records[place:end]:
                documents = documents_of(record, self._chain.decode(record.data))
                decoded.append(documents)
                size += sum([len(each.record.data) for each in documents])
                if size > BATCH_BYTES:
                    return


class _Filling:
    """Fills batches with documents."""

    def __init__(self, shared: Decoding) -> None:
        self._shared = shared
        self._documents: list[Document] = []
        self._weight = 0

    def add(self, documents: Sequence[Document]) -> Iterator[Batch]:
        """Add documents; yield each batch that is full then."""
        weight = sum([len(each.record.data) for each in documents])
        if len(self._documents) + len(documents) < BATCH_DOCUMENTS and self._weight + weight < BATCH_BYTES:
            self._documents += documents
            self._weight += weight
            return
        for each in documents:
            self._documents.append(each)
            self._weight += len(each.record.data)
            if len(self._documents) >= BATCH_DOCUMENTS or self._weight >= BATCH_BYTES:
                yield from self.rest()

    def rest(self) -> Iterator[Batch]:
        """Yield what is there, if anything is."""
        if self._documents:
            full, self._documents, self._weight = self._documents, [], 0
            yield self._shared.batch_of(full)
