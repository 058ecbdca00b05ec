"""Field names as people vary them: creditCard, credit-card, CREDIT_CARD and credit card are one name."""

import re
import unicodedata

_SEPARATORS = re.compile(r"[\W_]+")


# As flattened documents and form fields have it: `payment.card_number`, `payment[cvv]`, `http:authorization`.
_SEPARATOR = re.compile(r"[.:/\[\]]+")
_REACH = 200
_MAX_PARTS = 3
_END_LENGTH = 128


def last_parts(name: str) -> list[str]:
    """Give the ends of a name that says where it stood: of `a.card.number` `card.number` and `number`."""
    parts = [part for part in _SEPARATOR.split(name[-_REACH:]) if part][-_MAX_PARTS:]
    return ["_".join(parts[first:]) for first in range(1 if len(parts) > 1 else 0, len(parts))]


def is_long(name: str) -> bool:
    """Tell a name of which only the two ends are compared: by such a one nothing is released."""
    return len(name) > 2 * _END_LENGTH


def normalize_ends(name: str) -> str:
    """Spell a name of a document as it is compared: of a long one its two ends."""
    return normalize(name[:_END_LENGTH] + name[-_END_LENGTH:] if is_long(name) else name)


def normalize(name: str) -> str:
    """Letters and digits only, compatibility forms folded, without case. May be empty."""
    if name.isascii():
        return _SEPARATORS.sub("", name).lower()
    # Folding may leave marks (that of the Turkish capital I), and what stood apart may compose: hence once more.
    return _folded(_folded(name))


def _folded(name: str) -> str:
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", name).casefold())
