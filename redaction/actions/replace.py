"""Replace: the same text in place of every value."""

from typing import Final

from redaction.actions.base import Scalar
from redaction.detectors.base import Detector
from redaction.plugin import PolicyError

__all__ = ["MAX_LENGTH", "Replace"]

MAX_LENGTH: Final = 64


class Replace:
    """Put `text` in place of a value.

    :raises PolicyError: it has not 1 to 64 printable characters.
    """

    name = "replace"

    def __init__(self, text: str) -> None:
        if not 1 <= len(text) <= MAX_LENGTH or not text.isprintable():
            raise PolicyError(f"with: must be 1 to {MAX_LENGTH} printable characters")
        self._text = text

    def __call__(self, value: Scalar, kind: Detector | None) -> str:
        del value, kind
        return self._text
