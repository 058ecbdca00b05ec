"""Field names as people vary them: creditCard, credit-card, CREDIT_CARD and credit card are one name."""

import unicodedata


def normalize(name: str) -> str:
    """Letters and digits only, compatibility forms folded, without case. May be empty."""
    folded = name if name.isascii() else unicodedata.normalize("NFKC", name)
    return "".join(char for char in folded if char.isalnum()).casefold()
