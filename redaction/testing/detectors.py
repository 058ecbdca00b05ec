"""What every detector has to do."""

import pickle
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Final, TypeAlias

from redaction.detectors.base import Detector, Span, view
from redaction.detectors.registry import detectors
from redaction.patterns import Sieve, compile_bytes, spans
from redaction.serialize import serialize
from redaction.testing.laws import is_name, law, require, require_seconds, same_in_threads

_SENTENCES: Final = (
    "{}",
    "Please note {}, thanks.",
    "({})",
    '"{}"',
    "one line\n{}\nthe last line",
    "\u043d\u0435\u0442, {} \u2014 \u662f",
)
# Put into examples at every place: separators, what is invisible, what JSON escapes, digits and letters of any script.
_INSERTED: Final = (" ", "-", ".", "/", "@", ",", "0", "a", "\u200b", "\u00a0", "\uff11", "\u00e9", "\n", '"', "\\")
_BYTES: Final = 16 * 1024
_SECONDS: Final = 1.0
# A pattern's parts: an escape, a class, the beginning of a group, any other character.
_PART: Final = re.compile(
    rb"\\x[0-9A-Fa-f]{2}|\\x\{[0-9A-Fa-f]+\}|\\[pP]\{\^?[A-Za-z_]+\}|\\.|\[\^?\]?(?:\[:[^:\]]*:\]|\\.|[^\]\\])*\]"
    rb"|\(\?(?:P?<[A-Za-z_0-9]+>|[a-zA-Z\-]*[:)])|.",
    re.DOTALL,
)
_ANCHORS: Final = frozenset({b"^", b"$", rb"\A", rb"\z", rb"\b", rb"\B"})
_SYNTAX: Final = frozenset(b"()|*+?{}")


@dataclass(frozen=True, slots=True)
class Examples:
    r"""Texts that a detector has to find, and others that it has to leave alone.

    :param sensitive: values that are found wherever they stand; or, as a pair, what has to stand before a value (a key
        as in JSON: `voucher":"`) and the value.
    :param near_misses: texts in which nothing is found, though they look like it.
    :param spellings: groups of values that are the same, written differently.
    """

    sensitive: Sequence[str | tuple[str, str]]
    near_misses: Sequence[str]
    spellings: Sequence[Sequence[str]] = ()

    def pairs(self) -> list[tuple[str, str]]:
        """Give what is sensitive with what stands before it."""
        return [("", each) if isinstance(each, str) else each for each in self.sensitive]

    def texts(self) -> list[str]:
        """Give all texts: what is sensitive first."""
        return [*(before + value for before, value in self.pairs()), *self.near_misses]


DetectorCheck: TypeAlias = Callable[[Detector, Examples], None]
"""A law that a detector has to keep; raises AssertionError where it does not."""


@law
def named(detector: Detector, _examples: Examples) -> None:
    """Require a name that can be a rule's id and a label of metrics."""
    require(is_name(detector.name), "the name is lower snake case, of 64 characters and four digits at most")


@law
def candidate_is_sound(detector: Detector, _examples: Examples) -> None:
    """Require an RE2 pattern over bytes that no newline and no anchor is in."""
    compile_bytes(detector.candidate)
    require(b"(?s" not in detector.candidate, "the candidate has no flag s: a dot would match newlines")
    for part in _PART.findall(detector.candidate):
        require(part not in _ANCHORS, "the candidate has no anchors: it runs over many texts at once")
        if (len(part) > 1 or part[0] not in _SYNTAX) and not part.startswith(b"(?"):
            newline = next(spans(compile_bytes(part), b"\n"), None)
            require(newline is None, r"no part of the candidate matches a newline: write [^...\n]")


@law
def finds_its_examples(detector: Detector, examples: Examples) -> None:
    """Require that what is sensitive is found, whole, and nothing beside it: alone and in sentences."""
    require(examples.sensitive, "there are sensitive examples")
    for before, value in examples.pairs():
        for place, sentence in enumerate(_SENTENCES):
            start = sentence.index("{}") + len(before)
            (found,) = _find(detector, [sentence.format(before + value)])
            where = "in a sentence" if place else "alone"
            require(found == [(start, start + len(value))], f"a sensitive example is found, as one span, {where}")


@law
def leaves_near_misses(detector: Detector, examples: Examples) -> None:
    """Require that nothing is found in the others."""
    require(examples.near_misses, "there are near misses among the examples")
    texts = [sentence.format(text) for text in examples.near_misses for sentence in _SENTENCES]
    require(not any(_find(detector, texts)), "nothing is found in a near miss")


@law
def found_in_serialised_json(detector: Detector, examples: Examples) -> None:
    """Require that the candidate matches in a serialised document wherever something is found in one of its texts.

    Only documents with a match are looked into.
    """
    texts = [text for text in _neighbours(examples) if "{" not in text]
    texts = [text for text, found in zip(texts, _find(detector, texts), strict=True) if found]
    bodies = [serialize({"k": text}) for text in texts]
    bodies += [serialize({"k": serialize({"k": text}).decode()}) for text in texts]
    bodies += [serialize({before[:-3]: value}) for before, value in examples.pairs() if before.endswith('":"')]
    hit = Sieve(detector.candidate).lines([view(body.decode()) for body in bodies])
    require(len(hit) == len(bodies), "the candidate matches in serialised JSON, too, wherever something is found")


@law
def spans_lie_in_their_text(detector: Detector, examples: Examples) -> None:
    """Require spans in order, none empty or overlapping, within the text; and the same ones whatever texts surround it.

    Other records' texts stand before and after it in the view.
    """
    _find(detector, list(_neighbours(examples)))
    apart = [part for before, value in examples.pairs() for part in (before, value)]
    texts = [*examples.texts(), *apart, *reversed(examples.texts())]
    alone = [found for text in texts for found in _find(detector, [text])]
    require(_find(detector, texts) == alone, "what is found in a text does not depend on the texts around it")


@law
def mask_hides(detector: Detector, examples: Examples) -> None:
    """Require that a mask does not hold the value, and that no installed detector finds anything in it."""
    for _, value in examples.pairs():
        masked = detector.mask(value)
        require(isinstance(masked, str), "mask gives a text")
        require(value not in masked, "a mask does not hold the value")
        require(detector.normalise(masked) != detector.normalise(value), "a mask is not the value in another spelling")
    texts = list(_neighbours(examples))
    masks = {
        detector.mask(text[start:end])
        for text, found in zip(texts, _find(detector, texts), strict=True)
        for start, end in found
    }
    lines = [sentence.format(mask) for mask in sorted(masks) for sentence in _SENTENCES]
    lines += [before + mask for mask in sorted(masks) for before, _ in examples.pairs() if before]
    for other in (detector, *detectors().values()):
        require(not any(_find(other, lines)), f"the detector {other.name} finds nothing in a mask")


@law
def normalises_spellings(detector: Detector, examples: Examples) -> None:
    """Require one text for all spellings of a value, so that equal values get equal tokens."""
    for group in examples.spellings:
        require(all(any(_find(detector, [text])) for text in group), "all spellings are found")
        require(len({detector.normalise(text) for text in group}) == 1, "spellings of one value normalise to one text")
    normal = {detector.normalise(group[0]) for group in examples.spellings if group}
    require(len(normal) == len(examples.spellings), "values that differ normalise to different texts")
    for _, value in examples.pairs():
        require(isinstance(detector.normalise(value), str), "normalise gives a text")
        require(detector.normalise(value), "what is left of a value by normalise is not empty")


@law
def linear_time(detector: Detector, examples: Examples) -> None:
    """Require a second of CPU at most for 16 KB of text that is made to take long."""
    units = {part for before, value in examples.pairs() for part in (before, value, value[: len(value) // 2])}
    units |= {value[-1] + value for _, value in examples.pairs()} | set(examples.near_misses) | {" ", "-", ".", "?"}
    units |= {char for text in examples.texts() for char in text}
    for unit in sorted(units - {""}):
        text = unit * (_BYTES // len(unit))
        for line in (text, " ".join([unit] * (_BYTES // (len(unit) + 1)))):
            require_seconds(_SECONDS, partial(_find, detector, [line]))
        require_seconds(_SECONDS, partial(detector.mask, text))
        require_seconds(_SECONDS, partial(detector.normalise, text))


@law
def deterministic(detector: Detector, examples: Examples) -> None:
    """Require equal answers to equal questions."""
    for text in examples.texts():
        require(_answers(detector, text) == _answers(detector, text), "the same text, the same answers")


@law
def thread_safe(detector: Detector, examples: Examples) -> None:
    """Require that threads that share the detector get the answers that one alone gets."""
    same = same_in_threads(partial(_answers, detector), examples.texts())
    require(same, "several threads get the same answers as one")


@law
def pickles(detector: Detector, examples: Examples) -> None:
    """Require that a copy in another process gives the same answers."""
    copy: Detector = pickle.loads(pickle.dumps(detector))  # noqa: S301 - what was pickled the moment before
    require(copy.name == detector.name, "a pickled detector keeps its name")
    for text in examples.texts():
        require(_answers(copy, text) == _answers(detector, text), "a pickled detector gives the same answers")


DETECTOR_CHECKS: Final[tuple[DetectorCheck, ...]] = (
    named,
    candidate_is_sound,
    finds_its_examples,
    leaves_near_misses,
    found_in_serialised_json,
    spans_lie_in_their_text,
    mask_hides,
    normalises_spellings,
    linear_time,
    deterministic,
    thread_safe,
    pickles,
)
"""All laws that a detector has to keep, to be tried one by one."""


def _find(detector: Detector, texts: Sequence[str]) -> list[list[Span]]:
    """Search texts as the engine does, in one view; spans by text, in code points."""
    lines = [b'"' + view(text) for text in texts]
    joined = b"\n".join(lines)
    ends = list(accumulate(len(line) + 1 for line in lines))
    found: list[list[Span]] = [[] for _ in texts]
    for start, end in spans(compile_bytes(detector.candidate), joined):
        number = bisect_right(ends, start)
        stop = ends[number] - 1
        first = position = stop - len(texts[number])
        for span in detector.find(joined, start, end):
            sound = position <= span[0] < span[1] <= stop
            require(sound, "spans lie within their text, in order, none of them empty or overlapping")
            found[number].append((span[0] - first, span[1] - first))
            position = span[1]
    return found


def _neighbours(examples: Examples) -> Iterator[str]:
    """Give all texts, and those one character away from them."""
    for text in dict.fromkeys(examples.texts()):
        yield text
        for place in range(len(text) + 1):
            yield text[:place] + text[place + 1 :]
            for char in _INSERTED:
                yield text[:place] + char + text[place:]
                yield text[:place] + char + text[place + 1 :]


def _answers(detector: Detector, text: str) -> object:
    (found,) = _find(detector, [text])
    parts = [text, *(text[start:end] for start, end in found)]
    return found, [(detector.mask(part), detector.normalise(part)) for part in parts]
