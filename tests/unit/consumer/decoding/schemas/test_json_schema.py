"""JSON Schema: the document is handed on, and what is tagged is found wherever a schema may say it."""

import json
from typing import Any

import pytest

from consumer.decoder import Tag
from consumer.decoding.schemas.definition import Definition, Format, SchemaUnusable
from consumer.decoding.schemas.json_schema import JsonReader


def _tags(schema: Any, **references: Any) -> set[tuple[str, str]]:
    texts = {name: json.dumps(each) for name, each in references.items()}
    reader = JsonReader(Definition(Format.JSON, json.dumps(schema), "orders", "1", texts))
    return {(".".join(path), name) for path, name in reader.schema.tags}


PII = {"type": "string", "x-pii": True}


def test_a_document_is_handed_on_as_it_is() -> None:
    reader = JsonReader(Definition(Format.JSON, json.dumps({"properties": {"ssn": PII}}), "orders", "4"))
    document, schema = reader.read(b' {"a": 1.50}', None)  # type: ignore[arg-type]
    assert document == b' {"a": 1.50}'
    assert (schema.name, schema.version, schema.tags) == ("orders", "4", (Tag(("ssn",), "PII"),))


@pytest.mark.parametrize(
    ("schema", "tags"),
    [
        ({"properties": {"a": {"confluent:tags": ["X", "Y"]}}}, {("a", "X"), ("a", "Y")}),
        ({"properties": {"a": {"type": "array", "items": PII}}}, {("a", "PII")}),
        ({"properties": {"a": {"items": [PII, {}]}}}, {("a", "PII")}),
        ({"properties": {"a": {"prefixItems": [{"properties": {"b": PII}}]}}}, {("a.b", "PII")}),
        ({"patternProperties": {"^x": PII}}, {("*", "PII")}),
        ({"properties": {"a": {"additionalProperties": {"properties": {"b": PII}}}}}, {("a.*.b", "PII")}),
        ({"oneOf": [{"properties": {"a": PII}}, {"properties": {"b": PII}}]}, {("a", "PII"), ("b", "PII")}),
        ({"allOf": [{"anyOf": [{"if": {}, "then": {"properties": {"a": PII}}}]}]}, {("a", "PII")}),
        ({"dependentSchemas": {"x": {"properties": {"a": PII}}}}, {("a", "PII")}),
        ({"properties": {"a": {"$ref": "#/$defs/ssn"}}, "$defs": {"ssn": PII}}, {("a", "PII")}),
        ({"properties": {"a": {"$ref": "#ssn"}}, "$defs": {"x": {"$anchor": "ssn", **PII}}}, {("a", "PII")}),
        ({"properties": {"a": {"$ref": "#/definitions/a~1b"}}, "definitions": {"a/b": PII}}, {("a", "PII")}),
        (
            {
                "$id": "https://x.example/a.json",
                "properties": {"a": {"$ref": "b.json"}},
                "$defs": {"b": {"$id": "b.json", **PII}},
            },
            {("a", "PII")},
        ),
        ({"$id": "https://x.example/a.json", "properties": {"a": {"$ref": "#"}, "s": PII}}, {("**.s", "PII")}),
        ({"properties": {"next": {"$ref": "#"}, "s": PII}}, {("**.s", "PII")}),
        ({"x-pii": "ALL", "properties": {"a": True}}, {("*", "ALL")}),
        ({"properties": {"a": {"const": {"x-pii": True}}, "x-pii": {"type": "string"}}}, set()),
        ({"properties": {"a": {"$ref": "http://json-schema.org/draft-07/schema#"}}}, set()),
        (True, set()),
    ],
)
def test_tags_are_found(schema: Any, tags: set[tuple[str, str]]) -> None:
    assert _tags(schema) == tags


def test_tags_of_what_a_schema_refers_to_are_found() -> None:
    schema = {"$id": "https://x.example/order.json", "properties": {"who": {"$ref": "person.json#/definitions/p"}}}
    person = {"definitions": {"p": {"properties": {"ssn": PII}}}}
    assert _tags(schema, **{"person.json": person}) == {("who.ssn", "PII")}


@pytest.mark.parametrize("reference", ["https://elsewhere.example/x.json", "#/nowhere", "#nothing", 17])
def test_a_reference_that_leads_nowhere_is_refused_since_nobody_knows_its_tags(reference: Any) -> None:
    with pytest.raises(SchemaUnusable):
        _tags({"properties": {"a": {"$ref": reference}}})


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"properties": {"a": {"contentSchema": {"properties": {"b": {"x-pii": "PAN"}}}}}}, ("a",)),
        ({"properties": {"a": {"contentSchema": {"items": {"$ref": "#/definitions/T"}}}}}, ("a",)),
        ({"properties": {"a": {"propertyNames": {"x-pii": "PAN"}}}}, ("a",)),
        ({"extends": {"properties": {"a": {"x-pii": "PAN"}}}}, ("a",)),
        ({"type": ["null", {"properties": {"a": {"x-pii": "PAN"}}}]}, ("a",)),
    ],
)
def test_a_tag_is_known_where_it_seldom_stands(part: dict[str, Any], path: tuple[str, ...]) -> None:
    schema = {"definitions": {"T": {"properties": {"b": {"x-pii": "PAN"}}}}, **part}
    found = JsonReader(Definition(Format.JSON, json.dumps(schema), "orders", "1")).schema.tags
    assert found == (Tag(path, "PAN"),)
