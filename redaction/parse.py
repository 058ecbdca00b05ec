"""Strict JSON (RFC 8259) from bytes: one meaning for each record, or a rejection code.

What two parsers may read differently is refused, since the reader of the stored document could see what the
redactor did not: duplicate keys (RFC 8259 section 4 leaves open which one wins), lone surrogates, NaN, a byte
order mark.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import islice
from math import isfinite
from typing import NoReturn

import orjson

from redaction.patterns import Sieve, compile_bytes, spans
from redaction.plugin import Document, JSONValue

__all__ = [
    "BYTE_ORDER_MARK",
    "DUPLICATE_KEY",
    "EMPTY",
    "INVALID_JSON",
    "INVALID_UNICODE",
    "INVALID_UTF8",
    "MAX_DIGITS",
    "MAX_EXPONENT",
    "NOT_AN_OBJECT",
    "NUMBER_UNSUPPORTED",
    "TOO_DEEP",
    "TOO_LARGE",
    "TOO_MANY_VALUES",
    "Limits",
    "Unparsable",
    "parse",
    "parse_all",
    "parse_text",
]

EMPTY = "empty"
TOO_LARGE = "too_large"
INVALID_UTF8 = "invalid_utf8"
BYTE_ORDER_MARK = "byte_order_mark"
INVALID_JSON = "invalid_json"
NOT_AN_OBJECT = "not_an_object"
DUPLICATE_KEY = "duplicate_key"
TOO_DEEP = "too_deep"
TOO_MANY_VALUES = "too_many_values"
INVALID_UNICODE = "invalid_unicode"
NUMBER_UNSUPPORTED = "number_unsupported"

# Far beyond any amount, and bounded: an int takes time that grows with the square of its digits. The exponents are
# those of IEEE 754 decimal128.
MAX_DIGITS = 1000
MAX_EXPONENT = 6144

_EXACT_CHARS = 16
_COMMA = ord(",")
_WHITESPACE = " \t\n\r"


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_depth`: levels of nesting, the record's own object being the first; `max_bytes`: of a payload.

    `max_values`: fields and list elements of all its objects and lists.
    """

    max_depth: int
    max_bytes: int
    max_values: int


class Unparsable(Exception):
    """The payload was refused. `code` is a constant of this module; nothing here holds content."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


# What orjson would bend or not tell: numbers of more than 15 digits or with an exponent, a key whose colon stands apart
# (keys are counted by their `":`), a backslash before a closing quote (for the same reason). A number follows a
# structural character; strings that look alike cost time only.
_UNUSUAL = Sieve(rb'[:,\[][ \t\r\n]*-?(?:[0-9.]{17}|[0-9.]+[eE])|"[ \t\r\n]+:|\\\\"')


def parse_all(payloads: Sequence[bytes], limits: Limits, *, careful: bool = False) -> "list[Document | Unparsable]":
    """Parse each payload: the document, or why there is none. `careful`: all of them with `parse`."""
    if not careful and (all_flat := _all_flat(payloads, limits)) is not None:
        return all_flat
    unusual = set() if careful else set(_UNUSUAL.lines(payloads))
    parsed: list[Document | Unparsable] = []
    for place, payload in enumerate(payloads):
        document = None if careful else _parse_usual(payload, limits, is_unusual=place in unusual)
        try:
            parsed.append(parse(payload, limits) if document is None else document)
        except Unparsable as refusal:
            parsed.append(refusal)
    return parsed


def _all_flat(payloads: Sequence[bytes], limits: Limits) -> "list[Document | Unparsable] | None":
    """Parse with orjson, where all are objects without others in them, and it is sure to agree with `parse`."""
    # So short that none has too many values, each of which takes two bytes.
    if max(map(len, payloads), default=0) > min(limits.max_bytes, 2 * limits.max_values):
        return None
    joined = b"\n".join(payloads)
    if joined.count(b"{") != len(payloads) or b"[" in joined or b"\\" in joined or _UNUSUAL.matches(joined):
        return None
    try:
        documents = list(map(orjson.loads, payloads))
    except orjson.JSONDecodeError:
        return None
    # Each has as many `":` as it had keys, or more than it has: were one lost, the sum would tell.
    is_whole = set(map(type, documents)) == {dict} and sum(map(len, documents)) == joined.count(b'":')
    return documents if is_whole else None


def _parse_usual(payload: bytes, limits: Limits, *, is_unusual: bool) -> "Document | None":
    """Parse with orjson where it is sure to agree with `parse`; None: not sure."""
    if len(payload) > limits.max_bytes:
        return None
    containers = payload.count(b"{") + payload.count(b"[")
    # A value takes two bytes at least, so that most payloads need no counting.
    if len(payload) > 2 * limits.max_values and payload.count(b",") + containers > limits.max_values:
        return None
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    is_whole = type(document) is dict and _is_whole(document, payload, containers, limits, is_unusual=is_unusual)
    return document if is_whole else None


def _is_whole(document: Document, payload: bytes, containers: int, limits: Limits, *, is_unusual: bool) -> bool:
    """Tell whether no key has been lost, nothing of a number, and nothing is nested too deep."""
    if containers == 1 and not is_unusual and b"\\" not in payload:
        return len(document) == payload.count(b'":')
    # What is written again as it came has lost nothing.
    is_same = b'": ' not in payload and orjson.dumps(document) == payload
    if is_same and containers <= limits.max_depth:
        return True
    keys = _count_keys(document, limits.max_depth)
    if is_same:
        return keys < _MORE_THAN_ANY
    return not is_unusual and keys == payload.count(b'":') - payload.count(b'\\":')


_MORE_THAN_ANY = 1 << 62


def _count_keys(value: JSONValue, levels: int) -> int:
    """Count those of all objects; `_MORE_THAN_ANY` and more where they are nested deeper."""
    if not levels:
        return _MORE_THAN_ANY
    keys = 0
    if type(value) is dict:
        keys = len(value)
        items: Iterable[JSONValue] = value.values()
    else:
        items = value  # type: ignore[assignment]
    for item in items:
        kind = type(item)
        if kind is dict or kind is list:
            keys += _count_keys(item, levels - 1)
    return keys


def parse(payload: bytes, limits: Limits) -> Document:
    """Parse one record.

    :raises Unparsable: it is no record, or beyond the limits; nothing else is raised.
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
    if _holds_too_many(payload, limits):
        raise Unparsable(TOO_MANY_VALUES)
    document = _decode(text)
    if not isinstance(document, dict):
        raise Unparsable(NOT_AN_OBJECT)
    _inspect(document, limits)
    return document


def parse_text(text: str, limits: Limits) -> JSONValue:
    """Parse JSON that stands in a string; anything but a scalar too.

    :raises Unparsable: it is no JSON, or beyond the limits; nothing else is raised.
    """
    text = text.strip(_WHITESPACE)
    with suppress(UnicodeEncodeError):
        payload = text.encode()
        if payload[:1] == b"{":
            usual = _parse_usual(payload, limits, is_unusual=bool(_UNUSUAL.lines([payload])))
            if usual is not None:
                return usual
    value = _decode(text)
    _inspect(value, limits)
    return value


def _decode(text: str) -> JSONValue:
    try:
        document: JSONValue
        document, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError:
        raise Unparsable(INVALID_JSON) from None
    except InvalidOperation:  # beyond Decimal's own exponents
        raise Unparsable(NUMBER_UNSUPPORTED) from None
    except RecursionError:
        raise Unparsable(TOO_DEEP) from None
    if end != len(text):
        raise Unparsable(INVALID_JSON)
    return document


# A string, or what stands between values: quotes within strings open nothing. One without an end is one, too: else it
# would be looked for once more behind each comma within.
_STRING_OR_COMMA = compile_bytes(rb'"(?s:[^"\\]|\\.)*(?:"|\\?\z)|,')


def _holds_too_many(payload: bytes, limits: Limits) -> bool:
    """Tell, before anything is made of it, that JSON has more values than it may.

    A few bytes each become hundreds in memory. A container has one value more than it has commas.
    """
    if payload.count(b",") < limits.max_values:
        return False
    commas = 0
    # A value has two strings at most: with more of them between the commas it is no JSON, which the decoder will say.
    for start, _ in islice(spans(_STRING_OR_COMMA, payload), 4 * limits.max_values):
        commas += payload[start] == _COMMA
        if commas >= limits.max_values:
            return True
    return False


def _unique(pairs: list[tuple[str, JSONValue]]) -> Document:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Unparsable(DUPLICATE_KEY)
    return fields


def _refuse_constant(_name: str) -> NoReturn:
    raise Unparsable(NUMBER_UNSUPPORTED)


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise Unparsable(NUMBER_UNSUPPORTED)
    return int(text)


def _number(text: str) -> float | Decimal:
    # 15 significant digits survive a double and come back as they were; IEEE 754: DBL_DIG. One character is the point.
    if len(text.lstrip("-")) <= _EXACT_CHARS and "e" not in text and "E" not in text:
        return float(text)
    exact, near = Decimal(text), float(text)
    return near if isfinite(near) and Decimal(repr(near)) == exact else exact


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_number, parse_constant=_refuse_constant
)


def _inspect(document: JSONValue, limits: Limits) -> None:
    """Check depth, surrogates and numbers of all values; with a stack of its own, since depth is in doubt."""
    stack: list[tuple[JSONValue, int]] = [(document, 1)]
    values = 0
    while stack:
        value, depth = stack.pop()
        if isinstance(value, str):
            _check_text(value)
        elif isinstance(value, Decimal):
            _check_number(value)
        elif isinstance(value, (dict, list)):
            if depth > limits.max_depth:
                raise Unparsable(TOO_DEEP)
            values += len(value)
            if values > limits.max_values:
                raise Unparsable(TOO_MANY_VALUES)
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
