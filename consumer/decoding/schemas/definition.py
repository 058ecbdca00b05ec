"""A schema as a registry gives it, and what a registry is asked."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from consumer.decoder import MAX_SCHEMA_NAME, Schema, Undecodable

MAX_SCHEMA_BYTES: Final = 2**20
"""Of a schema's text, with all that it refers to."""

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class Format(StrEnum):
    """By the names that registries give them."""

    AVRO = "AVRO"
    PROTOBUF = "PROTOBUF"
    JSON = "JSON"


class Definition(NamedTuple):
    """A schema's text.

    :ivar references: by the names under which the text refers to them, those first that others refer to.
    """

    format: Format
    text: str
    name: str
    version: str
    references: Mapping[str, str] = _NONE

    @property
    def schema(self) -> Schema:
        """Its name and version, bounded."""
        return Schema(self.name[:MAX_SCHEMA_NAME], self.version[:MAX_SCHEMA_NAME])


class SchemaUnusable(Exception):
    """The registry has the schema, and nothing can be read with it: broken, too large, or beyond what is understood."""


class Refused(Exception):
    """What a record holds is not what its schema says, or more than it may be.

    :param code: of the quarantine entry.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Registry(Protocol):
    """Where schemas come from. Used by several threads at once."""

    @property
    def lags(self) -> bool:
        """Whether it may not know yet what it was told some seconds ago."""
        ...

    def fetch(self, schema_id: Any) -> Definition | None:
        """Return a schema; None: there is none of that id.

        :raises DecoderUnavailable: it does not answer, or not as it should.
        :raises SchemaUnusable: see there.
        """
        ...


class Wire(Protocol):
    """What a wire format says of a message's place in a Protobuf schema."""

    def message(self, payload: bytes) -> tuple[tuple[int, ...] | int, int]:
        """Return which message it is, and where it begins.

        :return: the place among the messages of each level, or the place in the order of all full names.
        :raises Refused: cut short.
        """
        ...


class SchemaReader(Protocol):
    """Reads what was written with one schema. Used by several threads at once."""

    def read(self, payload: bytes, wire: Wire) -> tuple[bytes, Schema]:
        """Return a document as JSON.

        :raises Refused: see there.
        """
        ...


class Unusable:
    """In the place of a reader: nothing can be read with this schema."""

    def read(self, payload: bytes, wire: Wire) -> tuple[bytes, Schema]:  # noqa: ARG002
        """Refuse."""
        raise Refused(SCHEMA_UNUSABLE)


SCHEMA_UNKNOWN: Final = Undecodable("schema_unknown")
SCHEMA_UNUSABLE: Final = "schema_unusable"
TOO_LARGE: Final = "decoded_too_large"
TOO_MANY_VALUES: Final = "decoded_too_many_values"
TOO_DEEP: Final = "decoded_too_deep"
NOT_AN_OBJECT: Final = "decoded_not_an_object"
VALUE_UNSUPPORTED: Final = "decoded_value_unsupported"

MAX_VALUES: Final = 100_000
"""Fields and list elements of one document."""

MAX_DEPTH: Final = 64
"""Levels of nesting of one document: twice what DynamoDB holds."""
