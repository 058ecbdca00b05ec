"""Small charts as SVG: bars, upright bars and lines, tall and narrow, so that a telephone shows them whole.

Colours are those of the hand-drawn pictures in docs/img, and follow the reader's light or dark scheme. Places are
reckoned for a wide typeface, and a test looks at each chart in a browser: no label is cut, and none lies on another.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from textwrap import wrap
from typing import Final, NamedTuple

WIDTH: Final = 480
_MARGIN, _HEAD, _LINE, _BAR = 24, 40, 24, 16
_RIGHT: Final = WIDTH - _MARGIN
_DIGIT, _LETTER = 10.4, 9.2
"""What one takes; of letters, on average."""
_TITLE_CHARACTERS, _TEXT_CHARACTERS = 36, 46
_TICKS: Final = 5
_PLOT: Final = 240
_STYLE: Final = (
    ":root{--paper:#fff;--edge:#d1d9e0;--ink:#1f2328;--soft:#59636e;--line:#818b98;--box:#f6f8fa;"
    "--raw:#bc4c00;--raw-tint:#ffe9d9;--clean:#0969da;--clean-tint:#ddf0ff}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#0d1117;--edge:#3d444d;--ink:#f0f6fc;--soft:#9198a1;"
    "--line:#7d8590;--box:#1c222b;--raw:#f0883e;--raw-tint:#40230c;--clean:#58a6ff;--clean-tint:#0f2d52}}\n"
    'text{font:16px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:var(--ink)}\n'
    ".title{font-size:20px;font-weight:600}.name{font-weight:600}.soft{fill:var(--soft)}\n"
    ".paper{fill:var(--paper);stroke:var(--edge)}.grid{stroke:var(--edge)}.mark{stroke:var(--line);"
    "stroke-dasharray:4 3}\n"
    ".c0{color:var(--clean)}.c1{color:#8250df}.c2{color:#1a7f37}.other{color:var(--line)}\n"
    "@media(prefers-color-scheme:dark){.c1{color:#bc8cff}.c2{color:#3fb950}}"
)
_COLOURS: Final = 3

Series = Sequence[tuple[float, float]]


class Mark(NamedTuple):
    """Something that happened, on the axis across."""

    at: float
    name: str


def bars(title: str, groups: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """Return horizontal bars, one for each group, stacked of its parts; each with its sum."""
    parts = list(dict.fromkeys(part for group in groups.values() for part in group))
    sums = {name: sum(group.values()) for name, group in groups.items()}
    drawn = _Drawing(title, unit, _said({name: _number(value) for name, value in sums.items()}))
    drawn.legend(parts)
    room, most = _room(map(_number, sums.values())), max(sums.values(), default=0) or 1
    for name, group in groups.items():
        drawn.line(_MARGIN, name)
        left = float(_MARGIN)
        for part, value in group.items():
            left += drawn.bar(left, value / most * room, f"c{parts.index(part) % _COLOURS}")
        drawn.line(left + 8, _number(sums[name]))
        drawn.skip(8)
    return drawn.done()


def panels(
    title: str,
    groups: Mapping[str, Mapping[str, float]],
    unit: str,
    ours: str | tuple[str, ...],
    most: float | None = None,
    shown: Callable[[float], str] | None = None,
) -> str:
    """Return groups of horizontal bars, ours in a colour of their own.

    :param ours: how the names begin that are ours.
    :param most: what the longest bar stands for; None: in each group, for the greatest of it.
    :param shown: writes a value.
    """
    write = shown or _number
    said = {group: _said({name: write(value) for name, value in values.items()}) for group, values in groups.items()}
    drawn = _Drawing(title, unit, "; ".join(f"{group}: {each}" for group, each in said.items()))
    left = _MARGIN + 8 + max((len(name) for values in groups.values() for name in values), default=0) * _LETTER
    room = _room((write(value) for values in groups.values() for value in values.values()), left)
    for group, values in groups.items():
        drawn.paragraph(group, "name", _TITLE_CHARACTERS)
        longest = most or max(values.values(), default=0) or 1
        for name, value in values.items():
            width = drawn.bar(left, value / longest * room, "c0" if name.startswith(ours) else "other")
            drawn.text(_MARGIN, name)
            drawn.line(left + width + 8, write(value))
        drawn.skip(_LINE)
    return drawn.done()


def lines(title: str, series: Mapping[str, Series], x_unit: str, y_unit: str, mark: Mark | None = None) -> str:
    """Return lines over a common axis that begins at zero.

    :param mark: is drawn where the axis reaches it.
    """
    points = [point for each in series.values() for point in each]
    x_step, y_step = (_step(max((point[axis] for point in points), default=0)) for axis in (0, 1))
    x_most, y_most = (
        _top(max((point[axis] for point in points), default=0), s) for axis, s in ((0, x_step), (1, y_step))
    )
    ends = {name: f"{_number(max((y for _, y in each), default=0))} at most" for name, each in series.items()}
    drawn = _Drawing(title, y_unit, _said(ends))
    drawn.legend(list(series))
    left, bottom = drawn.axis(y_most, y_step)

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x, y = point
        return left + x / x_most * (_RIGHT - left), bottom - y / y_most * _PLOT

    for tick in range(round(x_most / x_step) + 1):
        drawn.text(place((tick * x_step, 0))[0], _number(tick * x_step), "middle", bottom + _LINE)
    drawn.text(left, x_unit, "start", bottom + 2 * _LINE)
    if mark and mark.at < x_most:
        x, _ = place((mark.at, 0))
        drawn.add(f'<path class="mark" d="M{x:.1f} {bottom - _PLOT}V{bottom}"/>')
        drawn.text(x, mark.name, "middle", bottom + 2 * _LINE)
    for number, each in enumerate(series.values()):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, each))
        drawn.add(
            f'<polyline class="c{number % _COLOURS}" fill="none" stroke="currentColor" stroke-width="2" '
            f'points="{path}"/>'
        )
    drawn.skip_to(bottom + 3 * _LINE)
    return drawn.done()


def steps(title: str, categories: Sequence[str], series: Mapping[str, Sequence[float]], unit: str) -> str:
    """Return groups of upright bars: a group for each category, in it a bar for each series."""
    most = max((value for each in series.values() for value in each), default=0)
    step = _step(most)
    top = _top(most, step)
    said = {
        f"{category}, {name}": _number(values[number])
        for number, category in enumerate(categories)
        for name, values in series.items()
    }
    drawn = _Drawing(title, unit, _said(said))
    drawn.legend(list(series))
    left, bottom = drawn.axis(top, step)
    group = (_RIGHT - left) / max(1, len(categories))
    width = min(48.0, group * 0.92 / max(1, len(series)))
    for number, category in enumerate(categories):
        middle = left + group * (number + 0.5)
        drawn.text(middle, category, "middle", bottom + _LINE)
        for place, values in enumerate(series.values()):
            start, tall = middle + (place - len(series) / 2) * width, values[number] / top * _PLOT
            drawn.add(
                f'<rect class="c{place % _COLOURS}" fill="currentColor" x="{start + 2:.1f}" y="{bottom - tall:.1f}" '
                f'width="{width - 4:.1f}" height="{tall:.1f}"/>'
            )
            drawn.text(start + width / 2, _number(values[number]), "middle", bottom - tall - 6)
    drawn.skip_to(bottom + 2 * _LINE)
    return drawn.done()


class _Drawing:
    """A chart as it grows, from the top down.

    :param said: all that it shows, for whoever does not see it.
    """

    def __init__(self, title: str, unit: str, said: str) -> None:
        self._title = title
        self._said = f"{unit[:1].upper()}{unit[1:]}. {said}"
        self._body: list[str] = []
        self._y: float = _HEAD
        self.paragraph(title, "title", _TITLE_CHARACTERS)
        self.paragraph(unit, "soft", _TEXT_CHARACTERS)
        self.skip(8)

    def add(self, element: str) -> None:
        self._body.append(element)

    def skip(self, height: float) -> None:
        self._y += height

    def skip_to(self, y: float) -> None:
        self._y = y

    def text(self, x: float, text: str, anchor: str = "start", y: float | None = None, kind: str = "") -> None:
        """Write in the line that it is at, or at a height of its own."""
        y = self._y if y is None else y
        more = (f' class="{kind}"' if kind else "") + (f' text-anchor="{anchor}"' if anchor != "start" else "")
        self.add(f'<text x="{x:.1f}" y="{y:.1f}"{more}>{escape(text)}</text>')

    def line(self, x: float, text: str, kind: str = "") -> None:
        """Write, and go to the next line."""
        self.text(x, text, kind=kind)
        self.skip(_LINE)

    def paragraph(self, text: str, kind: str, characters: int) -> None:
        for line in wrap(text, characters):
            self.line(_MARGIN, line, kind)

    def legend(self, names: Sequence[str]) -> None:
        """Name each series in a line of its own."""
        for number, name in enumerate(names):
            self.add(
                f'<rect class="c{number % _COLOURS}" fill="currentColor" x="{_MARGIN}" y="{self._y - 13:.1f}" '
                f'width="16" height="16" rx="3"/>'
            )
            self.line(_MARGIN + _LINE, name)
        self.skip(8)

    def bar(self, left: float, width: float, colour: str) -> float:
        """Draw a part of a bar, and return how wide it is."""
        self.add(
            f'<rect class="{colour}" fill="currentColor" x="{left:.1f}" y="{self._y - 15:.1f}" width="{width:.1f}" '
            f'height="{_BAR}"/>'
        )
        return width

    def axis(self, most: float, step: float) -> tuple[float, float]:
        """Draw the axis upwards from zero; return where the plot begins at the left, and its bottom."""
        ticks = [_number(tick * step) for tick in range(round(most / step) + 1)]
        left, bottom = _MARGIN + 8 + max(map(len, ticks)) * _DIGIT, self._y + _PLOT + 8
        for number, tick in enumerate(ticks):
            y = bottom - number * step / most * _PLOT
            self.add(f'<path class="grid" d="M{left:.1f} {y:.1f}H{_RIGHT}"/>')
            self.text(left - 8, tick, "end", y + 6)
        return left, bottom

    def done(self) -> str:
        height = round(self._y)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title desc">\n'
            f'<title id="title">{escape(self._title)}</title>\n<desc id="desc">{escape(self._said)}</desc>\n'
            f"<style>\n{_STYLE}\n</style>\n"
            f'<rect class="paper" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>\n'
            + "\n".join(self._body)
            + "\n</svg>\n"
        )


def _said(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in values.items())


def _room(values: Iterable[str], left: float = _MARGIN) -> float:
    """Return how long a bar may be that begins at `left`, with its value behind it."""
    return _RIGHT - left - 8 - max(map(len, values), default=0) * _DIGIT


def _step(most: float) -> float:
    """Return a round distance of ticks: 1, 2 or 5 times a power of ten."""
    rough = (most or 1) / _TICKS
    power = 10.0 ** floor(log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)


def _top(most: float, step: float) -> float:
    return max(1, ceil(most / step - 1e-9)) * step


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:.1f}"
