"""Which fields a rule speaks of: by name at any depth, or by path from the record's top.

Names and the segments of paths are compared as `redaction.policy.names.normalize` has them. `*` in a name stands for
any characters; as a whole segment of a path for any one name, `**` for any number of them, none included. Lists are
passed through: the fields of a list's objects stand at the path of the list.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

import re2  # type: ignore[import-untyped, unused-ignore]

from redaction.policy.names import normalize

ANY = "*"
ANY_NUMBER = "**"

Segments: TypeAlias = tuple[str, ...]
Fits: TypeAlias = Callable[[str, str], bool]
State: TypeAlias = frozenset[tuple[int, int]]
"""Where one is in the paths that may still match: (number of the path, segments already passed)."""

# How special a selector is; of those that match a field the most special counts.
NAME_PATTERN, NAME, PATH_PATTERN, PATH = range(4)

_BRACKETS = re.compile(r"\[[^\].]*\]")
_MAX_LENGTH = 512
_MAX_SEGMENTS = 32
_MAX_SEGMENT_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Selector:
    """One name or path of a rule. A name is the path `**.name`."""

    text: str
    segments: Segments
    rank: int


def parse_name(text: str) -> Selector:
    """Parse an entry of `names`.

    :raises ValueError: it is none; says what would be right.
    """
    if "." in text and normalize(text):
        message = f"{text!r} is a path, not a name; put it under 'paths'"
        raise ValueError(message)
    segment = _segment(text, text)
    if segment in {ANY, ANY_NUMBER}:
        message = f"{text!r} would select every field; say so with 'unknown_fields'"
        raise ValueError(message)
    return Selector(text, (ANY_NUMBER, segment), NAME_PATTERN if ANY in segment else NAME)


def parse_path(text: str) -> Selector:
    """Parse an entry of `paths`.

    :raises ValueError: it is none; says what would be right.
    """
    if len(text) > _MAX_LENGTH:
        message = f"a path of {len(text)} characters is too large; {_MAX_LENGTH} are allowed"
        raise ValueError(message)
    if text.startswith("$"):
        message = f"{text!r}: paths begin with a field name; leave out the '$'"
        raise ValueError(message)
    if "[" in text or "]" in text:
        plain = _BRACKETS.sub("", text).strip(".[]") or "the field's name"
        message = f"{text!r}: lists need no brackets; write {plain!r}"
        raise ValueError(message)
    segments = tuple(_segment(part, text) for part in text.split("."))
    if len(segments) > _MAX_SEGMENTS:
        message = f"{text!r}: a path of {len(segments)} segments is too large; {_MAX_SEGMENTS} are allowed"
        raise ValueError(message)
    if set(segments) <= {ANY, ANY_NUMBER}:
        message = f"{text!r} would select every field; say so with 'unknown_fields'"
        raise ValueError(message)
    if any(left == right == ANY_NUMBER for left, right in pairwise(segments)):
        message = f"{text!r}: one '**' is enough"
        raise ValueError(message)
    return Selector(text, segments, PATH_PATTERN if ANY in text else PATH)


def _segment(part: str, whole: str) -> str:
    if part in {ANY, ANY_NUMBER}:
        return part
    if len(part) > _MAX_SEGMENT_LENGTH:
        message = f"a name of {len(part)} characters is too large; {_MAX_SEGMENT_LENGTH} are allowed"
        raise ValueError(message)
    pieces = [normalize(piece) for piece in part.split(ANY)]
    if not any(pieces):
        message = f"{whole!r}: {part!r} has no letter or digit; it needs one"
        raise ValueError(message)
    return ANY.join(pieces)


@lru_cache(maxsize=4096)
def _pattern(segment: str) -> "re2._Regexp":
    # RE2, since names come from senders and may be long: several `.*` would make `re` slow.
    return re2.compile("(?s)" + ".*".join(re2.escape(piece) for piece in segment.split(ANY)))


def segment_matches(segment: str, name: str) -> bool:
    """Tell whether a segment other than `**` stands for a (normalised) name."""
    if segment == ANY:
        return True
    return bool(_pattern(segment).fullmatch(name)) if ANY in segment else segment == name


class Selectors:
    """Paths compiled to an automaton that is walked name by name."""

    def __init__(self, selectors: Iterable[Selector]) -> None:
        self.all = tuple(selectors)
        self.start = self._closure((number, 0) for number in range(len(self.all)))

    def step(self, state: State, name: str) -> State:
        """Go down to the field with this (normalised) name."""
        if not state:
            return state
        reached: list[tuple[int, int]] = []
        for number, passed in state:
            segments = self.all[number].segments
            if passed == len(segments):
                continue
            segment = segments[passed]
            if segment == ANY_NUMBER:
                reached.append((number, passed))
            elif segment_matches(segment, name):
                reached.append((number, passed + 1))
        return self._closure(reached)

    def matches(self, state: State) -> list[int]:
        """Give the numbers of the selectors that select the field reached."""
        return sorted(number for number, passed in state if passed == len(self.all[number].segments))

    def goes_on(self, state: State) -> bool:
        """Tell whether a path other than one from any depth names fields below."""
        return any(
            passed < len(self.all[number].segments) and self.all[number].segments[0] != ANY_NUMBER
            for number, passed in state
        )

    def _closure(self, places: Iterable[tuple[int, int]]) -> State:
        reached: set[tuple[int, int]] = set()
        for number, passed in places:
            reached.add((number, passed))
            segments = self.all[number].segments
            if passed < len(segments) and segments[passed] == ANY_NUMBER:  # it may stand for nothing
                reached.add((number, passed + 1))
        return frozenset(reached)


def overlap(left: Segments, right: Segments) -> bool:
    """Tell whether some field is selected by both."""
    return _meet(left, right, segments_meet)


def covers_prefix(prefix: Segments, path: Segments) -> bool:
    """Tell whether every field that `path` selects lies below one that `prefix` selects. Both without `**`."""
    return len(prefix) < len(path) and all(
        outer in {ANY, inner} or (ANY not in inner and segment_matches(outer, inner))
        for outer, inner in zip(prefix, path, strict=False)
    )


def segments_meet(left: str, right: str) -> bool:
    """Tell whether some name fits both segments."""
    if ANY not in left:
        return segment_matches(right, left)
    if ANY not in right:
        return segment_matches(left, right)
    return _globs_meet(left, right)


def _globs_meet(left: str, right: str) -> bool:
    return _meet(
        tuple(ANY_NUMBER if char == ANY else char for char in left),
        tuple(ANY_NUMBER if char == ANY else char for char in right),
        lambda one, other: one == other,
    )


def _meet(left: Segments, right: Segments, fits: Fits) -> bool:
    """Walk both patterns at once; `**` stands for any number of parts."""
    todo, seen = [(0, 0)], set()
    while todo:
        here = todo.pop()
        if here in seen:
            continue
        seen.add(here)
        i, j = here
        if i == len(left) and j == len(right):
            return True
        if i < len(left) and left[i] == ANY_NUMBER:
            todo.append((i + 1, j))
            if j < len(right):
                todo.append((i, j + 1))
        if j < len(right) and right[j] == ANY_NUMBER:
            todo.append((i, j + 1))
            if i < len(left):
                todo.append((i + 1, j))
        if i < len(left) and j < len(right) and ANY_NUMBER not in (left[i], right[j]) and fits(left[i], right[j]):
            todo.append((i + 1, j + 1))
    return False
