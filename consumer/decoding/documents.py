"""What a record holds, as records of their own: each with its place, and what is known of it already."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple, Protocol

from consumer.decoder import Decoded, LeftOut, Part, Undecodable
from consumer.record import Record, Tag
from redaction.guard import redact_guarded, redactor_for
from redaction.plugin import Dropped, Redactor, Rejected, Verdict

_VERDICTS: Final[Mapping[type, Callable[[str], Rejected | Dropped]]] = {Undecodable: Rejected, LeftOut: Dropped}

# What the classes themselves call, after having sorted their arguments.
_new: Final = tuple.__new__


class RecordDecoder(Protocol):
    """A chain, or what stands for one."""

    def to_decode(self, payloads: Sequence[bytes], /) -> Sequence[int]:
        """See `consumer.decoding.chain.Chain.to_decode`."""
        ...

    def decode(self, data: bytes, /) -> Sequence[Part]:
        """See `consumer.decoding.chain.Chain.decode`."""
        ...


class Document(NamedTuple):
    """One of a record.

    :ivar record: the document; or the record as it was put, where there is nothing to decode, or nobody can.
    :ivar verdict: what is known of it already; None: the redactor is to say.
    :ivar is_first: of its record, as `is_last`.
    """

    record: Record
    verdict: Rejected | Dropped | None = None
    is_first: bool = True
    is_last: bool = True


def documents_of(record: Record, parts: Sequence[Part]) -> list[Document]:
    """Return what a record's parts are."""
    if len(parts) == 1:
        return [_only(record, parts[0])]
    documents = [_numbered(record, part, number) for number, part in enumerate(parts)]
    documents[0] = documents[0]._replace(is_first=True)
    documents[-1] = documents[-1]._replace(is_last=True)
    return documents


def by_redactor(
    redactor: Redactor, documents: Iterable[Document]
) -> Iterator[tuple[Redactor | Rejected | None, list[Document]]]:
    """Yield runs of documents, with what gives the verdicts on them; None: they are known."""
    for (is_known, tags), run in groupby(documents, key=_kind):
        yield None if is_known else redactor_for(redactor, tags), list(run)


def judged(
    chain: RecordDecoder, redactor: Redactor, records: Sequence[Record]
) -> Iterator[list[tuple[Record, Verdict]]]:
    """Yield, for each record, the documents that it holds, and the verdict on each.

    What was decoded of a record is there when it is yielded, and not before.

    :raises DecoderUnavailable: see `Decoder`.
    """
    to_decode = frozenset(chain.to_decode([record.data for record in records]))
    for is_to_decode, run in groupby(range(len(records)), key=to_decode.__contains__):
        some = [records[number] for number in run]
        if is_to_decode:
            for record in some:
                documents = documents_of(record, chain.decode(record.data))
                yield list(zip([each.record for each in documents], _verdicts(redactor, documents), strict=True))
        else:
            verdicts = redact_guarded(redactor, [record.data for record in some])
            yield from ([pair] for pair in zip(some, verdicts, strict=True))


def _verdicts(redactor: Redactor, documents: Sequence[Document]) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for shown_to, run in by_redactor(redactor, documents):
        if shown_to is None:
            verdicts += [each.verdict for each in run if each.verdict]
        elif isinstance(shown_to, Rejected):
            verdicts += [shown_to] * len(run)
        else:
            verdicts += redact_guarded(shown_to, [each.record.data for each in run])
    return verdicts


def tags_of(document: Document) -> tuple[Tag, ...]:
    """Return what its schema says of its fields."""
    schema = document.record.schema
    return schema.tags if schema else ()


def _kind(document: Document) -> tuple[bool, tuple[Tag, ...]]:
    return document.verdict is not None, tags_of(document)


def _only(record: Record, part: Part) -> Document:
    if isinstance(part, Undecodable):
        return Document(record, Rejected(part.code))
    if isinstance(part, LeftOut):
        return Document(record, Dropped(part.rule))
    if part.data == record.data and part.schema is None:
        return Document(record)
    return _numbered(record, part, 0)._replace(is_first=True, is_last=True)


def _numbered(record: Record, part: Part, number: int) -> Document:
    sequence, sub, arrival_ms, put, key = record[:5]
    if isinstance(part, Decoded):
        known, data, schema = None, *part
    else:
        known, data, schema = _VERDICTS[type(part)](part[0]), b"", None
    made = _new(Record, (sequence, sub, arrival_ms, data, key, number, schema, put))
    return _new(Document, (made, known, False, False))
