"""Records with schemas, written as the registries' own libraries write them, and a decoder's surroundings."""

import json
import zlib
from collections.abc import Sequence
from io import BytesIO
from typing import Any
from uuid import UUID

from fastavro import schemaless_writer
from fastavro.schema import parse_schema

from consumer.decoder import DecoderContext
from consumer.decoding.schemas.definition import Definition, Format
from tests.kits.log import RecordingLog
from tests.kits.pipeline import KeptOut

MAX_BYTES = 32 * 2**20


def context(metrics: KeptOut | None = None, max_bytes: int = MAX_BYTES) -> DecoderContext:
    return DecoderContext("transactions", max_bytes, metrics or KeptOut(), RecordingLog())


def avro_definition(schema: Any, **references: Any) -> Definition:
    texts = {name: json.dumps(each) for name, each in references.items()}
    return Definition(Format.AVRO, json.dumps(schema), "orders", "3", texts)


def avro_bytes(schema: Any, value: Any) -> bytes:
    stream = BytesIO()
    schemaless_writer(stream, parse_schema(schema), value)
    return stream.getvalue()


def glue_record(schema_id: str, payload: bytes, *, is_compressed: bool = False) -> bytes:
    """As SerializationDataEncoder of aws-glue-schema-registry: header version, compression, the id's two halves."""
    return (
        bytes([3, 5 if is_compressed else 0])
        + UUID(schema_id).bytes
        + (zlib.compress(payload) if is_compressed else payload)
    )


def confluent_record(schema_id: int, payload: bytes, indexes: Sequence[int] | None = None) -> bytes:
    """As Confluent's serializers: the magic byte, the id, and of Protobuf the message's indexes."""
    head = b"\0" + schema_id.to_bytes(4, "big")
    if indexes is None:
        return head + payload
    if list(indexes) == [0]:
        return head + b"\0" + payload
    return head + b"".join(zigzag(each) for each in (len(indexes), *indexes)) + payload


def zigzag(number: int) -> bytes:
    return varint((number << 1) ^ (number >> 63))


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*found, number))
