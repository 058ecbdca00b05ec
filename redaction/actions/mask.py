"""Mask: hide a value, or all of a card number but the digits that PCI DSS 4.0, 3.4.1 lets one show."""

from decimal import Decimal
from typing import Literal, TypeAlias

from redaction.actions.base import HIDDEN, Scalar, exact
from redaction.detectors.base import Detector
from redaction.detectors.card import CARD, keep_bin_last_four, keep_last_four, looks_like_card

__all__ = ["Keep", "Mask"]

Keep: TypeAlias = Literal["none", "last4", "bin_last4"]

_CARD_DIGITS = range(12, 20)  # ISO/IEC 7812: at most 19; the shortest in use have 12


class Mask:
    """Hide all but what `keep` names.

    `none`: what was found in a text is masked as its detector masks it. A `kind` therefore means that all of the text
    is known to be of that kind; the value of a field is given without one, and is hidden entirely.
    `last4`, `bin_last4`: these digits of a card number, be it valid or not; anything else is hidden entirely.
    """

    name = "mask"

    def __init__(self, keep: Keep = "none") -> None:
        self._keep = {"none": None, "last4": keep_last_four, "bin_last4": keep_bin_last_four}[keep]
        self.keeps_some = keep != "none"
        self.keeps_last_four = keep == "last4"

    def __call__(self, value: Scalar, kind: Detector | None) -> str:
        if self._keep is None:
            return kind.mask(value) if kind is not None and isinstance(value, str) else HIDDEN
        # What was found as a card needs no second look; several that overlap are found as one, and longer.
        card = value if kind is CARD and isinstance(value, str) else _card(value)
        return HIDDEN if card is None else self._keep(card)


def _card(value: Scalar) -> str | None:
    if isinstance(value, str):
        return value if looks_like_card(value) else None
    if isinstance(value, bool):
        return None
    if isinstance(value, (float, Decimal)):
        number = exact(value)
        # Its size first: a large exponent would be written out.
        if not number.is_finite() or number.adjusted() >= _CARD_DIGITS.stop or number != number.to_integral_value():
            return None
        value = int(number)
    text = str(value)
    return text if text.isdecimal() and len(text) in _CARD_DIGITS else None
