"""RE2 over bytes: linear in the input whatever the pattern, and one pass over many lines at once."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Final, TypeAlias

import re2  # type: ignore[import-untyped, unused-ignore]

try:
    _UNANCHORED = re2._re2.RE2.Anchor.UNANCHORED  # noqa: SLF001
    _AT_START = re2._re2.RE2.Anchor.ANCHOR_START  # noqa: SLF001
except AttributeError:  # no reason to fail here without a word: see `agrees_with_re2`
    _UNANCHORED = _AT_START = None


Pattern: TypeAlias = "re2._Regexp"  # noqa: SLF001 - the class has no public name


# Twice of what RE2 itself takes: it keeps the states that it has met, and is many times slower where they don't fit.
_PATTERN_BYTES = 16 * 2**20


@lru_cache(maxsize=128)
def compile_bytes(pattern: bytes) -> Pattern:
    """Compile a pattern over single bytes.

    :raises re2.error: it is none, or too large.
    """
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # bytes as bytes: \x80-\xff are no code points here
    options.log_errors = False  # nothing but this project's own logs may write to stderr
    options.never_capture = True
    options.max_mem = _PATTERN_BYTES
    return re2.compile(pattern, options)


_CHUNK_BYTES = 4 * 2**20


def spans(pattern: Pattern, text: bytes, position: int = 0) -> Iterator[tuple[int, int]]:
    """Give the spans of all matches from `position` on; none is empty."""
    # What re2's own wrapper calls; its objects for each match take longer than the matching. See `agrees_with_re2`.
    match, end = pattern._regexp.Match, len(text)  # noqa: SLF001
    while position <= end:
        span = match(_UNANCHORED, text, position, end)[0]
        if span[0] < 0:
            return
        yield span
        position = span[1]


def agrees_with_re2() -> bool:
    """Tell whether `spans`, by private attributes, finds what re2 itself finds; to be asked once, at the start."""
    pattern, text = compile_bytes(b"a+|\xff"), b"a\xff-\x00aa"
    try:
        return list(spans(pattern, text, 1)) == [match.span() for match in pattern.finditer(text, 1)]
    except (AttributeError, TypeError):
        return False


class Sieve:
    """Tells in which of many lines a pattern matches, a newline after each.

    The pattern is one that matches no newline, or a line named in error does no harm.

    :raises re2.error: it is none, or too large.
    """

    __slots__ = ("_match",)

    def __init__(self, pattern: bytes) -> None:
        # Where a match begins RE2 finds out by going back from its end, through states that are new in each text of
        # random letters. Anchored, it need not: any match begins at the start, and its end says in which line it is.
        self._match: Final = compile_bytes(rb"(?s:.*?)(?:%b)" % pattern)._regexp.Match  # noqa: SLF001 - as in `spans`

    def lines(self, lines: Sequence[bytes]) -> list[int]:
        """Give the indexes of those in which it matches, in order."""
        return sift([self], lines)[0]

    def matches(self, joined: bytes) -> bool:
        """Tell whether it matches in any of joined lines."""
        return bool(self._match(_AT_START, joined, 0, len(joined))[0][1] > 0)

    def within(self, joined: bytes, ends: Sequence[int]) -> list[int]:
        """Do the same with joined lines, which end (newline included) at `ends`."""
        found: list[int] = []
        match, end, position = self._match, len(joined), 0
        # One match is enough for a line, and a line may hold very many: go on with the next.
        while position <= end:
            reached = match(_AT_START, joined, position, end)[0][1]
            if reached < 0:
                break
            number = bisect_right(ends, reached - 1)
            found.append(number)
            position = ends[number]
        return found


def sift(sieves: Sequence[Sieve], lines: Sequence[bytes]) -> list[list[int]]:
    """Give, for each sieve, the indexes of the lines in which it matches, in order."""
    found: list[list[int]] = [[] for _ in sieves]
    for first, chunk in _chunks(lines):
        joined = b"\n".join(chunk)
        ends: list[int] = []
        for sieve, of_sieve in zip(sieves, found, strict=True):
            if sieve.matches(joined):
                ends = ends or list(accumulate([len(line) + 1 for line in chunk]))
                of_sieve += [first + number for number in sieve.within(joined, ends)]
    return found


def _chunks(lines: Sequence[bytes]) -> Iterator[tuple[int, Sequence[bytes]]]:
    if sum(map(len, lines)) <= _CHUNK_BYTES:
        yield 0, lines
        return
    first, size = 0, 0
    for place, line in enumerate(lines):
        if place > first and size + len(line) > _CHUNK_BYTES:
            yield first, lines[first:place]
            first, size = place, 0
        size += len(line)
    yield first, lines[first:]
