"""The wire format of the AWS Glue Schema Registry's libraries.

A byte 3, a byte that says how the rest is compressed (0: not; 5: zlib), the id of the schema's version (a UUID), and
the payload. In Protobuf that begins with the message's number, as a varint: its place in the order of the full names of
all of the schema's messages. Source: awslabs/aws-glue-schema-registry, SerializationDataEncoder and MessageIndexFinder.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from consumer.decoder import DecoderContext, Kind, Part, Undecodable
from consumer.decoding.chain import may_become
from consumer.decoding.schemas.glue_registry import GlueRegistry
from consumer.decoding.schemas.options import check_texts, registry_of
from consumer.decoding.schemas.reading import SchemaReading
from consumer.decoding.schemas.varint import unsigned
from redaction.inflate import Corrupt, TooLarge, inflate_whole

HEADER_INVALID: Final = Undecodable("glue_header_invalid")
CORRUPT: Final = Undecodable("glue_payload_corrupt")
TOO_LARGE: Final = Undecodable("glue_payload_too_large")

_OPTIONS: Final = ("folder",)
_VERSION: Final = 3
_PLAIN: Final = 0
_ZLIB: Final = 5
_ID: Final = slice(2, 18)
_HEADER_BYTES: Final = 18


class Glue:
    """Reads Avro, Protobuf and JSON by schemas of the Glue Schema Registry, or of a folder."""

    takes: Final = Kind.BYTES
    gives: Final = Kind.JSON

    def __init__(self, options: Mapping[str, Any], context: DecoderContext) -> None:
        check_texts(options, _OPTIONS)
        self._max_bytes = context.max_bytes
        self._reading = SchemaReading(registry_of(options, GlueRegistry), _Wire(), context.max_bytes, context.metrics)

    def decode(self, data: bytes) -> Sequence[Part]:
        """Return the document."""
        if len(data) < _HEADER_BYTES or data[0] != _VERSION or data[1] not in (_PLAIN, _ZLIB):
            return (HEADER_INVALID,)
        payload = data[_HEADER_BYTES:]
        if data[1] == _ZLIB:
            try:
                payload = inflate_whole(payload, may_become(len(payload), self._max_bytes))
            except Corrupt:
                return (CORRUPT,)
            except TooLarge:
                return (TOO_LARGE,)
        return (self._reading.read(str(UUID(bytes=data[_ID])), payload),)


class _Wire:
    def message(self, payload: bytes) -> tuple[int, int]:
        return unsigned(payload, 0)
