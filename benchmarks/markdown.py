"""Tables in Markdown, and their places in a page."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

NONE: Final = "-"
"""A cell without a figure."""

_PLACE: Final = re.compile(r"(<!-- bench:([a-z-]+) -->\n).*?(<!-- /bench -->)", re.DOTALL)


def table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table, its columns aligned so that it reads well as text, too."""
    cells = [list(header), *(list(line) for line in lines)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
    rule = ["-" * width for width in widths]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in (cells[0], rule, *cells[1:])
    )


def fill(page: str, tables: Mapping[str, str]) -> str:
    """Return a page with each table between its markers, `<!-- bench:NAME -->` and `<!-- /bench -->`.

    :raises KeyError: the page has a place for a table that there is not.
    """
    return _PLACE.sub(lambda place: f"{place[1]}{tables[place[2]]}\n{place[3]}", page)
