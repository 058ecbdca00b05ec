"""From payloads to verdicts, with the compiled part: what it finds is judged here, all else is its own.

The rules by field, then rounds over the texts in which there may be something, and over what that changed, until
nothing is found. A record that the compiled part leaves to Python takes Python's way from where it is.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

from redaction.engine.careful import CarefulSearch
from redaction.engine.field_rules import Hit
from redaction.engine.field_tree import FieldTree
from redaction.engine.native import Leaf, Native, Walker
from redaction.engine.python_way import NOTHING, PENDING, Done, PythonWay, applied_of
from redaction.engine.texts import Texts
from redaction.engine.work import LEAK_SUSPECTED, ROUNDS, Work
from redaction.plugin import JSONValue, Rejected, Released, Verdict
from redaction.serialize import serialize_value

_record: Final = attrgetter("record")


class NativeWay:
    """One policy. `python`: the way of what is left to it."""

    def __init__(self, native: Native, python: PythonWay, tree: FieldTree, search: CarefulSearch) -> None:
        self._native = native
        self._python = python
        self._tree = tree
        self._search = search

    def redact(self, payloads: Sequence[bytes]) -> Done:
        """Give the verdict on each payload, as Python's way does."""
        walker = self._native.walker()
        hits: list[list[Hit]] = [[] for _ in payloads]
        verdicts: list[Verdict] = [PENDING] * len(payloads)
        bodies = walker.apply_rules(payloads, hits)
        left = [place for place, body in enumerate(bodies) if body is None]
        if left:
            by_python = self._python.redact([payloads[place] for place in left])
            for place, verdict, done in zip(left, *by_python, strict=True):
                verdicts[place], hits[place] = verdict, done
        walked = {place: body for place, body in enumerate(bodies) if body is not None}
        batch = _Batch(walked, {}, list(map(len, payloads)), hits, verdicts)
        self._mend(walker, batch)
        for place, body in batch.bodies.items():
            if verdicts[place] is PENDING:
                verdicts[place] = Released.written(body, tuple(map(applied_of, hits[place])))
        return verdicts, hits

    def count(self) -> None:
        """Add to the tree of fields what the compiled part has counted."""
        self._native.forgetting()

    def _mend(self, walker: Walker, batch: "_Batch") -> None:
        places = list(batch.bodies)
        for number_of_round in range(ROUNDS):
            left, leaves, view = walker.look([batch.bodies[place] for place in places])
            self._leave([places[number] for number in left], batch)
            if not leaves:
                return
            texts = Texts(self._tree)
            opened: list[_Opened] = []
            for record, group in groupby(leaves, _record):
                opened.append(self._open(walker, batch, places[record], list(group), texts, number_of_round))
            self._search.mend_texts(
                texts,
                [each.work for each in opened],
                [each.numbers for each in opened],
                view if len(texts.lines) == len(leaves) else None,  # else some are known to be clean
                first=number_of_round == 0,
            )
            places = [each.place for each in opened if batch.close(each)]
        for place in places:
            batch.verdicts[place] = Rejected(LEAK_SUSPECTED, batch.hits[place][-1][0][0])

    def _leave(self, places: Sequence[int], batch: "_Batch") -> None:
        """Leave records to Python."""
        if places:
            bodies, sizes, hits = batch.bodies, batch.sizes, batch.hits
            mended = self._python.mend(
                [bodies[place] for place in places],
                [sizes[place] for place in places],
                [hits[place] for place in places],
            )
            for place, verdict in zip(places, mended, strict=True):
                batch.verdicts[place] = verdict

    def _open(
        self, walker: Walker, batch: "_Batch", place: int, leaves: list[Leaf], texts: Texts, number_of_round: int
    ) -> "_Opened":
        """Add the texts of one record, that what is found in them be noted."""
        account = self._python.account(number_of_round, batch.sizes[place])
        work = Work({}, batch.hits[place], account, clean=batch.clean.get(place, NOTHING))
        said: list[JSONValue] = [leaf.text for leaf in leaves]
        begin = len(texts.lines)
        for number, leaf in enumerate(leaves):
            node = walker.node(leaf)
            texts.add(said, number, leaf.text, leaf.before(node), node, work)
        if work.clean:
            texts.leave_out(begin, work.clean)
        return _Opened(place, leaves, said, work, range(begin, len(texts.lines)), len(work.hits))


class _Opened(NamedTuple):
    """A record whose texts are looked at. `said`: what they say now; `known`: what had been done to it before."""

    place: int
    leaves: list[Leaf]
    said: list[JSONValue]
    work: Work
    numbers: range
    known: int


class _Batch(NamedTuple):
    """Records by their place among the payloads; `bodies` and `clean` of some, the rest of all."""

    bodies: dict[int, bytes]
    clean: dict[int, frozenset[str]]
    sizes: Sequence[int]
    hits: Sequence[list[Hit]]
    verdicts: list[Verdict]

    def close(self, opened: _Opened) -> bool:
        """Take over what was found; tells whether that changed the record."""
        place, leaves, said, work, _, known = opened
        if work.account.rejected:
            self.verdicts[place] = work.account.rejected
            return False
        if len(work.hits) == known:
            return False
        self.clean[place] = work.clean
        self.bodies[place] = _spliced(self.bodies[place], leaves, said)
        return True


def _spliced(body: bytes, leaves: Iterable[Leaf], said: Iterable[JSONValue]) -> bytes:
    """Write a body with what the texts say now in place of what stands there."""
    pieces: list[bytes] = []
    position = 0
    for leaf, text in zip(leaves, said, strict=True):
        if text is not leaf.text:
            pieces += (body[position : leaf.start], serialize_value(text).encode())
            position = leaf.end
    return b"".join([*pieces, body[position:]])
