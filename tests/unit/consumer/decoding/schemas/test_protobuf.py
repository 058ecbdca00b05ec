"""Protobuf: JSON as Protobuf's own mapping has it, for what the library wrote; a code for whatever else."""

import json
from base64 import b64decode
from typing import Any

import pytest
from google.protobuf import json_format, message_factory
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from consumer.decoder import Tag
from consumer.decoding.schemas.definition import Definition, Format, Refused, SchemaReader, SchemaUnusable
from consumer.decoding.schemas.memory import SchemaMemory
from consumer.decoding.schemas.protobuf import ProtobufReader
from tests.kits.examples import examples
from tests.kits.pipeline import KeptOut
from tests.kits.schemas import MAX_BYTES, varint

ORDER = """
syntax = "proto3";
package shop;

import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
import "confluent/meta.proto";
import "confluent/type/decimal.proto";
import "shop/money.proto";

// A comment.
message Order {
  reserved 90 to 99;
  string id = 1;
  string card = 2 [(confluent.field_meta).tags = "PAN"];
  repeated Line lines = 3;
  map<string, string> notes = 4 [(confluent.field_meta) = { doc: "free", tags: ["PII", "NOTES"] }];
  oneof payment { string iban = 5 [(pii) = true]; Money cash = 6; }
  optional int32 count = 7;
  Status status = 8;
  google.protobuf.Timestamp at = 9;
  bytes raw = 10;
  double rate = 11;
  float share = 12;
  uint64 serial = 13;
  google.protobuf.StringValue wrapped = 14;
  google.protobuf.Struct more = 15;
  confluent.type.Decimal total = 16;
  map<int32, Line> by_number = 17;
  repeated bool flags = 18;
  repeated sint64 unpacked = 19 [packed = false];

  enum Status { option allow_alias = true; NEW = 0; PAID = 1; SETTLED = 1; }
  message Line {
    int64 amount = 1;
    Person person = 2;
    message Deep { string note = 1; }
    Deep deep = 3;
  }
}

message Person { string ssn = 1 [(acme.pii) = "SSN"]; repeated Person children = 2; }
service Orders { rpc Get (Order) returns (stream Order); }
"""
MONEY = 'syntax = "proto3"; package shop; message Money { string currency = 1; int64 units = 2; }'


class At:
    """The wire format of a message's place, with nothing in front."""

    def __init__(self, which: tuple[int, ...] | int = (0,)) -> None:
        self._which = which

    def message(self, payload: bytes) -> tuple[tuple[int, ...] | int, int]:  # noqa: ARG002
        return self._which, 0


def _definition(text: str, **references: str) -> Definition:
    return Definition(Format.PROTOBUF, text, "orders", "1", {"shop/money.proto": MONEY, **references})


def _reader(text: str = ORDER, metrics: KeptOut | None = None, max_bytes: int = MAX_BYTES) -> ProtobufReader:
    return ProtobufReader(_definition(text), max_bytes, metrics or KeptOut())


def _class(reader: ProtobufReader, which: tuple[int, ...] | int = (0,)) -> type[Message]:
    return message_factory.GetMessageClass(reader._found(which))


def _refusal(reader: SchemaReader, payload: bytes, which: tuple[int, ...] | int = (0,)) -> str:
    with pytest.raises(Refused) as refused:
        reader.read(payload, At(which))
    return refused.value.code


def _proto(body: str) -> str:
    return f'syntax = "proto3"; {body}'


FULL: dict[str, Any] = {
    "id": "o-1",
    "card": "4111",
    "lines": [{"amount": "9223372036854775807", "person": {"ssn": "1", "children": [{"ssn": "2"}]}}, {}],
    "notes": {"a": "b"},
    "cash": {"currency": "EUR", "units": "5"},
    "count": 0,
    "status": "PAID",
    "at": "2024-02-29T01:02:03.000004Z",
    "raw": "AP8=",
    "rate": 0.1,
    "share": 0.1,
    "serial": "18446744073709551615",
    "wrapped": "",
    "more": {"x": [1.5, None, {"y": True}]},
    "total": {"value": "MDk=", "precision": 4, "scale": 2},
    "by_number": {"7": {"amount": "1"}},
    "flags": [True, False],
    "unpacked": ["-1", "2"],
}


def test_each_type_is_as_protobufs_own_json_has_it() -> None:
    reader = _reader()
    payload = json_format.ParseDict(FULL, _class(reader)()).SerializeToString()
    document, schema = reader.read(payload, At())
    assert json.loads(document) == FULL
    assert (schema.name, schema.version) == ("orders", "1")


def test_fields_tagged_by_options_are_found() -> None:
    _, schema = _reader().read(b"", At())
    assert set(schema.tags) == {
        Tag(("card",), "PAN"),
        Tag(("notes",), "PII"),
        Tag(("notes",), "NOTES"),
        Tag(("iban",), "PII"),
        Tag(("lines", "person", "**", "ssn"), "SSN"),
        Tag(("by_number", "*", "person", "**", "ssn"), "SSN"),
    }


def test_a_message_is_found_by_its_place_at_each_level() -> None:
    reader = _reader()
    assert reader.read(b"\x0a\x01x", At((1,)))[0] == b'{"ssn":"x"}'
    assert reader.read(b"\x08\x05", At((0, 0)))[0] == b'{"amount":"5"}'
    assert reader.read(b"\x0a\x01n", At((0, 0, 0)))[0] == b'{"note":"n"}'
    for wrong in ((2,), (0, 1), (0, 9), (1, 0), (-1,), ()):
        assert _refusal(reader, b"", wrong) == "protobuf_message_unknown"


def test_glue_counts_messages_in_the_order_of_their_full_names() -> None:
    reader = _reader()
    names = [str(each.full_name) for each in reader._by_name]
    assert names == [
        "shop.Order",
        "shop.Order.ByNumberEntry",
        "shop.Order.Line",
        "shop.Order.Line.Deep",
        "shop.Order.NotesEntry",
        "shop.Person",
    ]
    assert reader.read(b"\x08\x05", At(2))[0] == b'{"amount":"5"}'
    assert _refusal(reader, b"", 6) == "protobuf_message_unknown"


def test_a_map_does_not_move_the_messages_that_are_written_behind_it() -> None:
    text = _proto("message A { map<string, string> m = 1; message B { string b = 1; } message C { string c = 1; } }")
    reader = _reader(text)
    assert reader.read(b"\x0a\x01x", At((0, 0)))[0] == b'{"b":"x"}'
    assert reader.read(b"\x0a\x01x", At((0, 1)))[0] == b'{"c":"x"}'


def test_a_map_that_is_written_as_its_entries_is_a_map() -> None:
    text = _proto(
        "message A { message NotesEntry { option map_entry = true; string key = 1; string value = 2 [(pii) = true]; }"
        "repeated NotesEntry notes = 1; message B { string b = 1; } }"
    )
    reader = _reader(text)
    document, schema = reader.read(b"\x0a\x06\x0a\x01k\x12\x01v", At())
    assert document == b'{"notes":{"k":"v"}}'
    assert schema.tags == (Tag(("notes", "*"), "PII"),)
    assert reader.read(b"\x0a\x01x", At((0, 1)))[0] == b'{"b":"x"}'
    assert _refusal(reader, b"", (0, 0)) == "protobuf_message_unknown"


@pytest.mark.parametrize(
    "entry",
    [
        "string key = 1; string val = 2;",
        "string key = 2; string value = 1;",
    ],
)
def test_what_is_no_entry_of_a_map_makes_a_schema_unusable(entry: str) -> None:
    text = _proto(f"message A {{ message E {{ option map_entry = true; {entry} }} repeated E notes = 1; }}")
    assert _refusal(_reader(text), b"\x0a\x06\x0a\x01k\x12\x01v") == "schema_unusable"


def test_a_map_of_which_there_is_one_entry_makes_a_schema_unusable() -> None:
    entry = "message E { option map_entry = true; string key = 1; string value = 2; }"
    text = _proto(f"message A {{ {entry} E notes = 1; }}")
    assert _refusal(_reader(text), b"\x0a\x06\x0a\x01k\x12\x01v") == "schema_unusable"


def test_fields_that_the_schema_does_not_know_are_left_out_and_counted() -> None:
    metrics = KeptOut()
    reader = _reader(metrics=metrics)
    person = b"\x0a\x01x" + b"\x18\x01" + b"\x9a\x06\x01z"
    payload = (
        b"\x0a\x01o" + b"\xa8\x06\x01" + b"\x1a" + varint(len(person) + 2) + b"\x12" + varint(len(person)) + person
    )
    assert reader.read(payload, At())[0] == b'{"id":"o","lines":[{"person":{"ssn":"x"}}]}'
    assert metrics.fields == 3


def test_those_within_maps_are_counted_too() -> None:
    metrics = KeptOut()
    entry = b"\x08\x01" + b"\x12\x05" + b"\x08\x01" + b"\xa8\x06\x01"
    _reader(metrics=metrics).read(b"\x8a\x01" + varint(len(entry)) + entry, At())
    assert metrics.fields == 1


def test_nothing_is_counted_where_all_is_known() -> None:
    metrics = KeptOut()
    reader = _reader(metrics=metrics)
    reader.read(json_format.ParseDict(FULL, _class(reader)()).SerializeToString(), At())
    assert metrics.fields == 0


def test_a_number_that_an_enum_does_not_have_stays_a_number() -> None:
    assert _reader().read(b"\x40\x07", At())[0] == b'{"status":7}'


@pytest.mark.parametrize(
    "payload", [b"\x0a", b"\x0a\x05x", b"\x0a\x01\xff", b"\x00\x00", b"\x0b", b"\xff" * 20, b"\x0c"]
)
def test_what_is_no_message_is_refused(payload: bytes) -> None:
    reader = _reader(_proto("message A { string a = 1; }"))
    assert _refusal(reader, payload) == "protobuf_invalid"


def test_a_time_that_no_calendar_has_is_refused() -> None:
    far = b"\x08" + b"\xff" * 8 + b"\x7f"
    assert _refusal(_reader(), b"\x4a" + varint(len(far)) + far) == "decoded_value_unsupported"


def test_a_message_that_is_no_object_is_refused() -> None:
    reader = _reader(_proto('import "google/protobuf/struct.proto"; message A { google.protobuf.Value v = 1; }'))
    assert reader.read(b"\x0a\x02\x20\x01", At())[0] == b'{"v":true}'


@pytest.mark.parametrize("levels", [70, 2000])
def test_data_nested_without_end_are_refused(levels: int) -> None:
    payload = b"\x0a\x01x"
    for _ in range(levels):
        payload = b"\x12" + varint(len(payload)) + payload
    assert _refusal(_reader(), payload, (1,)) == "decoded_too_deep"


def test_what_is_nested_a_little_is_read() -> None:
    payload = b"\x0a\x01x"
    for _ in range(60):
        payload = b"\x12" + varint(len(payload)) + payload
    assert _reader().read(payload, At((1,)))[0].count(b"children") == 60


def test_values_of_one_byte_are_counted() -> None:
    reader = _reader(_proto("message A { repeated bool b = 1; }"))
    many = b"\x0a" + varint(99_000) + b"\x01" * 99_000
    assert reader.read(many, At())[0].count(b"true") == 99_000
    assert _refusal(reader, b"\x0a" + varint(200_000) + b"\x01" * 200_000) == "decoded_too_many_values"
    assert (
        _refusal(_reader(_proto("message A { repeated A a = 1; }")), b"\x0a\x00" * 200_000) == "decoded_too_many_values"
    )


def test_few_bytes_with_long_names_are_bounded_by_what_they_become() -> None:
    reader = _reader(
        _proto(f"message A {{ repeated B b = 1; }} message B {{ bool {'n' * 2000} = 1; }}"), max_bytes=2**20
    )
    assert _refusal(reader, b"\x0a\x02\x08\x01" * 1000) == "decoded_too_large"
    assert len(reader.read(b"\x0a\x02\x08\x01" * 300, At())[0]) > 600_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "junk",
        _proto("message A { string a = 1 }"),
        _proto("message A { Nothing a = 1; }"),
        _proto("message A { string a = 1; string a = 2; }"),
        _proto("message A { string a = 0; }"),
        _proto('import "not/there.proto"; message A { string a = 1; }'),
        _proto('import "google/protobuf/nothing.proto"; message A { string a = 1; }'),
        'edition = "2023"; message A { string a = 1; }',
        _proto("message A {" * 300 + "}" * 300),
        _proto("message A { string a = 1; }") + " " * 2**18,
        _proto('import "sanitizer/main.proto"; message A { string a = 1; }'),
    ],
    ids=lambda text: text[:60],
)
def test_texts_that_are_no_schema_are_unusable_and_say_nothing(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    class Folder:
        lags = False

        def fetch(self, schema_id: Any) -> Definition:  # noqa: ARG002
            return _definition(text)

    reader = SchemaMemory(Folder(), lambda found: ProtobufReader(found, MAX_BYTES, KeptOut())).get(1)
    assert reader
    # Without any message it is a schema, of which nobody can be.
    assert _refusal(reader, b"") in ("schema_unusable", "protobuf_message_unknown")
    assert capfd.readouterr() == ("", "")


def test_what_may_be_anything_is_unusable() -> None:
    text = _proto(
        'import "google/protobuf/any.proto"; message A { google.protobuf.Any a = 1; } message B { string b = 1; }'
    )
    reader = _reader(text)
    assert _refusal(reader, b"") == "schema_unusable"
    assert _refusal(reader, b"") == "schema_unusable"
    assert reader.read(b"\x0a\x01x", At((1,)))[0] == b'{"b":"x"}'


def test_imports_that_lead_back_are_unusable() -> None:
    text = 'syntax = "proto3"; import "a.proto"; message M { string a = 1; }'
    references = {"a.proto": 'syntax = "proto3"; import "b.proto";', "b.proto": 'syntax = "proto3"; import "a.proto";'}
    with pytest.raises((SchemaUnusable, TypeError)):
        ProtobufReader(_definition(text, **references), MAX_BYTES, KeptOut())


def test_the_older_syntax_with_groups_is_read() -> None:
    text = """
    package old;
    message A { required string a = 1; optional group Inner = 2 { optional int32 x = 1; } extensions 100 to max; }
    extend A { optional string e = 100; }
    """
    metrics = KeptOut()
    reader = _reader(text, metrics)
    payload = b"\x0a\x01y" + b"\x13\x08\x05\x14" + b"\xa2\x06\x01z"
    assert reader.read(payload, At())[0] == b'{"a":"y","inner":{"x":5}}'
    assert metrics.fields == 1


def test_a_message_without_a_field_that_is_required_is_refused() -> None:
    reader = _reader("message A { required string a = 1; optional A inner = 2; }")
    assert reader.read(b"\x0a\x01x", At())[0] == b'{"a":"x"}'
    assert _refusal(reader, b"") == "protobuf_invalid"
    assert _refusal(reader, b"\x0a\x01x\x12\x00") == "protobuf_invalid"


_ORDERS = st.fixed_dictionaries(
    {},
    optional={
        "id": st.text(max_size=20),
        "lines": st.lists(
            st.fixed_dictionaries(
                {}, optional={"amount": st.integers(-(2**63), 2**63 - 1).map(str), "person": st.just({"ssn": "1"})}
            ),
            max_size=3,
        ),
        "notes": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
        "iban": st.text(max_size=5),
        "count": st.integers(-(2**31), 2**31 - 1),
        "raw": st.binary(max_size=9).map(lambda raw: json_format.base64.b64encode(raw).decode()),  # type: ignore[attr-defined]
        "rate": st.floats(allow_nan=False, allow_infinity=False),
        # The library refuses the largest of them in JSON, rounded as it writes them itself.
        "share": st.floats(-(2.0**127), 2.0**127, width=32),
        "serial": st.integers(0, 2**64 - 1).map(str),
        "flags": st.lists(st.booleans(), max_size=3),
    },
)
_READER = _reader()


@examples(300)
@given(_ORDERS)
def test_what_the_library_wrote_is_read_as_equal_json(order: dict[str, Any]) -> None:
    message = json_format.ParseDict(order, _class(_READER)())
    payload = message.SerializeToString()
    document, _ = _READER.read(payload, At())
    expected = json_format.MessageToDict(message, preserving_proto_field_name=True)
    assert json.loads(document) == expected
    again = json_format.ParseDict(json.loads(document), _class(_READER)())
    assert again == message
    if "raw" in order:
        assert b64decode(json.loads(document).get("raw", "")) == b64decode(order["raw"])


@examples(1000)
@given(_ORDERS, st.data())
def test_whatever_the_bytes_are_they_end_as_a_document_or_a_code(order: dict[str, Any], data: st.DataObject) -> None:
    payload = bytearray(json_format.ParseDict(order, _class(_READER)()).SerializeToString())
    for place in data.draw(st.lists(st.integers(0, max(0, len(payload) - 1)), max_size=3)):
        if payload:
            payload[place] = data.draw(st.integers(0, 255))
    results = []
    for _ in range(2):
        try:
            results.append(_READER.read(bytes(payload), At())[0])
        except Refused as refusal:
            results.append(refusal.code.encode())
    assert results[0] == results[1]
