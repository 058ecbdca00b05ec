"""Confluent's wire format, from bytes to documents, with a registry that is not always well."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumer.decoder import Decoded, DecoderUnavailable, Schema, Tag, Undecodable
from consumer.decoding.confluent import Confluent
from consumer.errors import UsageError
from tests.kits.pipeline import KeptOut
from tests.kits.schema_registry import SchemaRegistry
from tests.kits.schemas import avro_bytes, confluent_record, context

ORDER = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "card", "type": ["null", "string"], "confluent:tags": ["PII"]},
    ],
}
PROTO = """syntax = "proto3";
import "money.proto";
message First { string a = 1; }
message Second { message Inner { pay.Money m = 1; } Inner inner = 1; }
"""
MONEY = 'syntax = "proto3"; package pay; message Money { string currency = 1 [(confluent.field_meta).tags = "PII"]; }'


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    with SchemaRegistry() as found:
        found.register(1, "orders-value", 2, ORDER)
        found.register(2, "money", 1, MONEY, "PROTOBUF")
        reference = {"name": "money.proto", "subject": "money", "version": 1}
        found.register(3, "pay-value", 5, PROTO, "PROTOBUF", [reference])
        found.register(4, "events-value", 1, {"properties": {"ssn": {"confluent:tags": ["SSN"]}}}, "JSON")
        found.register(5, "broken-value", 1, '{"type":"array","items":"null"}')
        yield found


def _decoder(registry: SchemaRegistry, **options: Any) -> Confluent:
    return Confluent({"url": registry.url, **options}, context())


def test_avro_is_read_by_the_schema_of_its_id(registry: SchemaRegistry) -> None:
    order = {"id": "o-1", "card": "4111"}
    (part,) = _decoder(registry).decode(confluent_record(1, avro_bytes(ORDER, order)))
    assert isinstance(part, Decoded)
    assert json.loads(part.data) == order
    assert part.schema == Schema("orders-value", "2", (Tag(("card",), "PII"),))


@pytest.mark.parametrize(
    ("indexes", "payload", "document"),
    [
        ([0], b"\x0a\x01x", b'{"a":"x"}'),
        ([1], b"\x0a\x07\x0a\x05\x0a\x03EUR", b'{"inner":{"m":{"currency":"EUR"}}}'),
        ([1, 0], b"\x0a\x05\x0a\x03EUR", b'{"m":{"currency":"EUR"}}'),
    ],
)
def test_protobuf_is_read_by_the_places_of_its_message(
    registry: SchemaRegistry, indexes: list[int], payload: bytes, document: bytes
) -> None:
    (part,) = _decoder(registry).decode(confluent_record(3, payload, indexes))
    assert isinstance(part, Decoded)
    assert part.data == document
    assert part.schema
    assert (part.schema.name, part.schema.version) == ("pay-value", "5")


def test_the_first_message_may_be_written_out(registry: SchemaRegistry) -> None:
    (part,) = _decoder(registry).decode(b"\x00\x00\x00\x00\x03\x02\x00\x0a\x01x")
    assert isinstance(part, Decoded)
    assert part.data == b'{"a":"x"}'


@pytest.mark.parametrize(
    "payload", [b"", b"\x03", b"\xff\xff\xff\xff\x0f", b"\x04\x00", b"\xc0\x84\x3d" + b"\x00" * 100]
)
def test_places_that_are_none_are_refused(registry: SchemaRegistry, payload: bytes) -> None:
    assert _decoder(registry).decode(b"\x00\x00\x00\x00\x03" + payload) == (Undecodable("protobuf_invalid"),)


def test_fields_that_the_schema_does_not_know_are_counted(registry: SchemaRegistry) -> None:
    metrics = KeptOut()
    decoder = Confluent({"url": registry.url}, context(metrics))
    decoder.decode(confluent_record(3, b"\x0a\x01x\x10\x01", [0]))
    assert metrics.fields == 1


def test_json_is_handed_on_with_its_schema(registry: SchemaRegistry) -> None:
    (part,) = _decoder(registry).decode(confluent_record(4, b'{"ssn": 1.0}'))
    assert part == Decoded(b'{"ssn": 1.0}', Schema("events-value", "1", (Tag(("ssn",), "SSN"),)))


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"\x00\x00\x00\x00", b'{"a":1}', b"\x01\x00\x00\x00\x01", b"\x00\x80\x00\x00\x00"]
)
def test_what_is_in_another_format_is_refused(registry: SchemaRegistry, data: bytes) -> None:
    assert _decoder(registry).decode(data) == (Undecodable("confluent_header_invalid"),)
    assert registry.paths == []


def test_a_schema_without_a_bound_is_unusable(registry: SchemaRegistry) -> None:
    decoder = _decoder(registry)
    for _ in range(2):
        assert decoder.decode(confluent_record(5, b"\x80\x80\x80\x80\x80\x80\x01\x00")) == (
            Undecodable("schema_unusable"),
        )
    assert len(registry.paths) == 2


@pytest.mark.parametrize("answer", [(403, b"{}"), (429, b""), (500, b"x"), (200, b"<html>")])
def test_a_registry_that_is_not_well_holds_the_record_until_it_is(
    registry: SchemaRegistry, answer: tuple[int, bytes]
) -> None:
    registry.answers = [answer]
    decoder = _decoder(registry)
    record = confluent_record(1, avro_bytes(ORDER, {"id": "o", "card": None}))
    for _ in range(3):
        with pytest.raises(DecoderUnavailable):
            decoder.decode(record)
    assert len(registry.paths) == 1  # it is left in peace
    memory = decoder._reading._memory
    memory._retry_at = float("-inf")
    assert isinstance(decoder.decode(record)[0], Decoded)


def test_an_unknown_id_is_held_and_found_once_the_replica_has_it(registry: SchemaRegistry) -> None:
    decoder = _decoder(registry)
    known = registry.schemas.pop(1)
    record = confluent_record(1, avro_bytes(ORDER, {"id": "o", "card": None}))
    with pytest.raises(DecoderUnavailable, match="once more"):
        decoder.decode(record)
    registry.schemas[1] = known
    memory = decoder._reading._memory
    memory._unknown[1] = memory._unknown[1]._replace(until=0.0)
    assert isinstance(decoder.decode(record)[0], Decoded)


def test_one_that_stays_unknown_goes_to_quarantine(registry: SchemaRegistry) -> None:
    decoder = _decoder(registry)
    with pytest.raises(DecoderUnavailable):
        decoder.decode(confluent_record(9, b""))
    memory = decoder._reading._memory
    memory._unknown[9] = memory._unknown[9]._replace(until=0.0)
    assert decoder.decode(confluent_record(9, b"")) == (Undecodable("schema_unknown"),)


def test_a_folder_may_stand_for_a_registry(tmp_path: Path) -> None:
    (tmp_path / "1.avsc").write_text(json.dumps(ORDER))
    (tmp_path / "3.proto").write_text(PROTO)
    (tmp_path / "money.proto").write_text(MONEY)
    (tmp_path / "4.json").write_text("{}")
    decoder = Confluent({"folder": str(tmp_path)}, context())
    assert isinstance(decoder.decode(confluent_record(1, avro_bytes(ORDER, {"id": "o", "card": None})))[0], Decoded)
    assert decoder.decode(confluent_record(3, b"\x0a\x05\x0a\x03EUR", [1, 0]))[0] == Decoded(
        b'{"m":{"currency":"EUR"}}', Schema("3", "1", (Tag(("m", "currency"), "PII"),))
    )
    assert decoder.decode(confluent_record(4, b"{}"))[0] == Decoded(b"{}", Schema("4", "1"))
    assert decoder.decode(confluent_record(9, b"")) == (Undecodable("schema_unknown"),)


def test_files_that_are_no_schemas_are_unusable(tmp_path: Path) -> None:
    (tmp_path / "1.avsc").write_bytes(b"\xff")
    (tmp_path / "2.avsc").write_text(" " * (2**20 + 1))
    (tmp_path / "3.proto").write_text('syntax = "proto3"; import "x.proto"; message A { string a = 1; }')
    (tmp_path / "x.proto").write_text(" " * (2**20 + 1))
    decoder = Confluent({"folder": str(tmp_path)}, context())
    for schema_id in (1, 2, 3):
        assert decoder.decode(confluent_record(schema_id, b"")) == (Undecodable("schema_unusable"),)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({}, "either url"),
        ({"url": "https://r.example", "folder": "."}, "either url"),
        ({"folder": ".", "credentials": "x"}, "credentials"),
        ({"uri": "https://r.example"}, "no option uri"),
        ({"url": 17}, "text"),
        ({"folder": "/not/there"}, "cannot be read"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        Confluent(options, context())


def test_two_files_for_one_id_are_refused(tmp_path: Path) -> None:
    (tmp_path / "1.avsc").write_text("{}")
    (tmp_path / "1.json").write_text("{}")
    with pytest.raises(UsageError, match="more than one file for 1"):
        Confluent({"folder": str(tmp_path)}, context())
