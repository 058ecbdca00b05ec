"""Fills records with documents: those of one partition key together, in their order."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from consumer.errors import StartError, UsageError
from consumer.kinesis.producer import MAX_RECORD_BYTES, USUAL_RECORD_BYTES, Put, size_of
from consumer.producing.formats import Format, format_named

CONTROL_EVERY: Final = 10
"""Records, until one without a document stands between, where a format has such."""

_CONTROL_KEY: Final = "control"

# What a document weighs beside its data: a worker counts it so (consumer.decoder.PART_BYTES).
_DOCUMENT_BYTES: Final = 256
_WAITING: Final = 10_000
_WAITING_BYTES: Final = 32 << 20


@dataclass(slots=True)
class _Record:
    """One that is being filled."""

    documents: list[bytes] = field(default_factory=list)
    weight: int = 0


def check_documents(name: str, documents: int | None) -> None:
    """Refuse a number of documents that records of a format do not hold.

    :raises UsageError: see above, and `format_named`.
    """
    if documents is not None and documents > 1 and format_named(name).most == 1:
        raise UsageError(f"A record of the format {name} holds one document: leave --documents out.")


def filled(documents: Iterable[Put], format_: Format, most: int | None = None) -> Iterator[Put]:
    """Yield records, each with the documents of it.

    :param documents: each as if it were a record.
    :param most: of them in one record; None: as the format says.
    :raises StartError: a document is larger than a record may be.
    """
    since_control = 0
    for put in _filled(documents, format_, most or format_.most):
        yield put
        since_control += 1
        if format_.control is not None and since_control == CONTROL_EVERY:
            yield Put(format_.control, _CONTROL_KEY, ())
            since_control = 0


def _filled(documents: Iterable[Put], format_: Format, most: int) -> Iterator[Put]:
    waiting: dict[str, _Record] = {}  # by partition key, the oldest first
    count = weight = 0

    def taken(key: str) -> Iterator[Put]:
        nonlocal count, weight
        record = waiting.pop(key)
        count -= len(record.documents)
        weight -= record.weight
        yield from _written(format_, record.documents, key)

    for data, key, _ in documents:
        if not format_.holds(data):
            if key in waiting:
                yield from taken(key)
            yield _checked(Put(format_.alone(data), key))  # what becomes of it, its reader says
            continue
        added = len(data) + _DOCUMENT_BYTES
        if key in waiting and waiting[key].weight + added > USUAL_RECORD_BYTES:
            yield from taken(key)
        record = waiting.setdefault(key, _Record())
        record.documents.append(data)
        record.weight += added
        count += 1
        weight += added
        if len(record.documents) == most:
            yield from taken(key)
        while count > _WAITING or weight > _WAITING_BYTES:
            yield from taken(next(iter(waiting)))
    for key in list(waiting):
        yield from taken(key)


def _written(format_: Format, documents: Sequence[bytes], key: str) -> Iterator[Put]:
    """Yield one record, or several where what is put around the documents makes it too large for a usual stream."""
    put = Put(format_.write(documents), key, tuple(documents))
    if len(documents) > 1 and size_of(put) > USUAL_RECORD_BYTES:
        half = len(documents) // 2
        yield from _written(format_, documents[:half], key)
        yield from _written(format_, documents[half:], key)
    else:
        yield _checked(put)


def _checked(put: Put) -> Put:
    if size_of(put) > MAX_RECORD_BYTES:
        raise StartError("A document becomes a record of more than 10 MiB, which no Kinesis stream takes.")
    return put
