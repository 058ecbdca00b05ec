"""A shard's decoder: what was delivered becomes batches of documents, each no larger than may be in hand at once."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, nullcontext
from typing import Final

from consumer.backoff import backoff
from consumer.decoder import PART_BYTES, Decoded, DecoderUnavailable, Part, Undecodable
from consumer.decoding.asking import told_of_asking
from consumer.decoding.chain import Chain
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

    :param max_bytes: what one record may become, and all large ones together.
    """

    def __init__(self, chain: Chain, max_bytes: int, metrics: Metrics) -> None:
        self.chain = chain
        self.budget = ByteBudget(max_bytes)
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
        self._budget = shared.budget
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
        some: list[Document] = []
        weight = 0
        for place, record in enumerate(records):
            is_given_up = True
            with closing(self._documents(record) if place in to_decode else _as_put(record)) as documents:
                for each in documents:
                    is_given_up = False
                    some.append(each)
                    weight += len(each.record.data)
                    if len(some) >= BATCH_DOCUMENTS or weight >= BATCH_BYTES:
                        yield self._shared.batch_of(some)
                        some, weight = [], 0
            if is_given_up:
                if some:
                    yield self._shared.batch_of(some)
                yield Batch(records[place:], is_given_up=True)
                return
        if some:
            yield self._shared.batch_of(some)

    def _documents(self, record: Record) -> Generator[Document, None, None]:
        """Yield the documents of a record; none when the work is stopped.

        While those of a large one are asked for, they have their place in the budget.
        """
        most = self._chain.most(len(record.data))
        if most <= 2 * BATCH_BYTES:
            yield from documents_of(record, self._decode(record))
            return
        self._journal.at(Stage.WAITING)
        with self._budget.hold(most, self._stop) as held:
            parts = self._decode(record)
            held.shrink(sum([len(part.data) + PART_BYTES for part in parts if isinstance(part, Decoded)]))
            yield from documents_of(record, parts)

    def _decode(self, record: Record) -> Sequence[Part]:
        """Return the parts; none when the work is stopped before what the decoder asks has answered."""
        judgement = self._journal.is_wary and self._journal.verdict_on_decoding(record)
        if isinstance(judgement, str):
            return (Undecodable(judgement),)
        attempt = 0
        while not self._stop.is_set():
            try:
                with (
                    self._isolation.exclusive() if judgement else self._isolation.shared(),
                    self._journal.decoding(record, alone=judgement),
                    told_of_asking(self._journal.aside),
                    beside() if len(record.data) > _LONG_BYTES else nullcontext(),
                ):
                    parts = self._chain.decode(record.data)
            except DecoderUnavailable as error:
                if not attempt:
                    self._held_since(time.time())
                attempt += 1
                self._log.warning("decoder.unavailable", reason=str(error), attempt=attempt)
                with waiting():
                    self._stop.wait(backoff(attempt, _PAUSE_SECONDS, _PAUSE_LIMIT_SECONDS))
            else:
                if attempt:
                    self._held_since(0)
                return parts
        return ()


def _as_put(record: Record) -> Generator[Document, None, None]:
    yield Document(record)
