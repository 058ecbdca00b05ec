"""From documents to their leaves: every text and long number, with what is said before it and where it stands."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

from redaction.plugin import Document, JSONValue
from redaction.shapes import Node, Shapes
from redaction.work import KeyCollision, Work

# cc=1, a@b.co; of a number, seven digits: a telephone number in a field of that name.
_SHORTEST: Final = 4
_SMALL: Final = 10**6
_EXPONENTS_WRITTEN_OUT: Final = 20


# What the class itself calls, after having sorted its arguments: several are made for each record.
_leaf: Final = tuple.__new__

Odd: TypeAlias = "tuple[Document, Node]"
"""A field whose name is suspicious, or not looked at yet, and the object in which it stands."""


class Leaf(NamedTuple):
    """A text of a document. `context`: what stands before it in JSON, its key included; never empty."""

    container: "Document | list[JSONValue]"
    place: str | int
    text: str
    context: str
    node: Node
    exempt: frozenset[str]
    work: Work

    def __repr__(self) -> str:
        return "Leaf(...)"  # its text is content

    def put(self, text: str) -> "Leaf":
        """Write another text in its place."""
        self.container[self.place] = text  # type: ignore[index]
        return _leaf(Leaf, (self.container, self.place, text, self.context, self.node, self.exempt, self.work))


class Walk:
    """A walk through documents, along their shapes; collects their leaves. `exempt`: detectors that don't count."""

    def __init__(self, shapes: Shapes, exempt: frozenset[str]) -> None:
        self._shapes = shapes
        self._exempt = exempt
        self.leaves: list[Leaf] = []

    def flatten(self, document: Document, work: Work) -> list[Odd]:
        """Collect all leaves, in order; gives the fields whose names are suspicious, or not looked at yet."""
        odd: list[Odd] = []
        self._object(document, self._shapes.root, work, odd)
        return odd

    def _object(self, fields: Document, node: Node, work: Work, odd: list[Odd]) -> None:
        children, add = node.children, self.leaves.append
        for name, value in fields.items():
            child = children[name] if name in children else self._shapes.child(node, name)
            if child.odd_name:
                odd.append((fields, child))
            kind = type(value)
            if kind is str:
                if len(value) >= _SHORTEST:  # type: ignore[arg-type]
                    # What a rule has dealt with needs no key to tell what it is.
                    context = '"' if child.plan else child.context + '"'
                    exempt = child.exempt | self._exempt if self._exempt else child.exempt
                    add(_leaf(Leaf, (fields, name, value, context, child, exempt, work)))
            elif kind is dict:
                self._object(value, child, work, odd)  # type: ignore[arg-type]
            elif kind is list:
                self._list(value, child, work, odd)  # type: ignore[arg-type]
            elif kind in _NUMBERS and not -_SMALL < value < _SMALL:  # type: ignore[operator]
                add(self._leaf(fields, name, number_text(value), child.context, child, work))  # type: ignore[arg-type]

    def _list(self, items: list[JSONValue], node: Node, work: Work, odd: list[Odd]) -> None:
        add = self.leaves.append
        for place, value in enumerate(items):
            kind = type(value)
            if kind is str:
                if len(value) >= _SHORTEST:  # type: ignore[arg-type]
                    add(self._leaf(items, place, value, '"', node, work))  # type: ignore[arg-type]
            elif kind is dict:
                self._object(value, node, work, odd)  # type: ignore[arg-type]
            elif kind is list:
                self._list(value, node, work, odd)  # type: ignore[arg-type]
            elif kind in _NUMBERS and not -_SMALL < value < _SMALL:  # type: ignore[operator]
                add(self._leaf(items, place, number_text(value), "[", node, work))  # type: ignore[arg-type]

    def _leaf(
        self, container: "Document | list[JSONValue]", place: str | int, text: str, context: str, node: Node, work: Work
    ) -> Leaf:
        return Leaf(container, place, text, context, node, node.exempt | self._exempt, work)


def rename(odd: Sequence[Odd], work: Work) -> None:
    """Give the fields their clean names; each stays in its place. Raises KeyCollision."""
    by_object: dict[int, tuple[Document, dict[str, Node]]] = {}
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


def number_text(number: float | Decimal) -> str:
    """Write a number as a detector wants to see it."""
    if isinstance(number, int):
        return str(number)
    # 4.11111111111111E15, as Java writes a double, is a card number that ends in 0.
    exact = number if isinstance(number, Decimal) else Decimal(repr(number))
    if not 0 < exact.adjusted() < _EXPONENTS_WRITTEN_OUT:
        return str(number)
    whole = exact.to_integral_value()
    return format(whole if whole == exact else exact, "f")
