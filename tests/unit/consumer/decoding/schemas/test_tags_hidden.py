"""What a schema tags is hidden wherever it stands in a document: from the schema's text to the policy."""

import json
from typing import Any

import pytest
from google.protobuf import json_format, message_factory
from hypothesis import given
from hypothesis import strategies as st

from consumer.decoder import Schema
from consumer.decoding.schemas.avro import AvroReader
from consumer.decoding.schemas.definition import Definition, Format
from consumer.decoding.schemas.json_schema import JsonReader
from consumer.decoding.schemas.protobuf import ProtobufReader
from redaction.engine import PolicyRedactor
from redaction.keys import KnownKeys
from redaction.plugin import Released
from redaction.policy.file import parse_policy
from tests.kits.examples import examples
from tests.kits.pipeline import KeptOut
from tests.kits.schemas import MAX_BYTES, avro_bytes, avro_definition

SECRET, PLAIN = "wxyzsecret", "abcplain"
REDACTOR = PolicyRedactor(parse_policy('name: t\nversion: "1"\ntags: {PII: drop}\n', "t.yaml"), KnownKeys({}, "none"))


def _released(document: bytes, schema: Schema | None) -> str:
    assert schema
    redactor = REDACTOR.tagged([(tag.path, tag.name) for tag in schema.tags])
    assert isinstance(redactor, PolicyRedactor)
    (verdict,) = redactor.redact([document])
    assert isinstance(verdict, Released), verdict
    return verdict.body.decode()


def _check(document: bytes, schema: Schema | None) -> None:
    out = _released(document, schema)
    assert SECRET not in out
    assert out.count(PLAIN) == document.decode().count(PLAIN)


@st.composite
def _tagged(draw: st.DrawFn, level: int = 3, names: list[int] | None = None) -> tuple[Any, Any]:
    """A type of Avro and a value, in which each tagged text is a secret, and no other."""
    names = [0] if names is None else names
    if level == 0:
        return "string", PLAIN
    form = draw(st.sampled_from(["record", "record", "array", "map", "union", "string"]))
    if form == "string":
        return "string", PLAIN
    if form == "record":
        names[0] += 1
        name, fields, value = f"R{names[0]}", [], {}
        for place in range(draw(st.integers(1, 3))):
            if draw(st.booleans()):
                tag: dict[str, Any] = draw(
                    st.sampled_from([{"pii": True}, {"pii": "PII"}, {"confluent:tags": ["PII"]}])
                )
                on_type = draw(st.booleans())
                kind: Any = {"type": "string", **tag} if on_type else "string"
                fields.append({"name": f"f{place}", "type": kind, **({} if on_type else tag)})
                value[f"f{place}"] = SECRET
            else:
                kind, value[f"f{place}"] = draw(_tagged(level - 1, names))
                fields.append({"name": f"f{place}", "type": kind})
        return {"type": "record", "name": name, "fields": fields}, value
    kind, value = draw(_tagged(level - 1, names))
    if form == "array":
        return {"type": "array", "items": kind}, [value] * draw(st.integers(1, 2))
    if form == "map":
        return {"type": "map", "values": kind}, dict.fromkeys(draw(st.sampled_from([["k"], ["k", "f0"]])), value)
    return (kind if isinstance(kind, list) else ["null", kind]), value


@examples(500)
@given(_tagged())
def test_what_a_schema_of_avro_tags_is_hidden(tagged: tuple[Any, Any]) -> None:
    kind, value = tagged
    schema = {"type": "record", "name": "Root", "fields": [{"name": "v", "type": kind}]}
    reader = AvroReader(avro_definition(schema), MAX_BYTES)
    _check(*reader.read(avro_bytes(schema, {"v": value}), None))  # type: ignore[arg-type]


@pytest.mark.parametrize("depth", [0, 1, 2, 7])
def test_at_every_depth_of_types_that_hold_each_other(depth: int) -> None:
    other = {
        "type": "record",
        "name": "Other",
        "fields": [{"name": "ssn", "type": "string", "pii": True}, {"name": "back", "type": ["null", "Node"]}],
    }
    node = {
        "type": "record",
        "name": "Node",
        "fields": [
            {"name": "plain", "type": "string"},
            {"name": "card", "type": "string", "pii": True},
            {"name": "others", "type": {"type": "map", "values": other}},
            {"name": "kids", "type": {"type": "array", "items": "Node"}},
        ],
    }
    value: dict[str, Any] = {"plain": PLAIN, "card": SECRET, "others": {}, "kids": []}
    for level in range(depth):
        inner = {"ssn": SECRET, "back": value} if level % 2 else {"ssn": SECRET, "back": None}
        kids = [] if level % 2 else [value]
        value = {"plain": PLAIN, "card": SECRET, "others": {"k": inner}, "kids": kids}
    reader = AvroReader(avro_definition(node), MAX_BYTES)
    _check(*reader.read(avro_bytes(node, value), None))  # type: ignore[arg-type]


PROTO = """syntax = "proto3";
message Node {
  string plain = 1;
  string card = 2 [(pii) = true];
  map<string, Other> others = 3;
  repeated Node kids = 4;
  oneof way { string iban = 5 [(confluent.field_meta).tags = "PII"]; Whole whole = 6; }
}
message Other { string ssn = 1 [(confluent.field_meta) = { tags: ["PII"] }]; Node back = 2; }
message Whole { option (confluent.message_meta).tags = "PII"; string any = 1; }
"""


class _First:
    def message(self, payload: bytes) -> tuple[tuple[int, ...] | int, int]:  # noqa: ARG002
        return (0,), 0


@pytest.mark.parametrize("way", [{"iban": SECRET}, {"whole": {"any": SECRET}}])
def test_what_a_schema_of_protobuf_tags_is_hidden(way: dict[str, Any]) -> None:
    leaf = {"plain": PLAIN, "card": SECRET, **way}
    value = {
        **leaf,
        "others": {"k": {"ssn": SECRET, "back": {**leaf, "kids": [leaf]}}},
        "kids": [{**leaf, "kids": [leaf]}],
    }
    reader = ProtobufReader(Definition(Format.PROTOBUF, PROTO, "n", "1"), MAX_BYTES, KeptOut())
    message = json_format.ParseDict(value, message_factory.GetMessageClass(reader._found((0,)))())
    _check(*reader.read(message.SerializeToString(), _First()))


def test_what_a_json_schema_tags_is_hidden() -> None:
    schema = {
        "$defs": {
            "secret": {"type": "string", "x-pii": True},
            "node": {
                "properties": {"s": {"$ref": "#/$defs/secret"}, "p": {}, "kids": {"items": {"$ref": "#/$defs/node"}}},
                "patternProperties": {"^x": {"confluent:tags": ["PII"]}},
            },
        },
        "oneOf": [{"$ref": "#/$defs/node"}, {"properties": {"list": {"prefixItems": [{"$ref": "#/$defs/secret"}]}}}],
    }
    leaf = {"s": SECRET, "x1": SECRET}
    document = {**leaf, "kids": [{**leaf, "kids": [leaf]}], "list": [SECRET]}
    reader = JsonReader(Definition(Format.JSON, json.dumps(schema), "n", "1"))
    _check(*reader.read(json.dumps(document).encode(), _First()))
