"""Goes through a payload of Avro without making anything of it: counts, and refuses what is not as its schema says."""

from typing import Final

from consumer.decoding.schemas.avro_type import AvroType
from consumer.decoding.schemas.avro_values import AVRO_INVALID
from consumer.decoding.schemas.definition import MAX_DEPTH, MAX_VALUES, TOO_DEEP, TOO_LARGE, TOO_MANY_VALUES, Refused

DUPLICATE_KEY: Final = "avro_duplicate_key"

_WIDTHS: Final = {"null": 0, "boolean": 1, "float": 4, "double": 8}
_MAX_BITS: Final = 63
_MORE: Final = 0x80
"""A further byte of the number follows."""

_PUNCTUATION: Final = 4


def walk(payload: bytes, root: AvroType, max_chars: int) -> None:
    """Hold a payload against its bounds.

    :param max_chars: of its JSON, without what escapes add to its texts.
    :raises Refused: it is beyond a bound, or broken.
    """
    found = _Walk(payload, max_chars)
    found.value(root, 0)


class _Walk:
    def __init__(self, payload: bytes, max_chars: int) -> None:
        self._payload = payload
        self._end = len(payload)
        self._place = 0
        self._values = MAX_VALUES
        self._chars = max_chars - len(payload)

    def value(self, node: AvroType, depth: int) -> None:
        form = node.form
        if form == "union":
            branch = self._long()
            if not 0 <= branch < len(node.parts):
                raise Refused(AVRO_INVALID)
            self.value(node.parts[branch], depth)
            return
        self._count(node.chars)
        if form == "record":
            self._check(depth)
            for part, chars in zip(node.parts, node.name_chars, strict=True):
                self._chars -= chars
                self.value(part, depth + 1)
        elif form in ("array", "map"):
            self._check(depth)
            self._blocks(node, depth)
        elif form in _WIDTHS:
            self._skip(_WIDTHS[form])
        elif form == "fixed":
            self._skip(node.count)
        elif form in ("string", "bytes"):
            self._skip(self._long())
        else:
            self._long()

    def _blocks(self, node: AvroType, depth: int) -> None:
        is_map, part, keys = node.form == "map", node.parts[0], set()
        while count := self._long():
            if count < 0:
                count = -count
                self._long()  # how many bytes they take
            if count > self._values:
                raise Refused(TOO_MANY_VALUES)
            for _ in range(count):
                self._chars -= _PUNCTUATION
                if is_map:
                    size = self._long()
                    self._skip(size)
                    key = self._payload[self._place - size : self._place]
                    if key in keys:
                        raise Refused(DUPLICATE_KEY)
                    keys.add(key)
                self.value(part, depth + 1)

    def _count(self, chars: int) -> None:
        self._values -= 1
        self._chars -= chars
        if self._values < 0:
            raise Refused(TOO_MANY_VALUES)
        if self._chars < 0:
            raise Refused(TOO_LARGE)

    def _check(self, depth: int) -> None:
        if depth >= MAX_DEPTH:
            raise Refused(TOO_DEEP)

    def _skip(self, size: int) -> None:
        if not 0 <= size <= self._end - self._place:
            raise Refused(AVRO_INVALID)
        self._place += size

    def _long(self) -> int:
        number = shift = 0
        while True:
            if self._place >= self._end or shift > _MAX_BITS:
                raise Refused(AVRO_INVALID)
            byte = self._payload[self._place]
            self._place += 1
            number |= (byte & 0x7F) << shift
            if byte < _MORE:
                return (number >> 1) ^ -(number & 1)
            shift += 7
