"""Avro: equal JSON for what the library wrote, exact to the digit; a code for whatever else."""

import json
import math
import struct
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastavro import schemaless_reader
from fastavro.schema import parse_schema
from hypothesis import given
from hypothesis import strategies as st

from consumer.decoder import Schema, Tag
from consumer.decoding.schemas import avro_walk
from consumer.decoding.schemas.avro import AvroReader
from consumer.decoding.schemas.avro_bounds import safe_bytes
from consumer.decoding.schemas.definition import Definition, Format, Refused, SchemaUnusable
from consumer.decoding.schemas.memory import SchemaMemory
from tests.kits.examples import examples
from tests.kits.schemas import MAX_BYTES, avro_bytes, avro_definition, varint, zigzag

SAMPLES = Path(__file__).parents[1] / "samples"
ORDER = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "card", "type": ["null", "string"], "default": None, "pii": "PAN"},
        {
            "name": "lines",
            "type": {
                "type": "array",
                "items": {"type": "record", "name": "Line", "fields": [{"name": "amount", "type": "long"}]},
            },
        },
    ],
}


def _no_wire() -> Any:
    return None


def _reader(schema: Any, max_bytes: int = MAX_BYTES) -> AvroReader:
    return AvroReader(avro_definition(schema), max_bytes)


def _of(kind: Any) -> Any:
    return {"type": "record", "name": "R", "fields": [{"name": "v", "type": kind}]}


def _value(kind: Any, value: Any) -> Any:
    return json.loads(_text(kind, value), parse_float=Decimal)["v"]


def _text(kind: Any, value: Any) -> bytes:
    schema = _of(kind)
    return _reader(schema).read(avro_bytes(schema, {"v": value}), _no_wire())[0]


def _refusal(schema: Any, payload: bytes, max_bytes: int = MAX_BYTES) -> str:
    with pytest.raises(Refused) as refused:
        _reader(schema, max_bytes).read(payload, _no_wire())
    return refused.value.code


def test_a_record_becomes_an_object_with_the_schemas_name_version_and_tags() -> None:
    order = {"id": "o-1", "card": "4111", "lines": [{"amount": 3}, {"amount": 2**60}]}

    document, schema = _reader(ORDER).read(avro_bytes(ORDER, order), _no_wire())

    assert json.loads(document) == order
    assert schema == Schema("orders", "3", (Tag(("card",), "PAN"),))


@pytest.mark.parametrize(
    ("kind", "value", "json_value"),
    [
        ("null", None, None),
        ("boolean", True, True),
        ("int", -(2**31), -(2**31)),
        ("long", 2**63 - 1, 2**63 - 1),
        ("float", 0.1, Decimal("0.1")),
        ("float", 3.4028234663852886e38, Decimal("3.4028235e38")),
        ("double", 0.1, Decimal("0.1")),
        ("bytes", b"\x00\xff", "AP8="),
        ("string", "né\x00", "né\x00"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", "B"),
        ({"type": "fixed", "name": "F", "size": 3}, b"abc", "YWJj"),
        ({"type": "map", "values": "int"}, {"a": 1}, {"a": 1}),
        (["null", "string", {"type": "array", "items": "int"}], [1], [1]),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 4},
            Decimal("12.3400"),
            Decimal("12.3400"),
        ),
        (
            {"type": "fixed", "name": "F", "size": 9, "logicalType": "decimal", "precision": 20, "scale": 2},
            Decimal("-0.01"),
            Decimal("-0.01"),
        ),
        ({"type": "int", "logicalType": "date"}, date(1969, 12, 31), "1969-12-31"),
        ({"type": "int", "logicalType": "time-millis"}, time(23, 59, 59, 999000), "23:59:59.999"),
        ({"type": "long", "logicalType": "time-micros"}, time(0, 0, 0, 1), "00:00:00.000001"),
        ({"type": "long", "logicalType": "timestamp-millis"}, -1, "1969-12-31T23:59:59.999Z"),
        (
            {"type": "long", "logicalType": "timestamp-micros"},
            datetime(2024, 2, 29, 1, 2, 3, 4, UTC),
            "2024-02-29T01:02:03.000004Z",
        ),
        ({"type": "long", "logicalType": "timestamp-nanos"}, 1, "1970-01-01T00:00:00.000000001Z"),
        ({"type": "long", "logicalType": "local-timestamp-millis"}, 1500, "1970-01-01T00:00:01.500"),
        ({"type": "long", "logicalType": "local-timestamp-micros"}, 1, "1970-01-01T00:00:00.000001"),
        ({"type": "string", "logicalType": "uuid"}, UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (
            {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"},
            bytes(15) + b"\x01",
            "00000000-0000-0000-0000-000000000001",
        ),
        (
            {"type": "fixed", "name": "D", "size": 12, "logicalType": "duration"},
            b"\x01\0\0\0\x02\0\0\0\xdc\x05\0\0",
            "P1M2DT1.500S",
        ),
        ({"type": "string", "logicalType": "decimal", "precision": 3}, "x", "x"),
        ({"type": "fixed", "name": "D", "size": 4, "logicalType": "duration"}, b"abcd", "YWJjZA=="),
    ],
)
def test_each_type_is_exact_in_json(kind: Any, value: Any, json_value: Any) -> None:
    assert _value(kind, value) == json_value


def test_a_decimal_beyond_its_precision_is_not_rounded() -> None:
    schema = _of({"type": "bytes", "logicalType": "decimal", "precision": 3, "scale": 2})
    digits = 12345678901234567890123456789012345678901234567890
    payload = digits.to_bytes(30, "big")

    document, _ = _reader(schema).read(zigzag(len(payload)) + payload, _no_wire())

    assert document == b'{"v":123456789012345678901234567890123456789012345678.90}'


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", ["float", "double"])
def test_what_is_no_number_is_refused(kind: str, value: float) -> None:
    schema = _of(kind)
    assert _refusal(schema, avro_bytes(schema, {"v": value})) == "decoded_value_unsupported"


@pytest.mark.parametrize(
    ("logical", "number"),
    [("timestamp-millis", 2**62), ("timestamp-micros", -(2**62)), ("time-micros", -1), ("time-micros", 86_400_000_000)],
)
def test_a_time_that_no_calendar_has_is_refused(logical: str, number: int) -> None:
    assert _refusal(_of({"type": "long", "logicalType": logical}), zigzag(number)) == "decoded_value_unsupported"


def test_a_decimal_of_very_many_digits_is_refused() -> None:
    schema = _of({"type": "bytes", "logicalType": "decimal", "precision": 5})
    assert _refusal(schema, zigzag(500) + b"\x01" * 500) == "decoded_value_unsupported"


def test_the_branch_of_a_union_says_what_a_number_is() -> None:
    kind = ["null", "long", {"type": "int", "logicalType": "date"}]
    schema = _of(kind)
    read = _reader(schema).read
    assert read(zigzag(1) + zigzag(3), _no_wire())[0] == b'{"v":3}'
    assert read(zigzag(2) + zigzag(3), _no_wire())[0] == b'{"v":"1970-01-04"}'


def test_names_of_types_may_be_the_same_in_two_namespaces() -> None:
    inner = {"type": "record", "name": "T", "namespace": "b", "fields": [{"name": "x", "type": "int"}]}
    outer = {
        "type": "record",
        "name": "T",
        "namespace": "a",
        "fields": [
            {"name": "i", "type": inner},
            {"name": "again", "type": "b.T"},
            {"name": "me", "type": ["null", "T"]},
        ],
    }
    value = {"i": {"x": 1}, "again": {"x": 2}, "me": {"i": {"x": 3}, "again": {"x": 4}, "me": None}}

    assert json.loads(_reader(outer).read(avro_bytes(outer, value), _no_wire())[0]) == value


def test_a_schema_may_refer_to_others() -> None:
    line = {"type": "record", "name": "shop.Line", "fields": [{"name": "ssn", "type": "string", "pii": True}]}
    order = {"type": "record", "name": "Order", "namespace": "shop", "fields": [{"name": "line", "type": "Line"}]}
    reader = AvroReader(avro_definition(order, **{"shop.Line": line}), MAX_BYTES)

    assert reader.read(b"\x02x", _no_wire()) == (
        b'{"line":{"ssn":"x"}}',
        Schema("orders", "3", (Tag(("line", "ssn"), "PII"),)),
    )


def test_a_union_of_records_is_an_object_too() -> None:
    kinds = [{"type": "record", "name": "A", "fields": [{"name": "a", "type": "int"}]}, "string"]
    assert _reader(kinds).read(b"\x00\x02", _no_wire())[0] == b'{"a":1}'
    assert _refusal(kinds, b"\x02\x02x") == "decoded_not_an_object"


@pytest.mark.parametrize(
    ("schema", "payload"), [("int", b"\x02"), ({"type": "array", "items": "int"}, b"\x00"), ("null", b"")]
)
def test_what_is_no_object_is_refused(schema: Any, payload: bytes) -> None:
    assert _refusal(schema, payload) == "decoded_not_an_object"


@pytest.mark.parametrize("end", range(5))
def test_what_is_cut_short_is_refused(end: int) -> None:
    payload = avro_bytes(ORDER, {"id": "o", "card": None, "lines": [{"amount": 1}]})
    assert _refusal(ORDER, payload[:end]) == "avro_invalid"


def test_trailing_bytes_are_refused() -> None:
    payload = avro_bytes(ORDER, {"id": "o", "card": None, "lines": []})
    assert _refusal(ORDER, payload + b"\x00") == "avro_trailing_bytes"


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("string", b"\x02\xff"),
        ("string", b"\x01"),
        ("bytes", b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x01"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, b"\x02"),
        (["null", "int"], b"\x08"),
        ({"type": "map", "values": "int"}, b"\x02\x02\xff\x00\x00"),
        ({"type": "array", "items": "int"}, b"\x04\x02"),
    ],
)
def test_broken_payloads_are_refused(kind: Any, payload: bytes) -> None:
    assert _refusal(_of(kind), payload) == "avro_invalid"


def test_a_key_that_stands_twice_is_refused_not_lost() -> None:
    assert _refusal(_of({"type": "map", "values": "int"}), b"\x04\x02a\x02\x02a\x04\x00") == "avro_duplicate_key"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": "null"},
        {"type": "array", "items": {"type": "record", "name": "E", "fields": [{"name": "n", "type": "null"}]}},
        {"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}},
        {"type": "record", "name": "R", "fields": [{"name": "me", "type": "R"}]},
        {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}]},
        {"type": "record", "name": "R", "fields": [{"name": "a", "type": "nothing"}]},
        {
            "type": "record",
            "name": "R",
            "fields": [{"name": "f", "type": {"type": "fixed", "name": "F", "size": 2**40}}],
        },
    ],
)
def test_schemas_without_a_bound_or_a_meaning_are_refused(schema: Any) -> None:
    memory = SchemaMemory(_Registry(avro_definition(schema)), lambda found: AvroReader(found, MAX_BYTES))
    reader = memory.get(1)
    assert reader is not None
    with pytest.raises(Refused, match="schema_unusable"):
        reader.read(b"\x80\x80\x80\x80\x80\x80\x80\x01", _no_wire())


class _Registry:
    lags = False

    def __init__(self, definition: Definition) -> None:
        self._definition = definition

    def fetch(self, schema_id: Any) -> Definition:  # noqa: ARG002
        return self._definition


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"type":"array","items":' * 5000 + '"int"' + "}" * 5000, "", "{}", "17", '"'],
    ids=lambda text: text[:30],
)
def test_texts_that_are_no_schema_end_nothing(text: str) -> None:
    definition = Definition(Format.AVRO, text, "n", "1")
    reader = SchemaMemory(_Registry(definition), lambda found: AvroReader(found, MAX_BYTES)).get(1)
    assert reader is not None
    with pytest.raises(Refused, match="schema_unusable"):
        reader.read(b"", _no_wire())


def test_a_schema_that_doubles_at_each_level_is_refused() -> None:
    kind: Any = "null"
    for level in range(40):
        kind = {
            "type": "record",
            "name": f"R{level}",
            "fields": [
                {"name": "a", "type": kind},
                {"name": "b", "type": kind if isinstance(kind, str) else f"R{level - 1}"},
            ],
        }
    with pytest.raises(SchemaUnusable):
        _reader(kind)


RECURSIVE = {
    "type": "record",
    "name": "Node",
    "fields": [{"name": "ssn", "type": "string", "pii": ["PII", "SSN"]}, {"name": "next", "type": ["null", "Node"]}],
}


@pytest.mark.parametrize("levels", [70, 10_000, 1_000_000])
def test_data_nested_without_end_are_refused(levels: int) -> None:
    assert _refusal(RECURSIVE, b"\x00\x02" * levels + b"\x00\x00") == "decoded_too_deep"


def test_a_type_that_holds_itself_is_read_and_tagged_at_every_depth() -> None:
    value = {"ssn": "a", "next": {"ssn": "b", "next": None}}
    document, schema = _reader(RECURSIVE).read(avro_bytes(RECURSIVE, value), _no_wire())
    assert json.loads(document) == value
    assert schema.tags == (Tag(("**", "ssn"), "PII"), Tag(("**", "ssn"), "SSN"))


def test_items_of_one_byte_are_counted() -> None:
    schema = _of({"type": "array", "items": "boolean"})
    many = varint(2 * 99_990) + b"\x01" * 99_990 + b"\x00"
    assert _reader(schema).read(many, _no_wire())[0].count(b"true") == 99_990
    assert _refusal(schema, varint(2 * 100_001) + b"\x01" * 100_001 + b"\x00") == "decoded_too_many_values"
    assert _refusal(schema, varint(2 * 2**40) + b"\x01" * 100_001 + b"\x00") == "decoded_too_many_values"


def test_few_bytes_with_long_names_are_bounded_by_what_they_become() -> None:
    item = {"type": "record", "name": "I", "fields": [{"name": "n" * 1000, "type": "boolean"}]}
    schema = _of({"type": "array", "items": item})
    assert _refusal(schema, varint(2 * 2000) + b"\x01" * 2000 + b"\x00", max_bytes=2**20) == "decoded_too_large"
    assert len(_reader(schema, 2**20).read(varint(2 * 900) + b"\x01" * 900 + b"\x00", _no_wire())[0]) < 2**20


def test_control_characters_are_bounded_by_what_they_become() -> None:
    schema = _of("string")
    text = "\x01" * 300_000
    assert _refusal(schema, avro_bytes(schema, {"v": text}), max_bytes=2**20) == "decoded_too_large"


def test_blocks_with_their_size_are_read() -> None:
    schema = _of({"type": "array", "items": "int"})
    assert _reader(schema).read(b"\x03\x04\x02\x04\x00", _no_wire())[0] == b'{"v":[1,2]}'


def test_what_another_languages_library_wrote_is_read_to_the_digit() -> None:
    sample = json.loads((SAMPLES / "avro_rust.json").read_text(encoding="utf-8"))
    document, _ = _reader(sample["schema"]).read(bytes.fromhex(sample["payload"]), _no_wire())
    assert document.decode() == sample["document"]


_SCALARS: dict[str, tuple[Any, st.SearchStrategy[Any], Callable[[Any], Any]]] = {
    "null": ("null", st.none(), lambda value: value),
    "boolean": ("boolean", st.booleans(), lambda value: value),
    "int": ("int", st.integers(-(2**31), 2**31 - 1), lambda value: value),
    "long": ("long", st.integers(-(2**63), 2**63 - 1), lambda value: value),
    "double": ("double", st.floats(allow_nan=False, allow_infinity=False), lambda value: value),
    "float": ("float", st.floats(allow_nan=False, allow_infinity=False, width=32), lambda value: value),
    "string": ("string", st.text(max_size=20), lambda value: value),
    "bytes": ("bytes", st.binary(max_size=20), lambda value: b64encode(value).decode()),
    "millis": (
        {"type": "long", "logicalType": "timestamp-millis"},
        st.integers(-62_135_596_800_000, 253_402_300_799_999),
        lambda value: (
            (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value))
            .replace(tzinfo=None)
            .isoformat(timespec="milliseconds")
            + "Z"
        ),
    ),
    "micros": (
        {"type": "long", "logicalType": "timestamp-micros"},
        st.datetimes(timezones=st.just(UTC)),
        lambda value: value.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
    ),
    "decimal": (
        {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 6},
        st.integers(-(10**30 - 1), 10**30 - 1).map(lambda digits: Decimal(digits).scaleb(-6)),
        lambda value: value,
    ),
}


@st.composite
def _kinds(
    draw: st.DrawFn, level: int = 3, names: list[int] | None = None
) -> tuple[Any, st.SearchStrategy[tuple[Any, Any]]]:
    """A type, and values of it: as they are written, and as they are read."""
    names = [0] if names is None else names
    choice = draw(st.sampled_from(["scalar", "array", "map", "record", "union"] if level else ["scalar"]))
    if choice == "scalar":
        kind, values, read = _SCALARS[draw(st.sampled_from(sorted(_SCALARS)))]
        return kind, values.map(lambda value: (value, read(value)))
    if choice == "record":
        names[0] += 1
        name = f"R{names[0]}"
        parts = [draw(_kinds(level - 1, names)) for _ in range(draw(st.integers(1, 3)))]
        fields = [{"name": f"f{place}", "type": kind} for place, (kind, _) in enumerate(parts)]
        values = st.tuples(*(part for _, part in parts)).map(
            lambda each: (
                {f"f{place}": one[0] for place, one in enumerate(each)},
                {f"f{place}": one[1] for place, one in enumerate(each)},
            )
        )
        return {"type": "record", "name": name, "fields": fields}, values
    kind, values = draw(_kinds(level - 1, names))
    if choice == "array":
        if kind == "null":
            kind, values = "boolean", st.just((True, True))
        return {"type": "array", "items": kind}, st.lists(values, max_size=3).map(
            lambda each: ([one[0] for one in each], [one[1] for one in each])
        )
    if choice == "map":
        return {"type": "map", "values": kind}, st.dictionaries(st.text(max_size=5), values, max_size=3).map(
            lambda each: ({key: one[0] for key, one in each.items()}, {key: one[1] for key, one in each.items()})
        )
    if kind == "null" or isinstance(kind, list):
        return kind, values
    return ["null", kind], st.one_of(st.just((None, None)), values)


@st.composite
def _documents(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    kind, values = draw(_kinds())
    written, read = draw(values)
    return _of(kind), {"v": written}, {"v": read}


def _is_bounded(schema: Any) -> bool:
    if isinstance(schema, list):
        return all(map(_is_bounded, schema))
    if not isinstance(schema, dict):
        return True
    if schema["type"] == "array":
        return _takes_bytes(schema["items"]) and _is_bounded(schema["items"])
    return all(map(_is_bounded, [field["type"] for field in schema.get("fields", [])] + [schema.get("values")]))


def _takes_bytes(schema: Any) -> bool:
    if isinstance(schema, dict) and schema["type"] == "record":
        return any(_takes_bytes(field["type"]) for field in schema["fields"])
    return bool(schema != "null")


@examples(300)
@given(_documents())
def test_what_the_library_wrote_is_read_as_equal_json(document: tuple[Any, Any, Any]) -> None:
    schema, written, read = document
    if not _is_bounded(schema):
        return
    payload = avro_bytes(schema, written)
    reader = _reader(schema)

    made, _ = reader.read(payload, _no_wire())

    assert _same(json.loads(made, parse_float=Decimal), read)
    reader._safe_bytes = -1
    assert reader.read(payload, _no_wire())[0] == made  # what is walked through first, too


def _same(found: Any, expected: Any) -> bool:
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(_same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(_same, found, expected))
    if isinstance(expected, float):
        return float(found) == expected or struct.pack("<f", found) == struct.pack("<f", expected)
    return bool(found == expected and type(found) is type(expected)) or (
        isinstance(expected, Decimal) and Decimal(found) == expected
    )


@examples(1000)
@given(_documents(), st.data())
def test_whatever_the_bytes_are_they_end_as_a_document_or_a_code(
    document: tuple[Any, Any, Any], data: st.DataObject
) -> None:
    schema, written, _ = document
    if not _is_bounded(schema):
        return
    payload = bytearray(avro_bytes(schema, written))
    for place in data.draw(st.lists(st.integers(0, max(0, len(payload) - 1)), max_size=3)):
        if payload:
            payload[place] = data.draw(st.integers(0, 255))
    reader = _reader(schema)
    results = []
    for _ in range(2):
        try:
            results.append(json.loads(reader.read(bytes(payload), _no_wire())[0])["v"] is ...)
        except Refused as refusal:
            results.append(bool(refusal.code))
    assert results[0] == results[1]


def _values(document: Any) -> int:
    if isinstance(document, dict):
        return 1 + sum(map(_values, document.values()))
    return 1 + sum(map(_values, document)) if isinstance(document, list) else 1


@examples(1000)
@given(_documents(), st.integers(5, 60), st.integers(100, 2000), st.data())
def test_what_is_told_of_a_payload_by_its_length_holds(
    document: tuple[Any, Any, Any], max_values: int, max_chars: int, data: st.DataObject
) -> None:
    schema, written, _ = document
    if not _is_bounded(schema):
        return
    reader = _reader(schema)
    safe = safe_bytes(reader._root, max_values, max_chars)
    payload = bytearray(avro_bytes(schema, written))
    for place in data.draw(st.lists(st.integers(0, max(0, len(payload) - 1)), max_size=2)):
        if payload:
            payload[place] = data.draw(st.integers(0, 255))
    if len(payload) > safe:
        return
    try:
        made = reader.read(bytes(payload), _no_wire())[0]
    except Refused:
        return
    # The document itself is the value of a record that is around it.
    assert _values(json.loads(made)) <= max_values + 1
    assert len(made) <= max_chars


@examples(500)
@given(_documents(), st.integers(2, 20), st.integers(30, 300))
def test_what_is_counted_is_what_it_becomes(document: tuple[Any, Any, Any], max_values: int, max_chars: int) -> None:
    schema, written, read = document
    if not _is_bounded(schema):
        return
    payload = avro_bytes(schema, written)
    made, _ = _reader(schema).read(payload, _no_wire())
    many = _values(read) > max_values
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(avro_walk, "MAX_VALUES", max_values)
        reader = _reader(schema, max_chars)
        reader._safe_bytes = -1
        try:
            assert reader.read(payload, _no_wire())[0] == made
            assert len(made) <= max_chars
            assert not many
        except Refused as refusal:
            code = refusal.code
            assert code in ("decoded_too_many_values", "decoded_too_large")
            assert code != "decoded_too_many_values" or many


def test_the_librarys_own_logical_types_are_left_as_they_are() -> None:
    schema = parse_schema(_of({"type": "int", "logicalType": "date"}))
    assert schemaless_reader(BytesIO(b"\x02"), schema) == {"v": date(1970, 1, 2)}
