"""Several documents in one record: newline-delimited, an array, concatenated. Each goes on as the bytes it came as.

A record is taken apart only where that is certain: each piece is a whole object, and nothing else lies between them.
What is not certain stays one document, which the redactor refuses by its own code. Only lines may be bad one by one.

Nothing is parsed whose values would take much more memory than its bytes.
"""

import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from consumer.decoder import PART_BYTES, Decoded, DecoderContext, Kind, Part, Undecodable
from consumer.decoding.chain import TOO_LARGE
from consumer.decoding.options import check_names

WHITESPACE: Final = b" \t\r\n"
"""JSON's (RFC 8259, section 2)."""

# Of one document: a value takes up to a hundred bytes when it is read, a character four.
_MAX_VALUES: Final = 250_000
_MAX_BYTES: Final = 10 * 2**20

# Texts that are looked at together. Nobody who writes records knows the mark between them.
_LOOK_TEXTS: Final = 64
_LOOK_BYTES: Final = 1 << 12
_MARK: Final = secrets.token_hex(16)
_PARTED: Final = b',"%b",' % _MARK.encode()

# orjson's own bound: what is nested deeper is no object to it.
_MAX_DEPTH: Final = 1024

_LINE: Final = re.compile(rb"[^ \t\r\n][^\n]*")
# A string is stepped over, closed or not, so that each of these matches wherever it is tried: none is tried in vain.
_STRING: Final = rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)'
_DOCUMENT: Final = re.compile(rb'(?:[^"}]++|' + _STRING + rb"|\}(?![ \t\r\n]*+\{))*+\}?", re.DOTALL)
_FLAT: Final = rb'\{(?:[^"{}]++|' + _STRING + rb")*+\}"
_BRACE: Final = re.compile(rb'(?:[^"{}]++|' + _STRING + rb")*+(?:(" + _FLAT + rb")|(\{)|(\}))?", re.DOTALL)
# Its groups.
_IS_FLAT, _OPENS, _CLOSES = 1, 2, 3


class TooManyParts(Exception):
    """The documents of a record, counted with what each weighs, are beyond its bound."""


def is_object(text: bytes) -> bool:
    """Tell whether a text is one whole object; False, too, where it is too large to look."""
    return not _is_beyond_reading(text) and _type(text) is dict


def is_json(text: bytes) -> bool:
    """Tell whether a text is JSON, whatever it holds; False, too, where it is too large to look."""
    return not _is_beyond_reading(text) and _type(text) is not None


def are_objects(texts: Sequence[bytes]) -> bool:
    """Tell whether each of the texts is one whole object, by one look at many; False, too, where one is not small."""
    if max(map(len, texts)) > _LOOK_BYTES:
        return False
    for start in range(0, len(texts), _LOOK_TEXTS):
        some = texts[start : start + _LOOK_TEXTS]
        try:
            values = orjson.loads(b"[%b]" % _PARTED.join(some))
        except orjson.JSONDecodeError:
            return False
        # What opens in one text and closes in another has the mark between them within.
        are_parted = len(values) == 2 * len(some) - 1 and values[1::2].count(_MARK) == len(some) - 1
        if not are_parted or set(map(type, values[::2])) != {dict}:
            return False
    return True


def _is_beyond_reading(text: bytes) -> bool:
    if len(text) <= _MAX_VALUES:
        return False
    return len(text) > _MAX_BYTES or sum(map(text.count, (b",", b"{", b"["))) > _MAX_VALUES


def _type(text: bytes) -> type | None:
    try:
        return type(orjson.loads(text))
    except orjson.JSONDecodeError:
        return None


def lines(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each line that is not blank begins and ends, without the white space around it."""
    for match in _LINE.finditer(data):
        yield match.start(), match.start() + len(match[0].rstrip(WHITESPACE))


def concatenated(data: bytes, max_bytes: int) -> list[Decoded] | None:
    """Return the objects that stand one after the other; None: there is something else, too.

    :raises TooManyParts: see there.
    """
    # In a whole object nothing opens where something was closed just before: so they can part nowhere else.
    return _taken(data, map(re.Match.span, _DOCUMENT.finditer(data)), b"", (0, len(data)), max_bytes)


def elements(data: bytes, max_bytes: int) -> list[Decoded] | None:
    """Return the objects of an array; None: it is none, is empty, or holds something else, too.

    :raises TooManyParts: see `concatenated`.
    """
    begin, end = len(data) - len(data.lstrip(WHITESPACE)), len(data.rstrip(WHITESPACE))
    if data[begin : begin + 1] != b"[" or data[end - 1 : end] != b"]":
        return None
    return _taken(data, _braced(data, begin + 1, end - 1), b",", (begin + 1, end - 1), max_bytes)


def _braced(data: bytes, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where each stands that opens with a brace, and closes with its own."""
    depth = start = 0
    for match in _BRACE.finditer(data, begin, end):
        kind = match.lastindex
        if kind == _IS_FLAT:
            if not depth:
                yield match.span(_IS_FLAT)
        elif kind == _OPENS:
            if not depth:
                start = match.start(_OPENS)
            depth += 1
            if depth > _MAX_DEPTH:
                return
        elif kind == _CLOSES and depth:
            depth -= 1
            if not depth:
                yield start, match.end()
        else:
            return


def _taken(
    data: bytes, spans: Iterable[tuple[int, int]], separator: bytes, within: tuple[int, int], max_bytes: int
) -> list[Decoded] | None:
    """Return the pieces if each is an object, and nothing but the separator, once, stands between them."""
    made: list[Decoded] = []
    (place, end), left, wanted = within, max_bytes, b""
    for start, stop in spans:
        text = data[start:stop].strip(WHITESPACE)
        if not text:
            continue
        if data[place:start].strip(WHITESPACE) != wanted or not is_object(text):
            return None
        left -= len(text) + PART_BYTES
        if left < 0:
            raise TooManyParts
        made.append(Decoded(text))
        place, wanted = stop, separator
    return made if made and not data[place:end].strip(WHITESPACE) else None


def as_it_is(data: bytes, max_bytes: int) -> tuple[Part]:
    """Return data as one document."""
    return (Decoded(data) if len(data) + PART_BYTES <= max_bytes else Undecodable(TOO_LARGE),)


class _Framing(ABC):
    takes: Final = Kind.BYTES
    gives: Final = Kind.JSON

    def __init__(self, options: Mapping[str, Any], context: DecoderContext) -> None:
        check_names(options)
        self._max_bytes = context.max_bytes

    def decode(self, data: bytes) -> Sequence[Part]:
        """Return its documents."""
        try:
            return self._taken_apart(data) or as_it_is(data, self._max_bytes)
        except TooManyParts:
            return (Undecodable(TOO_LARGE),)

    @abstractmethod
    def _taken_apart(self, data: bytes) -> Sequence[Decoded] | None:
        """Return the documents; None: it is one as it is."""


class Json(_Framing):
    """One document, as it is."""

    def passes(self, data: bytes) -> bool:  # noqa: ARG002
        """Tell that it is one."""
        return True

    def _taken_apart(self, data: bytes) -> Sequence[Decoded] | None:  # noqa: ARG002
        return None


class Ndjson(_Framing):
    """Each line a document, whatever it is; blank ones are none."""

    def _taken_apart(self, data: bytes) -> Sequence[Decoded] | None:
        made, left = [], self._max_bytes
        for start, end in lines(data):
            left -= end - start + PART_BYTES
            if left < 0:
                raise TooManyParts
            made.append(Decoded(data[start:end]))
        return made


class JsonArray(_Framing):
    """An array of objects; anything else stays one document."""

    def _taken_apart(self, data: bytes) -> Sequence[Decoded] | None:
        return elements(data, self._max_bytes)


class JsonConcatenated(_Framing):
    """Objects one after the other; with anything else between them they stay one document."""

    def _taken_apart(self, data: bytes) -> Sequence[Decoded] | None:
        return concatenated(data, self._max_bytes)
