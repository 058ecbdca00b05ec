"""A document as compact JSON in UTF-8, numbers written from their decimal value."""

from decimal import Decimal

import orjson

from redaction.plugin import Document, JSONValue

__all__ = ["serialize", "serialize_value"]

# What orjson writes by itself: signed and unsigned 64 bit.
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1


def serialize(document: Document) -> bytes:
    """Write a document.

    :raises TypeError: (orjson.JSONEncodeError) something in it is no JSON value.
    """
    try:
        return orjson.dumps(document, default=_fragment)
    except orjson.JSONEncodeError:
        # Ints beyond 64 bits are refused before `default` is asked; rare enough to pay for them with a copy.
        return orjson.dumps(_with_fragments(document), default=_fragment)


def serialize_value(value: JSONValue) -> str:
    """Write any value, as text.

    :raises TypeError: see `serialize`.
    """
    return serialize({"": value})[len(b'{"":') : -1].decode()


def _fragment(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value).encode())
    raise TypeError(type(value).__name__)


def _with_fragments(value: JSONValue) -> object:
    if isinstance(value, dict):
        return {key: _with_fragments(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_fragments(item) for item in value]
    if isinstance(value, int) and not _INT_MIN <= value <= _INT_MAX:
        return orjson.Fragment(str(value).encode())
    return value
