"""Reads Avro by the schema it was written with."""

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

import orjson
from fastavro import schemaless_reader
from fastavro.schema import parse_schema

from consumer.decoder import Schema
from consumer.decoding.schemas import tags
from consumer.decoding.schemas.avro_bounds import safe_bytes
from consumer.decoding.schemas.avro_type import AvroType, AvroTypes
from consumer.decoding.schemas.avro_values import AVRO_INVALID
from consumer.decoding.schemas.avro_walk import walk
from consumer.decoding.schemas.definition import (
    MAX_VALUES,
    NOT_AN_OBJECT,
    TOO_LARGE,
    Definition,
    Refused,
    SchemaUnusable,
    Wire,
)
from redaction.serialize import serialize

TRAILING_BYTES: Final = "avro_trailing_bytes"
_MAX_LEVELS: Final = 200
_UNUSED: Final = frozenset({"aliases", "default", "doc"})
_ROOT: Final = "root"


class AvroReader:
    """Reads documents of one schema.

    :param max_bytes: what a document may be as JSON.
    """

    def __init__(self, definition: Definition, max_bytes: int) -> None:
        named: dict[str, Any] = {}
        for text in definition.references.values():
            parse_schema(_prepared(text), named)
        parsed = parse_schema(_prepared(definition.text), named)
        root, written = AvroTypes(named).of(parsed)
        self._root = root
        self._safe_bytes = safe_bytes(root, MAX_VALUES, max_bytes)
        self._max_bytes = max_bytes
        # Around a record is nothing: its bytes are those of its fields. fastavro parses all else at each payload.
        self._written = parse_schema(
            {"type": "record", "name": "sanitizer.root", "fields": [{"name": _ROOT, "type": written}]}
        )
        found = tags.paths(root, AvroType.edges)
        self.schema = definition.schema._replace(tags=found)

    def read(self, payload: bytes, wire: Wire) -> tuple[bytes, Schema]:  # noqa: ARG002
        """Return a document as JSON.

        :raises Refused: see there.
        """
        if len(payload) > self._safe_bytes:
            walk(payload, self._root, self._max_bytes)
        stream = BytesIO(payload)
        try:
            document = schemaless_reader(stream, self._written)[_ROOT]  # type: ignore[call-overload, index]
        except (EOFError, ValueError, IndexError, OverflowError, MemoryError, struct.error):
            raise Refused(AVRO_INVALID) from None
        if stream.tell() != len(payload):
            raise Refused(TRAILING_BYTES)
        if type(document) is not dict:
            raise Refused(NOT_AN_OBJECT)
        made = serialize(document)
        if len(made) > self._max_bytes:
            raise Refused(TOO_LARGE)
        return made, self.schema


def _prepared(text: str) -> Any:
    """Return a schema as fastavro can take it: it ends the process at one that is nested very deep.

    Without defaults, which only other schemas' readers need, and of which it refuses some that others accept.
    """
    schema = orjson.loads(text) if text.lstrip()[:1] in ('"', "[", "{") else text.strip()
    waiting = [(schema, 0)]
    while waiting:
        node, level = waiting.pop()
        if level > _MAX_LEVELS:
            raise SchemaUnusable
        if isinstance(node, dict) and "type" in node:
            for key in _UNUSED & node.keys():
                del node[key]
        waiting.extend((part, level + 1) for part in _parts(node))
    return schema


def _parts(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield from node.values()
    elif isinstance(node, list):
        yield from node
