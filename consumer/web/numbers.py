"""Numbers for people."""

from typing import Final

NOTHING: Final = "\u2013"

_MILLION: Final = 1_000_000
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
_MIB: Final = 2**20
_GIB: Final = 2**30


def number(value: float | None) -> str:
    """Write a count: one of many digits in millions, for there is no room for ten in a table of a phone."""
    if value is None:
        return NOTHING
    if value < 10 * _MILLION:
        return f"{value:,.0f}"
    return f"{value / _MILLION:,.1f} M" if value < 1000 * _MILLION else f"{value / _MILLION / 1000:,.1f} bn"


def counted(count: float, one: str) -> str:
    """Write a count with what is counted."""
    return f"{number(count)} {one if count == 1 else f'{one}s'}"


def per_second(value: float | None) -> str:
    """Write a rate: small ones with a decimal."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if value >= 10 or not value else f"{value:.1f}"  # noqa: PLR2004


def percent(part: float, whole: float) -> str:
    """Write a share; what is there is never 0 %."""
    if not whole:
        return NOTHING
    share = 100 * part / whole
    return "< 0.01 %" if 0 < share < 0.01 else f"{share:.2f} %"  # noqa: PLR2004


def seconds(value: float | None) -> str:
    """Write a time span in the unit that fits it, to two or three digits."""
    if value is None:
        return NOTHING
    if value < 1:
        return f"{1000 * value:.0f} ms"
    if value < 10:  # noqa: PLR2004
        return f"{value:.1f} s"
    for unit, name, limit in ((1, "s", 2 * _MINUTE), (_MINUTE, "min", 2 * _HOUR), (_HOUR, "h", 2 * _DAY)):
        if value < limit:
            return f"{value / unit:.0f} {name}"
    return f"{value / _DAY:.0f} d"


def size(value: float) -> str:
    """Write bytes."""
    if value >= _GIB:
        return f"{value / _GIB:.1f} GiB"
    return f"{value / _MIB:.0f} MiB" if value >= 10 * _MIB else f"{value / _MIB:.1f} MiB"
