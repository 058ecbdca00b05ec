"""Which serialised documents need careful work: a few passes over a whole batch.

What the patterns pass over is clean, and the careful work is done for few. One pattern for all would be slow: the
states of an automaton that follows a card number and a telephone number at once are the product of theirs, and
identifiers lead it through all of them. Hence three passes (benchmarks/engine_speed.py): numbers, telephone numbers,
and all that has letters.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from redaction.detectors.base import Detector, view
from redaction.engine.labels import Labels
from redaction.patterns import Pattern, compile_bytes, lines_matching

NUMBERS: Final = frozenset({"card", "track", "ssn", "itin", "national_id", "ip"})
PHONES: Final = frozenset({"phone"})
# Few digits may stand for a long number.
_EXPONENT: Final = rb"[:,\[]-?[0-9.]+[eE]\+?[0-9]"


class Pass(NamedTuple):
    """A pattern that matches wherever one of some detectors has a candidate."""

    pattern: Pattern
    detectors: Sequence[Detector]


def passes(detectors: Sequence[Detector], other: bytes) -> list[Pass]:
    """Compile the passes over numbers, over telephone numbers, and over all else, which includes `other`.

    :raises re2.error: they are too large for a pattern.
    """
    numbers = [each for each in detectors if each.name in NUMBERS]
    phones = [each for each in detectors if each.name in PHONES]
    rest = [each for each in detectors if each.name not in NUMBERS | PHONES]
    compiled = [_pass(numbers, [_EXPONENT]), _pass(rest, [other])]
    return [*compiled, _pass(phones)] if phones else compiled


def _pass(detectors: Sequence[Detector], others: Sequence[bytes] = ()) -> Pass:
    return Pass(compile_bytes(any_of([*(each.candidate for each in detectors), *others])), detectors)


def any_of(patterns: Sequence[bytes]) -> bytes:
    """Write the pattern that matches where one of these does."""
    return b"|".join(b"(?:%s)" % pattern for pattern in patterns)


class Prefilter:
    """The detectors and field names of one policy.

    :raises re2.error: they are too large for a pattern.
    """

    def __init__(self, detectors: Sequence[Detector], labels: Labels) -> None:
        self._numbers, self._letters, *self._phones = [
            each.pattern for each in passes(detectors, labels.any_in_serialised)
        ]
        self._named = passes(detectors, labels.in_serialised)[1].pattern if labels else None

    def suspects(self, bodies: Sequence[bytes]) -> list[int]:
        """Find the bodies (compact JSON in UTF-8) in which there may be something; gives their indexes, in order."""
        lines = [body if body.isascii() else view(body.decode()) for body in bodies]
        suspects = {number for each in (self._numbers, *self._phones) for number in lines_matching(each, lines)}
        letters = lines_matching(self._letters, lines)
        if self._named and letters:
            # Many texts hold something that looks like a label: only now are the names compared.
            letters = [letters[place] for place in lines_matching(self._named, [lines[number] for number in letters])]
        return sorted(suspects.union(letters))
