"""United States social security numbers and individual taxpayer identification numbers: as SSA and IRS assign them.

Written 3-2-4 with separators they need no context, unless one says that it is the number of a part. Nine digits in
a row say nothing: they count only straight after words, or a key, that name them (`ssn`, `social security number`,
`itin`, `tax id`). Famous samples are found as well.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from redaction.detectors.base import INVISIBLE, Span, mask_digits, view
from redaction.detectors.context import is_of_trade

__all__ = ["ITIN", "SSN"]

_GAP = INVISIBLE + rb"{0,2}[ -][ " + INVISIBLE + rb"-]{0,3}"
_DOT = INVISIBLE + rb"{0,2}\." + INVISIBLE + rb"{0,2}"
_ANY_GAP = rb"[ ./" + INVISIBLE + rb"-]{0,3}"
_WORDS = rb"(?i:ssn|soc(?:ial)?[ ._-]{0,2}sec(?:urity)?|i?tin|tax(?:payer)?[ ._-]{0,2}id(?:entification)?)"
# What may stand between the words and the number: small words and signs, the end of a key.
_BETWEEN = (
    rb"(?i:[ :=#.,;()/'_" + INVISIBLE + rb'-]|n[or]|num|number|nbr|is|was|id|card|s){0,8}(?:\\*" ?: ?\\*"?)?[ (]?'
)
_NAMED = re.compile(rb"soc|ssn|(?<![a-z])(?:i?tin|tax)", re.IGNORECASE)  # `tin` and `tax` also end other words
_DIGIT = re.compile(rb"[0-9]")
_NOT_DIGITS = re.compile(rb"[^0-9]+")
# Part of a longer number: a version, an order number, a telephone number (E.164).
_CHAIN_BEFORE = re.compile(rb"(?:[0-9][.-]|[0-9+]|\+[0-9]{1,3} )\Z")
_CHAIN_REACH = 5
# Letters joined to it by a hyphen (`ORD-555-12-3456`), but for those that mean persons.
_PART_BEFORE = re.compile(
    rb"(?<![A-Za-z0-9])(?!(?i:ssn?|soc|tax|i?tin|id|no|nr|num|emp|member|patient|person|us|usa)-)[A-Za-z]{2,8}-\Z"
)
_PART_REACH = 10
_CHAIN_AFTER = re.compile(rb"[.-]?[0-9]")


class _NineDigits:
    """A number written 3-2-4, and valid by the rules of who issues it."""

    def __init__(self, name: str, area: bytes, is_valid: Callable[[bytes], bool]) -> None:
        separated = area + rb"(?:%b[0-9]{2}%b|%b[0-9]{2}%b)[0-9]{4}" % (_GAP, _GAP, _DOT, _DOT)
        named = area + _ANY_GAP + rb"[0-9]{2}" + _ANY_GAP + rb"[0-9]{4}"
        self.name: Final = name
        self.candidate: Final = rb"[^0-9\n]" + separated + rb"|" + _WORDS + _BETWEEN + named
        self._separated = re.compile(separated)
        self._is_valid = is_valid

    def find(self, view: bytes, start: int, end: int) -> Sequence[Span]:
        """Find the number that ends the candidate."""
        match = _DIGIT.search(view, start, end)
        if match is None or _CHAIN_AFTER.match(view, end):
            return []
        first = match.start()
        if first == start or not _NAMED.match(view, start):
            if _CHAIN_BEFORE.search(view, max(0, first - _CHAIN_REACH), first):
                return []
            if (
                not self._separated.fullmatch(view, first, end)
                or _PART_BEFORE.search(view, max(0, first - _PART_REACH), first)
                or is_of_trade(view, first, end, id_is=False)
            ):
                return []
        return [(first, end)] if self._is_valid(_NOT_DIGITS.sub(b"", view[first:end])) else []

    def mask(self, text: str) -> str:
        """Mask all digits."""
        return mask_digits(text)

    def normalise(self, text: str) -> str:
        """Give the digits, in ASCII."""
        return _NOT_DIGITS.sub(b"", view(text)).decode()


def _is_ssn(digits: bytes) -> bool:
    """SSA, POMS RM 10201.035: area not 000, 666, 900-999; group not 00; serial not 0000."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in {b"000", b"666"} and area < b"900" and group != b"00" and serial != b"0000"


_ITIN_GROUPS = frozenset({*range(50, 66), *range(70, 89), *range(90, 93), *range(94, 100)})


def _is_itin(digits: bytes) -> bool:
    """IRS, Internal Revenue Manual 3.21.263: 9xx, and in fourth and fifth place 50-65, 70-88, 90-92, 94-99."""
    return digits[:1] == b"9" and int(digits[3:5]) in _ITIN_GROUPS


SSN: Final = _NineDigits("ssn", rb"[0-8][0-9]{2}", _is_ssn)
ITIN: Final = _NineDigits("itin", rb"9[0-9]{2}", _is_itin)
