"""A shard's redactor: shown batch after batch, and with care to what has killed its process before."""

from collections.abc import Sequence
from contextlib import nullcontext
from itertools import groupby

from consumer.decoding.documents import Document, by_redactor
from consumer.pipeline.batch import Batch
from consumer.pipeline.crash_journal import CrashJournal
from consumer.pipeline.isolation import Isolation
from consumer.record import Record
from consumer.thread_turns import LARGE_BYTES, beside
from redaction.guard import redact_guarded
from redaction.plugin import Redactor, Rejected, Verdict


def _is_large(record: Record) -> bool:
    return len(record.data) > LARGE_BYTES


class ShardRedaction:
    """Shows documents to the redactor, and keeps the crash journal of which are shown.

    :param isolation: of all shards of the process.
    """

    def __init__(self, redactor: Redactor, isolation: Isolation, journal: CrashJournal) -> None:
        self._redactor = redactor
        self._isolation = isolation
        self._journal = journal

    def parts(self, batch: Batch) -> Sequence[Batch]:
        """Divide a batch into what is to be settled one after the other.

        That is all of it, unless a process died of some of it: then each suspect is settled alone, so that what was
        found out is durable before the next one is tried.
        """
        if not self._journal.is_wary or batch.is_given_up:
            return [batch]
        parts: list[Batch] = []
        for judgement, group in groupby(batch.documents(), self._judgement_on):
            run = list(group)
            parts += [Batch.of([each]) for each in run] if judgement else [Batch.of(run)]
        return parts

    def redact(self, batch: Batch, first: int) -> list[Verdict]:
        """Give the verdicts on a batch's documents from an index on, in order."""
        if batch.is_plain:
            return self._by_size(batch.records[first:] if first else batch.records, self._redactor)
        verdicts: list[Verdict] = []
        for shown_to, run in by_redactor(self._redactor, batch.documents()[first:]):
            if shown_to is None:
                verdicts += [each.verdict for each in run if each.verdict]
            elif isinstance(shown_to, Rejected):
                verdicts += [shown_to] * len(run)
            else:
                verdicts += self._by_size([each.record for each in run], shown_to)
        return verdicts

    def _by_size(self, records: Sequence[Record], redactor: Redactor) -> list[Verdict]:
        if not any(map(_is_large, records)):
            return self._redact(records, redactor)
        verdicts: list[Verdict] = []
        for large, group in groupby(records, _is_large):
            with beside() if large else nullcontext():
                verdicts += self._redact(list(group), redactor)
        return verdicts

    def _redact(self, records: Sequence[Record], redactor: Redactor) -> list[Verdict]:
        judgement = self._journal.is_wary and self._journal.verdict_on(records[0])
        payloads = [record.data for record in records]
        if judgement is False:
            with self._isolation.shared(), self._journal.redacting(records[0], records[-1]):
                return redact_guarded(redactor, payloads)
        if judgement is True:
            with self._isolation.exclusive(), self._journal.redacting(records[0], records[-1], alone=True):
                return redact_guarded(redactor, payloads)
        return [Rejected(judgement) for _ in records]

    def _judgement_on(self, document: Document) -> bool | str:
        return self._journal.verdict_on(document.record)
