"""One step of decoding by schema: from what a wire format found to a document."""

from collections.abc import Hashable
from functools import partial
from importlib import import_module

from consumer.decoder import PART_BYTES, Decoded, DecoderMetrics, Part, Undecodable
from consumer.decoding.schemas.definition import (
    SCHEMA_UNKNOWN,
    TOO_LARGE,
    Definition,
    Format,
    Refused,
    Registry,
    SchemaReader,
    Wire,
)
from consumer.decoding.schemas.json_schema import JsonReader
from consumer.decoding.schemas.memory import SchemaMemory
from consumer.extras import extra_named


def reader_of(definition: Definition, *, max_bytes: int, metrics: DecoderMetrics) -> SchemaReader:
    """Return what reads documents of a schema.

    :raises Exception: of whatever kind: nothing can be read with it.
    """
    # Imported where they are needed: an install may do without the extra, and Protobuf's parser takes long.
    match definition.format:
        case Format.AVRO:
            from consumer.decoding.schemas.avro import AvroReader  # noqa: PLC0415

            return AvroReader(definition, max_bytes)
        case Format.JSON:
            return JsonReader(definition)
        case Format.PROTOBUF:
            from consumer.decoding.schemas.protobuf import ProtobufReader  # noqa: PLC0415

            return ProtobufReader(definition, max_bytes, metrics)


class SchemaReading:
    """Reads payloads by the ids of their schemas.

    :raises UsageError: the extra that reads them is not installed.
    """

    def __init__(self, registry: Registry, wire: Wire, max_bytes: int, metrics: DecoderMetrics) -> None:
        with extra_named("it"):
            for module in ("fastavro", "proto_schema_parser"):
                import_module(module)
        self._max_bytes = max_bytes - PART_BYTES
        self._memory = SchemaMemory(registry, partial(reader_of, max_bytes=self._max_bytes, metrics=metrics))
        self._wire = wire

    def read(self, schema_id: Hashable, payload: bytes) -> Part:
        """Return the document.

        :raises DecoderUnavailable: the registry does not answer.
        """
        reader = self._memory.get(schema_id)
        if reader is None:
            return SCHEMA_UNKNOWN
        try:
            document, schema = reader.read(payload, self._wire)
        except Refused as refusal:
            return Undecodable(refusal.code)
        return Decoded(document, schema) if len(document) <= self._max_bytes else Undecodable(TOO_LARGE)
