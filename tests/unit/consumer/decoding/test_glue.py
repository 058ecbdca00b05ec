"""The wire format of the Glue Schema Registry, from bytes to documents, with moto's Glue."""

import gzip
import json
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from consumer import aws
from consumer.decoder import Decoded, DecoderUnavailable, Schema, Tag, Undecodable
from consumer.decoding.glue import Glue
from consumer.errors import StartError, UsageError
from tests.kits.schemas import avro_bytes, context, glue_record, varint

ORDER: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "fields": [{"name": "id", "type": "string"}, {"name": "card", "type": ["null", "string"], "pii": True}],
}
NEWER: dict[str, Any] = {**ORDER, "fields": [{"name": "id", "type": "long"}, ORDER["fields"][1]]}
PROTO = 'syntax = "proto3"; package shop; message B { message A { string a = 1; } A a = 1; } message C { int32 c = 1; }'


@pytest.fixture
def glue() -> Iterator[Any]:
    with mock_aws():
        client = aws.client("glue")
        client.create_registry(RegistryName="shop")
        yield client


def _registered(client: Any, name: str, kind: str, text: str) -> str:
    answer = client.create_schema(
        RegistryId={"RegistryName": "shop"},
        SchemaName=name,
        DataFormat=kind,
        Compatibility="NONE",
        SchemaDefinition=text,
    )
    return str(answer["SchemaVersionId"])


@pytest.mark.parametrize("is_compressed", [False, True])
def test_avro_is_read_by_the_schema_version_of_its_id(glue: Any, *, is_compressed: bool) -> None:
    version = _registered(glue, "orders", "AVRO", json.dumps(ORDER))
    order = {"id": "o-1", "card": "4111"}
    (part,) = Glue({}, context()).decode(glue_record(version, avro_bytes(ORDER, order), is_compressed=is_compressed))
    assert isinstance(part, Decoded)
    assert json.loads(part.data) == order
    assert part.schema == Schema("orders", "1", (Tag(("card",), "PII"),))


def test_a_field_that_has_changed_its_type_is_read_by_the_schema_it_was_written_with(glue: Any) -> None:
    old = _registered(glue, "orders", "AVRO", json.dumps(ORDER))
    new = glue.register_schema_version(
        SchemaId={"RegistryName": "shop", "SchemaName": "orders"}, SchemaDefinition=json.dumps(NEWER)
    )["SchemaVersionId"]
    decoder = Glue({}, context())
    parts = [
        *decoder.decode(glue_record(old, avro_bytes(ORDER, {"id": "7", "card": None}))),
        *decoder.decode(glue_record(new, avro_bytes(NEWER, {"id": 7, "card": None}))),
    ]
    assert [(part.data, part.schema and part.schema.version) for part in parts if isinstance(part, Decoded)] == [
        (b'{"id":"7","card":null}', "1"),
        (b'{"id":7,"card":null}', "2"),
    ]


def test_protobuf_is_read_by_the_number_of_its_message(glue: Any) -> None:
    version = _registered(glue, "shop", "PROTOBUF", PROTO)
    decoder = Glue({}, context())
    for number, payload, document in [
        (0, b"\x0a\x03\x0a\x01x", b'{"a":{"a":"x"}}'),
        (1, b"\x0a\x01x", b'{"a":"x"}'),
        (2, b"\x08\x05", b'{"c":5}'),
    ]:
        (part,) = decoder.decode(glue_record(version, varint(number) + payload))
        assert isinstance(part, Decoded)
        assert part.data == document
    assert decoder.decode(glue_record(version, varint(3))) == (Undecodable("protobuf_message_unknown"),)
    assert decoder.decode(glue_record(version, b"")) == (Undecodable("protobuf_invalid"),)


def test_json_is_handed_on_with_its_schema(glue: Any) -> None:
    text = json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"ssn": {"x-pii": "SSN"}}})
    version = _registered(glue, "events", "JSON", text)
    assert Glue({}, context()).decode(glue_record(version, b'{"ssn":1}')) == (
        Decoded(b'{"ssn":1}', Schema("events", "1", (Tag(("ssn",), "SSN"),))),
    )


@pytest.mark.parametrize(
    "data", [b"", b"\x03\x00" + bytes(15), b"\x02\x00" + bytes(20), b"\x03\x01" + bytes(20), b'{"a": "something else"}']
)
def test_what_is_in_another_format_is_refused(glue: Any, data: bytes) -> None:  # noqa: ARG001
    assert Glue({}, context()).decode(data) == (Undecodable("glue_header_invalid"),)


def test_an_unknown_id_is_held_and_then_goes_to_quarantine(glue: Any) -> None:  # noqa: ARG001
    decoder, unknown = Glue({}, context()), str(uuid.UUID(int=7))
    with pytest.raises(DecoderUnavailable, match="once more"):
        decoder.decode(glue_record(unknown, b"x"))
    memory = decoder._reading._memory
    memory._unknown[unknown] = memory._unknown[unknown]._replace(until=0.0)
    assert decoder.decode(glue_record(unknown, b"x")) == (Undecodable("schema_unknown"),)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / f"{uuid.UUID(int=1)}.avsc").write_text(json.dumps(ORDER))
    return tmp_path


def _raw(payload: bytes, compression: int = 5) -> bytes:
    return bytes([3, compression]) + uuid.UUID(int=1).bytes + payload


def test_a_folder_may_stand_for_the_registry(folder: Path) -> None:
    decoder = Glue({"folder": str(folder)}, context())
    (part,) = decoder.decode(_raw(avro_bytes(ORDER, {"id": "o", "card": None}), 0))
    assert part == Decoded(b'{"id":"o","card":null}', Schema(str(uuid.UUID(int=1)), "1", (Tag(("card",), "PII"),)))


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "glue_payload_corrupt"),
        (b"not compressed", "glue_payload_corrupt"),
        (zlib.compress(b"\x02o\x00")[:-1], "glue_payload_corrupt"),
        (zlib.compress(b"\x02o\x00") + b"x", "glue_payload_corrupt"),
        (zlib.compress(bytes(4 * 2**20)), "glue_payload_too_large"),
        (gzip.compress(zlib.compress(b"\x02o\x00"), mtime=0), "avro_invalid"),
    ],
)
def test_what_cannot_be_inflated_is_refused(folder: Path, payload: bytes, code: str) -> None:
    assert Glue({"folder": str(folder)}, context()).decode(_raw(payload)) == (Undecodable(code),)


def test_what_a_record_may_become_bounds_it_too(folder: Path) -> None:
    decoder = Glue({"folder": str(folder)}, context(max_bytes=1000))
    assert decoder.decode(_raw(zlib.compress(bytes(1001)))) == (Undecodable("glue_payload_too_large"),)


def test_what_aws_refuses_holds_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    decoder = Glue({}, context())
    with pytest.raises(DecoderUnavailable, match="glue:GetSchemaVersion"):
        decoder.decode(glue_record(str(uuid.UUID(int=7)), b"x"))


def test_no_region_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    with pytest.raises(StartError, match="region"):
        Glue({}, context())


def test_options_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(UsageError, match="no option region"):
        Glue({"region": "eu-central-1"}, context())
