"""What the status page is made of: elements, tables, tiles, lines drawn as SVG, numbers for people.

What is no `Markup` yet is escaped before it gets into one.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from markupsafe import Markup, escape

WIDTH: Final = 180
HEIGHT: Final = 40
NOTHING: Final = "\u2013"

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
_SHARD: Final = re.compile(r"(shardId-)(0+)([0-9]+)")
_MIB: Final = 2**20
_GIB: Final = 2**30


def tag(name: str, *content: str, kind: str = "", **attributes: str) -> Markup:
    """Return an element.

    :param kind: its class.
    """
    shown = attributes | {"class": kind} if kind else attributes
    inside = Markup().join(Markup(' {}="{}"').format(key, value) for key, value in shown.items())
    return Markup("<{}{}>{}</{}>").format(name, inside, Markup().join(content), name)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """Return a table whose first column names the rows and whose others hold figures."""
    body = [tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in rest)) for first, *rest in rows]
    if not body:
        return tag("p", "none", kind="none")
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in heads)))
    return tag("div", tag("table", head, tag("tbody", *body)), kind="scroll")


def section(identity: str, title: str, *content: str) -> Markup:
    """Return a titled part of the page."""
    return tag("section", tag("h2", title), *content, id=identity)


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Return names and values, as a list."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs))


def tile(identity: str, title: str, figure: str, note: str, line: Sequence[float | None] = ()) -> Markup:
    """Return one figure that matters, with its line over time, if there is one."""
    parts = [tag("h2", title), tag("p", figure, kind="figure"), tag("p", note, kind="note")]
    return tag("section", *parts, *([sparkline(line, title)] if line else ()), id=identity, kind="tile")


def sparkline(values: Sequence[float | None], title: str) -> Markup:
    """Draw values as a line from the left to the right, from zero to the highest; None leaves a gap."""
    top = max((value for value in values if value is not None), default=0.0) or 1.0
    step = WIDTH / max(1, len(values) - 1)
    path, pen = [], "M"
    for index, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        x, y = f"{index * step:.1f}", f"{HEIGHT - 1 - (HEIGHT - 2) * value / top:.1f}"
        path.append(f"M{x} {y}h0" if pen == "M" else f"L{x} {y}")  # h0: a single point shows as a dot
        pen = "L"
    drawn = Markup('<path d="{}" vector-effect="non-scaling-stroke"/>').format("".join(path))
    view = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "preserveAspectRatio": "none"}
    label = f"{title}, over the last 15 minutes"
    return tag("svg", tag("title", label), drawn, role="img", **view)


def shard_name(name: str) -> Markup:
    """Write a shard's name so that its leading zeros can be left out where there is no room for them."""
    found = _SHARD.fullmatch(name)
    return Markup().join([found[1], tag("span", found[2], kind="zeros"), found[3]]) if found else escape(name)


def number(value: float | None) -> str:
    """Write a count."""
    return NOTHING if value is None else f"{value:,.0f}"


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


def marked(value: float | None, limit: float, shown: str) -> Markup:
    """Write a figure, with a mark if it is above its limit."""
    return tag("span", shown, kind="warn") if value is not None and value > limit else escape(shown)


def size(value: float) -> str:
    """Write bytes."""
    if value >= _GIB:
        return f"{value / _GIB:.1f} GiB"
    return f"{value / _MIB:.0f} MiB" if value >= 10 * _MIB else f"{value / _MIB:.1f} MiB"
