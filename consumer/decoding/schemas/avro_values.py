"""What a value of Avro is in JSON, exact to the digit: logical types, bytes, floats.

fastavro's own conversions round decimals to the schema's precision and know dates of Python's calendar only. It is
therefore given schemas whose logical types have names of our own, and asks the functions here for them. So the branch
of a union that was taken is the one that converts.
"""

import struct
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Context, Decimal, Inexact, InvalidOperation
from math import isfinite
from typing import Any, Final, NamedTuple
from uuid import UUID

from fastavro.read import LOGICAL_READERS

from consumer.decoding.schemas.definition import VALUE_UNSUPPORTED, Refused

AVRO_INVALID: Final = "avro_invalid"
SYMBOLS: Final = "sanitizer-symbols"
"""Property of a number that stands for an enum: fastavro drops Avro's own."""

_PREFIX: Final = "sanitizer-"
_MAX_DIGITS: Final = 1000
_EXACT: Final = Context(prec=2 * _MAX_DIGITS, Emin=-10_000, Emax=10_000, traps=[Inexact, InvalidOperation])
_MAX_DECIMAL_BYTES: Final = 415  # a number of 1,000 digits
_EPOCH: Final = date(1970, 1, 1).toordinal()
_DAY: Final = 86_400
_UUID_BYTES: Final = 16
_DURATION: Final = struct.Struct("<III")
_SINGLE: Final = struct.Struct("<f")
_SINGLE_DIGITS: Final = range(6, 10)

Convert = Callable[[Any, Mapping[str, Any]], Any]


def _plain_bytes(value: bytes, _: Mapping[str, Any]) -> str:
    return b64encode(value).decode()


def _decimal(value: bytes, schema: Mapping[str, Any]) -> Decimal:
    if len(value) > _MAX_DECIMAL_BYTES:
        raise Refused(VALUE_UNSUPPORTED)
    return Decimal(int.from_bytes(value, "big", signed=True)).scaleb(-schema.get("scale", 0), _EXACT)


def _single(value: float, _: Mapping[str, Any]) -> float:
    """Return the number with the fewest digits that is this value in single precision, as protobuf does."""
    if not isfinite(value):
        raise Refused(VALUE_UNSUPPORTED)
    for digits in _SINGLE_DIGITS:
        short = float(f"{value:.{digits}g}")
        try:
            if _SINGLE.unpack(_SINGLE.pack(short))[0] == value:
                return short
        except OverflowError:  # rounded up, beyond the largest
            continue
    return value


def _double(value: float, _: Mapping[str, Any]) -> float:
    if not isfinite(value):
        raise Refused(VALUE_UNSUPPORTED)
    return value


def _enum(value: int, schema: Mapping[str, Any]) -> str:
    symbols: list[str] = schema[SYMBOLS]
    if not 0 <= value < len(symbols):
        raise Refused(AVRO_INVALID)
    return symbols[value]


def _day(days: int) -> str:
    try:
        return date.fromordinal(_EPOCH + days).isoformat()
    except (ValueError, OverflowError):
        raise Refused(VALUE_UNSUPPORTED) from None


def _date(value: int, _: Mapping[str, Any]) -> str:
    return _day(value)


def _time_of(digits: int) -> Convert:
    second = 10**digits

    def convert(value: int, _: Mapping[str, Any]) -> str:
        if not 0 <= value < _DAY * second:
            raise Refused(VALUE_UNSUPPORTED)
        seconds, fraction = divmod(value, second)
        return _clock(seconds, fraction, digits)

    return convert


def _clock(seconds: int, fraction: int, digits: int) -> str:
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}.{fraction:0{digits}}"


def _timestamp_of(digits: int, zone: str) -> Convert:
    second = 10**digits

    def convert(value: int, _: Mapping[str, Any]) -> str:
        seconds, fraction = divmod(value, second)
        days, seconds = divmod(seconds, _DAY)
        return f"{_day(days)}T{_clock(seconds, fraction, digits)}{zone}"

    return convert


def _uuid(value: bytes, _: Mapping[str, Any]) -> str:
    return str(UUID(bytes=value))


def _duration(value: bytes, _: Mapping[str, Any]) -> str:
    months, days, millis = _DURATION.unpack(value)
    return f"P{months}M{days}DT{millis // 1000}.{millis % 1000:03}S"


class _Kind(NamedTuple):
    """:ivar chars: of its JSON beside what its bytes become, at most."""

    convert: Convert
    chars: int


_TIMESTAMP: Final = 34
_KINDS: Final = {
    ("bytes", "plain"): _Kind(_plain_bytes, 6),
    ("fixed", "plain"): _Kind(_plain_bytes, 6),
    ("bytes", "decimal"): _Kind(_decimal, 16),
    ("fixed", "decimal"): _Kind(_decimal, 16),
    ("float", "plain"): _Kind(_single, 24),
    ("double", "plain"): _Kind(_double, 24),
    ("int", "enum"): _Kind(_enum, 0),
    ("int", "date"): _Kind(_date, 12),
    ("int", "time-millis"): _Kind(_time_of(3), 14),
    ("long", "time-micros"): _Kind(_time_of(6), 17),
    ("long", "timestamp-millis"): _Kind(_timestamp_of(3, "Z"), _TIMESTAMP),
    ("long", "timestamp-micros"): _Kind(_timestamp_of(6, "Z"), _TIMESTAMP),
    ("long", "timestamp-nanos"): _Kind(_timestamp_of(9, "Z"), _TIMESTAMP),
    ("long", "local-timestamp-millis"): _Kind(_timestamp_of(3, ""), _TIMESTAMP),
    ("long", "local-timestamp-micros"): _Kind(_timestamp_of(6, ""), _TIMESTAMP),
    ("long", "local-timestamp-nanos"): _Kind(_timestamp_of(9, ""), _TIMESTAMP),
    ("fixed", "uuid"): _Kind(_uuid, 38),
    ("fixed", "duration"): _Kind(_duration, 40),
}
_OF_SIZE: Final = {"uuid": _UUID_BYTES, "duration": _DURATION.size}
_BARE: Final = {"bytes", "fixed", "float", "double"}
_CHARS: Final = {"null": 4, "boolean": 5, "int": 11, "long": 20, "string": 2}


def _registered(kind: _Kind) -> Callable[..., Any]:
    return lambda value, schema=None, _=None: kind.convert(value, schema or {})


LOGICAL_READERS.update({f"{form}-{_PREFIX}{name}": _registered(kind) for (form, name), kind in _KINDS.items()})


def rewritten(form: str, schema: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Return a type without parts as fastavro is to be given it, and how long its JSON is beside what its bytes become.

    A logical type that does not fit is ignored, as Avro's specification demands.

    :param form: of the wire, such as ``long``.
    """
    if form == "enum":
        symbols = [str(each) for each in schema["symbols"]]
        longest = max(map(len, symbols), default=0)
        return {"type": "int", "logicalType": f"{_PREFIX}enum", SYMBOLS: symbols}, 6 * longest + 2
    made: dict[str, Any] = {"type": form}
    if form == "fixed":
        made["size"] = schema["size"]
    name = _fitting(form, schema)
    if name is None:
        return made, _CHARS[form]
    made["logicalType"] = _PREFIX + name
    if name == "decimal":
        made["scale"] = schema.get("scale") or 0
    return made, _KINDS[form, name].chars


def _fitting(form: str, schema: Mapping[str, Any]) -> str | None:
    name = schema.get("logicalType")
    fits = isinstance(name, str) and (form, name) in _KINDS and name not in ("plain", "enum")
    if fits and name == "decimal":
        precision, scale = schema.get("precision"), schema.get("scale") or 0
        fits = type(precision) is int and type(scale) is int and 0 <= scale <= min(precision, _MAX_DIGITS)
    elif fits and name in _OF_SIZE:
        fits = schema["size"] == _OF_SIZE[str(name)]
    if fits:
        return str(name)
    return "plain" if form in _BARE else None
