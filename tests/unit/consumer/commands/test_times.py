"""Times on the command line."""

import contextlib
from datetime import UTC, datetime, timedelta

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.commands.backfill import _Beginning
from consumer.commands.times import Beginning, Time


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


def test_the_oldest_record_is_among_what_a_backfill_accepts() -> None:
    with pytest.raises(click.BadParameter, match=r"write a time as .*, or TRIM_HORIZON\."):
        _Beginning().convert("trim_horizon", None, None)


@pytest.mark.parametrize("text", ["2024", "2024-03", "2024-02-29", "2024-03-15T10", "2024-03-15T10:30:00.5"])
def test_what_sort_keys_begin_with_stays_as_it_is(text: str) -> None:
    assert Beginning().convert(text, None, None) == text


@pytest.mark.parametrize("text", ["2024-03-15 10:30", "2024-03-15 10:30Z"])
def test_a_space_becomes_the_t_that_sort_keys_have(text: str) -> None:
    assert Beginning().convert(text, None, None) == "2024-03-15T10:30"


def test_a_z_is_left_out_since_seconds_come_before_it() -> None:
    assert Beginning().convert("2024-03-15T10:30Z", None, None) == "2024-03-15T10:30"
    assert Beginning().convert("2024-03-15T10:30:00Z", None, None) == "2024-03-15T10:30:00"


@pytest.mark.parametrize("text", ["2024-03-15T10:30:00+02:00", "2024-03-15T10:30:00.5+02:00", "2024-03-15T10:30+0200"])
def test_an_offset_is_turned_into_utc(text: str) -> None:
    found = Beginning().convert(text, None, None)
    assert isinstance(found, datetime)
    assert found.replace(microsecond=0) == datetime(2024, 3, 15, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2024-13-45",
        "2024-02-30",
        "2024-3",
        "20240315",
        "2024-W11",
        "2024-03-15T25",
        "24",
        "2024-03-",
        "1w",
    ],
)
def test_what_no_sort_key_begins_with_is_wrong_usage(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write a time as 2024, 2024-03, 2024-03-15"):
        Beginning().convert(text, None, None)


@given(st.text(max_size=12) | st.from_regex(r"[0-9]{4}-[0-9]{2}([T-].{0,8})?", fullmatch=True))
def test_nothing_else_gets_out_of_a_beginning(text: str) -> None:
    with contextlib.suppress(click.BadParameter):
        Beginning().convert(text, None, None)
