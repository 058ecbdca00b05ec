"""What travels: the record as it was read, the document as it will be stored, and what became of it."""

from enum import StrEnum
from typing import Any, NamedTuple

AttributeValue = dict[str, Any]
"""A DynamoDB attribute value in its wire form, e.g. ``{"S": "text"}``."""


class Position(NamedTuple):
    """A place in a shard; orders as the shard does. Identity of a record, together with its shard."""

    sequence: int
    sub: int


class Record(NamedTuple):
    """One user record: `data` as it was put, `arrival_ms` in epoch milliseconds (0: Kinesis gave none)."""

    sequence: str
    sub: int
    arrival_ms: int
    data: bytes

    @property
    def position(self) -> Position:
        return Position(int(self.sequence), self.sub)


class Item(NamedTuple):
    """A DynamoDB item ready to be written.

    :ivar key: values of the partition and the sort key; equal keys are one item.
    :ivar attributes: the whole item, keys included.
    :ivar size: DynamoDB's size of the item in bytes.
    """

    key: tuple[str, str]
    attributes: dict[str, AttributeValue]
    size: int


class Outcome(StrEnum):
    """How a delivery ended; the label values of ``sanitizer_records_total``."""

    STORED = "stored"
    QUARANTINED = "quarantined"
    DROPPED = "dropped"
    DUPLICATE = "duplicate"
    ABANDONED = "abandoned"
