"""Which serialised documents need careful work: a few passes over a whole batch.

What the patterns pass over is clean, and the careful work is done for few. One pattern for all would be slow: the
states of an automaton that follows a card number and a telephone number at once are the product of theirs, and
identifiers lead it through all of them. Hence three passes (benchmarks/engine_speed.py): numbers, telephone numbers,
and all that has letters.
"""

from collections.abc import Sequence
from typing import Final

from redaction.detectors.base import Detector, view
from redaction.engine.encodings import ENCODED
from redaction.engine.labels import Labels
from redaction.patterns import Pattern, compile_bytes, lines_matching

_NUMBERS: Final = frozenset({"card", "track", "ssn", "itin", "national_id", "ip"})
_PHONES: Final = frozenset({"phone"})
# Few digits may stand for a long number.
_EXPONENT: Final = rb"[:,\[]-?[0-9.]+[eE]\+?[0-9]"


def passes(detectors: Sequence[Detector], others: Sequence[bytes]) -> tuple[list[Pattern], Pattern]:
    """Compile the passes that count digits, and the one with all else, `others` included.

    :raises re2.error: they are too large for a pattern.
    """
    numbers = [_EXPONENT, *(each.candidate for each in detectors if each.name in _NUMBERS)]
    phones = [each.candidate for each in detectors if each.name in _PHONES]
    rest = [each.candidate for each in detectors if each.name not in _NUMBERS | _PHONES]
    return [compile_bytes(any_of(group)) for group in (numbers, phones) if group], compile_bytes(
        any_of([*rest, *others])
    )


def any_of(patterns: Sequence[bytes]) -> bytes:
    """Write the pattern that matches where one of these does."""
    return b"|".join(b"(?:%s)" % pattern for pattern in patterns)


class Prefilter:
    """The detectors and field names of one policy.

    :raises re2.error: they are too large for a pattern.
    """

    def __init__(self, detectors: Sequence[Detector], labels: Labels) -> None:
        self._numbers, self._letters = passes(detectors, [ENCODED, *labels.anywhere])
        self._named = passes(detectors, [labels.in_serialised])[1] if labels else None

    def suspects(self, bodies: Sequence[bytes]) -> list[int]:
        """Find the bodies (compact JSON in UTF-8) in which there may be something; gives their indexes, in order."""
        lines = [body if body.isascii() else view(body.decode()) for body in bodies]
        suspects = {number for each in self._numbers for number in lines_matching(each, lines)}
        letters = lines_matching(self._letters, lines)
        if self._named and letters:
            # Many texts hold something that looks like a label: only now are the names compared.
            letters = [letters[place] for place in lines_matching(self._named, [lines[number] for number in letters])]
        return sorted(suspects.union(letters))
