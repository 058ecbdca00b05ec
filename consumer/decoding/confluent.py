"""Confluent's wire format: a byte 0, the schema's id in four bytes, and the payload.

In Protobuf that begins with the message's place among those of its level, for each level from the top: how many places,
then each, in ZigZag; a single 0 stands for the first message. Source: Confluent, "Wire format".
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from consumer.decoder import DecoderContext, Kind, Part, Undecodable
from consumer.decoding.schemas.definition import Refused, Registry
from consumer.decoding.schemas.http_registry import HttpRegistry
from consumer.decoding.schemas.options import check_texts, registry_of
from consumer.decoding.schemas.reading import SchemaReading
from consumer.decoding.schemas.varint import PROTOBUF_INVALID, signed
from consumer.errors import UsageError

HEADER_INVALID: Final = Undecodable("confluent_header_invalid")

_OPTIONS: Final = ("credentials", "folder", "url")
_MAGIC: Final = 0
_HEADER_BYTES: Final = 5
_LARGEST_ID: Final = 2**31 - 1
"""A registry's ids are Java's `int`: it has no word for greater ones."""

_MAX_LEVELS: Final = 32


class Confluent:
    """Reads Avro, Protobuf and JSON by schemas of a registry with Confluent's interface, or of a folder."""

    takes: Final = Kind.BYTES
    gives: Final = Kind.JSON

    def __init__(self, options: Mapping[str, Any], context: DecoderContext) -> None:
        check_texts(options, _OPTIONS)
        if ("url" in options) == ("folder" in options):
            raise UsageError("it needs either url, the registry's address, or folder, which holds schemas.")
        if "credentials" in options and "url" not in options:
            raise UsageError("credentials are for a registry: it has a folder.")

        def http() -> Registry:
            return HttpRegistry(options["url"], options.get("credentials"))

        self._reading = SchemaReading(registry_of(options, http), _Wire(), context.max_bytes, context.metrics)

    def decode(self, data: bytes) -> Sequence[Part]:
        """Return the document."""
        schema_id = int.from_bytes(data[1:_HEADER_BYTES], "big")
        if len(data) < _HEADER_BYTES or data[0] != _MAGIC or schema_id > _LARGEST_ID:
            return (HEADER_INVALID,)
        return (self._reading.read(schema_id, data[_HEADER_BYTES:]),)


class _Wire:
    def message(self, payload: bytes) -> tuple[tuple[int, ...], int]:
        count, place = signed(payload, 0)
        if count == 0:
            return (0,), place
        if not 0 < count <= _MAX_LEVELS:
            raise Refused(PROTOBUF_INVALID)
        found = []
        for _ in range(count):
            index, place = signed(payload, place)
            found.append(index)
        return tuple(found), place
