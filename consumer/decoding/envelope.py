"""Opens envelopes: the inner document is what is redacted and stored; what is kept of the envelope stands beside it.

That is one field, so that policies speak of it as of any other, and key templates reach it: `{envelope.id}`.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from consumer.decoder import (
    ANY_NAME,
    ANY_NAMES,
    PART_BYTES,
    Decoded,
    DecoderContext,
    DecoderFactory,
    Kind,
    LeftOut,
    Part,
    Tag,
    Undecodable,
)
from consumer.decoding.chain import TOO_LARGE
from consumer.decoding.options import check_names
from consumer.errors import UsageError
from redaction.parse import Limits, Unparsable, parse, parse_text
from redaction.plugin import Document, JSONValue
from redaction.serialize import serialize

FIELD: Final = "envelope"
"""Holds what is kept."""

EMPTY: Final = "envelope_empty"
UNUSABLE: Final = "envelope_content_unusable"
TAKEN: Final = "envelope_field_taken"
DELETION: Final = "deletion"
"""Codes of quarantine entries; the first and the last are rules by which a record is left out, too."""

_CONTROL_RECORD: Final = "dms_control_record"
_TOMBSTONE: Final = "debezium_tombstone"

_MAX_DEPTH: Final = 100
_MAX_SCHEMAS: Final = 100
_MAX_VALUES: Final = 250_000

_PATH: Final = re.compile(r"[^.{}]+(\.[^.{}]+)*")
_DROP, _QUARANTINE = "drop", "quarantine"


class Refused(Exception):
    """There is no document to be had. `code` holds nothing of the content."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def limits_of(context: DecoderContext) -> Limits:
    """Return what an envelope may be."""
    return Limits(max_depth=_MAX_DEPTH, max_bytes=context.max_bytes, max_values=_MAX_VALUES)


def opened(data: bytes, limits: Limits) -> Document:
    """Return an envelope.

    :raises Refused: it is no strict JSON object; the code is the one that the redactor would have given.
    """
    try:
        return parse(data, limits)
    except Unparsable as refusal:
        raise Refused(refusal.code) from None


def field_at(value: JSONValue, path: Sequence[str]) -> JSONValue:
    """Return what stands at a path; None, too, where nothing does."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def kept(envelope: Document, paths: Sequence[Sequence[str]]) -> Document:
    """Return the fields at some paths, nested as they were."""
    fields: Document = {}
    for path in paths:
        value = field_at(envelope, path)
        if value is not None:
            inner: Any = fields
            for name in path[:-1]:
                inner = inner.setdefault(name, {})
            inner[path[-1]] = value
    return fields


def below(path: Sequence[str], names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield what is left of a tag's path for one who stands at `names`; nothing is left where all there is tagged."""
    if not names or not path:
        yield tuple(path)
    elif path[0] == ANY_NAMES:
        yield from below(path[1:], names)
        yield from below(path, names[1:])
    elif path[0] in (ANY_NAME, names[0]):
        yield from below(path[1:], names[1:])


def with_envelope(document: Document, fields: Document) -> bytes:
    """Return a document with what is kept beside it.

    :raises Refused: the document has a field of that name, which would pass for what the envelope said.
    """
    if FIELD in document:
        raise Refused(TAKEN)
    return serialize({**document, FIELD: fields})


def choice(options: Mapping[str, Any], name: str, default: str) -> bool:
    """Read an option that says what becomes of something; return whether it is left out.

    :raises UsageError: it is neither of the two.
    """
    chosen = options.get(name, default)
    if chosen not in (_DROP, _QUARANTINE):
        raise UsageError(f"{name} is drop or quarantine.")
    return bool(chosen == _DROP)


class _Form(NamedTuple):
    """How an envelope is made.

    :ivar at: where the document is.
    :ivar base64_at: where it is instead, as base64; empty: nowhere.
    :ivar wrapped_in: field that may hold the envelope, where `schema` stands beside it.
    :ivar operation: where it stands what was done, and what means that something was deleted.
    :ivar without_bytes: rule by which a record of no bytes is left out; empty: it is not.
    :ivar control: where it stands what kind of record it is, and what means that it holds no data.
    """

    at: str
    keep: tuple[str, ...] = ()
    base64_at: str = ""
    wrapped_in: str = ""
    operation: tuple[str, tuple[str, ...]] | None = None
    without_bytes: str = ""
    control: tuple[str, str, str] | None = None


class Opener:
    """Opens one form of envelope."""

    takes: Final = Kind.JSON
    gives: Final = Kind.JSON

    def __init__(self, form: _Form, options: Mapping[str, Any], context: DecoderContext) -> None:
        keep = options.get("keep", form.keep)
        if isinstance(keep, str) or not isinstance(keep, Sequence):
            raise UsageError("keep is a list of fields.")
        self._keep = [_path(each, "keep") for each in keep]
        self._at = _path(form.at, "at")
        self._form = form
        self._drops_empty = choice(options, "absent", _QUARANTINE)
        self._drops_deletions = choice(options, "deletions", _DROP)
        self._limits = limits_of(context)
        self._inner = [self._at]
        if form.base64_at:
            self._inner.append(tuple(form.base64_at.split(".")))
        self.moved = lru_cache(_MAX_SCHEMAS)(self._moved)

    def _moved(self, tags: Sequence[Tag]) -> tuple[Tag, ...]:
        """Return where tagged fields of the envelope stand in the document."""
        return tuple(dict.fromkeys(Tag(place, tag.name) for tag in tags for place in self._places(tag.path)))

    def _places(self, path: Sequence[str]) -> Iterator[tuple[str, ...]]:
        for wrapped in ((), (self._form.wrapped_in,)) if self._form.wrapped_in else ((),):
            for at in self._inner:
                yield from (rest or (ANY_NAME,) for rest in below(path, (*wrapped, *at)))
            for at in self._keep:
                yield from ((FIELD, *at, *rest) for rest in below(path, (*wrapped, *at)))

    def decode(self, data: bytes) -> Sequence[Part]:
        """Return the inner document."""
        if self._form.without_bytes and not data:
            return (LeftOut(self._form.without_bytes),)
        try:
            return (self._opened(opened(data, self._limits)),)
        except Refused as refusal:
            return (Undecodable(refusal.code),)

    def _opened(self, envelope: Document) -> Part:
        form = self._form
        if form.wrapped_in and set(envelope) == {"schema", form.wrapped_in}:
            inner = envelope[form.wrapped_in]
            if not isinstance(inner, dict):
                raise Refused(EMPTY)
            envelope = inner
        if form.control and field_at(envelope, form.control[0].split(".")) == form.control[1]:
            return LeftOut(form.control[2])
        if form.operation and field_at(envelope, form.operation[0].split(".")) in form.operation[1]:
            return LeftOut(DELETION) if self._drops_deletions else Undecodable(DELETION)
        content = field_at(envelope, self._at)
        if content is None and form.base64_at:
            content = _decoded(field_at(envelope, form.base64_at.split(".")))
        if content is None:
            return LeftOut(EMPTY) if self._drops_empty else Undecodable(EMPTY)
        document = self._document(content)
        made = with_envelope(document, kept(envelope, self._keep)) if self._keep else serialize(document)
        return Decoded(made) if len(made) + PART_BYTES <= self._limits.max_bytes else Undecodable(TOO_LARGE)

    def _document(self, content: JSONValue) -> Document:
        if isinstance(content, str):
            try:
                content = parse_text(content, self._limits)
            except Unparsable as refusal:
                raise Refused(UNUSABLE if refusal.code == "invalid_json" else refusal.code) from None
        if not isinstance(content, dict):
            raise Refused(UNUSABLE)
        return content


def envelope(options: Mapping[str, Any], context: DecoderContext) -> Opener:
    """Make an opener for an envelope that the options describe.

    :raises UsageError: they are not as they must be.
    """
    check_names(options, ("at", "keep", "absent"))
    if "at" not in options:
        raise UsageError("at is missing: the field that holds the document.")
    return Opener(_Form(options["at"]), options, context)


def _known(form: _Form) -> DecoderFactory:
    names = ("keep", "deletions" if form.operation else "absent")

    def make(options: Mapping[str, Any], context: DecoderContext) -> Opener:
        check_names(options, names)
        return Opener(form, options, context)

    return make


cloudevents: Final = _known(
    _Form("data", ("id", "source", "type", "subject", "time", "dataschema"), base64_at="data_base64")
)
"""CloudEvents 1.0, structured mode, JSON event format."""

eventbridge: Final = _known(_Form("detail", ("id", "detail-type", "source", "account", "time", "region", "resources")))
"""Events of Amazon EventBridge."""

sns: Final = _known(_Form("Message", ("MessageId", "TopicArn", "Subject", "Timestamp", "MessageAttributes")))
"""Notifications of Amazon SNS, delivered with their envelope."""

debezium: Final = _known(
    _Form(
        "after",
        ("op", "ts_ms", "source"),
        wrapped_in="payload",
        operation=("op", ("d", "t")),
        without_bytes=_TOMBSTONE,
    )
)
"""Change events of Debezium, with or without their schema.

Its server puts the tombstone that follows a deletion into Kinesis as a record of no bytes.
"""

dms: Final = _known(
    _Form(
        "data",
        ("metadata",),
        operation=("metadata.operation", ("delete",)),
        control=("metadata.record-type", "control", _CONTROL_RECORD),
    )
)
"""Records of the AWS Database Migration Service."""


def _path(written: Any, option: str) -> tuple[str, ...]:
    if not isinstance(written, str) or not _PATH.fullmatch(written):
        raise UsageError(f"{option} names fields, joined by dots.")
    return tuple(written.split("."))


def _decoded(text: JSONValue) -> str | None:
    if not isinstance(text, str):
        return None
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Refused(UNUSABLE) from None
