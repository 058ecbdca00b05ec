"""The shape of what keyed actions make: `<prefix>_<type>_<key id>_<letters>`.

The sixteen letters are the consonants from g to z: no digit and no hexadecimal one, so that no number, no card and no
hash is found in them; no vowel, so that no word is; and each is above 31 in base64's order, so that read as base64 at
any offset every third byte lies beyond ASCII.
"""

import binascii
import re
from collections.abc import Callable
from typing import Final

from redaction.detectors.base import Span

__all__ = ["LABEL_AND_ID", "LETTER", "LETTERS", "MIN_LETTERS", "find_own", "from_letters", "label", "to_letters"]

LETTERS: Final = b"ghjklmnpqrstvwxz"
_HEX: Final = b"0123456789abcdef"
_TO_LETTERS = bytes.maketrans(_HEX, LETTERS)
_FROM_LETTERS = bytes(_HEX[LETTERS.index(code)] if code in LETTERS else ord("!") for code in range(256))

MIN_LETTERS: Final = 42
"""Fewer than any result ends in (an empty text, encrypted), and more than fit into a label or a key id."""

_MAX_LABEL = MIN_LETTERS - 2
# The shortest label, since letters and another result may follow without a gap; that neither a label nor an id can hold
# MIN_LETTERS letters makes it the only one.
LABEL_AND_ID: Final = rf"([a-z_]{{1,{_MAX_LABEL}}}?)_([a-z]{{1,16}})_"
LETTER: Final = f"[{LETTERS.decode()}]"

_DIGIT_WORDS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_LABEL = {ord(str(digit)): word for digit, word in enumerate(_DIGIT_WORDS)}


def to_letters(data: bytes) -> str:
    """Two letters for each byte."""
    return binascii.hexlify(data).translate(_TO_LETTERS).decode("ascii")


def from_letters(text: str) -> bytes | None:
    """Return the bytes that `to_letters` wrote; None for any other text."""
    try:
        return binascii.unhexlify(text.encode("ascii").translate(_FROM_LETTERS))
    except ValueError:
        return None


def label(type_: str) -> str:
    """Write a type without digits, for people to read; keys are separated by the type itself, not by its label."""
    return re.sub("[^a-z_]", "_", type_.lower().translate(_LABEL))[:_MAX_LABEL] or "_"


def find_own(text: str, prefix: str, end_at: Callable[[str, int], int | None]) -> list[Span]:
    """Search a text for what `end_at(text, start)`, asked wherever `prefix` stands, gives an end for."""
    spans: list[Span] = []
    start = text.find(prefix)
    while start >= 0:
        end = end_at(text, start)
        if end is not None:
            spans.append((start, end))
        start = text.find(prefix, start + 1 if end is None else end)
    return spans
