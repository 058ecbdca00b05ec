"""Times on the command line: ISO 8601, or how long ago."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

from consumer.dynamodb.bounds import BEGINNINGS, parse_beginning

_AGO: Final = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_time(text: str) -> datetime:
    """Return a time in UTC.

    :raises ValueError, OverflowError: it is none.
    """
    if ago := _AGO.fullmatch(text):
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    when = datetime.fromisoformat(text)
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


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
    """A `Time`, or its year, month, day, hour or minute alone, as sort keys begin with them."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | datetime:
        """Return a text or a datetime in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            return parse_time(value) if _AGO.fullmatch(str(value)) else parse_beginning(str(value))
        except (ValueError, OverflowError):
            self.fail(f"write a time as {BEGINNINGS} or, that long ago, 24h.", param, ctx)
