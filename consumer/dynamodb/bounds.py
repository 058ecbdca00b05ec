"""The ends of a range of sort keys: times, as sort keys begin with them, or whatever else sort keys begin with."""

import re
from datetime import UTC, datetime
from typing import Final

from consumer.errors import UsageError

BEGINNINGS: Final = "2024, 2024-03, 2024-03-15, 2024-03-15T10, 2024-03-15T10:30, 2024-03-15T10:30:00Z"
"""The forms of what `parse_beginning` takes, for a person."""

# As sort keys hold a time in ISO 8601: other ways of writing one (week dates, no dashes) do not order with them.
_BEGINNING: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.\d+)?)?)?)?)?)?", re.ASCII
)
_OFFSET: Final = re.compile(r"(?<=[T ]\d\d)(:[\d:.]+)?[+-]\d\d(:?\d\d)?$", re.ASCII)


class SortKey(str):
    """A sort key, or its beginning, that is compared as it is: for sort keys that begin with no time."""

    __slots__ = ()


Bound = str | datetime
"""A time with an offset; or a text that is a time in ISO 8601, or its beginning, in UTC where it names no offset, or
that has `#` and the rest of a sort key behind it; or a `SortKey`."""


def text_of(bound: Bound | None) -> str | None:
    """Return what sort keys are compared with; None, or an empty text, is no bound.

    :raises UsageError: a text that is no time and no `SortKey`; a time without an offset, or of no year from 1 to 9999.
    """
    if isinstance(bound, datetime):
        return _text(bound)
    if not bound or isinstance(bound, SortKey):
        return bound or None
    time, hash_, _ = bound.partition("#")
    try:
        beginning = parse_beginning(time)
    except (ValueError, OverflowError):
        raise UsageError(
            f"This is no time: write {BEGINNINGS}, or give a datetime. "
            'A sort key that begins with none is SortKey("...").'
        ) from None
    if hash_:
        return bound
    return _text(beginning) if isinstance(beginning, datetime) else beginning


def parse_beginning(text: str) -> str | datetime:
    """Return a time, or as much of one as sort keys begin with: 2024-03, 2024-03-15T10.

    :return: what has an offset as a time in UTC; else the text, without its Z: 10:30 is a beginning of 10:30:05Z. With
        a T before the hour, as sort keys have it: a space is less, and would silently move the bound.
    :raises ValueError, OverflowError: it is neither.
    """
    if _OFFSET.search(text):
        return datetime.fromisoformat(text).astimezone(UTC)
    beginning = text.removesuffix("Z") if ":" in text else text
    found = _BEGINNING.fullmatch(beginning)
    if found is None:
        raise ValueError
    parts = [int(part or least) for part, least in zip(found.groups(), (1, 1, 1, 0, 0, 0), strict=True)]
    datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - is there such a day, such an hour?
    return beginning.replace(" ", "T")


def _text(time: datetime) -> str:
    if time.utcoffset() is None:
        raise UsageError("A datetime without a time zone could mean any time: give it one, as in datetime.now(UTC).")
    try:
        moved = time.astimezone(UTC)
    except OverflowError:
        raise UsageError("This time is, in UTC, not within the years 1 to 9999.") from None
    # Without what may follow: it is the beginning of 10:30:00Z, of 10:30:00.5Z, and of 10:30:00+00:00.
    return moved.replace(tzinfo=None).isoformat(timespec="seconds")
