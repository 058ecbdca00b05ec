"""What a detector is, and the view of a text that all detectors search."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Protocol, TypeAlias

__all__ = [
    "CONTROL",
    "INVISIBLE",
    "MAX_ASCII",
    "ON_US",
    "TRANSIT",
    "Detector",
    "Span",
    "fold_table",
    "mask_digits",
    "view",
]

Span: TypeAlias = tuple[int, int]
"""Start and end (exclusive), in code points of the text searched, which are bytes of its view."""

INVISIBLE: Final = rb"\x1c"
"""How zero-width and other invisible characters stand in a view, written for a pattern."""

TRANSIT: Final = rb"\x1e"
"""How the sign of MICR around a bank's number stands in a view, written for a pattern."""

ON_US: Final = rb"\x1f"
"""How the sign of MICR behind an account's number stands in a view, written for a pattern."""

CONTROL: Final = rb"\x1d"
"""How control characters stand in a view, newlines among them, written for a pattern."""


class Detector(Protocol):
    """A kind of sensitive text: where it could be, whether it is there, and how it is hidden.

    Detectors search views (see `view`), many texts joined by newlines. Safe to share between threads.
    """

    @property
    def name(self) -> str:
        """The rule id under which findings are counted: lower snake case."""

    @property
    def candidate(self) -> bytes:
        r"""An RE2 pattern that matches wherever `find` could find something; as selective as it can be.

        It runs over views of texts and over serialised JSON alike, so it contains no anchor (`^`, `$`, `\b`) and never
        matches a newline or a character that JSON escapes, except for the quotes and backslashes around a key. Every
        text has a character before it: `[^0-9]` may stand for the beginning of a number.
        """

    def find(self, view: bytes, start: int, end: int) -> Sequence[Span]:
        """Validate one candidate.

        May look beyond the candidate for its context, as far as the next newline, where another text begins; bounded
        in time by the length of the candidate.

        :param view: of a text, or of many with newlines between.
        :param start, end: of the candidate.
        :return: the spans to hide, in order, none overlapping.
        """

    def mask(self, text: str) -> str:
        """What stands in place of one span's text. No detector finds anything in it."""

    def normalise(self, text: str) -> str:
        """One spelling for all spellings of the same value, so that equal values get equal tokens."""


_HYPHENS = "\u02d7\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u30fc\ufe58\ufe63\uff0d\uff70"
# Bullets among them, which part numbers as dots in the middle do.
_DOTS = "\u00b7\u2022\u2023\u2024\u2027\u2219\u22c5\u25aa\u25cf\u25e6\u3002\u30fb\ufe52\uff0e\uff61\uff65"
# Ends of a line and of a paragraph, and Braille's empty pattern; Unicode's own spaces are known by their category.
_SPACES = "\u0085\u2028\u2029\u2800"
_INVISIBLE = "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
# Join, vary or fill, and show nothing, without being format characters.
_FILLERS: Final = frozenset("\u034f\u115f\u1160\u3164\uffa0" + "".join(map(chr, range(0xFE00, 0xFE10))))
_SIGNS = {
    **dict.fromkeys("\u2044\u2215\uff0f", "/"),
    **dict.fromkeys("\u2502\uff5c", "|"),
    # MICR (ISO 1004-1): transit, on-us, amount, dash; the first two keep what they say
    "\u2446": "\x1e",
    "\u2448": "\x1f",
    "\u2449": "-",
    **{chr(ord(sign) + 0xFEE0): sign for sign in "#%&()*+,:;=?@_"},  # fullwidth
}
_OTHER: Final = "?"
_MEMORY: Final = 20_000
_PIECE: Final = 1 << 18
_WORDS: Final = 8192
_LONGEST_WORD: Final = 32
_SHORT_WORD: Final = 12
_FEW_WORDS: Final = 16
# Letters, digits and signs; and, far from them, characters that tag others and show nothing.
_PLANES: Final = (range(0x20000), range(0xE0000, 0xE0080))
_FOREIGN: Final = re.compile(r"([^ -~]+)")


class _Folding(dict[int, str]):
    """Fills itself as characters are met; what is remembered is bounded, since senders choose them."""

    def __missing__(self, code: int) -> str:
        folded = _fold(chr(code))
        if len(self) < _MEMORY:
            self[code] = folded
        return folded


def _fold(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Zs":
        return " "
    if category == "Cf" or char in _FILLERS:
        return "\x1c"
    if category in {"Lu", "Ll"}:
        # Fullwidth letters are ASCII in another dress; others are letters of some kind.
        plain = unicodedata.normalize("NFKC", char) if char >= "\uff00" else ""
        return plain if len(plain) == 1 and plain.isascii() else "x"
    return _OTHER


MAX_ASCII: Final = 127
"""The last character that is a byte in UTF-8."""

_ASCII_CONTROLS: Final = frozenset({*range(0x20), 0x7F})
_FOLDING = _Folding({code: "\x1d" if code in _ASCII_CONTROLS else chr(code) for code in range(128)})
_FOLDING.update({ord(char): "-" for char in _HYPHENS} | {ord(char): "." for char in _DOTS})
_FOLDING.update({ord(char): " " for char in _SPACES})
_FOLDING.update({ord(char): "\x1c" for char in _INVISIBLE} | {ord(char): sign for char, sign in _SIGNS.items()})
_LATIN_1 = bytes(ord(_FOLDING[code]) for code in range(256))
_CONTROLS = bytes(0x1D if code in _ASCII_CONTROLS else code for code in range(256))


def view(text: str) -> bytes:
    """ASCII of equal length, so that spans need no mapping back.

    Decimal digits (Unicode Nd), spaces (Zs) and ends of lines, hyphens, dots and bullets, slashes and bars, plus and at
    signs of any script become the ASCII ones;
    MICR's signs for a bank and for what it says itself become 0x1E and 0x1F;
    cased letters become `x` or, if fullwidth, their ASCII form; invisible characters become 0x1C; control characters,
    newlines among them, 0x1D; anything else `?`. Not NFKC: that also merges numbers that have nothing to do with each
    other.
    """
    if text.isascii():
        return text.encode().translate(_CONTROLS)
    narrow = text.encode("latin-1", "ignore")
    if len(narrow) == len(text):
        return narrow.translate(_LATIN_1)
    if len(text) <= _PIECE:
        return _folded(text)
    # One call would keep the interpreter from other threads for half a second and more.
    return b"".join([_folded(text[first : first + _PIECE]) for first in range(0, len(text), _PIECE)])


def _folded(text: str) -> bytes:
    # Words come again, and most of most texts is ASCII: character by character takes three times as long, but where
    # words are very short. Of these there are too many, and what is left over is one part, the last.
    most = _FEW_WORDS + len(text) // _SHORT_WORD
    parts = _FOREIGN.split(text, most)
    parts[1::2] = [
        _folded_word(part) if len(part) <= _LONGEST_WORD else part.translate(_FOLDING) for part in parts[1::2]
    ]
    if len(parts) > 2 * most:
        parts[-1] = parts[-1].translate(_FOLDING)
    return "".join(parts).encode("ascii")


@lru_cache(maxsize=_WORDS)
def _folded_word(word: str) -> str:
    return word.translate(_FOLDING)


@lru_cache(maxsize=1)
def fold_table() -> bytes:
    """Give the view of each code point, up to the last that has one of its own; all beyond are `?`."""
    # Asked for as long as it is known, so that it learns nothing of what no text has.
    planes = [bytes(ord(_FOLDING.get(code) or _fold(chr(code))) for code in plane) for plane in _PLANES]
    return planes[0].ljust(_PLANES[1].start, _OTHER.encode()) + planes[1]


_MASKING: Final = bytes(ord("*") if chr(code) in "0123456789" else code for code in range(256))


def mask_digits(text: str) -> str:
    """Write every decimal digit, of any script, as `*`; all else stays."""
    if text.isascii():
        return text.encode().translate(_MASKING).decode()
    return "".join("*" if char.isdecimal() else char for char in text)
