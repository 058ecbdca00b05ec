"""Times on the command line: ISO 8601, or how long ago."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

_AGO: Final = re.compile(r"(\d{1,6})([smhd])")
# As sort keys hold a time in ISO 8601: other ways of writing one (week dates, no dashes) do not order with them.
_BEGINNING: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.\d+)?)?)?)?)?)?", re.ASCII
)
_OFFSET: Final = re.compile(r"(?<=[T ]\d\d)(:[\d:.]+)?[+-]\d\d(:?\d\d)?$", re.ASCII)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_time(text: str) -> datetime:
    """Return a time in UTC.

    :raises ValueError, OverflowError: it is none.
    """
    if ago := _AGO.fullmatch(text):
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    when = datetime.fromisoformat(text)
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def parse_beginning(text: str) -> str | datetime:
    """Return a time, or as much of one as sort keys begin with: 2024-03, 2024-03-15T10.

    :return: what says how long ago, or has an offset, as a time in UTC; else the text, without its Z, so that 10:30Z
        is a beginning of 10:30:05Z.
    :raises ValueError, OverflowError: it is neither.
    """
    if _AGO.fullmatch(text) or _OFFSET.search(text):
        return parse_time(text)
    beginning = text.removesuffix("Z") if ":" in text else text
    found = _BEGINNING.fullmatch(beginning)
    if found is None:
        raise ValueError
    parts = [int(part or least) for part, least in zip(found.groups(), (1, 1, 1, 0, 0, 0), strict=True)]
    datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - is there such a day, such an hour?
    return beginning


class Time(click.ParamType[datetime]):
    """A time in UTC, where it names no offset; `90m`, `24h`, `7d` are that long ago."""

    name = "time"
    accepted: str = "a time as 2024-03-15, 2024-03-15T10:30:00Z or, that long ago, 24h"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return a datetime in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            return parse_time(str(value))
        except (ValueError, OverflowError):  # the latter: before the year 1
            self.fail(f"write {self.accepted}.", param, ctx)


class Beginning(click.ParamType[str | datetime]):
    """A `Time`, or its year, month, day, hour or minute alone: see `parse_beginning`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | datetime:
        """Return a text or a datetime in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            return parse_beginning(str(value))
        except (ValueError, OverflowError):
            accepted = "2024, 2024-03, 2024-03-15, 2024-03-15T10, 2024-03-15T10:30, 2024-03-15T10:30:00Z"
            self.fail(f"write a time as {accepted} or, that long ago, 24h.", param, ctx)
