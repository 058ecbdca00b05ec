"""Reads Protobuf by the schema it was written with: as JSON by Protobuf's own mapping, with the .proto file's names.

What that mapping says, and what surprises: numbers of 64 bits are texts, a field of its default value without presence
is left out, bytes are base64, timestamps RFC 3339. Fields that the schema does not know are left out and counted.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, EncodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from consumer.decoder import DecoderMetrics, Schema
from consumer.decoding.schemas import tags
from consumer.decoding.schemas.definition import (
    MAX_VALUES,
    NOT_AN_OBJECT,
    SCHEMA_UNUSABLE,
    TOO_LARGE,
    VALUE_UNSUPPORTED,
    Definition,
    Refused,
    SchemaUnusable,
    Wire,
)
from consumer.decoding.schemas.proto_file import MAX_PROTO_CHARS, ProtoFile, known_file, parsed
from consumer.decoding.schemas.proto_walk import shape_of, walk
from consumer.decoding.schemas.tags import Edge
from consumer.decoding.schemas.varint import PROTOBUF_INVALID
from consumer.record import ANY_NAME
from redaction.serialize import serialize

MESSAGE_UNKNOWN: Final = "protobuf_message_unknown"
_MAX_FILES: Final = 500
_ANY: Final = "google.protobuf.Any"
_MAIN: Final = "sanitizer/main.proto"


class ProtobufReader:
    """Reads documents of one schema, of whichever of its messages.

    :param max_bytes: what a document may be as JSON.
    """

    def __init__(self, definition: Definition, max_bytes: int, metrics: DecoderMetrics) -> None:
        self._schema = definition.schema
        self._max_bytes = max_bytes
        self._metrics = metrics
        self._pool = descriptor_pool.DescriptorPool()
        self._tags: dict[str, tuple[str, ...]] = {}
        files = _Files(self._pool, definition.references, self._tags)
        main = files.parsed(_MAIN, definition.text)
        files.add(main)
        self._file = self._pool.FindFileByName(_MAIN)
        top = [self._file.message_types_by_name[each.name] for each in main.descriptor.message_type]
        self._top = top
        self._by_name = sorted(_with_nested(top), key=lambda each: str(each.full_name))
        self._messages: dict[tuple[int, ...] | int, _Messages | None] = {}
        self._lock = threading.Lock()

    def read(self, payload: bytes, wire: Wire) -> tuple[bytes, Schema]:
        """Return a document as JSON.

        :raises Refused: see there.
        """
        which, begin = wire.message(payload)
        if which not in self._messages:
            self._make(which)
        messages = self._messages[which]
        if messages is None:
            raise Refused(SCHEMA_UNUSABLE)
        made, kept_out = messages.read(payload[begin:])
        if kept_out:
            self._metrics.kept_out(kept_out)
        return made, messages.schema

    def _make(self, which: tuple[int, ...] | int) -> None:
        descriptor = self._found(which)
        with self._lock:
            try:
                self._messages[which] = _Messages(descriptor, self._pool, self._schema, self._tags, self._max_bytes)
            except (SchemaUnusable, RecursionError):
                self._messages[which] = None

    def _found(self, which: tuple[int, ...] | int) -> Descriptor:
        if isinstance(which, int):
            if which >= len(self._by_name):
                raise Refused(MESSAGE_UNKNOWN)
            return self._by_name[which]
        level: Sequence[Descriptor] = self._top
        found = None
        for index in which:
            if not 0 <= index < len(level):
                raise Refused(MESSAGE_UNKNOWN)
            found = level[index]
            level = found.nested_types
        if found is None or found.GetOptions().map_entry:
            raise Refused(MESSAGE_UNKNOWN)
        return found


class _Files:
    """Adds files to a pool, each after those that it imports."""

    def __init__(self, pool: Any, references: Mapping[str, str], found_tags: dict[str, tuple[str, ...]]) -> None:
        self._pool = pool
        self._references = references
        self._tags = found_tags
        self._added: set[str] = set()
        self._chars = 0

    def parsed(self, name: str, text: str) -> ProtoFile:
        self._chars += len(text)
        if self._chars > MAX_PROTO_CHARS:
            raise SchemaUnusable
        return parsed(name, text)

    def add(self, file: ProtoFile) -> None:
        if len(self._added) > _MAX_FILES:
            raise SchemaUnusable
        self._added.add(file.descriptor.name)
        for name in file.descriptor.dependency:
            if name not in self._added:
                self.add(self._imported(name))
        self._tags.update(file.tags)
        self._pool.AddSerializedFile(file.descriptor.SerializeToString())

    def _imported(self, name: str) -> ProtoFile:
        if name in self._references:
            return self.parsed(name, self._references[name])
        known = known_file(name)
        if known is None:
            raise SchemaUnusable
        return ProtoFile(known, {})


class _Messages:
    """Reads documents of one message."""

    def __init__(
        self, descriptor: Descriptor, pool: Any, schema: Schema, known: dict[str, tuple[str, ...]], max_bytes: int
    ) -> None:
        self._pool = pool
        self._shape = shape_of(descriptor)
        self._class = message_factory.GetMessageClass(descriptor)
        if _ANY in self._shape.messages:
            raise SchemaUnusable  # what it holds may be anything, and bounded by nothing
        self._max_bytes = max_bytes
        self._safe_bytes = min(MAX_VALUES, max_bytes // self._shape.chars_a_byte)
        if self._shape.is_recursive:
            self._safe_bytes = -1

        self.schema = schema._replace(tags=tags.paths(descriptor.full_name, _Tagged(pool, known).edges))

    def read(self, payload: bytes) -> tuple[bytes, int]:
        """Return a document as JSON, and how many of its fields the schema does not know."""
        if len(payload) > self._safe_bytes:
            walk(payload, self._shape, self._max_bytes)
        message = self._class()
        try:
            message.ParseFromString(payload)
            kept_out = self._discarded(message, payload)
            document = json_format.MessageToDict(message, preserving_proto_field_name=True, descriptor_pool=self._pool)
        except (DecodeError, EncodeError):  # the latter: a required field is not there
            raise Refused(PROTOBUF_INVALID) from None
        except (json_format.SerializeToJsonError, ValueError, OverflowError, TypeError, RecursionError):
            raise Refused(VALUE_UNSUPPORTED) from None
        if type(document) is not dict:
            raise Refused(NOT_AN_OBJECT)
        made = serialize(document)
        if len(made) > self._max_bytes:
            raise Refused(TOO_LARGE)
        return made, kept_out

    def _discarded(self, message: Message, payload: bytes) -> int:
        """Take out what the schema does not know; return how many fields."""
        whole = message.ByteSize()
        message.DiscardUnknownFields()
        if message.ByteSize() == whole:
            return 0
        again = self._class()
        again.ParseFromString(payload)
        return _unknown(again)


class _Tagged:
    """Types by their full names, as `tags.paths` asks for them."""

    def __init__(self, pool: Any, known: dict[str, tuple[str, ...]]) -> None:
        self._pool = pool
        self._known = known

    def edges(self, name: str) -> list[Edge]:
        if not name:
            return []
        message = self._pool.FindMessageTypeByName(name)
        if message.GetOptions().map_entry:
            return [self._edge(ANY_NAME, message.fields_by_name["value"])]
        found = [self._edge(field.name, field) for field in message.fields]
        return [Edge("", self._known[name], ""), *found] if name in self._known else found

    def _edge(self, name: str, field: FieldDescriptor) -> Edge:
        inner = field.message_type
        return Edge(name, self._known.get(field.full_name, ()), inner.full_name if inner else "")


def _with_nested(messages: Iterable[Descriptor]) -> Iterator[Descriptor]:
    for each in messages:
        yield each
        yield from _with_nested(each.nested_types)


def _unknown(message: Message) -> int:
    count = len(UnknownFieldSet(message))
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is not None:
                count += sum(map(_unknown, value.values()))
        else:
            count += sum(map(_unknown, value if field.is_repeated else (value,)))
    return count
