"""One shard in memory: its records in order, and the positions that shard iterators stand for.

Every operation costs O(1) or a bisection; nothing scans the records.
"""

import hashlib
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TypedDict

HASH_SPACE = 1 << 128
"""Hash keys are MD5 values: 0 to 2**128 - 1."""

MAX_READ_BYTES = 10 * 1024 * 1024
"""What one GetRecords returns at most (AWS: 10 MB of data)."""


class KinesisError(Exception):
    """A refusal in AWS's terms: `code` is the `__type` of the answer. The message shows no record content."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid_argument(message: str) -> KinesisError:
    """Return the error for a well-formed request that makes no sense here."""
    return KinesisError("InvalidArgumentException", message)


def not_found(what: str) -> KinesisError:
    """Return the error for a stream or shard that does not exist."""
    return KinesisError("ResourceNotFoundException", f"{what} not found.")


class StoredRecord(TypedDict):
    """A record in the shape GetRecords returns it; `Data` is base64, the time in seconds since the epoch."""

    Data: str
    PartitionKey: str
    SequenceNumber: str
    ApproximateArrivalTimestamp: float


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to be put; `size` is the number of bytes behind the base64 text plus those of the key."""

    data: str
    partition_key: str
    size: int
    explicit_hash_key: int | None = None

    def hash_key(self) -> int:
        """Return where in the hash space the record belongs."""
        if self.explicit_hash_key is not None:
            return self.explicit_hash_key
        digest = hashlib.md5(self.partition_key.encode(), usedforsecurity=False).digest()
        return int.from_bytes(digest, "big")


@dataclass(slots=True, eq=False)
class Shard:
    """One shard: parallel lists, sorted but for the records themselves; `ends` adds up the bytes."""

    shard_id: str
    first_hash: int
    last_hash: int
    first_sequence: str
    opened: float
    parent: str | None = None
    adjacent_parent: str | None = None
    last_sequence: str | None = None
    closed: float | None = None
    children: tuple["Shard", ...] = ()
    records: list[StoredRecord] = field(default_factory=list)
    sequences: list[str] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether the shard takes records."""
        return self.closed is None

    @property
    def parents(self) -> list[str]:
        """The ids of the shards this one came from."""
        return [parent for parent in (self.parent, self.adjacent_parent) if parent is not None]

    def position_at_sequence(self, sequence: str) -> int:
        """Return the index of the first record whose number is `sequence` or later."""
        return bisect_left(self.sequences, sequence)

    def position_after_sequence(self, sequence: str) -> int:
        """Return the index of the first record whose number is later than `sequence`."""
        return bisect_right(self.sequences, sequence)

    def position_at_time(self, seconds: float) -> int:
        """Return the index of the first record that arrived at `seconds` since the epoch or later."""
        return bisect_left(self.arrivals, seconds)

    def read(self, position: int, limit: int) -> list[StoredRecord]:
        """Return up to `limit` records and 10 MB from `position` on; always one, if there is one."""
        before = self.ends[position - 1] if position else 0
        fitting = bisect_right(self.ends, before + MAX_READ_BYTES, position)
        return self.records[position : min(position + limit, max(fitting, position + 1))]

    def millis_behind(self, position: int, now: float) -> int:
        """Return how long the first record not yet read at `position` has been waiting; 0 at the tip."""
        if position >= len(self.records):
            return 0
        return max(0, round((now - self.arrivals[position]) * 1000))
