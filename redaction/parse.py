"""Strict JSON (RFC 8259) from bytes: one meaning for each record, or a rejection code.

What two parsers may read differently is refused, since the reader of the stored document could see what the
redactor did not: duplicate keys (RFC 8259 section 4 leaves open which one wins), lone surrogates, NaN, a byte
order mark.
"""

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from redaction.plugin import Document, JSONValue

EMPTY = "empty"
TOO_LARGE = "too_large"
INVALID_UTF8 = "invalid_utf8"
BYTE_ORDER_MARK = "byte_order_mark"
INVALID_JSON = "invalid_json"
NOT_AN_OBJECT = "not_an_object"
DUPLICATE_KEY = "duplicate_key"
TOO_DEEP = "too_deep"
INVALID_UNICODE = "invalid_unicode"
NUMBER_UNSUPPORTED = "number_unsupported"

# Far beyond any amount: Python's own limit for the digits of an int, the exponents of IEEE 754 decimal128.
MAX_DIGITS = 4300
MAX_EXPONENT = 6144

_WHITESPACE = " \t\n\r"


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_depth`: levels of nesting, the record's own object being the first; `max_bytes`: of a payload."""

    max_depth: int
    max_bytes: int


class Unparsable(Exception):
    """The payload was refused. `code` is a constant of this module; nothing here holds content."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def parse(payload: bytes, limits: Limits, *, inspect: bool = True) -> Document:
    """Parse one record. Raises Unparsable, and nothing else.

    `inspect` off spares the walk through the document that looks for lone surrogates and numbers out of
    bounds: for payloads that `scan.unusual` did not name.
    """
    if len(payload) > limits.max_bytes:
        raise Unparsable(TOO_LARGE)
    try:
        # Decoded here, strictly: given bytes, json would guess UTF-16 and UTF-32, and let surrogates pass.
        text = payload.decode().strip(_WHITESPACE)
    except UnicodeDecodeError:
        raise Unparsable(INVALID_UTF8) from None
    if not text:
        raise Unparsable(EMPTY)
    if text[0] == "\ufeff":
        raise Unparsable(BYTE_ORDER_MARK)
    document = _decode(text)
    if not isinstance(document, dict):
        raise Unparsable(NOT_AN_OBJECT)
    if inspect or payload.count(b"{") + payload.count(b"[") > limits.max_depth:
        _inspect(document, limits.max_depth)
    return document


def _decode(text: str) -> object:
    try:
        document, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError:
        raise Unparsable(INVALID_JSON) from None
    except (
        ValueError,
        InvalidOperation,
    ):  # int() beyond its limit of digits; Decimal() beyond its own exponents
        raise Unparsable(NUMBER_UNSUPPORTED) from None
    except RecursionError:
        raise Unparsable(TOO_DEEP) from None
    if end != len(text):
        raise Unparsable(INVALID_JSON)
    return document


def _unique(pairs: list[tuple[str, JSONValue]]) -> Document:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Unparsable(DUPLICATE_KEY)
    return fields


def _refuse_constant(_name: str) -> NoReturn:
    raise Unparsable(NUMBER_UNSUPPORTED)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=Decimal, parse_constant=_refuse_constant)


def _inspect(document: Document, max_depth: int) -> None:
    """Check depth, surrogates and numbers of all values; with a stack of its own, since depth is in doubt."""
    stack: list[tuple[JSONValue, int]] = [(document, 1)]
    while stack:
        value, depth = stack.pop()
        if isinstance(value, str):
            _check_text(value)
        elif isinstance(value, Decimal):
            _check_number(value)
        elif isinstance(value, (dict, list)):
            if depth > max_depth:
                raise Unparsable(TOO_DEEP)
            if isinstance(value, dict):
                for key in value:
                    _check_text(key)
                stack.extend((item, depth + 1) for item in value.values())
            else:
                stack.extend((item, depth + 1) for item in value)


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unparsable(INVALID_UNICODE) from None


def _check_number(number: Decimal) -> None:
    digits = len(number.as_tuple().digits)
    if not number.is_finite() or digits > MAX_DIGITS or abs(number.adjusted()) > MAX_EXPONENT:
        raise Unparsable(NUMBER_UNSUPPORTED)
