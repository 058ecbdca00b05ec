"""Lines over time: within their box, on honest axes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.web.chart import COUNTS, HEIGHT, TIMES, WIDTH, Scale, chart

NOW = 1_773_570_600.0
Points = list[tuple[float, float | None]]


def every(seconds: float, values: list[float | None]) -> Points:
    """Return points that end now."""
    return [(NOW - seconds * (len(values) - 1 - number), value) for number, value in enumerate(values)]


def paths(drawn: str, kind: str = "line") -> list[str]:
    return [d for d, found in re.findall(r'<path d="([^"]*)" class="([a-z]+)"/?>', drawn) if found == kind]


def coordinates(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", path)]


def labels(drawn: str, kind: str) -> list[str]:
    [found] = re.findall(rf'<div class="{kind}">(.*?)</div>', drawn)
    return re.findall(r"<span>(.*?)</span>", found)


@given(st.lists(st.none() | st.floats(0, 1e9), max_size=800))
def test_a_line_stays_in_its_box(values: list[float | None]) -> None:
    for scale in (COUNTS, TIMES):
        drawn = chart("x", "", every(5, values), scale, None)
        for path in paths(drawn):
            points = coordinates(path)
            assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
            assert points == sorted(points, key=lambda point: point[0])
        assert bool(paths(drawn)) == any(value is not None for value in values)


def test_a_gap_in_the_values_or_in_time_is_a_gap_in_the_line() -> None:
    assert len(paths(chart("x", "", every(5, [1.0, 2.0, None, 3.0]), COUNTS, None))) == 2
    assert len(paths(chart("x", "", every(5, [1.0, 2.0, 3.0]), COUNTS, None))) == 1
    slept: Points = [(NOW - 60, 1.0), (NOW - 55, 1.0), (NOW - 5, 1.0), (NOW, 1.0)]
    assert len(paths(chart("x", "", slept, COUNTS, None))) == 2


@pytest.mark.parametrize(
    ("seconds", "times"),
    [
        (5, ["\u22121 min", "\u221245 s", "\u221230 s", "\u221215 s", "now"]),
        (90, ["\u22122 min", "\u22121.5 min", "\u22121 min", "\u221230 s", "now"]),
        (1000, ["\u221220 min", "\u221215 min", "\u221210 min", "\u22125 min", "now"]),
        (3600, ["\u221260 min", "\u221245 min", "\u221230 min", "\u221215 min", "now"]),
    ],
)
def test_the_axis_of_time_is_as_long_as_there_is_something_to_show(seconds: int, times: list[str]) -> None:
    drawn = chart("x", "", every(5, [1.0] * (seconds // 5 + 1)), COUNTS, None)
    assert labels(drawn, "times") == times
    [line] = paths(drawn)
    assert coordinates(line)[-1][0] == WIDTH


def test_a_young_line_says_from_when_it_is_and_where_it_ends() -> None:
    drawn = chart("Lag", "", every(5, [0.2, 0.4, 0.3]), TIMES, None)
    assert "10:29:50 to 10:30:00 UTC" in drawn
    assert 'aria-label="Lag, 10:29:50 to 10:30:00 UTC: lowest 200 ms, highest 400 ms, last 300 ms"' in drawn
    [line] = paths(drawn)
    assert coordinates(line)[0][0] == pytest.approx(WIDTH * 50 / 60)


def test_without_any_value_there_are_axes_and_no_line() -> None:
    drawn = chart("Lag", "", [], TIMES, None)
    assert "nothing yet" in drawn
    assert paths(drawn) == []


@pytest.mark.parametrize(
    ("scale", "highest", "values"),
    [
        (COUNTS, 0.0, ["2", "1", "0"]),
        (COUNTS, 7.0, ["10", "5", "0"]),
        (COUNTS, 1_100.0, ["2,000", "1,000", "0"]),
        (COUNTS, 6_000.0, ["6,000", "3,000", "0"]),
        (TIMES, 0.0, ["100 ms", "50 ms", "0"]),
        (TIMES, 0.36, ["400 ms", "200 ms", "0"]),
        (TIMES, 45.0, ["1 min", "30 s", "0"]),
        (TIMES, 61.0, ["2 min", "1 min", "0"]),
        (TIMES, 372.0, ["10 min", "5 min", "0"]),
        (TIMES, 5_000.0, ["2 h", "1 h", "0"]),
        (TIMES, 500_000.0, ["6 d", "3 d", "0"]),
    ],
)
def test_the_axis_of_values_ends_at_a_round_one(scale: Scale, highest: float, values: list[str]) -> None:
    drawn = chart("x", "", every(5, [highest / 2, highest]), scale, None)
    assert labels(drawn, "values") == values


def test_a_peak_between_others_is_not_lost() -> None:
    values: list[float | None] = [1.0] * 721
    values[301] = 100.0
    [line] = paths(chart("x", "", every(5, values), COUNTS, None))
    assert min(y for _, y in coordinates(line)) == 0
    assert len(coordinates(line)) <= 242


def test_a_limit_is_drawn_with_its_legend_where_it_is_on_the_axis() -> None:
    limit = (60.0, "late: 1 min")
    assert "late" not in chart("x", "", every(5, [1.0]), TIMES, limit)
    drawn = chart("x", "", every(5, [1.0, 61.0]), TIMES, limit)
    assert paths(drawn, "limit") == [f"M0 {HEIGHT / 2:.1f}H{WIDTH}"]
    assert "late: 1 min" in drawn
