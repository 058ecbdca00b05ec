"""CBOR (RFC 8949), as much of it as AWS's SDK for Java and Kinesis exchange: no tags of meaning, no floating point."""

from typing import Any, Final

_SIZES: Final = {24: 1, 25: 2, 26: 4, 27: 8}
_INDEFINITE: Final = 31
_BREAK: Final = 0xFF
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG = range(7)
_SIMPLE: Final = {20: False, 21: True, 22: None}


def head(major: int, value: int) -> bytes:
    """Return the bytes that an item of a major type begins with."""
    if value < min(_SIZES):
        return bytes([major << 5 | value])
    code, size = next((code, size) for code, size in _SIZES.items() if value < 1 << 8 * size)
    return bytes([major << 5 | code]) + value.to_bytes(size, "big")


def text(value: str) -> bytes:
    raw = value.encode()
    return head(_TEXT, len(raw)) + raw


def binary(value: bytes) -> bytes:
    return head(_BYTES, len(value)) + value


def integer(value: int) -> bytes:
    """Return one that is not negative."""
    return head(_UNSIGNED, value)


def array_of(count: int) -> bytes:
    """Return what the items of an array of this length follow."""
    return head(_ARRAY, count)


def map_of(count: int) -> bytes:
    """Return what the names and values of a map of this size follow."""
    return head(_MAP, count)


def dumps(value: Any) -> bytes:
    """Encode a document. Its floats are times in seconds, which AWS's CBOR has as milliseconds."""
    match value:
        case str():
            return text(value)
        case bool() | None:
            return head(7, next(code for code, each in _SIMPLE.items() if each is value))
        case int():
            return integer(value)
        case float():
            return integer(round(value * 1000))
        case list():
            return array_of(len(value)) + b"".join(map(dumps, value))
        case _:
            return map_of(len(value)) + b"".join(text(name) + dumps(each) for name, each in value.items())


def loads(data: bytes) -> Any:
    """Decode a document."""
    return _value(data, 0)[0]


def _value(data: bytes, at: int) -> tuple[Any, int]:
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    size = _SIZES.get(info, 0)
    number: int | None = int.from_bytes(data[at : at + size], "big") if size else info
    at += size
    if info == _INDEFINITE:
        number = None
    match major:
        case 0:
            return number, at
        case 1:
            return -1 - (number or 0), at
        case 2 | 3:
            return _string(data, at, major, number)
        case 4 | 5:
            items, at = _items(data, at, None if number is None else number * (major - 3))
            return (items if major == _ARRAY else dict(zip(items[::2], items[1::2], strict=True))), at
        case 6:
            return _value(data, at)
        case _:
            return _SIMPLE[info], at


def _string(data: bytes, at: int, major: int, length: int | None) -> tuple[Any, int]:
    if length is None:
        parts, at = _items(data, at, None)
        return (b"" if major == _BYTES else "").join(parts), at
    raw = data[at : at + length]
    return (raw if major == _BYTES else raw.decode()), at + length


def _items(data: bytes, at: int, count: int | None) -> tuple[list[Any], int]:
    found: list[Any] = []
    while len(found) != count:
        if count is None and data[at] == _BREAK:
            return found, at + 1
        item, at = _value(data, at)
        found.append(item)
    return found, at
