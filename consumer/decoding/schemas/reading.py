"""One step of decoding by schema: from what a wire format found to a document."""

from collections.abc import Hashable
from functools import partial

from consumer.decoder import Decoded, DecoderMetrics, Part, Undecodable
from consumer.decoding.schemas.avro import AvroReader
from consumer.decoding.schemas.definition import (
    SCHEMA_UNKNOWN,
    Definition,
    Format,
    Refused,
    Registry,
    SchemaReader,
    Wire,
)
from consumer.decoding.schemas.json_schema import JsonReader
from consumer.decoding.schemas.memory import SchemaMemory


def reader_of(definition: Definition, *, max_bytes: int, metrics: DecoderMetrics) -> SchemaReader:
    """Return what reads documents of a schema.

    :raises Exception: of whatever kind: nothing can be read with it.
    """
    match definition.format:
        case Format.AVRO:
            return AvroReader(definition, max_bytes)
        case Format.JSON:
            return JsonReader(definition)
        case Format.PROTOBUF:
            # Its parser takes as long to import as all else together, and most streams have no Protobuf.
            from consumer.decoding.schemas.protobuf import ProtobufReader  # noqa: PLC0415

            return ProtobufReader(definition, max_bytes, metrics)


class SchemaReading:
    """Reads payloads by the ids of their schemas."""

    def __init__(self, registry: Registry, wire: Wire, max_bytes: int, metrics: DecoderMetrics) -> None:
        self._memory = SchemaMemory(registry, partial(reader_of, max_bytes=max_bytes, metrics=metrics))
        self._wire = wire

    def read(self, schema_id: Hashable, payload: bytes) -> Part:
        """Return the document.

        :raises DecoderUnavailable: the registry does not answer.
        """
        reader = self._memory.get(schema_id)
        if reader is None:
            return SCHEMA_UNKNOWN
        try:
            return Decoded(*reader.read(payload, self._wire))
        except Refused as refusal:
            return Undecodable(refusal.code)
