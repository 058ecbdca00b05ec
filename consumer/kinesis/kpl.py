"""The aggregates of the Kinesis Producer Library: makes them, and takes them apart as KCL does.

An aggregate is four magic bytes, a protobuf message and the MD5 of that message. Source: awslabs/kinesis-aggregation,
"KPL Aggregated Record Format". What the daemon's KCL makes of it (`AggregatorUtil` of KCL 3.4.2):

    no magic, 20 bytes or less, another MD5, no such message    one record as it is, sub-sequence number 0
    an index beyond a table, a hash key that is no number       the user records before it; the rest is lost [1]
    a user record outside of the shard's hash range             none, not even those before it: KPL sends them again
    no user records                                             none

The position of a user record in its aggregate is its sub-sequence number.

[1] As it is written there. KCL itself ends at such a record, which `consumer.kcl.converter_jar` mends.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

MAGIC: Final = b"\xf3\x89\x9a\xc2"
_DIGEST_BYTES: Final = 16
_VARINT, _FIXED64, _BYTES, _GROUP, _GROUP_END, _FIXED32 = range(6)
_FIXED: Final = {_FIXED64: 8, _FIXED32: 4}
_MAX_VARINT_BYTES: Final = 10
_MAX_GROUPS: Final = 100
_INTEGER: Final = re.compile(r"[+-]?\d+")


class HashRange(NamedTuple):
    """The hash keys that a shard owns, both ends included."""

    first: int
    last: int


class Lost(StrEnum):
    """Why user records of an aggregate are not delivered."""

    FOREIGN = "foreign"
    MALFORMED = "malformed"


class UserRecord(NamedTuple):
    """A record as a producer's application put it."""

    data: bytes
    partition_key: str


class UserRecords(NamedTuple):
    """What a record holds.

    :ivar delivered: the index is the sub-sequence number.
    :ivar lost: how many are not delivered.
    """

    delivered: list[UserRecord]
    is_aggregate: bool
    lost: int = 0
    why: Lost | None = None


class _NotProtobuf(Exception):
    """The bytes are no such message."""


class _Entry(NamedTuple):
    key: int
    explicit_key: int | None
    data: bytes


def hash_of(partition_key: str) -> int:
    """Return the hash key that decides on a record's shard."""
    return int.from_bytes(_md5(partition_key.encode()), "big")


def aggregated(records: Sequence[UserRecord]) -> bytes:
    """Put user records into one record; all must belong to the shard that it is put into, else none is delivered."""
    keys = {key: index for index, key in enumerate(dict.fromkeys(record.partition_key for record in records))}
    body = b"".join(
        [
            *(_field(1, key.encode()) for key in keys),
            *(_field(3, b"\x08" + _number(keys[each.partition_key]) + _field(3, each.data)) for each in records),
        ]
    )
    return MAGIC + body + _md5(body)


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | _BYTES]) + _number(len(content)) + content


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 127:  # noqa: PLR2004 - seven bits a byte
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def user_records(data: bytes, partition_key: str, hash_range: HashRange) -> UserRecords:
    """Take a record apart.

    :param data: as it is on the stream, like `partition_key`.
    :param hash_range: of the shard that it was read from.
    """
    body, digest = data[len(MAGIC) : -_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if not data.startswith(MAGIC) or len(data) <= len(MAGIC) + _DIGEST_BYTES or _md5(body) != digest:
        return UserRecords([UserRecord(data, partition_key)], is_aggregate=False)
    try:
        keys, explicit_keys, entries = _parse(body)
    except _NotProtobuf:
        return UserRecords([UserRecord(data, partition_key)], is_aggregate=False)
    found: list[UserRecord] = []
    for entry in entries:
        try:
            key = _text(keys[entry.key])
            hash_key = _hash_key(key, entry.explicit_key, explicit_keys)
        except (IndexError, ValueError):
            return UserRecords(found, is_aggregate=True, lost=len(entries) - len(found), why=Lost.MALFORMED)
        if not hash_range.first <= hash_key <= hash_range.last:
            return UserRecords([], is_aggregate=True, lost=len(entries), why=Lost.FOREIGN)
        found.append(UserRecord(entry.data, key))
    return UserRecords(found, is_aggregate=True)


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _hash_key(key: str, index: int | None, explicit_keys: list[bytes]) -> int:
    """Return where a user record belongs.

    :raises IndexError, ValueError: where Java does.
    """
    if index is None:
        return hash_of(key)
    explicit = _text(explicit_keys[index])
    if not _INTEGER.fullmatch(explicit):  # Python's integers may also have blanks and underscores
        raise ValueError
    return int(explicit)


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def _parse(body: bytes) -> tuple[list[bytes], list[bytes], list[_Entry]]:
    keys: list[bytes] = []
    explicit_keys: list[bytes] = []
    entries: list[_Entry] = []
    for number, value in _fields(body):
        match number, value:
            case 1, bytes():
                keys.append(value)
            case 2, bytes():
                explicit_keys.append(value)
            case 3, bytes():
                entries.append(_entry(value))
    return keys, explicit_keys, entries


def _entry(message: bytes) -> _Entry:
    key: int | None = None
    explicit_key: int | None = None
    data: bytes | None = None
    for number, value in _fields(message):
        match number, value:
            case 1, int():
                key = value & 0xFFFFFFFF  # Java's index; from 2^31 on it is negative there, and beyond the table here
            case 2, int():
                explicit_key = value & 0xFFFFFFFF
            case 3, bytes():
                data = value
            case 4, bytes():  # a tag, whose key is required
                if 1 not in [name for name, text in _fields(value) if isinstance(text, bytes)]:  # read to its end
                    raise _NotProtobuf
    if key is None or data is None:
        raise _NotProtobuf
    return _Entry(key, explicit_key, data)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes | None]]:
    """Yield number and value of each field; those of kinds that no field of ours has, without value."""
    place = 0
    while place < len(message):
        number, kind, place = _tag(message, place)
        value, place = _value(message, place, number, kind, _MAX_GROUPS)
        yield number, value


def _tag(message: bytes, place: int) -> tuple[int, int, int]:
    tag, place = _varint(message, place)
    number, kind = (tag & 0xFFFFFFFF) >> 3, tag & 7
    if not number:
        raise _NotProtobuf
    return number, kind, place


def _value(message: bytes, place: int, number: int, kind: int, depth: int) -> tuple[int | bytes | None, int]:
    if kind == _VARINT:
        return _varint(message, place)
    if kind == _GROUP and depth:
        while True:
            inner, inner_kind, place = _tag(message, place)
            if inner_kind == _GROUP_END:
                if inner != number:
                    raise _NotProtobuf
                return None, place
            _, place = _value(message, place, inner, inner_kind, depth - 1)
    size = _FIXED.get(kind)
    if kind == _BYTES:
        size, place = _varint(message, place)
    end = place + size if size is not None else len(message) + 1
    if end > len(message):
        raise _NotProtobuf
    return (message[place:end] if kind == _BYTES else None), end


def _varint(message: bytes, place: int) -> tuple[int, int]:
    number = 0
    for index, byte in enumerate(message[place : place + _MAX_VARINT_BYTES]):
        number |= (byte & 127) << 7 * index
        if byte < 128:  # noqa: PLR2004 - the highest bit says that more follows
            return number & (1 << 64) - 1, place + index + 1
    raise _NotProtobuf
