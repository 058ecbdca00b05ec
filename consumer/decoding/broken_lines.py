"""What belongs to a broken line of an NDJSON record: no part of a broken document may pass for a document of its own.

A line that is cut short is bad alone. One that opens what a later line closes is the begin of a document over several
lines, whole or broken: all lines from the one to the other are that document. One that nothing closes is such a begin,
too, if an element could come next, or what follows looks like the inside of something. Doubt ends in quarantine.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, NamedTuple

Span = tuple[int, int]

# Each matches wherever it is tried, and is tried once: linear.
_INSIDE: Final = rb'(?:[^"\\]++|\\.)*+'
_STRING: Final = re.compile(rb'"' + _INSIDE + rb'"', re.DOTALL)
_CLOSED: Final = re.compile(rb'(?:[^"]++|"' + _INSIDE + rb'")*+', re.DOTALL)
_REST_OF_STRING: Final = re.compile(_INSIDE + rb'"', re.DOTALL)

# Brackets as steps up and down: JSON that is broken need not close what it opened.
_OPEN, _CLOSE = 1, 255
_STEPS: Final = bytes.maketrans(b"{[}]", bytes((_OPEN, _OPEN, _CLOSE, _CLOSE)))
_OTHERS: Final = bytes(set(range(256)) - set(b"{[}]"))
_DEPTH: Final = {_OPEN: 1, _CLOSE: -1}


class _Brackets(NamedTuple):
    """What a text closes that it did not open, and opens and does not close."""

    closes: int
    opens: int
    ends_in_string: bool


class _Open(NamedTuple):
    line: int
    brackets: int
    in_string: bool


def joined(data: bytes, lines: Sequence[Span], bad: Sequence[int]) -> list[Span]:
    """Return the documents of a record.

    :param lines: where each line stands; the first is a whole object.
    :param bad: numbers of those that are no JSON by themselves.
    """
    documents: list[Span] = []  # numbers of lines, first and last
    opened: list[_Open] = []
    for line in bad:
        text = data[slice(*lines[line])]
        seen = _brackets(text)
        first, left = _close(opened, seen.closes)
        if first is None and opened and opened[-1].in_string:
            # A newline within a text is no JSON, but it happens; the line goes on with the text.
            rest = _REST_OF_STRING.match(text)
            if rest:
                first, _ = _close(opened, _brackets(text[rest.end() :]).closes)
        if first is not None:
            _join(documents, first, line)
        elif left and text[:1] in (b"}", b"]"):
            return [(lines[0][0], lines[-1][1])]  # what it closes must have come before
        if seen.opens:
            opened.append(_Open(line, seen.opens, seen.ends_in_string))
    if opened:
        _join_rest(data, lines, documents, [each.line for each in opened])
    spans: list[Span] = []
    place = 0
    for first, last in documents:
        spans += lines[place:first]
        spans.append((lines[first][0], lines[last][1]))
        place = last + 1
    return [*spans, *lines[place:]]


def _brackets(text: bytes) -> _Brackets:
    closed = _match_end(text)
    steps = _STRING.sub(b"", text[:closed]).translate(_STEPS, _OTHERS)
    closes = -min(accumulate(map(_DEPTH.__getitem__, steps)), default=0)
    closes = max(closes, 0)
    opens = steps.count(_OPEN) - steps.count(_CLOSE) + closes
    return _Brackets(closes, opens, closed < len(text))


def _match_end(text: bytes) -> int:
    """Return where the last string begins that has no end; the text's length, if there is none."""
    match = _CLOSED.match(text)
    return match.end() if match else 0


def _close(opened: list[_Open], closes: int) -> tuple[int | None, int]:
    """Take brackets from what is open; return the line in which the outermost of them was opened, and what is left."""
    first = None
    while closes and opened:
        line, brackets, in_string = opened.pop()
        first = line
        if brackets > closes:
            opened.append(_Open(line, brackets - closes, in_string))
        closes -= min(closes, brackets)
    return first, closes


def _join(documents: list[Span], first: int, last: int) -> None:
    while documents and documents[-1][1] >= first:
        first = min(first, documents.pop()[0])
    documents.append((first, last))


def _join_rest(data: bytes, lines: Sequence[Span], documents: list[Span], unclosed: Sequence[int]) -> None:
    """Join all lines from the first on that was not closed and seems to go on: a document that was cut short."""
    firsts = [first for first, _ in documents]
    backwards = range(len(lines) - 1, -1, -1)
    # A document over several lines, or a line that looks as if it stood within one.
    last_sign = max([*firsts[-1:], next((line for line in backwards if _is_inner(data, lines[line])), 0)])
    for line in unclosed:
        place = bisect_right(firsts, line) - 1
        known = documents[place][1] if place >= 0 and documents[place][1] > line else line
        if last_sign > known or (known == line and data.endswith((b"[", b"},"), *lines[line])):
            _join(documents, line, len(lines) - 1)
            return


def _is_inner(data: bytes, span: Span) -> bool:
    """Tell whether a line looks as if it stood within something: indented, or followed by another."""
    start, end = span
    return data[start - 1] in b" \t" or data[end - 1] in b","
