"""Generalise: keep the year of a date, the network of an address, the bucket of an amount.

What can't be generalised is hidden entirely.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Literal, TypeAlias, assert_never

from redaction.actions.base import HIDDEN, Scalar, exact, scalar_text
from redaction.detectors.base import Detector
from redaction.detectors.ip import network
from redaction.plugin import JSONValue, PolicyError

__all__ = ["Generalise", "Target"]

Target: TypeAlias = Literal["year", "month", "network", "bucket"]

# A time of day after the date, in any of ISO 8601's spellings; it is not looked at.
_TIME = r"(?:[T ][0-9][0-9:.,]{1,20}(?:Z|[+-][0-9:]{2,8})?)?"
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})([-/.]?)([0-9]{{2}})\2([0-9]{{2}}){_TIME}", re.IGNORECASE)
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})")
_YEAR_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_YEAR = re.compile(r"[0-9]{4}")
_YEARS = range(1800, 2200)
"""What four digits must be to count as a year: other numbers, a PIN, are not released as one."""

_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")
# DynamoDB's numbers reach from 1E-130 to 1E126.
_EXPONENT = 130


class Generalise:
    """Put what is coarser in place of a value.

    :raises PolicyError: `bucket` comes without `width`, a positive number, or `width` without `bucket`.
    """

    name = "generalise"

    def __init__(self, to: Target, width: Decimal | None = None) -> None:
        if (to == "bucket") != (width is not None):
            raise PolicyError("width: is needed with `to: bucket`, and has no meaning otherwise")
        if width is not None and not (width.is_finite() and width > 0 and abs(width.adjusted()) < _EXPONENT):
            raise PolicyError("width: must be a positive number, for example 50")
        self._generalise = _generaliser(to, width)

    def __call__(self, value: Scalar, kind: Detector | None) -> JSONValue:
        del kind
        result = None if isinstance(value, bool) else self._generalise(value)
        return HIDDEN if result is None else result


def _generaliser(to: Target, width: Decimal | None) -> Callable[[int | float | Decimal | str], JSONValue]:
    match to:
        case "year":
            return lambda value: _year(_date_text(value))
        case "month":
            return lambda value: _month(_date_text(value))
        case "network":
            return lambda value: network(value) if isinstance(value, str) else None
        case "bucket":
            assert width is not None  # noqa: S101 - the constructor's check
            bucket = _Bucket(width)
            return bucket.of
        case _:
            assert_never(to)


def _date_text(value: float | Decimal | str) -> str:
    """Numbers may be YYYY or YYYYMMDD. Epoch seconds are neither, and so hidden."""
    return value.strip() if isinstance(value, str) else str(value)


def _year(text: str) -> str | None:
    if _YEAR.fullmatch(text):
        return text if int(text) in _YEARS else None
    if found := _YEAR_MONTH.fullmatch(text):
        return found[1] if _is_date(found[1], found[2]) else None
    if found := _YEAR_FIRST.fullmatch(text):
        return found[1] if _is_date(found[1], found[3], found[4]) else None
    if found := _YEAR_LAST.fullmatch(text):
        # Whether day or month comes first makes no difference to the year.
        either = _is_date(found[4], found[1], found[3]) or _is_date(found[4], found[3], found[1])
        return found[4] if either else None
    return None


def _month(text: str) -> str | None:
    found = _YEAR_MONTH.fullmatch(text)
    if found:
        return text if _is_date(found[1], found[2]) else None
    found = _YEAR_FIRST.fullmatch(text)
    return f"{found[1]}-{found[3]}" if found and _is_date(found[1], found[3], found[4]) else None


def _is_date(year: str, month: str, day: str = "1") -> bool:
    try:
        return date(int(year), int(month), int(day)).year in _YEARS
    except ValueError:
        return False


class _Bucket:
    """The greatest multiple of `width` that is not above a value; in integers, which are exact at any size."""

    def __init__(self, width: Decimal) -> None:
        self._width = width

    def of(self, value: float | Decimal | str) -> JSONValue:
        if isinstance(value, str):
            if not _NUMBER.fullmatch(value):
                return None
            bound = self._lower_bound(Decimal(value))
            return value if bound is not None and Decimal(bound) == Decimal(value) else bound
        number = value if isinstance(value, int) else exact(value)
        bound = self._lower_bound(Decimal(number))
        if bound is None:
            return None
        lower = Decimal(bound) if "." in bound else int(bound)
        return number if number == lower else lower

    def _lower_bound(self, value: Decimal) -> str | None:
        if not value.is_finite() or (value and abs(value.adjusted()) > _EXPONENT):
            return None
        scale = max(0, -_exponent(value), -_exponent(self._width))
        width = _scaled(self._width, scale)
        return scalar_text(Decimal(f"{_scaled(value, scale) // width * width}E-{scale}"))


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)  # noqa: S101 - finite, as checked before
    return exponent


def _scaled(value: Decimal, places: int) -> int:
    """`value` times ten to the power of `places`, which is no fraction; Decimal's own scaling would round."""
    sign, digits, _ = value.as_tuple()
    coefficient = int("".join(map(str, digits)) or "0")
    power: int = 10 ** (_exponent(value) + places)
    return (-coefficient if sign else coefficient) * power
