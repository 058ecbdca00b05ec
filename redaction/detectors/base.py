"""What a detector is, and the folding of Unicode that all detectors share."""

import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]
"""Start and end (exclusive), in code points of the text searched."""


@dataclass(frozen=True, slots=True)
class Detector:
    """A kind of sensitive text.

    `find` gives spans in order, none overlapping; `mask` what stands in place of one span's text.
    """

    name: str
    find: Callable[[str], list[Span]]
    mask: Callable[[str], str]


ZERO_WIDTH = "\u200b"
_HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_DOTS = "\u00b7\u2024\uff0e"
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"


def _folding() -> dict[int, str]:
    table = {ord(char): "-" for char in _HYPHENS} | {ord(char): "." for char in _DOTS}
    table |= {ord(char): ZERO_WIDTH for char in _INVISIBLE}
    for code in range(128, sys.maxunicode + 1):
        category = unicodedata.category(chr(code))
        if category == "Nd":
            table[code] = str(unicodedata.decimal(chr(code)))
        elif category == "Zs":
            table[code] = " "
    return table


_FOLDING = _folding()
_MASKING = {ord(digit): "*" for digit in "0123456789"}
_MASKING |= {code: "*" for code, folded in _FOLDING.items() if folded.isdecimal()}


def fold(text: str) -> str:
    """Write decimal digits (Unicode Nd), spaces (Zs), hyphens and dots in ASCII, the invisible as ZERO_WIDTH.

    Equally long, so that spans need no mapping back. Not NFKC: that also merges numbers that have nothing to
    do with each other.
    """
    return text if text.isascii() else text.translate(_FOLDING)


def mask_digits(text: str) -> str:
    """Write every decimal digit, of any script, as `*`; all else stays."""
    return text.translate(_MASKING)
