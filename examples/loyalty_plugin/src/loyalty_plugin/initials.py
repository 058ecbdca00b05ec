"""The action `initials`: of a name, the first letters stay."""

import re
import unicodedata
from collections.abc import Mapping

from redaction.actions.base import HIDDEN, Action, Scalar
from redaction.detectors.base import Detector
from redaction.keys import KeyProvider
from redaction.plugin import PolicyError

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_MOST = 3


class Initials:
    name = "initials"

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most

    def __call__(self, value: Scalar, kind: Detector | None) -> str:
        if not isinstance(value, str):
            return HIDDEN
        words = _WORD.findall(unicodedata.normalize("NFC", value))
        # Nothing but letters can get out, and few: no number, no address is made of them.
        return " ".join(f"{_upper(word[0])}." for word in words[: self._at_most]) or HIDDEN


def _upper(letter: str) -> str:
    upper = letter.upper()
    return upper if len(upper) == 1 else letter  # not SS for a sharp s: one letter in, one letter out


def from_settings(settings: Mapping[str, object], type_: str, keys: KeyProvider | None) -> Action:
    at_most = settings.get("at_most", _MOST)
    if set(settings) - {"at_most"}:
        raise PolicyError("initials: the only setting is at_most")
    if type(at_most) is not int or not 1 <= at_most <= _MOST:
        raise PolicyError(f"initials: at_most: must be a number from 1 to {_MOST}")
    return Initials(at_most)
