"""Avro with the AWS Glue Schema Registry: each shape of documents is a version of one schema, made from them."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from io import BytesIO
from typing import Any, Final
from uuid import UUID

from consumer import aws
from consumer.errors import ServiceError
from consumer.extras import extra_named

SCHEMA: Final = "produced-documents"
"""Its name, in the account's default registry."""

MAX_SHAPES: Final = 200
MAX_DEPTH: Final = 32

_HEADER: Final = b"\x03\x00"  # the format's version; not compressed
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SCALE: Final = 30
_DIGITS: Final = 68
_NUMBER: Final = ["long", "double", {"type": "bytes", "logicalType": "decimal", "precision": _DIGITS, "scale": _SCALE}]
_LONG: Final = range(-(1 << 63), 1 << 63)
_SECONDS: Final = 10.0


class _Unfit(ValueError):
    """Avro has no way to write it."""


class AvroGlue:
    """Writes one document a record, and registers its schema when it is first needed."""

    def __init__(self) -> None:
        self._encode = _encoder()
        self._ids: dict[str, bytes | None] = {}

    def holds(self, document: bytes) -> bool:
        """Tell whether Avro can say what the document says, to the digit, with one of `MAX_SHAPES` schemas."""
        try:
            schema, payload = self._written(document)
        except (ValueError, RecursionError):
            return False
        if schema not in self._ids and len(self._ids) == MAX_SHAPES:
            return False
        self._ids.setdefault(schema, None)
        return payload is not None

    def write(self, documents: Sequence[bytes]) -> bytes:
        """Return the record of one document.

        :raises ServiceError: the registry does not answer, or refuses.
        """
        schema, payload = self._written(documents[0])
        known = self._ids.get(schema)
        if known is None:
            known = self._ids[schema] = _registered(schema)
        return _HEADER + known + payload

    def _written(self, document: bytes) -> tuple[str, bytes]:
        value = json.loads(document, parse_float=Decimal, parse_constant=_refused, object_pairs_hook=_fields)
        if not isinstance(value, dict):
            raise _Unfit
        schema = _type(value, "Document", 0)
        return json.dumps(schema), self._encode(schema, _value(value))


def _registered(schema: str) -> bytes:
    """Return the id of the schema's version."""
    client = aws.client("glue", timeout=_SECONDS)
    operation = "glue:CreateSchema"
    try:
        try:
            made = client.create_schema(
                SchemaName=SCHEMA, DataFormat="AVRO", Compatibility="NONE", SchemaDefinition=schema
            )
        except aws.CALL_ERRORS as error:
            if aws.error_code(error) != "AlreadyExistsException":
                raise
            operation = "glue:RegisterSchemaVersion"
            made = client.register_schema_version(
                SchemaId={"SchemaName": SCHEMA, "RegistryName": "default-registry"}, SchemaDefinition=schema
            )
    except aws.CALL_ERRORS as error:
        raise ServiceError(aws.explain(error, operation, f"schema {SCHEMA}")) from None
    return UUID(made["SchemaVersionId"]).bytes


def _encoder() -> Callable[[Any, Any], bytes]:
    """Return what makes Avro.

    :raises UsageError: the extra is not installed.
    """
    with extra_named():
        from fastavro import parse_schema, schemaless_writer  # noqa: PLC0415 - not in each install
        from fastavro.schema import SchemaParseException  # noqa: PLC0415

    def encode(schema: Any, value: Any) -> bytes:
        stream = BytesIO()
        try:
            schemaless_writer(stream, parse_schema(schema), value)
        except SchemaParseException:  # two records of one name
            raise _Unfit from None
        return stream.getvalue()

    return encode


def _items(kind: Any) -> Any:
    """Return the type of an array's items, none of which may take no bytes: an array of those could have any length."""
    if kind == "null":
        return ["null", "string"]
    return ["null", kind] if isinstance(kind, dict) and kind["type"] == "record" else kind


def _type(value: Any, name: str, depth: int) -> Any:
    """Return the schema of a value; of records the fields in the order of their names."""
    if depth > MAX_DEPTH:
        raise _Unfit
    if isinstance(value, Mapping):
        if not all(map(_NAME.fullmatch, value)):
            raise _Unfit
        fields = [{"name": key, "type": _type(value[key], f"{name}_{key}", depth + 1)} for key in sorted(value)]
        return {"type": "record", "name": name, "fields": fields}
    if isinstance(value, list):
        types = [_type(element, name, depth + 1) for element in value]
        if any(each != types[0] for each in types):
            raise _Unfit
        return {"type": "array", "items": _items(types[0] if types else "null")}
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else _NUMBER


def _value(value: Any) -> Any:
    """Return a value with each number as the branch of `_NUMBER` that keeps all of its digits."""
    if isinstance(value, dict):
        return {key: _value(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_value(element) for element in value]
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        return value
    if isinstance(value, int) and value in _LONG:
        return value
    number = Decimal(value)
    if Decimal(repr(float(number))) == number:
        return float(number)
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_SCALE or number.adjusted() >= _DIGITS - _SCALE:
        raise _Unfit
    return number


def _fields(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):  # a name twice
        raise _Unfit
    return made


def _refused(_: str) -> None:
    raise _Unfit  # NaN and Infinity are no JSON
