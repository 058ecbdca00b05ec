"""Lines over time, with their axes: drawn as SVG, labelled in HTML so that the text has one size on every screen."""

import math
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from markupsafe import Markup

from consumer.web.history import SAMPLE_SECONDS
from consumer.web.markup import tag

WIDTH: Final = 480
HEIGHT: Final = 120

_SPANS: Final = (60, 120, 240, 480, 1200, 2400, 3600)
"""Seconds that an axis may be long: a quarter of each is a round number. The shortest that holds the points is taken:
so a young worker's line fills half of the width or more."""

_COLUMNS: Final = 240
"""Of so many, each shows its highest value: the points of an hour are more than there are pixels on a phone."""

_GAP_SECONDS: Final = 3 * SAMPLE_SECONDS
"""A pause that is longer is a gap in the line."""

_MINUTE: Final = 60
_HOUR: Final = 3600
_TIMES: Final = (*(60, 120, 240, 600, 1200, 2400), *(3600, 7200, 14_400, 28_800, 43_200, 86_400, 172_800))
_STEPS: Final = (1, 2, 4, 6, 10)


class Scale(NamedTuple):
    """A kind of value axis.

    :ivar top: returns the axis' end for the highest value.
    :ivar label: writes what stands at a line of the axis.
    """

    top: Callable[[float], float]
    label: Callable[[float], str]


def chart(
    title: str, note: str, points: Sequence[tuple[float, float | None]], scale: Scale, limit: tuple[float, str] | None
) -> Markup:
    """Return a figure.

    :param points: epoch seconds, ascending, and values; None leaves a gap.
    :param limit: a value at which a line is drawn, if it is on the axis, and what its legend says.
    """
    known = [value for _, value in points if value is not None]
    top = scale.top(max(known, default=0.0))
    end = points[-1][0] if points else 0.0
    span = next((each for each in _SPANS if points and each >= end - points[0][0]), _SPANS[-1] if points else _SPANS[0])
    drawn = [_grid()]
    legend: Sequence[str] = ()
    if limit and limit[0] <= top:
        y = HEIGHT * (1 - limit[0] / top)
        drawn.append(tag("path", d=f"M0 {y:.1f}H{WIDTH}", kind="limit"))
        legend = [tag("span", "", kind="dash"), limit[1]]
    drawn += [
        tag("path", d=f"{line}V{HEIGHT}H{line[1:].split()[0]}Z", kind="area") for line in _lines(points, span, top)
    ]
    drawn += [tag("path", d=line, kind="line") for line in _lines(points, span, top)]
    period = f"{clock(points[0][0])} to {clock(end)} UTC" if points else "nothing yet"
    told = f"{title}, {period}: {_told(known, scale)}"
    picture = tag(
        "svg", *drawn, viewBox=f"0 0 {WIDTH} {HEIGHT}", preserveAspectRatio="none", role="img", aria_label=told
    )
    values = tag("div", *(tag("span", scale.label(top * part)) for part in (1.0, 0.5, 0.0)), kind="values")
    times = tag("div", *(tag("span", _ago(span * part)) for part in (1.0, 0.75, 0.5, 0.25, 0.0)), kind="times")
    return Markup().join(
        [
            tag("p", note, kind="note"),
            tag("div", values, picture, times, kind="plot"),
            tag("p", period, *((" · ", *legend) if legend else ()), kind="note"),
        ]
    )


def clock(at: float) -> str:
    """Write a time of the day, in UTC."""
    return time.strftime("%H:%M:%S", time.gmtime(at))


def _told(known: Sequence[float], scale: Scale) -> str:
    if not known:
        return "no value"
    return f"lowest {scale.label(min(known))}, highest {scale.label(max(known))}, last {scale.label(known[-1])}"


def _grid() -> Markup:
    across = "".join(f"M0 {HEIGHT * part:g}H{WIDTH}" for part in (0.0, 0.5, 1.0))
    down = "".join(f"M{WIDTH * part:g} 0V{HEIGHT}" for part in (0.0, 0.25, 0.5, 0.75, 1.0))
    return tag("path", d=across + down, kind="grid")


def _lines(points: Sequence[tuple[float, float | None]], span: float, top: float) -> list[str]:
    """Return a path for each stretch without a gap."""
    if not points:
        return []
    end = points[-1][0]
    stretches: list[list[tuple[float, float]]] = [[]]
    before = points[0][0]
    for at, value in points:
        if value is None or at - before > _GAP_SECONDS:
            stretches.append([])
        if value is not None:
            stretches[-1].append((WIDTH * (1 - (end - at) / span), HEIGHT * (1 - min(1.0, value / top))))
        before = at
    return [_path(_highest(stretch)) for stretch in stretches if stretch]


def _highest(stretch: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Keep the highest point of each column; what is higher lies nearer to 0."""
    highest: dict[int, tuple[float, float]] = {}
    for x, y in stretch:
        column = math.floor(x / WIDTH * _COLUMNS)
        if column not in highest or y < highest[column][1]:
            highest[column] = x, y
    return list(highest.values())


def _path(line: Sequence[tuple[float, float]]) -> str:
    [(x, y), *_] = line
    if len(line) == 1:
        return f"M{x:.1f} {y:.1f}h0"  # shows as a dot
    return f"M{x:.1f} {y:.1f}L" + " ".join(f"{x:.1f} {y:.1f}" for _, (x, y) in pairwise(line))


def _ago(seconds: float) -> str:
    if not seconds:
        return "now"
    return f"\u2212{seconds:g} s" if seconds < _MINUTE else f"\u2212{seconds / _MINUTE:g} min"


def _round_up(value: float) -> float:
    """Return the next 1, 2, 4, 6 or 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in _STEPS if step * power >= value * (1 - 1e-9))


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"  # noqa: PLR2004


def _time_top(value: float) -> float:
    if value <= _MINUTE:
        return _round_up(max(value, 0.1))
    return next((each for each in _TIMES if each >= value), math.ceil(value / _TIMES[-1]) * _TIMES[-1])


def _time(value: float) -> str:
    if value < 1:
        return f"{1000 * value:.0f} ms" if value else "0"
    for unit, name, limit in ((1, "s", _MINUTE), (_MINUTE, "min", _HOUR), (_HOUR, "h", 2 * 24 * _HOUR)):
        if value < limit:
            return f"{round(value / unit, 1):g} {name}"
    return f"{round(value / 24 / _HOUR, 1):g} d"


COUNTS: Final = Scale(lambda highest: _round_up(max(highest, 2.0)), _count)
TIMES: Final = Scale(_time_top, _time)
