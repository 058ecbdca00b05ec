"""Field names as people vary them: creditCard, credit-card, CREDIT_CARD and credit card are one name."""

import re
import unicodedata

_SEPARATORS = re.compile(r"[\W_]+")


def normalize(name: str) -> str:
    """Letters and digits only, compatibility forms folded, without case. May be empty."""
    folded = name if name.isascii() else unicodedata.normalize("NFKC", name)
    return _SEPARATORS.sub("", folded).casefold()
