"""What was delivered, and what has become of it so far."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, Self

from consumer.decoding.documents import Document
from consumer.errors import SessionBroken
from consumer.quarantine.codes import ADVICE
from consumer.record import Item, Outcome, Position, Record
from consumer.sink import Fate, Writing
from redaction.plugin import Verdict

OTHER: Final = "other"

_BY_WEIGHT: Final = (
    Outcome.ABANDONED, Outcome.QUARANTINED, Outcome.STORED, Outcome.DROPPED, Outcome.DUPLICATE
)  # fmt: skip


class Batch:
    """A delivered batch, or a part of one, and what became of each document.

    :param is_given_up: its records were not decoded, and are not to be settled.
    :ivar known: verdicts that stand before the redactor has seen anything, by index.
    :ivar ends: whether a record ends with a document, by index; None: each is a record of its own.
    :ivar is_plain: nothing is known of its documents, neither verdicts nor schemas.
    :ivar begun: records that begin here.
    :ivar size: bytes of their data, as they were put.
    :ivar outcomes: by index; None: unfinished.
    :ivar durable_at: epoch seconds, by index.
    :ivar codes: why a record was quarantined or shall be, by index.
    :ivar untried: index of the first verdict, and the verdicts, that the candidate policy has not seen.
    """

    def __init__(self, records: Sequence[Record], *, is_given_up: bool = False) -> None:
        self.records = records
        self.is_given_up = is_given_up
        self._documents: Sequence[Document] | None = None
        self.known: dict[int, Verdict] = {}
        self.ends: list[bool] | None = None
        self.is_plain = True
        self.begun = len(records)
        self.size = sum([len(record.data) for record in records])
        self.outcomes: list[Outcome | None] = [None] * len(records)
        self.durable_at: dict[int, float] = {}
        self.codes: dict[int, str] = {}
        self.untried: tuple[int, Sequence[Verdict]] = (0, ())
        self._contiguous = 0

    @classmethod
    def of(cls, documents: Sequence[Document]) -> Self:
        """Return a batch of documents, in order."""
        batch = cls([each.record for each in documents])
        batch._documents = documents
        batch.known = {index: each.verdict for index, each in enumerate(documents) if each.verdict}
        batch.ends = [each.is_last for each in documents]
        batch.is_plain = not batch.known and not any(each.record.schema for each in documents)
        begun = [each.record for each in documents if each.is_first]
        batch.begun = len(begun)
        batch.size = sum([len(record.original) for record in begun])
        return batch

    def documents(self) -> Sequence[Document]:
        """Return its documents, of which others may make smaller batches."""
        return [Document(record) for record in self.records] if self._documents is None else self._documents

    def settled_records_up_to(self) -> Position | None:
        """Return the position of the last record all of whose documents come before the first gap."""
        self.settled_up_to()
        index = self._contiguous - 1
        if self.ends is not None:
            while index >= 0 and not self.ends[index]:
                index -= 1
        return self.records[index].position._replace(part=0) if index >= 0 else None

    def document_outcomes(self) -> Counter[Outcome]:
        """Count the documents by what became of them; an unfinished one is abandoned."""
        counts = Counter({outcome: self.outcomes.count(outcome) for outcome in Outcome})
        counts[Outcome.ABANDONED] += self.outcomes.count(None)
        return +counts

    def record_outcomes(
        self, documents: Counter[Outcome], so_far: Outcome | None
    ) -> tuple[Counter[Outcome], Outcome | None]:
        """Count the records that end here by the first of these that one of their documents is.

        Abandoned, quarantined, stored, dropped, duplicate.

        :param documents: see `document_outcomes`.
        :param so_far: of the documents before this batch, of a record that began there.
        :return: besides, the same of a record that goes on behind it.
        """
        if self.ends is None:
            return documents, None
        if len(documents) == 1 and so_far in (None, *documents):
            (outcome,) = documents
            return +Counter({outcome: self.ends.count(True)}), None if self.ends[-1] else outcome
        counts: Counter[Outcome] = Counter()
        for ended, is_end in zip(self.outcomes, self.ends, strict=True):
            outcome = ended or Outcome.ABANDONED
            so_far = outcome if so_far is None else min(so_far, outcome, key=_BY_WEIGHT.index)
            if is_end:
                counts[so_far] += 1
                so_far = None
        return counts, so_far

    @property
    def is_settled(self) -> bool:
        return self.settled_up_to() is not None and self._contiguous == len(self.records)

    def settled_up_to(self) -> Position | None:
        """Return the position of the last record before the first gap."""
        try:
            self._contiguous = self.outcomes.index(None, self._contiguous)
        except ValueError:
            self._contiguous = len(self.records)
        return self.records[self._contiguous - 1].position if self._contiguous else None

    def unfinished_since(self) -> float:
        """Return the arrival, in epoch seconds, of the record at the first gap, or of the last one; 0: not known."""
        return self.records[min(self._contiguous, len(self.records) - 1)].arrival_ms / 1000

    def quarantined(self) -> Counter[str]:
        """Count what was quarantined by code; one that is a plug-in's own is `OTHER`."""
        return Counter(
            code if code in ADVICE else OTHER
            for index, code in self.codes.items()
            if self.outcomes[index] is Outcome.QUARANTINED
        )

    def latencies(self) -> list[float]:
        """Seconds from arrival to durable, of the records that became so and whose arrival is known."""
        arrivals = [record.arrival_ms / 1000 for record in self.records]
        return [max(0.0, durable - arrivals[i]) for i, durable in self.durable_at.items() if arrivals[i]]


def by_key(items: dict[int, Item]) -> list[list[int]]:
    """Group indices by key, each group from the oldest to the newest: by version, else in the stream's order."""
    groups: dict[tuple[str, str], list[int]] = {}
    for index, item in items.items():
        groups.setdefault(item.key, []).append(index)
    for group in groups.values():
        if len(group) > 1:
            group.sort(key=lambda index: items[index].version)
    return list(groups.values())


def note_stored(batch: Batch, rounds: list[list[int]], writing: Writing) -> None:
    """Note what has become of the newest item of each group, and so of those before it."""
    for indices, fate, at in zip(rounds, writing.fates, writing.durable_at, strict=True):
        if fate is Fate.DURABLE:
            batch.outcomes[indices[-1]] = Outcome.STORED
            batch.durable_at[indices[-1]] = at
        elif fate is Fate.SUPERSEDED:  # by what another batch, or another worker, has stored
            batch.outcomes[indices[-1]] = Outcome.DUPLICATE
        else:
            continue
        for index in indices[:-1]:  # superseded by a newer record with the same key
            batch.outcomes[index] = Outcome.DUPLICATE


def note_quarantined(batch: Batch, entries: list[tuple[int, Item]], writing: Writing) -> None:
    """Note what has become of the entries.

    :raises SessionBroken: DynamoDB refuses one.
    """
    for (index, _), fate, at in zip(entries, writing.fates, writing.durable_at, strict=True):
        if fate is Fate.DURABLE:
            batch.outcomes[index] = Outcome.QUARANTINED
            batch.durable_at[index] = at
        elif fate is Fate.REFUSED:
            msg = (
                "DynamoDB refuses a quarantine entry; has the quarantine table the keys that `tables create` gives it?"
            )
            raise SessionBroken(msg)
