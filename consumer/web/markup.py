"""What the status page is made of: elements, tables, tiles.

What is no `Markup` yet is escaped before it gets into one.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from markupsafe import Markup, escape

_SHARD: Final = re.compile(r"(shardId-)(0+)([0-9]+)")


def tag(name: str, *content: str, kind: str = "", **attributes: str) -> Markup:
    """Return an element.

    :param kind: its class.
    :param attributes: `_` in a name stands for `-`.
    """
    shown = attributes | {"class": kind} if kind else attributes
    inside = Markup().join(Markup(' {}="{}"').format(key.replace("_", "-"), value) for key, value in shown.items())
    return Markup("<{}{}>{}</{}>").format(name, inside, Markup().join(content), name)


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], *, is_wide: bool = False) -> Markup:
    """Return a table whose first column names the rows and whose others hold figures.

    :param is_wide: where there is no room, each row becomes a list of its own.
    """
    named = [{"data_head": head} if is_wide else {} for head in heads[1:]]
    body = [
        tag(
            "tr",
            tag("th", first, scope="row"),
            *(tag("td", cell, **head) for head, cell in zip(named, rest, strict=True)),
        )
        for first, *rest in rows
    ]
    if not body:
        return tag("p", "none", kind="none")
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in heads)))
    return tag("table", tag("caption", caption), head, tag("tbody", *body), **({"kind": "wide"} if is_wide else {}))


def section(identity: str, title: str, *content: str) -> Markup:
    """Return a titled part of the page."""
    return tag("section", tag("h2", title), *content, id=identity, kind="card")


def facts(pairs: Iterable[tuple[str, str]]) -> Markup:
    """Return names and values, as a list."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs))


def tile(identity: str, title: str, figure: str, note: str) -> Markup:
    """Return one figure that matters."""
    parts = [tag("h2", title), tag("p", figure, kind="figure"), tag("p", note, kind="note")]
    return tag("section", *parts, id=identity, kind="card tile")


def shard_name(name: str) -> Markup:
    """Write a shard's name so that its leading zeros can be left out where there is no room for them."""
    found = _SHARD.fullmatch(name)
    return Markup().join([found[1], tag("span", found[2], kind="zeros"), found[3]]) if found else escape(name)


def marked(shown: str, *, is_bad: bool = True) -> Markup:
    """Write what should not be so: in a colour, and with a sign before it."""
    return tag("span", shown, kind="bad" if is_bad else "warn")


def above(value: float | None, limit: float, shown: str) -> Markup:
    """Write a figure, with a mark if it is above its limit."""
    return marked(shown, is_bad=False) if value is not None and value > limit else escape(shown)
