"""Sequence numbers that say which record they stand for, so that nobody has to remember what was served.

56 digits as AWS's: a fixed stamp, the shard's number, the record's index in its shard. They grow within a shard and are
unique over the stream.
"""

import re
from typing import Final

STAMP: Final = "4966800000000000000000"
_SHARD_DIGITS: Final = 8
INDEX_DIGITS: Final = 26

IN_BYTES: Final = re.compile(STAMP.encode() + rb"(\d{8})(\d{26})")
"""Finds sequence numbers in whatever a worker writes; groups: shard, index."""


def shard_prefix(shard: int) -> str:
    """What all sequence numbers of a shard begin with; the index follows in 26 digits."""
    return f"{STAMP}{shard:0{_SHARD_DIGITS}d}"


def sequence_number(shard: int, index: int) -> str:
    return f"{shard_prefix(shard)}{index:0{INDEX_DIGITS}d}"


def index_of(sequence: str) -> int:
    return int(sequence[-INDEX_DIGITS:])
