"""From documents to their leaves: every text and long number, with what is said before it and where it stands."""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

from redaction.engine.field_tree import FieldNode, FieldTree
from redaction.engine.pairs import NAME_OF, VALUE_OF
from redaction.engine.values import number_text
from redaction.engine.work import Account, KeyCollision, Work
from redaction.plugin import Document, JSONValue

# cc=1, a@b.co; of a number, seven digits: a telephone number in a field of that name.
_SHORTEST: Final = 4
_SMALL: Final = 10**6
VERSION: Final = 'version":"'
"""Stands before a value of which the name beside it says that it is a version."""

names_version: Final = re.compile(
    r"(?:.{0,64}[^A-Za-z])?(?i:version|release|firmware|build|fw|sw)|.{0,64}[a-z](?:Version|Release|Firmware|Build)"
).fullmatch


Odd: TypeAlias = "tuple[Document, FieldNode]"
"""A field whose name is suspicious, or not looked at yet, and the object in which it stands."""

_Place: TypeAlias = "tuple[Document | list[JSONValue], str | int, str, str, FieldNode, Work]"


class Text(NamedTuple):
    """A text of a document.

    `before`: what stands before it in JSON, its key included; never empty. `exempt`: detectors that don't count in it.
    """

    container: "Document | list[JSONValue]"
    place: str | int
    text: str
    before: str
    node: FieldNode
    exempt: frozenset[str]
    work: Work

    def __repr__(self) -> str:
        return "Text(...)"  # it is content

    def part(self, document: Document) -> Work:
        """Give the work on a document that was found within the text."""
        return Work(document, [], self.work.account, self.exempt)


class Texts:
    """The texts of many documents, collected along the tree of fields.

    There are several in each record, and something is found in few: a `Text` is made when one is asked for.
    """

    def __init__(self, tree: FieldTree) -> None:
        self.lines: list[str] = []
        """Each text, with what stands before it."""
        self._places: list[_Place] = []
        self._tree = tree

    def __getitem__(self, number: int) -> Text:
        container, place, text, before, node, work = self._places[number]
        return Text(container, place, text, before, node, self.owner(number)[1], work)

    def owner(self, number: int) -> tuple[Account, frozenset[str]]:
        """Give the account of the record to which a text belongs, and the detectors that don't count in it."""
        place = self._places[number]
        node, work = place[4], place[5]
        return work.account, node.exempt | work.exempt if work.exempt else node.exempt

    def length(self, number: int) -> int:
        """Give the characters of a text, without what stands before it."""
        return len(self._places[number][2])

    def only(self, changed: Mapping[int, str]) -> "Texts":
        """Give those of these numbers, with these texts."""
        some = Texts(self._tree)
        for number, text in changed.items():
            container, place, _, before, node, work = self._places[number]
            some.add(container, place, text, before, node, work)
        return some

    def forget(self, length: int) -> None:
        """Keep no more than the first ones."""
        del self.lines[length:], self._places[length:]

    def leave_out(self, first: int, known: Container[str]) -> None:
        """Keep no text from the `first` on that is known."""
        fresh = [number for number in range(first, len(self.lines)) if self.lines[number] not in known]
        self.lines[first:] = [self.lines[number] for number in fresh]
        self._places[first:] = [self._places[number] for number in fresh]

    def unchanged(self, numbers: range, changed: Container[int]) -> Iterator[str]:
        """Give those of some texts, with what stands before them, in which all detectors counted and found nothing."""
        for number in numbers:
            if number not in changed and not self.owner(number)[1]:
                yield self.lines[number]

    def flatten(self, work: Work) -> list[Odd]:
        """Collect all of a document, in order; gives the fields whose names are suspicious, or not looked at yet."""
        odd: list[Odd] = []
        self._object(work.document, self._tree.root, work, odd)
        return odd

    def add(
        self,
        container: "Document | list[JSONValue]",
        place: str | int,
        text: str,
        before: str,
        node: FieldNode,
        work: Work,
    ) -> None:
        """Add one text."""
        self.lines.append(before + text)
        self._places.append((container, place, text, before, node, work))

    def _object(self, fields: Document, node: FieldNode, work: Work, odd: list[Odd]) -> None:
        children, add_line, add_place = node.children, self.lines.append, self._places.append
        first = len(self.lines)
        for name, value in fields.items():
            try:
                child = children[name]
            except KeyError:
                child = self._tree.child(node, name)
            if child.odd_name:
                odd.append((fields, child))
            kind = type(value)
            if kind is str:
                if len(value) >= _SHORTEST:  # type: ignore[arg-type]
                    before = child.before_text
                    add_line(before + value)  # type: ignore[operator]
                    add_place((fields, name, value, before, child, work))  # type: ignore[arg-type]
            elif kind is dict:
                self._object(value, child, work, odd)  # type: ignore[arg-type]
            elif kind is list:
                self._list(value, child, work, odd)  # type: ignore[arg-type]
            elif kind in _NUMBERS and not -_SMALL < value < _SMALL:  # type: ignore[operator]
                self.add(fields, name, number_text(value), child.before_number, child, work)  # type: ignore[arg-type]
        if node.pair > VALUE_OF and any(
            type(value) is str and name in children and children[name].part == NAME_OF and names_version(value)
            for name, value in fields.items()
        ):
            self._say_version(first)

    def _say_version(self, first: int) -> None:
        """Put a name that is a value itself before what it names, in place of one that says nothing: `stringValue`.

        Of versions only: no detector finds more by that than in the record's JSON, where the name stands elsewhere.
        """
        for number in range(first, len(self.lines)):
            container, place, text, _, node, work = self._places[number]
            if node.part == VALUE_OF and node.plan is None:
                self.lines[number] = VERSION + text
                self._places[number] = (container, place, text, VERSION, node, work)

    def _list(self, items: list[JSONValue], node: FieldNode, work: Work, odd: list[Odd]) -> None:
        for place, value in enumerate(items):
            kind = type(value)
            if kind is str:
                if len(value) >= _SHORTEST:  # type: ignore[arg-type]
                    self.add(items, place, value, '"', node, work)  # type: ignore[arg-type]
            elif kind is dict:
                self._object(value, node, work, odd)  # type: ignore[arg-type]
            elif kind is list:
                self._list(value, node, work, odd)  # type: ignore[arg-type]
            elif kind in _NUMBERS and not -_SMALL < value < _SMALL:  # type: ignore[operator]
                self.add(items, place, number_text(value), "[", node, work)  # type: ignore[arg-type]


def rename(odd: Sequence[Odd], work: Work) -> None:
    """Give the fields their clean names; each stays in its place.

    :raises KeyCollision: two of an object would have one name.
    """
    by_object: dict[int, tuple[Document, dict[str, FieldNode]]] = {}
    for fields, node in odd:
        if node.name_hits:
            by_object.setdefault(id(fields), (fields, {}))[1][node.name] = node
    for fields, nodes in by_object.values():
        work.hits.extend((hit, node) for node in nodes.values() for hit in node.name_hits)
        renamed = {nodes[name].clean_name or name if name in nodes else name: value for name, value in fields.items()}
        if len(renamed) != len(fields):
            raise KeyCollision(next(iter(nodes.values())).name_hits[0][0])
        fields.clear()
        fields.update(renamed)


_NUMBERS: Final = frozenset({int, float, Decimal})
