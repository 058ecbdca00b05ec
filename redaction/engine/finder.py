"""All detectors of a policy over the view of many texts: what each finds, and which of two that overlap counts."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, Protocol

from redaction.detectors.base import Detector, Span, view
from redaction.engine.field_rules import Hit
from redaction.engine.work import TOO_COMPLEX, Work
from redaction.patterns import Pattern, compile_bytes, spans

# What a candidate costs beside its characters: the call, and what is made of its findings. Measured as time
# (benchmarks/engine_speed.py); to some detectors one that is not longer than this is no dearer than a short one.
_CANDIDATE_COST: Final = 8
_SHORT: Final = 4
_BY_THE_CALL: Final = {"email": 63, "iban": 63, "card": 20}
# Of one that lies within what a stronger detector has found: it is not looked at.
_COVERED_COST: Final = 2
_FAR: Final = 1 << 62


class Finding(NamedTuple):
    """A span of a text that `detector` wants hidden."""

    start: int
    end: int
    detector: Detector


# A pass of its own each: with others in one pattern they would be slow; see `redaction.engine.prefilter`.
_OFTEN: Final = frozenset({"card", "phone"})
# What the class itself calls, after having sorted its arguments.
_finding: Final = tuple.__new__


class Texts(Protocol):
    """Which work each text belongs to, and by name the detectors that don't count in it."""

    def work(self, number: int) -> Work: ...

    def exempt(self, number: int) -> frozenset[str]: ...


class _Alone:
    def work(self, _number: int) -> Work:
        return Work({}, [], 1 << 62)

    def exempt(self, _number: int) -> frozenset[str]:
        return frozenset()


class Finder:
    """The detectors of one policy; where two find the same place, the earlier of the sequence counts.

    :raises re2.error: a detector's pattern is none.
    """

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self.detectors = tuple(detectors)
        self._rank = {detector.name: rank for rank, detector in enumerate(detectors)}
        compiled = [(detector, compile_bytes(detector.candidate)) for detector in detectors]
        often = [pair for pair in compiled if pair[0].name in _OFTEN]
        rare = [pair for pair in compiled if pair[0].name not in _OFTEN]
        # One pass tells that none of the rare ones has a candidate.
        any_rare = compile_bytes(b"|".join(b"(?:%b)" % detector.candidate for detector, _ in rare)) if rare else None
        # Those first, since what they find covers the candidates of others.
        self._groups = [(any_rare, rare), (None, often)]

    def find(  # noqa: C901 - one loop: a call for each candidate would cost as much as looking at it
        self, seen: bytes, ends: Sequence[int], texts: Texts
    ) -> dict[int, list[Finding]]:
        """Find all in the view of several texts, which end (newline included) at `ends`; gives findings by text.

        Positions are those in the view; findings are in order, none overlapping. The work to which a text belongs pays
        for the characters that had to be validated; one that can't is rejected, its findings not complete.
        """
        found: dict[int, list[Finding]] = {}
        spans_found: dict[int, list[Span]] = {}
        for detector, pattern in self._worthwhile(seen):
            rank, by_the_call = self._rank[detector.name], _BY_THE_CALL.get(detector.name, 0)
            stronger = sorted(span for other, each in spans_found.items() if other < rank for span in each)
            own: list[Span] = []
            position: int | None = 0
            while position is not None:
                matches, position = spans(pattern, seen, position), None
                for start, end in matches:
                    number = bisect_right(ends, start)
                    work = texts.work(number)
                    covered = bool(stronger) and _covers(stronger, start, end)
                    length = end - start
                    if length <= by_the_call:
                        length = _SHORT
                    work.budget -= _COVERED_COST if covered else length + _CANDIDATE_COST
                    if work.budget < 0:
                        work.reject(TOO_COMPLEX)
                        position = ends[number]
                        break
                    if covered or detector.name in texts.exempt(number):
                        continue
                    for first, last in detector.find(seen, start, end):
                        own.append((first, last))
                        finding = _finding(Finding, (first, last, detector))
                        if number in found:
                            found[number].append(finding)
                        else:
                            found[number] = [finding]
            if own:
                spans_found[rank] = own
        for number, findings in found.items():
            if len(findings) > 1:
                found[number] = self._settle(findings)
        return found

    def _worthwhile(self, seen: bytes) -> Iterator[tuple[Detector, Pattern]]:
        for guard, pairs in self._groups:
            if guard is None or next(spans(guard, seen), None):
                yield from pairs

    def find_in(self, text: str) -> list[Finding]:
        """Find all in one text; positions in code points."""
        seen = b'"' + view(text)
        found = self.find(seen, [len(seen) + 1], _Alone())
        return [Finding(start - 1, end - 1, detector) for start, end, detector in found.get(0, ())]

    def outranks(self, hits: Sequence[Hit], findings: Sequence[Finding]) -> bool:
        """Tell whether one of the hits comes from a detector that is stronger than those of the findings."""
        weakest = len(self._rank)
        strongest = min(self._rank[finding.detector.name] for finding in findings)
        return any(self._rank.get(rule, weakest) < strongest for (rule, _), _ in hits)

    def _settle(self, found: list[Finding]) -> list[Finding]:
        """Of findings that overlap keep those whose detector comes first; what remains shows in the next round."""
        kept: list[Finding] = []
        cluster: list[Finding] = []
        reach = -1
        for finding in sorted(found, key=lambda finding: finding.start):
            if finding.start >= reach:
                kept += self._best(cluster)
                cluster = []
            cluster.append(finding)
            reach = max(reach, finding.end)
        return kept + self._best(cluster)

    def _best(self, cluster: list[Finding]) -> list[Finding]:
        if len(cluster) <= 1:
            return cluster
        return _apart(sorted(cluster, key=lambda finding: (self._rank[finding.detector.name], finding.start)))


def _covers(places: Sequence[Span], start: int, end: int) -> bool:
    """Tell whether one of the sorted places holds all of a candidate, but for what stands before it."""
    nearest = bisect_right(places, (start + 1, _FAR)) - 1
    return nearest >= 0 and places[nearest][1] >= end


def _apart(findings: list[Finding]) -> list[Finding]:
    """Keep what overlaps nothing that comes earlier in the list; in order."""
    kept: list[Finding] = []
    for finding in findings:
        if all(finding.end <= other.start or other.end <= finding.start for other in kept):
            kept.append(finding)
    return sorted(kept, key=lambda finding: finding.start)
