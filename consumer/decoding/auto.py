"""Goes by a record's first bytes: compressed or not, JSON in whatever framing.

What was one JSON object before there was more than that stays so, byte for byte. So does whatever cannot be made sense
of: it is one document, which the redactor refuses with a code of its own.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from consumer.decoder import PART_BYTES, Decoded, DecoderContext, Kind, Part, Undecodable
from consumer.decoding.broken_lines import joined
from consumer.decoding.chain import TOO_LARGE
from consumer.decoding.compression import MAX_NESTED, NO_ZSTD, compression_of, expand, zstd_inflater
from consumer.decoding.framing import (
    WHITESPACE,
    TooManyParts,
    are_objects,
    as_it_is,
    concatenated,
    elements,
    is_json,
    is_object,
    lines,
)
from consumer.decoding.options import check_names
from consumer.errors import UsageError
from redaction.compiled import installed
from redaction.inflate import inflate_whole

TOO_OFTEN: Final = "compressed_too_often"
"""Code of a quarantine entry."""

# Of one record: with more of them it is no NDJSON with a bad line, and each costs time, and many times its size.
_MAX_BAD_LINES: Final = 1000
_MAX_BAD_BYTES: Final = 2**20
# Stands in one object only within a text.
_JOINT: Final = re.compile(rb"\}[ \t\r\n]*+\{")


class Auto:
    """Compression and framing."""

    takes: Final = Kind.BYTES
    gives: Final = Kind.JSON

    def __init__(self, options: Mapping[str, Any], context: DecoderContext) -> None:
        check_names(options)
        self._max_bytes = context.max_bytes
        self._inflaters: dict[str, Callable[[bytes, int], bytes]] = {"gzip": inflate_whole, "zlib": inflate_whole}
        with suppress(UsageError):  # an install without it has to do with the others
            self._inflaters["zstd"] = zstd_inflater()

        if compiled := installed():
            self.not_passing: Callable[[Sequence[bytes]], Sequence[int]] = compiled.not_single

    def passes(self, data: bytes) -> bool:
        """Tell whether it is one document, whole or broken; False: not sure."""
        if data[:1] != b"{":
            return False
        last = len(data) - 1
        if data.find(b"}") >= last - 1:  # a record may end with a newline
            return True
        newline = data.find(b"\n", 0, last)
        if newline > 0 and data[:newline].rstrip(WHITESPACE)[-1:] == b"}":
            return False  # the first line may be a whole object
        return _JOINT.search(data) is None

    def decode(self, data: bytes) -> Sequence[Part]:
        """Return what the record holds."""
        for nested in range(MAX_NESTED + 1):
            compression = compression_of(data)
            if compression is None:
                break
            if nested == MAX_NESTED:
                return (Undecodable(TOO_OFTEN),)
            if compression not in self._inflaters:
                return (Undecodable(NO_ZSTD),)
            made = expand(self._inflaters[compression], data, self._max_bytes)
            if isinstance(made, Undecodable):
                return (made,)
            data = made
        try:
            return self._documents(data)
        except TooManyParts:
            return (Undecodable(TOO_LARGE),)

    def _documents(self, data: bytes) -> Sequence[Part]:
        whole = as_it_is(data, self._max_bytes)
        if self.passes(data):
            return whole
        match data[:1] if data[:1] in (b"{", b"[") else data.lstrip(WHITESPACE)[:1]:
            case b"[":
                return elements(data, self._max_bytes) or whole
            case b"{":
                made = self._lines(data)
                if made is None:
                    made = concatenated(data, self._max_bytes)
                return made if made and len(made) > 1 else whole
        return whole

    def _lines(self, data: bytes) -> Sequence[Decoded] | None:
        """Return the documents of lines, or all as one; None: the first line is no object."""
        if data.count(b"\n") <= self._max_bytes // PART_BYTES:
            texts = [text for text in [line.strip(WHITESPACE) for line in data.split(b"\n")] if text]
            if len(data) + PART_BYTES * len(texts) <= self._max_bytes and are_objects(texts):
                return [Decoded(text) for text in texts]
        spans: list[tuple[int, int]] = []
        bad: list[int] = []
        bad_bytes = 0
        left = self._max_bytes
        for start, end in lines(data):
            line = data[start:end]
            if not spans:
                if not is_object(line):
                    return None
            elif not is_json(line):
                bad.append(len(spans))
                bad_bytes += end - start
                if len(bad) > _MAX_BAD_LINES or bad_bytes > _MAX_BAD_BYTES:
                    return [Decoded(data)]
            spans.append((start, end))
            left -= end - start + PART_BYTES
            if left < 0:
                raise TooManyParts
        if bad:
            spans = joined(data, spans, bad)
        return [Decoded(data[start:end]) for start, end in spans]
