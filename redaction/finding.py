"""All detectors of a policy over the view of many texts: what each finds, and which of two that overlap counts."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from redaction.detectors.base import Detector, view
from redaction.patterns import compile_bytes, spans
from redaction.work import TOO_COMPLEX, Work

# What a candidate costs beside its characters: the call, and what is made of its findings.
_CANDIDATE_COST = 16


class Finding(NamedTuple):
    """A span of a text that `detector` wants hidden."""

    start: int
    end: int
    detector: Detector


class Finder:
    """The detectors of one policy; where two find the same place, the earlier of the sequence counts.

    Raises re2.error where a detector's pattern is none.
    """

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self.detectors = tuple(detectors)
        self._compiled = [(detector, compile_bytes(detector.candidate)) for detector in detectors]

    def find(
        self, seen: bytes, ends: Sequence[int], works: Sequence[Work], exempt: Sequence[frozenset[str]]
    ) -> dict[int, list[Finding]]:
        """Find all in the view of several texts, which end (newline included) at `ends`; gives findings by text.

        Positions are those in the view; findings are in order, none overlapping. The work to which a text belongs pays
        for the characters that had to be validated; one that can't is rejected, its findings not complete. The
        detectors of `exempt` don't count in a text.
        """
        found: dict[int, list[Finding]] = {}
        for detector, pattern in self._compiled:
            position: int | None = 0
            while position is not None:
                matches, position = spans(pattern, seen, position), None
                for start, end in matches:
                    number = bisect_right(ends, start)
                    work = works[number]
                    work.budget -= end - start + _CANDIDATE_COST
                    if work.budget < 0:
                        work.reject(TOO_COMPLEX)
                        position = ends[number]
                        break
                    if detector.name in exempt[number]:
                        continue
                    if hits := detector.find(seen, start, end):
                        found.setdefault(number, []).extend([Finding(first, last, detector) for first, last in hits])
        for number, findings in found.items():
            if len(findings) > 1:
                found[number] = _settle(findings)
        return found

    def find_in(self, text: str) -> list[Finding]:
        """Find all in one text; positions in code points."""
        seen = b'"' + view(text)
        found = self.find(seen, [len(seen) + 1], [Work({}, [], 1 << 62)], [frozenset()])
        return [Finding(start - 1, end - 1, detector) for start, end, detector in found.get(0, ())]


def _settle(found: list[Finding]) -> list[Finding]:
    """Of findings that overlap keep those whose detector came first; what remains shows in the next round."""
    ordered = sorted(found, key=lambda finding: finding.start)  # stable: at equal starts the earlier detector first
    rank = {id(finding): place for place, finding in enumerate(found)}
    kept: list[Finding] = []
    cluster: list[Finding] = []
    reach = -1
    for finding in ordered:
        if finding.start >= reach:
            kept += _best(cluster, rank)
            cluster = []
        cluster.append(finding)
        reach = max(reach, finding.end)
    return kept + _best(cluster, rank)


def _best(cluster: list[Finding], rank: dict[int, int]) -> list[Finding]:
    if len(cluster) <= 1:
        return cluster
    kept: list[Finding] = []
    for finding in sorted(cluster, key=lambda each: rank[id(each)]):
        if all(finding.end <= other.start or other.end <= finding.start for other in kept):
            kept.append(finding)
    return sorted(kept, key=lambda finding: finding.start)
