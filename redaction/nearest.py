"""What was probably meant by a name that is none."""

import difflib
from collections.abc import Iterable
from typing import Final

_TYPO: Final = 0.8
_LEAST_PART: Final = 3


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is nearest, None if none is near.

    A name that begins or ends with the other one, as ``creditcard`` does with ``card``, is nearer than one with which
    it only shares letters, as with ``credential``.
    """
    names = list(known)
    typed = name.lower()
    parts = [
        each
        for each in names
        for short, long in [sorted((each.lower(), typed), key=len)]
        if len(short) >= _LEAST_PART and (long.startswith(short) or long.endswith(short))
    ]
    found = (
        difflib.get_close_matches(name, names, 1, _TYPO)
        or sorted(parts, key=len, reverse=True)
        or difflib.get_close_matches(name, names, 1)
    )
    return found[0] if found else None
