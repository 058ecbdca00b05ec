"""A schema of Avro as a graph of types, and the schema that fastavro is given in its place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from consumer.decoding.schemas.avro_values import SYMBOLS, rewritten
from consumer.decoding.schemas.definition import SchemaUnusable
from consumer.decoding.schemas.tags import Edge, tag_names
from consumer.record import ANY_NAME

_MAX_LEVELS: Final = 100
_MAX_FIXED_BYTES: Final = 2**20
_TAG_PROPERTIES: Final = ("pii", "confluent:tags")


@dataclass(eq=False)
class AvroType:
    """One type, with those that stand within it.

    :ivar form: of the wire: a primitive type, fixed, enum, record, array, map or union.
    :ivar names: of a record's fields.
    :ivar tags: of a record's fields.
    :ivar own_tags: of whatever is of this type.
    :ivar chars: of its JSON, at most, beside parts, and what its bytes become.
    :ivar count: bytes of a fixed, symbols of an enum.
    """

    form: str
    parts: list["AvroType"] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    tags: list[tuple[str, ...]] = field(default_factory=list)
    own_tags: tuple[str, ...] = ()
    chars: int = 2
    count: int = 0

    def __post_init__(self) -> None:
        self.name_chars: list[int] = []
        """Of each field's name in JSON, with what stands around it."""

    def edges(self) -> Sequence[Edge]:
        """Return what is tagged within it."""
        found = [Edge("", self.own_tags, _LEAF)] if self.own_tags else []
        if self.form == "record":
            return found + [Edge(*each) for each in zip(self.names, self.tags, self.parts, strict=True)]
        return found + [Edge(ANY_NAME if self.form == "map" else "", (), part) for part in self.parts]


_LEAF: Final = AvroType("null")
"""Where a tag of a type leads to: there is nothing below."""


class AvroTypes:
    """Makes types of parsed schemas.

    :param named: parsed schemas by their full names.
    """

    def __init__(self, named: Mapping[str, Any]) -> None:
        self._named = named
        self._made: dict[str, tuple[AvroType, Any]] = {}

    def of(self, schema: Any, level: int = 0) -> tuple[AvroType, Any]:
        """Return the type of a parsed schema, and what fastavro is to read it with.

        :raises SchemaUnusable: nested too deep, or with names that are none.
        """
        if level > _MAX_LEVELS:
            raise SchemaUnusable
        if isinstance(schema, list):
            parts = [self.of(each, level + 1) for each in schema]
            return AvroType("union", [part for part, _ in parts], chars=0), [shown for _, shown in parts]
        if isinstance(schema, str):
            return self._of_name(schema, level) if schema in self._named else self._primitive(schema, {})
        form: str = schema["type"]
        if form in ("array", "map"):
            key = "items" if form == "array" else "values"
            part, shown = self.of(schema[key], level + 1)
            return AvroType(form, [part], own_tags=_tags_of(schema)), {"type": form, key: shown}
        return self._of_name(schema["name"], level) if "name" in schema else self._primitive(form, schema)

    def _primitive(self, form: str, schema: Mapping[str, Any]) -> tuple[AvroType, Any]:
        shown, chars = rewritten(form, schema)
        return AvroType(form, own_tags=_tags_of(schema), chars=chars), shown

    def _of_name(self, name: str, level: int) -> tuple[AvroType, Any]:
        if name in self._made:
            return self._made[name]
        schema = self._named[name]
        form: str = schema["type"]
        # Names of our own: those of a schema depend on where they stand.
        number = f"sanitizer.t{len(self._made)}"
        if form == "enum":
            shown, chars = rewritten(form, schema)
            made = AvroType(form, own_tags=_tags_of(schema), chars=chars, count=len(shown[SYMBOLS]))
            self._made[name] = made, shown  # read as a number: fastavro knows no name of it
            return made, shown
        if form == "fixed":
            shown, chars = rewritten(form, schema)
            size = shown["size"]
            if type(size) is not int or not 0 <= size <= _MAX_FIXED_BYTES:
                raise SchemaUnusable
            made = AvroType(form, own_tags=_tags_of(schema), chars=chars, count=size)
            self._made[name] = made, number
            return made, {**shown, "name": number}
        made = AvroType("record", own_tags=_tags_of(schema))
        self._made[name] = made, number
        fields = []
        for each in schema["fields"]:
            field_name = each["name"]
            if not isinstance(field_name, str) or field_name in made.names:
                raise SchemaUnusable
            part, shown = self.of(each["type"], level + 1)
            fields.append({"name": field_name, "type": shown})
            made.parts.append(part)
            made.names.append(field_name)
            made.name_chars.append(len(orjson.dumps(field_name)) + 2)
            made.tags.append(_tags_of(each))
        return made, {"type": "record", "name": number, "fields": fields}


def _tags_of(schema: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for each in _TAG_PROPERTIES for name in tag_names(schema.get(each))))
