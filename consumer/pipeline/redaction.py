"""A shard's redactor: shown batch after batch, and with care to what has killed its process before."""

from collections.abc import Sequence
from contextlib import nullcontext
from itertools import groupby

from consumer.pipeline.crash_journal import CrashJournal
from consumer.pipeline.isolation import Isolation
from consumer.record import Record
from consumer.thread_turns import LARGE_BYTES, beside
from redaction.guard import redact_guarded
from redaction.plugin import Redactor, Rejected, Verdict


def _is_large(record: Record) -> bool:
    return len(record.data) > LARGE_BYTES


class ShardRedaction:
    """Shows records to the redactor, and keeps the crash journal of who is shown.

    :param isolation: of all shards of the process.
    """

    def __init__(self, redactor: Redactor, isolation: Isolation, journal: CrashJournal) -> None:
        self._redactor = redactor
        self._isolation = isolation
        self._journal = journal
        self._has_begun = False

    def parts(self, records: Sequence[Record]) -> list[Sequence[Record]]:
        """Divide a delivered batch into what is to be settled one after the other.

        That is all of it, unless a process died of some of it: then each suspect is settled alone, so that what was
        found out is durable before the next one is tried.
        """
        if not self._has_begun:
            self._has_begun = True
            self._journal.forget_before(records[0].position)
        if not self._journal.is_wary:
            return [records]
        parts: list[Sequence[Record]] = []
        for judgement, group in groupby(records, self._judgement):
            run = list(group)
            parts += [[record] for record in run] if judgement else [run]
        return parts

    def redact(self, records: Sequence[Record]) -> list[Verdict]:
        """Give the verdicts of a part, in order."""
        if not any(map(_is_large, records)):
            return self._redact(records)
        verdicts: list[Verdict] = []
        for large, group in groupby(records, _is_large):
            with beside() if large else nullcontext():
                verdicts += self._redact(list(group))
        return verdicts

    def _redact(self, records: Sequence[Record]) -> list[Verdict]:
        judgement = self._journal.is_wary and self._judgement(records[0])
        payloads = [record.data for record in records]
        if judgement is False:
            with self._isolation.shared(), self._journal.redacting(records[0], records[-1]):
                return redact_guarded(self._redactor, payloads)
        if judgement is True:
            with self._isolation.exclusive(), self._journal.redacting(records[0], records[-1], alone=True):
                return redact_guarded(self._redactor, payloads)
        return [Rejected(judgement) for _ in records]

    def _judgement(self, record: Record) -> bool | str:
        return self._journal.verdict_on(record.position)
