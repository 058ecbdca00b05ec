"""All detectors of a policy over the view of many texts: what each finds, and which of two that overlap counts.

A detector searches the texts in which some detector of its kind may have a candidate; a pass over all of them tells
which (`redaction.engine.prefilter`).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeAlias

from redaction.detectors.base import Detector, Span, view
from redaction.engine.field_rules import Hit
from redaction.engine.prefilter import APART, NUMBERS, any_of
from redaction.engine.work import TOO_COMPLEX, Account
from redaction.patterns import Pattern, Sieve, compile_bytes, spans

# What a candidate costs beside its characters: the call, and what is made of its findings. Measured as time
# (benchmarks/engine_speed.py); to some detectors one that is not longer than this is no dearer than a short one.
_CANDIDATE_COST: Final = 8
_SHORT: Final = 4
_BY_THE_CALL: Final = {"email": 63, "iban": 63, "card": 20}
# Of one that lies within what a stronger detector has found: it is not looked at.
_COVERED_COST: Final = 2
_FAR: Final = 1 << 62
_OFTEN: Final = frozenset({"card"})
_NOTHING: Final = rb"[^\x00-\xff]"


class Finding(NamedTuple):
    """A span of a text that `detector` wants hidden."""

    start: int
    end: int
    detector: Detector


# What the class itself calls, after having sorted its arguments.
_finding: Final = tuple.__new__


class Texts(Protocol):
    """Who pays for what is found in each text, the names of detectors that don't count in it, and how long it is."""

    def owner(self, number: int) -> tuple[Account, frozenset[str]]: ...

    def length(self, number: int) -> int: ...


class _Alone:
    def owner(self, _number: int) -> tuple[Account, frozenset[str]]:
        return Account(1 << 62), frozenset()

    def length(self, _number: int) -> int:
        return 0


class Part(NamedTuple):
    """Some of many texts, joined by newlines.

    `ends`: where each ends, newline included. `numbers`: which of all it is. `shifts`: how much later it begins there.
    """

    seen: bytes
    ends: Sequence[int]
    numbers: Sequence[int]
    shifts: Sequence[int]


class Candidates(NamedTuple):
    """Where something may be in the view of several texts.

    `of_detectors`: the spans of each detector's candidates, in order. `wrapped`: the texts that have to be looked into.
    """

    of_detectors: Sequence[Sequence[Span]]
    wrapped: list[int]


_Search: TypeAlias = "tuple[Detector, Callable[[int], Iterable[Span]], Part]"
"""Where a detector searches: gives its candidates from a position on, in order."""


class Finder:
    """The detectors of one policy; where two find the same place, the earlier of the sequence counts.

    :param wrapping: matches texts that have to be looked into; one of `signs` matches wherever it does, and is quicker.
    :raises re2.error: a detector's pattern is none.
    """

    def __init__(self, detectors: Sequence[Detector], wrapping: bytes = _NOTHING, signs: Sequence[bytes] = ()) -> None:
        self.detectors = tuple(detectors)
        self._rank = {detector.name: rank for rank, detector in enumerate(detectors)}
        self._wrapping = compile_bytes(wrapping)
        compiled = [(each, compile_bytes(each.candidate)) for each in detectors]
        # Those with letters first, since what they find covers the candidates of others. Last those whose candidates
        # are found often, or that are slow beside others: for them there is no first look at where these may be.
        self._letters = _worthwhile([pair for pair in compiled if pair[0].name not in NUMBERS | APART], signs)
        self._numbers = _worthwhile([pair for pair in compiled if pair[0].name in NUMBERS - _OFTEN])
        self._often = [pair for pair in compiled if pair[0].name in APART | _OFTEN]

    def find(
        self, seen: bytes, ends: Sequence[int], texts: Texts, known: Candidates | None = None
    ) -> tuple[dict[int, list[Finding]], list[int]]:
        """Find all in the view of several texts, which end (newline included) at `ends`.

        :param known: where something may be, if that has been found out.

        Gives findings by text, and the texts that have to be looked into. Positions are those in the view; findings
        are in order, none overlapping. The work to which a text belongs pays for the characters that had to be
        validated; one that can't is rejected, its findings not complete.
        """
        found: dict[int, list[Finding]] = {}
        wrapped = known.wrapped if known else []
        spans_found: dict[int, list[Span]] = {}
        everything = Part(seen, ends, range(len(ends)), [0] * len(ends))
        searches = self._known(known, everything) if known else self._sifted(everything, texts, wrapped)
        for detector, candidates, part in searches:
            self._search(detector, candidates, part, texts, found, spans_found)
        for number, findings in found.items():
            if len(findings) > 1:
                found[number] = self._settle(findings)
        return found, wrapped

    def _known(self, known: Candidates, everything: Part) -> "Iterator[_Search]":
        for detector, _ in (*self._letters[1], *self._numbers[1], *self._often):
            if candidates := known.of_detectors[self._rank[detector.name]]:
                yield detector, partial(_from, candidates), everything

    def _sifted(self, everything: Part, texts: Texts, wrapped: list[int]) -> "Iterator[_Search]":
        """Find out where something may be; adds the texts that have to be looked into to those."""
        seen = everything.seen
        for sieves, detectors in (self._letters, self._numbers):
            within = [sieve.within(seen, everything.ends) for sieve in sieves]
            if numbers := sorted(set().union(*within)) if len(within) > 1 else within[0]:
                part = _only(everything, numbers)
                if sieves is self._letters[0]:
                    wrapped += self._wrapped(part, texts)
                for detector, pattern in detectors:
                    yield detector, partial(spans, pattern, part.seen), part
        for detector, pattern in self._often:
            yield detector, partial(spans, pattern, seen), everything

    def _search(  # one loop: a call for each candidate would cost as much as looking at it
        self,
        detector: Detector,
        candidates: Callable[[int], Iterable[Span]],
        part: Part,
        texts: Texts,
        found: dict[int, list[Finding]],
        spans_found: dict[int, list[Span]],
    ) -> None:
        seen, ends, numbers, shifts = part
        name, find = detector.name, detector.find
        rank, by_the_call = self._rank[name], _BY_THE_CALL.get(name, 0)
        stronger = sorted(span for other, each in spans_found.items() if other < rank for span in each)
        own: list[Span] = []
        position: int | None = 0
        while position is not None:
            matches, position = candidates(position), None
            for start, end in matches:
                place = bisect_right(ends, start)
                number, shift = numbers[place], shifts[place]
                account, exempt = texts.owner(number)
                covered = bool(stronger) and _covers(stronger, start + shift, end + shift)
                length = end - start
                if length <= by_the_call:
                    length = _SHORT
                account.budget -= _COVERED_COST if covered else length + _CANDIDATE_COST
                if account.budget < 0:
                    account.reject(TOO_COMPLEX)
                    position = ends[place]
                    break
                if covered or name in exempt:
                    continue
                for first, last in find(seen, start, end):
                    own.append((first + shift, last + shift))
                    finding = _finding(Finding, (first + shift, last + shift, detector))
                    if number in found:
                        found[number].append(finding)
                    else:
                        found[number] = [finding]
        if own:
            spans_found[rank] = own

    def _wrapped(self, part: Part, texts: Texts) -> Iterator[int]:
        """Find the texts that have to be looked into: what matches is in the text, not in the key before it."""
        position: int | None = 0
        while position is not None:
            matches, position = spans(self._wrapping, part.seen, position), None
            reached = 0
            for start, end in matches:
                if start < reached:
                    position = reached
                    break
                place = bisect_right(part.ends, start)
                if end > part.ends[place] - 1 - texts.length(part.numbers[place]):
                    yield part.numbers[place]
                    reached = part.ends[place]

    def find_in(self, text: str) -> list[Finding]:
        """Find all in one text; positions in code points."""
        seen = b'"' + view(text)
        found, _ = self.find(seen, [len(seen) + 1], _Alone())
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


def _worthwhile(
    detectors: Sequence[tuple[Detector, Pattern]], others: Sequence[bytes] = ()
) -> tuple[Sequence[Sieve], Sequence[tuple[Detector, Pattern]]]:
    """Put sieves before detectors: where a pattern of theirs matches, or one of others; all but the first are apart."""
    first = [*(detector.candidate for detector, _ in detectors), *others[:1]]
    return [Sieve(any_of(first) if first else _NOTHING), *map(Sieve, others[1:])], detectors


def _from(candidates: Sequence[Span], position: int) -> Sequence[Span]:
    """Give those that begin at a position or later."""
    return candidates[bisect_left(candidates, (position, 0)) :] if position else candidates


def _only(every: Part, numbers: Sequence[int]) -> Part:
    """Take some of the texts."""
    lines, part_ends, shifts = [], [], []
    seen, ends = every.seen, every.ends
    length = 0
    for number in numbers:
        start, end = ends[number - 1] if number else 0, ends[number]
        lines.append(seen[start:end])
        shifts.append(start - length)
        length += end - start
        part_ends.append(length)
    return Part(b"".join(lines), part_ends, numbers, shifts)


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
