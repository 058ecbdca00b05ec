"""Makes KPL aggregates, and broken ones: an encoder that knows nothing of the parser."""

import hashlib
import struct
from collections.abc import Iterable
from typing import NamedTuple

MAGIC = b"\xf3\x89\x9a\xc2"


class Part(NamedTuple):
    """A user record of an aggregate: indices into its tables of keys."""

    data: bytes
    key: int = 0
    explicit: int | None = None


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(0x80 | number & 0x7F)
        number >>= 7
    return bytes([*out, number])


def text(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def tag(key: bytes | None, value: bytes) -> bytes:
    """The fourth field of a user record."""
    return text(4, (text(1, key) if key is not None else b"") + text(2, value))


def group(field: int, content: bytes) -> bytes:
    """A kind of field that protobuf no longer has, and parsers have to skip."""
    return varint(field << 3 | 3) + content + varint(field << 3 | 4)


def fixed(field: int) -> bytes:
    return varint(field << 3 | 5) + struct.pack("<I", 7) + varint(field << 3 | 1) + struct.pack("<Q", 7)


def part(one: Part, more: bytes = b"") -> bytes:
    explicit = number(2, one.explicit) if one.explicit is not None else b""
    return text(3, number(1, one.key) + explicit + text(3, one.data) + more)


def sealed(message: bytes) -> bytes:
    return MAGIC + message + hashlib.md5(message, usedforsecurity=False).digest()


def aggregate(parts: Iterable[Part | bytes], keys: Iterable[str] = ("key",), explicit: Iterable[str] = ()) -> bytes:
    tables = [text(1, key.encode()) for key in keys] + [text(2, key.encode()) for key in explicit]
    return sealed(b"".join([*tables, *(each if isinstance(each, bytes) else part(each) for each in parts)]))


def hash_of(key: str) -> int:
    return int(hashlib.md5(key.encode(), usedforsecurity=False).hexdigest(), 16)
