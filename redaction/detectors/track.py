"""What a card's magnetic stripe holds (ISO/IEC 7813): number, name, expiry and the data that authenticate the card.

PCI DSS 4.0, 3.3.1.1: not to be stored after authorisation, not even encrypted. So nothing of it is kept, the number's
last digits neither.
"""

import re
from collections.abc import Sequence
from typing import Final

from redaction.detectors.base import Detector, Span
from redaction.detectors.card import is_card_number

__all__ = ["TRACK"]

# Track 1: `%B`, number, `^`, name, `^`, the rest, `?`; track 2: `;`, number, `=`, the rest, `?`. The rest begins with
# expiry and service code, seven digits. Readers differ in what they give of the marks.
_TRACK: Final = re.compile(
    rb"(?:%?[A-Za-z])?;?(?P<number>[0-9]{12,19})(?:=|\^[^\^\n\"\\]{2,26}\^)"
    rb"(?:[0-9]{7}[0-9A-Za-z =^/.]{0,60}\?|[0-9]{7,}[0-9=]*)"
)
_BEFORE: Final = 2  # `%B`
_LONGEST: Final = 100


class _Track:
    name = "track"
    candidate = rb"[^0-9\n][0-9]{12,19}(?:=|\^[A-Za-z0-9 /.,'?_-]{2,26}\^)[0-9]{7,}[0-9=]*\??"

    def find(self, view: bytes, start: int, end: int) -> Sequence[Span]:
        for first in range(max(0, start + 1 - _BEFORE), start + 2):
            match = _TRACK.match(view, first, end + _LONGEST)
            if match and match.start("number") == start + 1 and is_card_number(match["number"].decode()):
                return [match.span()]
        return []

    def mask(self, text: str) -> str:  # noqa: ARG002 - nothing of it may stay
        return "****"

    def normalise(self, text: str) -> str:
        """Give it as it is: it is written by machines."""
        return text


TRACK: Final[Detector] = _Track()
