"""What travels: the record as it was read, the document as it will be stored, and what became of it."""

from enum import StrEnum
from typing import Any, Final, NamedTuple

import orjson

__all__ = [
    "ANY_NAME",
    "ANY_NAMES",
    "AttributeValue",
    "Item",
    "Outcome",
    "Position",
    "Record",
    "Schema",
    "Tag",
    "place_of",
]

AttributeValue = dict[str, Any]
"""A DynamoDB attribute value in its wire form, e.g. ``{"S": "text"}``."""


class Position(NamedTuple):
    """A place in a shard; orders as the shard does. Identity of a document, together with its shard.

    :ivar sequence: Kinesis's number.
    :ivar sub: of a user record within a KPL aggregate, from 0.
    :ivar part: of a document within a record that holds several, from 0. KCL's checkpoint has no word for it: it may
        only pass whole records.
    """

    sequence: int
    sub: int
    part: int = 0


ANY_NAME: Final = "*"
"""In the path of a tag: a field of whatever name, such as the keys of a map."""

ANY_NAMES: Final = "**"
"""In the path of a tag: any number of names, none among them. A type that holds itself has no end of them."""


class Tag(NamedTuple):
    """What a schema says of a field.

    :ivar path: names from the document's top; lists are passed through, as in policies.
    :ivar name: as it stands in the schema.
    """

    path: tuple[str, ...]
    name: str


class Schema(NamedTuple):
    """What a document was written with.

    :ivar name: the subject, or the registry's name for it: chosen by those who write schemas, never by a record.
    :ivar version: as the registry counts them.
    :ivar tags: what it says of fields.
    """

    name: str
    version: str
    tags: tuple[Tag, ...] = ()


class Record(NamedTuple):
    """One user record, or one document of it.

    Its partition key is the producer's, and as raw as the data: neither is ever stored or logged.

    :ivar sequence: Kinesis's number, in decimal digits.
    :ivar sub: of a user record within a KPL aggregate, from 0.
    :ivar arrival_ms: epoch milliseconds; 0: Kinesis gave none.
    :ivar data: as it was put, or one document as it was decoded.
    :ivar part: number of the document among those that were decoded from the record; None: the record as it was put.
    :ivar schema: what the document was written with, if that is known.
    :ivar put: of a document, the data of the record that it was decoded from.
    """

    sequence: str
    sub: int
    arrival_ms: int
    data: bytes
    partition_key: str = ""
    part: int | None = None
    schema: Schema | None = None
    put: bytes | None = None

    @property
    def original(self) -> bytes:
        """The data of the record as they were put."""
        return self.data if self.put is None else self.put

    @property
    def place(self) -> str:
        """Which of the documents of its Kinesis record: see `place_of`."""
        return place_of(self.sub, self.part)

    @property
    def key_fields(self) -> dict[str, str]:
        """What key templates know of it."""
        return {
            "sequence": self.sequence,
            "sub": place_of(self.sub, self.part),
            "part": str(self.part or 0),
            "arrival": str(self.arrival_ms),
        }

    @property
    def position(self) -> Position:
        return Position(int(self.sequence), self.sub, self.part or 0)


def place_of(sub: int, part: int | None) -> str:
    """Return the sub-sequence number and, of a record's second document and those after it, its number: ``0+1``."""
    return f"{sub}+{part}" if part else str(sub)


class Item(NamedTuple):
    """What a sink writes: of the table an item of DynamoDB, of the others what their encoders make.

    :ivar key: values of the partition and the sort key; equal keys are one item.
    :ivar body: as it is written; of the table the whole item in DynamoDB's JSON, keys included.
    :ivar version: of two items with one key, the newer one's is the greater; empty: nobody compares them.
    """

    key: tuple[str, str]
    body: bytes
    version: str = ""

    @property
    def attributes(self) -> dict[str, AttributeValue]:
        """An item of DynamoDB, read back from its body."""
        attributes: dict[str, AttributeValue] = orjson.loads(self.body)
        return attributes


class Outcome(StrEnum):
    """How a delivery ended; the label values of ``sanitizer_records_total``."""

    STORED = "stored"
    """It is durable in each sink."""
    QUARANTINED = "quarantined"
    """Nobody could process it: its place and the reason are kept, not its content."""
    DROPPED = "dropped"
    """A rule of the policy leaves it out."""
    DUPLICATE = "duplicate"
    """A newer document of its key stands there."""
    ABANDONED = "abandoned"
    """It is given up to a redelivery: the lease was lost, or the worker ended."""
