"""Which serialised documents need careful work: a few passes over a whole batch.

What the patterns pass over is clean, and the careful work is done for few. One pattern for all would be slow: the
states of an automaton that follows a card number and a telephone number at once are the product of theirs, and
identifiers lead it through all of them; so do random letters through those of IBANs, of credentials, of names and of
base64. Hence five passes: numbers; telephone numbers and credentials; IBANs; base64; and all else with letters.
"""

from collections.abc import Sequence
from typing import Final

from redaction.detectors.base import Detector, view
from redaction.engine.encodings import BASE64
from redaction.engine.labels import Labels
from redaction.patterns import Sieve, sift

NUMBERS: Final = frozenset({"card", "track", "ssn", "itin", "national_id", "ip"})
_APART: Final = (frozenset({"phone", "credential"}), frozenset({"iban"}))
APART: Final[frozenset[str]] = frozenset().union(*_APART)
"""Those that have a pass without others of their kind."""
# Over 8,000 public fixtures a group meets 0.2 to 0.8 MB of states; numbers of all kinds in one pattern, 5 MB.
_SIDE_BY_SIDE: Final = {
    "card": "numbers",
    "ssn": "numbers",
    "itin": "numbers",
    "iban": "iban",
    "national_id": "national_id",
    "phone": "phone",
    "track": "track",
}
# Few digits may stand for a long number.
_EXPONENT: Final = rb"[:,\[]-?[0-9.]+[eE]\+?[0-9]"


def passes(detectors: Sequence[Detector], other: bytes) -> list[Sieve]:
    """Compile the passes over letters, which include `other`, over numbers, and those apart, if they have a detector.

    :raises re2.error: they are too large for a pattern.
    """
    numbers = [each.candidate for each in detectors if each.name in NUMBERS]
    apart = [[each.candidate for each in detectors if each.name in names] for names in _APART]
    letters = [each.candidate for each in detectors if each.name not in NUMBERS | APART]
    return [Sieve(any_of(group)) for group in ([*letters, other], [*numbers, _EXPONENT], *apart) if group]


def side_by_side(detectors: Sequence[Detector]) -> list[tuple[bytes, Sequence[Detector]]]:
    """Give what the compiled part looks for at once: patterns, each with its detectors.

    Each has few states: the tables of all that are in use have to fit into a core's cache.
    """
    groups: dict[str, list[Detector]] = {}
    for each in detectors:
        groups.setdefault(_SIDE_BY_SIDE.get(each.name, "letters"), []).append(each)
    return [(any_of([each.candidate for each in group]), group) for group in groups.values()]


def any_of(patterns: Sequence[bytes]) -> bytes:
    """Write the pattern that matches where one of these does."""
    return b"|".join(b"(?:%s)" % pattern for pattern in patterns)


class Prefilter:
    """The detectors and field names of one policy.

    :raises re2.error: they are too large for a pattern.
    """

    def __init__(self, detectors: Sequence[Detector], labels: Labels) -> None:
        self._passes = [*passes(detectors, labels.any_in_serialised), Sieve(BASE64)]
        self._named = passes(detectors, labels.in_serialised)[0] if labels else None

    def suspects(self, bodies: Sequence[bytes]) -> list[int]:
        """Find the bodies (compact JSON in UTF-8) in which there may be something; gives their indexes, in order."""
        lines = [body if body.isascii() else view(body.decode()) for body in bodies]
        letters, *others = sift(self._passes, lines)
        if self._named and letters:
            # Many texts hold something that looks like a label: only now are the names compared.
            letters = [letters[place] for place in self._named.lines([lines[number] for number in letters])]
        return sorted(set(letters).union(*others))
