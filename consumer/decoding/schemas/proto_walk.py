"""Goes through a message of Protobuf without making anything of it: counts, and holds it against its bounds.

A value takes a byte at least, so that a message has no more of them than bytes: what is short and cannot hold itself
needs no counting.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from consumer.decoding.schemas.definition import (
    MAX_DEPTH,
    MAX_VALUES,
    TOO_DEEP,
    TOO_LARGE,
    TOO_MANY_VALUES,
    Refused,
    SchemaUnusable,
)
from consumer.decoding.schemas.varint import PROTOBUF_INVALID, unsigned

_LARGEST_GROWTH: Final = 6
"""Of a byte in JSON, as in Avro."""

_LONGEST_SCALAR: Final = 48
"""A timestamp or a duration of few bytes, with what stands around a value."""

_MAX_MESSAGES: Final = 10_000
_MAX_LEVELS: Final = 64
_VARINT, _DOUBLE, _BYTES, _GROUP, _END, _SINGLE = 0, 1, 2, 3, 4, 5
_WIDTHS: Final = {_DOUBLE: 8, _SINGLE: 4}
_ENTRY: Final = {"key": 1, "value": 2}
_WHOLE: Final = frozenset({FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES})


class _Field(NamedTuple):
    """:ivar message: full name of the message that it holds; empty: it holds none."""

    message: str
    is_whole: bool
    chars: int


_UNKNOWN: Final = _Field("", is_whole=True, chars=0)


@dataclass
class Shape:
    """A message with all that may stand within it.

    :ivar messages: by full name, the fields by number.
    :ivar chars_a_byte: what a byte of a message can become in JSON, at most.
    """

    root: str
    messages: dict[str, dict[int, _Field]] = field(default_factory=dict)
    chars_a_byte: int = _LONGEST_SCALAR
    is_recursive: bool = False


def shape_of(root: Descriptor) -> Shape:
    """Return what is told of a message before one is read.

    :raises SchemaUnusable: too many messages, or nested too deep.
    """
    shape, longest, waiting = Shape(root.full_name), 0, [root]
    while waiting:
        message = waiting.pop()
        if message.full_name in shape.messages:
            continue
        fields = shape.messages[message.full_name] = {}
        if len(shape.messages) > _MAX_MESSAGES:
            raise SchemaUnusable
        if message.GetOptions().map_entry and {each.name: each.number for each in message.fields} != _ENTRY:
            raise SchemaUnusable  # the pool takes it for a map's all the same
        for each in message.fields:
            inner = each.message_type
            if inner and inner.GetOptions().map_entry and not each.is_repeated:
                raise SchemaUnusable
            chars = len(orjson.dumps(each.name)) + _LONGEST_SCALAR
            if each.enum_type is not None:
                chars += max((len(value.name) for value in each.enum_type.values), default=0)
            longest = max(longest, chars)
            fields[each.number] = _Field(inner.full_name if inner else "", each.type in _WHOLE, chars)
            if inner:
                waiting.append(inner)
    shape.chars_a_byte = longest + _LARGEST_GROWTH
    shape.is_recursive = _is_recursive(shape)
    return shape


def _is_recursive(shape: Shape) -> bool:
    depths: dict[str, int] = {}
    under_way: set[str] = set()
    waiting = [(shape.root, False)]
    while waiting:
        name, is_left = waiting.pop()
        parts = {each.message for each in shape.messages[name].values() if each.message}
        if is_left:
            under_way.discard(name)
            depths[name] = 1 + max((depths[part] for part in parts), default=0)
        elif name in under_way:
            return True
        elif name not in depths:
            under_way.add(name)
            waiting.append((name, True))
            waiting.extend((part, False) for part in parts)
    if depths[shape.root] > _MAX_LEVELS:
        raise SchemaUnusable
    return False


def walk(payload: bytes, shape: Shape, max_chars: int) -> None:
    """Hold a payload against its bounds.

    :param max_chars: of its JSON, without what escapes add to its texts.
    :raises Refused: it is beyond a bound, or broken.
    """
    _Walk(payload, shape, max_chars).message(shape.root, 0, len(payload), 1)


class _Walk:
    def __init__(self, payload: bytes, shape: Shape, max_chars: int) -> None:
        self._payload = payload
        self._messages = shape.messages
        self._values = MAX_VALUES
        self._chars = max_chars - len(payload)

    def message(self, name: str, place: int, end: int, depth: int, group: int = 0) -> int:
        """Go through one message; through a group, until its end is found."""
        if depth > MAX_DEPTH:
            raise Refused(TOO_DEEP)
        fields = self._messages.get(name, {})
        while place < end:
            key, place = unsigned(self._payload, place)
            number, form = key >> 3, key & 7
            if form == _END:
                if number != group or not group:
                    raise Refused(PROTOBUF_INVALID)
                return place
            known = fields.get(number, _UNKNOWN)
            self._count(1, known.chars)
            if form == _GROUP:
                place = self.message(known.message, place, end, depth + 1, number)
            elif form == _BYTES:
                place = self._bytes(known, place, end, depth)
            elif form == _VARINT:
                _, place = unsigned(self._payload, place)
            else:
                place += _WIDTHS.get(form, end)
            if place > end:
                raise Refused(PROTOBUF_INVALID)
        if group:
            raise Refused(PROTOBUF_INVALID)
        return place

    def _bytes(self, known: _Field, place: int, end: int, depth: int) -> int:
        size, place = unsigned(self._payload, place)
        if size > end - place:
            raise Refused(PROTOBUF_INVALID)
        if known.message:
            self.message(known.message, place, place + size, depth + 1)
        elif not known.is_whole:  # packed: a byte each, at least
            self._count(size, size * _LONGEST_SCALAR)
        return place + size

    def _count(self, values: int, chars: int) -> None:
        self._values -= values
        self._chars -= chars
        if self._values < 0:
            raise Refused(TOO_MANY_VALUES)
        if self._chars < 0:
            raise Refused(TOO_LARGE)
