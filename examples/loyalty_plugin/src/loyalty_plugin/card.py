"""Loyalty card numbers: `LC-` and ten digits, the last two of which are check digits (ISO 7064, MOD 97-10)."""

import re
from collections.abc import Sequence

from redaction.detectors.base import Detector, Span, mask_digits, view

_NOT_DIGITS = re.compile(rb"[^0-9]+")


class LoyaltyCard:
    name = "loyalty_card"
    # A space, a hyphen or something invisible (\x1c in a view) may stand between two digits.
    candidate = rb"(?i:LC)-[0-9](?:[ \x1c-]?[0-9]){9}"

    def find(self, view: bytes, start: int, end: int) -> Sequence[Span]:
        if view[end : end + 1].isdigit():
            return []  # part of a longer number
        return [(start, end)] if int(_digits(view[start:end])) % 97 == 1 else []

    def mask(self, text: str) -> str:
        return mask_digits(text)

    def normalise(self, text: str) -> str:
        return f"LC-{_digits(view(text)).decode()}"


def _digits(seen: bytes) -> bytes:
    return _NOT_DIGITS.sub(b"", seen)


LOYALTY_CARD: Detector = LoyaltyCard()
