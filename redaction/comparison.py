"""What one redactor does to a record and another does not, by field and without values.

Both outputs are held against the payload, which tells what is shown from what is hidden:

    released -> hidden, released -> dropped     the new one hides what the old one let through
    hidden -> released, dropped -> released     the new one lets through what the old one hid
    hidden -> dropped, dropped -> hidden        hidden by both, in another way
    less hidden, more hidden                    of a text hidden by both, the new one leaves more or fewer pieces
    hidden differently                          none of the two can be told
    added, removed, changed                     fields that the payload does not have

and of a whole record, at the path `(record)`: `released`, `dropped`, `rejected (code)`, before and after an arrow; or
`not compared`, if a plug-in's document is nothing that can be walked through.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from redaction.actions.base import exact
from redaction.parse import Limits, Unparsable, parse_all
from redaction.plugin import Dropped, Rejected, Released, Verdict

RECORD: Final = "(record)"
NOT_COMPARED: Final = "not compared"

# At most four digits: a name with more looks like content, as in `redaction.guard`.
_PLAIN_NAME: Final = re.compile(r"(?!(?:[^0-9]*[0-9]){5})[A-Za-z0-9_.-]{1,64}")
_ODD_NAME: Final = "?"

# A redactor has judged the payload already; what it found acceptable is to be parsed here too.
_LIMITS: Final = Limits(max_depth=900, max_bytes=2**30, max_values=2**30)

# Pieces of a text that count as shown: the four last digits of a card are one. Longer texts are not worth the time.
_PIECE: Final = 4
_MAX_PIECES: Final = 1024

_ABSENT: Final = object()
_OTHER: Final = object()  # something else stands in place of what held the value


class Difference(NamedTuple):
    """What changed, at a path of field names joined by dots (fields in lists: at the list's path); never a value.

    `change`: see the module.
    """

    path: str
    change: str


def compare(payload: bytes, old: Verdict, new: Verdict) -> list[Difference]:
    """Tell what `new` does to `payload` that `old` does not; each once. Never raises."""
    try:
        return list(dict.fromkeys(_compare(payload, old, new)))
    except Exception:  # noqa: BLE001 - a plug-in's document may hold anything, and no comparison is worth a record
        return [Difference(RECORD, NOT_COMPARED)]


def shown_path(names: Iterable[str]) -> str:
    """Join field names for people and logs: a name that could hold content is shown as `?`."""
    return ".".join(name if _PLAIN_NAME.fullmatch(name) else _ODD_NAME for name in names) or RECORD


def same(one: object, other: object) -> bool:
    """Tell whether two JSON values are equal: numbers as decimals, true is no number, fields in any order."""
    if type(one) is not type(other):
        return _is_number(one) and _is_number(other) and exact(one) == exact(other)  # type: ignore[arg-type]
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _compare(payload: bytes, old: Verdict, new: Verdict) -> Iterator[Difference]:
    if isinstance(old, Released) and isinstance(new, Released):
        if old.body != new.body:
            yield from _walk((), _parsed(payload), old.document, new.document)
        return
    before, after = _outcome(old), _outcome(new)
    if before != after:
        yield Difference(RECORD, f"{before} -> {after}")


def _outcome(verdict: Verdict) -> str:
    match verdict:
        case Released():
            return "released"
        case Dropped():
            return "dropped"
        case Rejected():
            return f"rejected ({shown_path([verdict.code])})"


def _parsed(payload: bytes) -> object:
    parsed = parse_all([payload], _LIMITS)[0]
    return _ABSENT if isinstance(parsed, Unparsable) else parsed  # a plug-in may read what is no JSON


def _walk(path: tuple[str, ...], raw: object, old: object, new: object) -> Iterator[Difference]:
    if old is new:
        return
    if (isinstance(raw, dict) and raw) or (isinstance(old, dict) and isinstance(new, dict)):
        below: list[Difference] = []
        for name in dict.fromkeys(name for each in (raw, old, new) if isinstance(each, dict) for name in each):
            inside = raw.get(name, _ABSENT) if isinstance(raw, dict) else _ABSENT
            below += _walk((*path, name), inside, _field(old, name), _field(new, name))
        # One that was dropped, and one that was emptied, differ in nothing that is below them.
        yield from below or _leaf(path, raw, old, new)
        return
    items = _items(raw, old, new)
    if items is None:
        yield from _leaf(path, raw, old, new)
    else:
        for each in items:
            yield from _walk(path, *each)


def _field(value: object, name: str) -> object:
    if isinstance(value, dict):
        return value.get(name, _ABSENT)
    return _ABSENT if value is _ABSENT else _OTHER


def _items(raw: object, old: object, new: object) -> Iterable[tuple[object, object, object]] | None:
    """Pair the items of lists; None: there is none, or it can't be told which is which."""
    if isinstance(raw, list) and raw:
        before, after = _aligned(raw, old), _aligned(raw, new)
        return None if before is None or after is None else zip(raw, before, after, strict=True)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [(_ABSENT, one, other) for one, other in zip(old, new, strict=True)]
    return None


def _aligned(raw: Sequence[object], value: object) -> Sequence[object] | None:
    """Find for each item what became of it. A redactor may drop a list's scalars, and keep the objects and lists."""
    if not isinstance(value, list):
        return [_ABSENT if value is _ABSENT else _OTHER] * len(raw)
    if len(value) == len(raw):
        return value
    kept = iter(value)
    if all(map(_holds, value)) and len(value) == sum(map(_holds, raw)):
        return [next(kept) if _holds(item) else _ABSENT for item in raw]
    return None


def _holds(value: object) -> bool:
    return isinstance(value, (dict, list))


def _leaf(path: tuple[str, ...], raw: object, old: object, new: object) -> Iterator[Difference]:
    if same(old, new):
        return
    if raw is _ABSENT:
        gone = (_ABSENT, _OTHER)
        change = "added" if old in gone else "removed" if new in gone else "changed"
    else:
        before, after = _state(raw, old), _state(raw, new)
        change = f"{before} -> {after}" if before != after else _hidden_differently(raw, old, new)
    yield Difference(shown_path(path), change)


def _state(raw: object, value: object) -> str:
    if value is _ABSENT:
        return "dropped"
    return "released" if same(raw, value) else "hidden"


def _hidden_differently(raw: object, old: object, new: object) -> str:
    if isinstance(raw, str) and isinstance(old, str) and isinstance(new, str):
        pieces = _pieces(raw)
        before, after = pieces & _pieces(old), pieces & _pieces(new)
        if before < after:
            return "less hidden"
        if after < before:
            return "more hidden"
    return "hidden differently"


def _pieces(text: str) -> set[str]:
    if len(text) > _MAX_PIECES:
        return set()
    return {text[start : start + _PIECE] for start in range(len(text) - _PIECE + 1)}
