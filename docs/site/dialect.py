# noqa: INP001 - a folder of pages, no package
"""Pages in CommonMark, as the repository shows them, made such that Python-Markdown reads them alike."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

_FENCE: Final = re.compile(r"^( *```\w+) .*$", re.MULTILINE)
"""With words for the tests behind its language, which Python-Markdown takes for options."""

_MARK: Final = re.compile(r" *(?:[-*+]|\d+[.)]) +")
_NUMBER: Final = re.compile(r"^( *\d+)\. ")
_INDENT: Final = " " * 4
"""Of what belongs to an item, whatever its mark; in CommonMark it is as wide as the mark."""


class _Item(NamedTuple):
    """An item of a list.

    :ivar level: from 1.
    :ivar first, last: its first line, and the one behind it.
    :ivar width: of its mark.
    """

    level: int
    first: int
    last: int
    width: int


def for_the_site(text: str) -> str:
    """Return a page as Python-Markdown wants it."""
    text = _FENCE.sub(r"\1", text)
    lines = text.split("\n")
    tokens = MarkdownIt().parse(text)
    items = list(_items(tokens, lines))
    for number in _of_paragraphs(tokens) - {item.first for item in items}:
        lines[number] = _NUMBER.sub(r"\1\\. ", lines[number])  # within a paragraph it begins no list
    width, depth = [0] * len(lines), [0] * len(lines)
    for item in items:  # the outer ones first: the innermost has the last word
        for number in range(item.first, item.last):
            depth[number] = item.level - (number == item.first)
            width[number] = item.width if number > item.first else width[number]
    # Behind paragraphs of an item, the next one is only seen after an empty line.
    apart = {item.last for item in items if "" in lines[item.first : item.last - 1]}
    indented = map(_indented, lines, width, depth)
    return "\n".join(f"\n{line}" if number in apart else line for number, line in enumerate(indented))


def _items(tokens: Sequence[Token], lines: Sequence[str]) -> Iterator[_Item]:
    level = 0
    for token in tokens:
        if token.type == "list_item_close":
            level -= 1
        elif token.type == "list_item_open" and token.map:
            level += 1
            mark = _MARK.match(lines[token.map[0]])
            if mark:
                yield _Item(level, token.map[0], token.map[1], len(mark[0]))


def _of_paragraphs(tokens: Sequence[Token]) -> set[int]:
    return {number for token in tokens if token.type == "inline" and token.map for number in range(*token.map)}


def _indented(line: str, width: int, depth: int) -> str:
    kept = line[min(width, len(line) - len(line.lstrip(" "))) :]
    return _INDENT * depth + kept if kept else ""
