"""The decoders of `stream.format`, one after the other, fail-closed: what one does wrong is never a document."""

import re
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final

from consumer.decoder import (
    MAX_SCHEMA_NAME,
    PART_BYTES,
    Decoded,
    Decoder,
    DecoderUnavailable,
    LeftOut,
    Part,
    Schema,
    Tag,
    Undecodable,
)

SMALL_BYTES: Final = 1 << 20
MAX_RATIO: Final = 200
"""What a record may become: so many times its size, or so many bytes if that is more."""

DECODER_RAISED: Final = "decoder_raised"
DECODER_INVALID: Final = "decoder_invalid_part"
TOO_LARGE: Final = "decoded_too_large"
TAGS_LOST: Final = "decoder_tags_lost"
"""Codes of quarantine entries."""

_NAME: Final = re.compile(r"(?!(?:.*\d){5})[a-z][a-z0-9_]{0,63}")
"""As of the redactor's codes: they become labels, and one that holds content is told by its shape."""


def may_become(size: int, max_bytes: int) -> int:
    """Return what so many bytes may become.

    :param max_bytes: `stream.max_decoded_bytes`.
    """
    return min(max_bytes, max(SMALL_BYTES, MAX_RATIO * size))


class Chain:
    """What a record holds, by all steps.

    :param max_bytes: what one record may become, each part counted with `PART_BYTES` more.
    """

    def __init__(self, steps: Sequence[Decoder], max_bytes: int) -> None:
        self._steps = steps
        self._max_bytes = max_bytes
        self._schema: Schema | None = None
        """The last that was looked at, and is one: the same few come with each document."""
        only = steps[0] if len(steps) == 1 else None
        self._passes: Callable[[bytes], bool] = getattr(only, "passes", _never)
        self._not_passing: Callable[[Sequence[bytes]], Sequence[int]] | None = getattr(only, "not_passing", None)

    def to_decode(self, payloads: Sequence[bytes]) -> Sequence[int]:
        """Return the numbers of those records that are not one document as they were put, or may not be."""
        try:
            if self._not_passing is not None:
                return list(self._not_passing(payloads))
            return [number for number, data in enumerate(payloads) if not self._passes(data)]
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - a plug-in may raise anything: then it is to decode them
            return range(len(payloads))

    def most(self, size: int) -> int:
        """Return what a record of so many bytes may become."""
        return may_become(size, self._max_bytes)

    def decode(self, data: bytes) -> list[Part]:
        """Return what a record holds: one part at least.

        :raises DecoderUnavailable: see `Decoder`.
        """
        most = max(self.most(len(data)), len(data) + PART_BYTES)
        parts: list[Part] = [Decoded(data)]
        for step in self._steps:
            parts = [
                made for part in parts for made in (self._step(step, part) if isinstance(part, Decoded) else (part,))
            ]
            # Those that are no documents, too: each of them may become an entry in quarantine.
            size = len(parts) * PART_BYTES + sum([len(part.data) for part in parts if isinstance(part, Decoded)])
            if size > most:
                return [Undecodable(TOO_LARGE)]
        return parts

    def _step(self, step: Decoder, part: Decoded) -> Sequence[Part]:
        try:
            # It may be an iterator without an end.
            made = list(islice(step.decode(part.data), self._max_bytes // PART_BYTES + 1))
            schema = _moved(step, part.schema)
        except (DecoderUnavailable, KeyboardInterrupt):
            raise
        except BaseException:  # noqa: BLE001 - a plug-in may raise anything, and its message may hold content
            return (Undecodable(DECODER_RAISED),)
        if not (_are_plain(made) or (made and all(map(self._is_valid, made)))):
            return (Undecodable(DECODER_INVALID),)
        if part.schema is None:
            return made
        return [
            (each._replace(schema=schema) if schema else Undecodable(TAGS_LOST))
            if isinstance(each, Decoded) and each.schema is None
            else each
            for each in made
        ]

    def _is_valid(self, part: object) -> bool:
        # Exact types: a subclass could show one content to us and another to the redactor.
        if type(part) is Decoded:
            return type(part.data) is bytes and (part.schema is None or self._is_known(part.schema))
        name = part.code if type(part) is Undecodable else part.rule if type(part) is LeftOut else None
        return type(name) is str and _NAME.fullmatch(name) is not None

    def _is_known(self, schema: Schema) -> bool:
        if schema is self._schema:
            return True
        if not _is_schema(schema):
            return False
        self._schema = schema
        return True


def _moved(step: Decoder, schema: Schema | None) -> Schema | None:
    """Return the schema of what a step gives; None: there is none, or nobody knows where its tagged fields are now."""
    if schema is None or not schema.tags:
        return schema
    move: Callable[[Sequence[Tag]], Sequence[Tag]] | None = getattr(step, "moved", None)
    return schema._replace(tags=tuple(Tag(*each) for each in move(schema.tags))) if move else None


def _never(_: bytes) -> bool:
    return False


def _are_plain(parts: Sequence[Any]) -> bool:
    """Tell of many at once whether each is valid, as most are."""
    return (
        set(map(type, parts)) == {Decoded}
        and set(map(type, [part.data for part in parts])) == {bytes}
        and not any([part.schema for part in parts])  # noqa: C419 - a generator costs more
    )


def _is_schema(schema: object) -> bool:
    # It stands in items, entries and metrics: one that cannot be written would stop its shard for ever.
    return (
        type(schema) is Schema
        and _is_shown(schema.name)
        and _is_shown(schema.version)
        and type(schema.tags) is tuple
        and all(map(_is_tag, schema.tags))
    )


def _is_shown(text: object) -> bool:
    if type(text) is not str or len(text) > MAX_SCHEMA_NAME:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_tag(tag: object) -> bool:
    if type(tag) is not Tag or type(tag.name) is not str or type(tag.path) is not tuple:
        return False
    return all(type(name) is str for name in tag.path)
