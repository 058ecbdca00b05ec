"""Times on the command line."""

import contextlib
from datetime import UTC, datetime, timedelta

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.commands.times import Time


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2024-03-15", datetime(2024, 3, 15, tzinfo=UTC)),
        ("2024-03-15T10:30", datetime(2024, 3, 15, 10, 30, tzinfo=UTC)),
        ("2024-03-15T10:30:00Z", datetime(2024, 3, 15, 10, 30, tzinfo=UTC)),
        ("2024-03-15 10:30:00.5+02:00", datetime(2024, 3, 15, 8, 30, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(text: str, when: datetime) -> None:
    found = Time().convert(text, None, None)
    assert (found, found.tzinfo) == (when, UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("0s", timedelta()),
        ("90m", timedelta(minutes=90)),
        ("24h", timedelta(days=1)),
        ("7d", timedelta(days=7)),
    ],
)
def test_how_long_ago(text: str, ago: timedelta) -> None:
    assert abs(datetime.now(UTC) - ago - Time().convert(text, None, None)) < timedelta(seconds=5)


def test_a_time_stays_a_time() -> None:
    when = datetime.now(UTC)
    assert Time().convert(when, None, None) is when


@given(st.text(max_size=12) | st.from_regex(r"[0-9]{1,9}[smhd]", fullmatch=True))
def test_nothing_else_gets_out(text: str) -> None:
    with contextlib.suppress(click.BadParameter):
        assert Time().convert(text, None, None).tzinfo is UTC


@pytest.mark.parametrize("text", ["", "noon", "1w", "999999d", "2024-13-01"])
def test_what_is_no_time_is_wrong_usage(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write a time as 2024-03-15"):
        Time().convert(text, None, None)
