"""How much a payload of Avro can become, told by its schema and its length: what is surely small needs no counting.

A null takes no bytes, and neither does a record of nulls: an array says in ten bytes that it has 2^40 of them. A schema
that allows this is refused. In all others each *entry* (an item of an array, a value of a map, the branch of a union)
takes bytes of its own, so that a payload holds so many values for each byte at most: the largest quotient of an entry's
values and its bytes. The byte that says which branch is taken counts half to the branch, half to what holds the union.
"""

from fractions import Fraction
from typing import Final, NamedTuple

from consumer.decoding.schemas.avro_type import AvroType
from consumer.decoding.schemas.definition import SchemaUnusable

_HALF: Final = Fraction(1, 2)
_MAX_LEVELS: Final = 128
_MAX_STATIC_VALUES: Final = 100_000
_LEAST_BYTES: Final = {"null": 0, "float": 4, "double": 8}
"""Of types without parts; the others take one byte at least."""

_LARGEST_GROWTH: Final = 6
"""Of a byte in JSON: a control character as an escape; less of base64 and of digits."""


class _Size(NamedTuple):
    """What stands in a value, but for the entries within it.

    :ivar values: itself among them.
    """

    values: int
    chars: int
    bytes_: Fraction


def safe_bytes(root: AvroType, max_values: int, max_chars: int) -> int:
    """Return the length of payloads that surely keep to the bounds; -1: none is sure to.

    None is where types hold themselves, and where there are maps, whose keys may stand twice.

    :raises SchemaUnusable: a few bytes may become anything.
    """
    return _Measure().of(root, max_values, max_chars)


class _Measure:
    def __init__(self) -> None:
        self._sizes: dict[AvroType, _Size | None] = {}
        self._types: set[AvroType] = set()
        self._values = self._chars = Fraction(0)
        self._is_plain = True

    def of(self, root: AvroType, max_values: int, max_chars: int) -> int:
        self._look_at(root)
        size = self._size(root)
        if not self._is_plain or size.values > max_values or _is_recursive(root):
            return -1
        by_chars = (max_chars - size.chars) // (self._chars + _LARGEST_GROWTH)
        by_values = (max_values - size.values) // self._values if self._values else by_chars
        return max(-1, int(min(by_chars, by_values)))

    def _look_at(self, root: AvroType) -> None:
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if node in self._types:
                continue
            self._types.add(node)
            waiting.extend(node.parts)
            if node.form == "map":
                self._is_plain = False
            for part in node.parts if node.form != "record" else ():
                size = self._size(part)
                key, punctuation, own = {
                    "array": (0, 1, Fraction(0)),
                    "map": (1, 4, Fraction(1)),
                    "union": (0, 0, _HALF),
                }[node.form]
                taken = size.bytes_ + own
                if not taken:
                    raise SchemaUnusable
                self._values = max(self._values, (size.values + key) / taken)
                self._chars = max(self._chars, (size.chars + punctuation) / taken)

    def _size(self, node: AvroType) -> _Size:
        if node in self._sizes:
            size = self._sizes[node]
            if size is None:  # a record that holds itself and so never ends
                raise SchemaUnusable
            return size
        self._sizes[node] = None
        size = self._measured(node)
        if size.values > _MAX_STATIC_VALUES:
            raise SchemaUnusable
        self._sizes[node] = size
        return size

    def _measured(self, node: AvroType) -> _Size:
        if node.form == "union":
            return _Size(0, 0, _HALF)
        if node.form == "record":
            sizes = [self._size(part) for part in node.parts]
            return _Size(
                1 + sum(size.values for size in sizes),
                2 + sum(node.name_chars) + sum(size.chars for size in sizes),
                sum((size.bytes_ for size in sizes), Fraction(0)),
            )
        taken = node.count if node.form == "fixed" else _LEAST_BYTES.get(node.form, 1)
        return _Size(1, node.chars, Fraction(taken))


def _is_recursive(root: AvroType) -> bool:
    """Tell whether a type holds itself.

    :raises SchemaUnusable: none does, and they are nested too deep all the same.
    """
    depths: dict[AvroType, int] = {}
    under_way: set[AvroType] = set()
    waiting = [(root, False)]
    while waiting:
        node, is_left = waiting.pop()
        if is_left:
            under_way.discard(node)
            depths[node] = 1 + max((depths[part] for part in node.parts), default=0)
            continue
        if node in depths:
            continue
        if node in under_way:
            return True
        under_way.add(node)
        waiting.append((node, True))
        waiting.extend((part, False) for part in node.parts)
    if depths[root] > _MAX_LEVELS:
        raise SchemaUnusable
    return False
