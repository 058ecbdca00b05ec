"""Small charts as SVG: stacked bars and lines. Their colours follow the reader's light or dark theme."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from math import ceil, floor, log10
from typing import Final

WIDTH: Final = 720
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 64, 48
_TICKS: Final = 5
_STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600;font-size:15px}.grid{stroke:#d1d9e0}"
    ".c0{color:#0969da}.c1{color:#bf5700}.c2{color:#1a7f37}.c3{color:#8250df}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.grid{stroke:#3d444d}"
    ".c0{color:#58a6ff}.c1{color:#f0883e}.c2{color:#3fb950}.c3{color:#bc8cff}}"
)

Series = Sequence[tuple[float, float]]


def bars(title: str, groups: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """Return horizontal bars, one for each group, stacked of its parts; each with its sum."""
    parts = list(dict.fromkeys(part for group in groups.values() for part in group))
    row, label = 40, 290
    height = _TOP + row * len(groups) + 24
    most = max((sum(group.values()) for group in groups.values()), default=0) or 1
    room = WIDTH - label - 2 * _RIGHT - 40
    body = [_legend(parts)]
    for number, (name, group) in enumerate(groups.items()):
        top, left = _TOP + row * number, float(label)
        body.append(_text(label - 10, top + 19, name, "end"))
        for part, value in group.items():
            width = value / most * room
            body.append(
                f'<rect class="c{parts.index(part) % 4}" fill="currentColor" x="{left:.1f}" y="{top}" '
                f'width="{width:.1f}" height="26"><title>{escape(part)}: {_number(value)}</title></rect>'
            )
            left += width
        body.append(_text(left + 8, top + 19, _number(sum(group.values())), "start"))
    return _svg(f"{title}, {unit}", height, body)


def lines(title: str, series: Mapping[str, Series], x_unit: str, y_unit: str) -> str:
    """Return lines over a common axis that begins at zero."""
    points = [point for each in series.values() for point in each]
    height, plot_height = 340, 340 - _TOP - _BOTTOM
    x_step, y_step = (_step(max((point[axis] for point in points), default=0)) for axis in (0, 1))
    x_most, y_most = (
        _top(max((point[axis] for point in points), default=0), s) for axis, s in ((0, x_step), (1, y_step))
    )

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x, y = point
        return _LEFT + x / x_most * (WIDTH - _LEFT - _RIGHT), height - _BOTTOM - y / y_most * plot_height

    body = [_legend(list(series))]
    for tick in range(round(y_most / y_step) + 1):
        _, y = place((0, tick * y_step))
        body.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        body.append(_text(_LEFT - 8, y + 4, _number(tick * y_step), "end"))
    for tick in range(round(x_most / x_step) + 1):
        x, _ = place((tick * x_step, 0))
        body.append(_text(x, height - _BOTTOM + 18, _number(tick * x_step), "middle"))
    body.append(_text(WIDTH - _RIGHT, height - 8, x_unit, "end"))
    for number, each in enumerate(series.values()):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, each))
        body.append(
            f'<polyline class="c{number % 4}" fill="none" stroke="currentColor" stroke-width="2" points="{path}"/>'
        )
    return _svg(f"{title}, {y_unit}", height, body)


def steps(title: str, categories: Sequence[str], series: Mapping[str, Sequence[float]], unit: str) -> str:
    """Return groups of upright bars: a group for each category, in it a bar for each series."""
    height, plot_height = 320, 320 - _TOP - _BOTTOM
    most = max((value for each in series.values() for value in each), default=0)
    step = _step(most)
    top = _top(most, step)
    body = [_legend(list(series))]
    for tick in range(round(top / step) + 1):
        y = height - _BOTTOM - tick * step / top * plot_height
        body.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        body.append(_text(_LEFT - 8, y + 4, _number(tick * step), "end"))
    group = (WIDTH - _LEFT - _RIGHT) / max(1, len(categories))
    width = min(48.0, group * 0.8 / max(1, len(series)))
    for number, category in enumerate(categories):
        middle = _LEFT + group * (number + 0.5)
        body.append(_text(middle, height - _BOTTOM + 18, category, "middle"))
        for place, values in enumerate(series.values()):
            left, tall = middle + (place - len(series) / 2) * width, values[number] / top * plot_height
            body.append(
                f'<rect class="c{place % 4}" fill="currentColor" x="{left + 2:.1f}" y="{height - _BOTTOM - tall:.1f}" '
                f'width="{width - 4:.1f}" height="{tall:.1f}"/>'
            )
            body.append(_text(left + width / 2, height - _BOTTOM - tall - 5, _number(values[number]), "middle"))
    return _svg(f"{title}, {unit}", height, body)


def _step(most: float) -> float:
    """Return a round distance of ticks: 1, 2 or 5 times a power of ten."""
    rough = (most or 1) / _TICKS
    power = 10.0 ** floor(log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)


def _top(most: float, step: float) -> float:
    return max(1, ceil(most / step - 1e-9)) * step


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:.1f}"


def _legend(names: Sequence[str]) -> str:
    starts = [_LEFT]
    for name in names:
        starts.append(starts[-1] + 34 + 7 * len(name))
    return "".join(
        f'<rect class="c{number % 4}" fill="currentColor" x="{start}" y="36" width="12" height="12"/>'
        + _text(start + 18, 47, names[number], "start")
        for number, (start, _) in enumerate(pairwise(starts))
    )


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(text)}</text>'


def _svg(title: str, height: int, body: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}"><style>{_STYLE}</style>\n'
        + _text(16, 22, title, "start", ' class="title"')
        + "\n"
        + "\n".join(body)
        + "\n</svg>\n"
    )
