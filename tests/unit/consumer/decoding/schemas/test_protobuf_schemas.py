"""Protobuf by schemas of any shape: what the library wrote is read as its own JSON of it, by the text of the schema."""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from google.protobuf import (
    descriptor_pool,
    duration_pb2,
    field_mask_pb2,
    json_format,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from consumer.decoder import Decoded
from consumer.decoding.chain import Chain
from consumer.decoding.confluent import Confluent
from consumer.decoding.glue import Glue
from tests.kits.examples import examples
from tests.kits.schemas import confluent_record, context, glue_record, varint

_ID: Final = 7
_VERSION: Final = str(UUID(int=7))
_SCALARS: Final = (
    "double float int64 uint64 int32 fixed64 fixed32 bool string bytes uint32 sfixed32 sfixed64 sint32 sint64"
)
_KEYS: Final = ["string", "int32", "bool", "uint64", "sfixed32"]
_KNOWN: Final = {
    "google.protobuf.Timestamp": timestamp_pb2,
    "google.protobuf.Duration": duration_pb2,
    "google.protobuf.StringValue": wrappers_pb2,
    "google.protobuf.Int64Value": wrappers_pb2,
    "google.protobuf.BoolValue": wrappers_pb2,
    "google.protobuf.Struct": struct_pb2,
    "google.protobuf.FieldMask": field_mask_pb2,
}
_MAX_DEPTH: Final = 3


@dataclass
class _Field:
    name: str
    kind: str
    number: int
    label: str = ""
    key: str = ""
    one_of: str = ""
    options: str = ""

    def text(self) -> str:
        kind = f"map<{self.key}, {self.kind}>" if self.key else self.kind
        return f"{self.label} {kind} {self.name} = {self.number}{self.options};"


@dataclass
class _Type:
    name: str
    full: str
    fields: list[_Field] = field(default_factory=list)
    types: list["_Type"] = field(default_factory=list)
    enums: list[str] = field(default_factory=list)


class _Schemas:
    """Draws a file: as text, and as the library's own descriptor of it."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self.is_newer = draw(st.booleans())
        self.package = draw(st.sampled_from(["", "shop", "shop.v1"]))
        self._count = 0
        self._names: list[str] = []
        self._enums: list[str] = []
        self.types = [self._type(self.package, 2) for _ in range(draw(st.integers(1, 3)))]
        for each in _with_nested(self.types):
            self._fill(each)

    def _type(self, scope: str, level: int) -> _Type:
        self._count += 1
        name = f"{self._draw(st.sampled_from('ABm'))}{self._count}"
        made = _Type(name, f"{scope}.{name}" if scope else name)
        self._names.append(made.full)
        if level:
            made.types = [self._type(made.full, level - 1) for _ in range(self._draw(st.integers(0, 2)))]
        if self._draw(st.booleans()):
            made.enums.append(f"E{self._count}")
            self._enums.append(f"{made.full}.E{self._count}")
        return made

    def _fill(self, made: _Type) -> None:
        numbers = self._draw(st.lists(st.integers(1, 18_000) | st.integers(1, 15), unique=True, max_size=5))
        for number in [each for each in numbers if not 9_000 <= each < 20_000]:
            name = f"{self._draw(st.sampled_from(['f', 'some_field_', 'camelCase', 'X']))}{len(made.fields)}"
            made.fields.append(self._field(name, number))

    def _field(self, name: str, number: int) -> _Field:
        kinds = [*_SCALARS.split(), *self._names * 3, *self._enums * 2, *_KNOWN]
        made = _Field(name, self._draw(st.sampled_from(kinds)), number)
        # A name from the top: from within, another of that name may be nearer.
        is_scalar = made.kind in _SCALARS.split()
        match self._draw(st.sampled_from(["single", "optional", "repeated", "map", "oneof"])):
            case "map":
                made.key = self._draw(st.sampled_from(_KEYS))
            case "repeated":
                made.label = "repeated"
                if is_scalar and made.kind not in ("string", "bytes"):
                    made.options = self._draw(
                        st.sampled_from(["", " [packed = true]", " [packed=false, deprecated = true]"])
                    )
            case "oneof":
                made.one_of = f"either{number % 2}"
            case "optional":
                made.label = "optional"
            case _:
                made.label = "" if self.is_newer else self._draw(st.sampled_from(["optional", "required"]))
                if made.kind in self._names and made.label == "required":
                    made.label = "optional"  # else there may be no message that is whole
        if not is_scalar:
            made.kind = f".{made.kind}"
        return made

    def text(self) -> str:
        lines = [f'syntax = "proto{3 if self.is_newer else 2}";']
        lines += [f"package {self.package};"] * bool(self.package)
        lines += [f'import "{each}";' for each in sorted({module.DESCRIPTOR.name for module in _KNOWN.values()})]
        return "\n".join([*lines, *(line for each in self.types for line in _lines(each))])

    def descriptor(self) -> FileDescriptorProto:
        made = FileDescriptorProto(
            name="own.proto", package=self.package, syntax="proto3" if self.is_newer else "proto2"
        )
        made.dependency.extend(sorted({module.DESCRIPTOR.name for module in _KNOWN.values()}))
        for each in self.types:
            self._describe(each, made.message_type.add())
        return made

    def _describe(self, shape: _Type, made: DescriptorProto) -> None:
        made.name = shape.name
        for inner in shape.types:
            self._describe(inner, made.nested_type.add())
        for name in shape.enums:
            enum = made.enum_type.add(name=name)
            for number, value in enumerate(("ZERO", "ONE", "TWO")):
                enum.value.add(name=f"{name}_{value}", number=number)
        for name in sorted({each.one_of for each in shape.fields if each.one_of}):
            made.oneof_decl.add(name=name)
        declared = [each.name for each in made.oneof_decl]
        for each in shape.fields:
            described = made.field.add(name=each.name, number=each.number)
            described.label = {
                "repeated": FieldDescriptorProto.LABEL_REPEATED,
                "required": FieldDescriptorProto.LABEL_REQUIRED,
            }.get(each.label, FieldDescriptorProto.LABEL_OPTIONAL)
            if "packed" in each.options:
                described.options.packed = "true]" in each.options.partition(",")[0].replace(" ", "")
            if each.one_of:
                described.oneof_index = declared.index(each.one_of)
            if each.key:
                self._describe_map(shape, each, made, described)
            else:
                _typed(described, each.kind)
            if each.label == "optional" and self.is_newer:
                described.proto3_optional = True
                described.oneof_index = len(made.oneof_decl)
                made.oneof_decl.add(name=f"_{each.name}")

    @staticmethod
    def _describe_map(shape: _Type, each: _Field, made: DescriptorProto, described: FieldDescriptorProto) -> None:
        name = "".join(part[:1].upper() + part[1:] for part in each.name.split("_")) + "Entry"
        entry = made.nested_type.add(name=name)
        entry.options.map_entry = True
        _typed(entry.field.add(name="key", number=1, label=FieldDescriptorProto.LABEL_OPTIONAL), each.key)
        _typed(entry.field.add(name="value", number=2, label=FieldDescriptorProto.LABEL_OPTIONAL), each.kind)
        described.label = FieldDescriptorProto.LABEL_REPEATED
        described.type_name = f".{shape.full}.{name}"


def _typed(made: FieldDescriptorProto, kind: str) -> None:
    if kind.startswith("."):
        made.type_name = kind
    else:
        made.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")


def _lines(made: _Type) -> Iterator[str]:
    yield f"message {made.name} {{"
    for name in made.enums:
        yield f"  enum {name} {{ {name}_ZERO = 0; {name}_ONE = 1; {name}_TWO = 2; }}"
    for inner in made.types:
        yield from _lines(inner)
    for each in made.fields:
        if not each.one_of:
            yield f"  {each.text()}"
    for one_of in sorted({each.one_of for each in made.fields if each.one_of}):
        yield f"  oneof {one_of} {{ {' '.join(each.text() for each in made.fields if each.one_of == one_of)} }}"
    yield "}"


def _with_nested(types: Sequence[_Type]) -> Iterator[_Type]:
    for each in types:
        yield each
        yield from _with_nested(each.types)


_INT32, _INT64 = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
_VALUES: Final[dict[int, st.SearchStrategy[Any]]] = {
    FieldDescriptor.CPPTYPE_INT32: _INT32,
    FieldDescriptor.CPPTYPE_INT64: _INT64,
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: st.floats(),
    FieldDescriptor.CPPTYPE_FLOAT: st.floats(width=32),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
}
_WELL_KNOWN: Final[dict[str, st.SearchStrategy[Any]]] = {
    "google.protobuf.Timestamp": st.datetimes().map(lambda at: at.isoformat() + "Z"),
    "google.protobuf.Duration": st.integers(-(10**9), 10**9).map(lambda seconds: f"{seconds}.5s"),
    "google.protobuf.StringValue": st.text(max_size=5),
    "google.protobuf.Int64Value": _INT64.map(str),
    "google.protobuf.BoolValue": st.booleans(),
    "google.protobuf.Struct": st.dictionaries(
        st.text(max_size=3), st.none() | st.booleans() | st.text(max_size=3) | st.just([1.5, {"a": None}]), max_size=2
    ),
    "google.protobuf.FieldMask": st.sampled_from(["", "a", "a.bC,d"]),
}


def _fill(draw: st.DrawFn, message: Message, depth: int) -> None:
    for each in message.DESCRIPTOR.fields:
        if not each.is_required and (draw(st.integers(0, 2)) == 0 or depth <= 0):
            continue
        if not each.is_repeated:
            if each.message_type is None:
                setattr(message, each.name, draw(_value(each)))
            else:
                inner = getattr(message, each.name)
                inner.SetInParent()
                _fill_message(draw, inner, depth)
        elif each.message_type is not None and each.message_type.GetOptions().map_entry:
            _fill_map(draw, each, getattr(message, each.name), depth)
        else:
            for _ in range(draw(st.integers(0, 2))):
                if each.message_type is None:
                    getattr(message, each.name).append(draw(_value(each)))
                else:
                    _fill_message(draw, getattr(message, each.name).add(), depth)


def _fill_map(draw: st.DrawFn, described: Any, made: Any, depth: int) -> None:
    key, value = described.message_type.fields_by_name["key"], described.message_type.fields_by_name["value"]
    for name in draw(st.lists(_value(key), unique=True, max_size=2)):
        if value.message_type is None:
            made[name] = draw(_value(value))
        else:
            _fill_message(draw, made[name], depth)


def _fill_message(draw: st.DrawFn, message: Any, depth: int) -> None:
    known = _WELL_KNOWN.get(message.DESCRIPTOR.full_name)
    if known is None:
        _fill(draw, message, depth - 1)
    else:
        json_format.ParseDict(draw(known), message)


def _value(described: Any) -> st.SearchStrategy[Any]:
    match described.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING if described.type == FieldDescriptor.TYPE_BYTES:
            return st.binary(max_size=5)
        case FieldDescriptor.CPPTYPE_STRING:
            return st.text(max_size=5)
        case FieldDescriptor.CPPTYPE_ENUM:
            return st.sampled_from([each.number for each in described.enum_type.values])
        case other:
            return _VALUES[other]


def _places(top: Sequence[Descriptor]) -> Iterator[tuple[tuple[int, ...], Descriptor]]:
    for number, each in enumerate(top):
        if not each.GetOptions().map_entry:
            yield (number,), each
            yield from (((number, *inner), found) for inner, found in _places(each.nested_types))


def _full_names(top: Sequence[Descriptor]) -> Iterator[str]:
    for each in top:
        yield str(each.full_name)
        yield from _full_names(each.nested_types)


@st.composite
def _messages(draw: st.DrawFn) -> tuple[str, Message, tuple[int, ...], int, Callable[[Message], Any]]:
    """A schema's text, a message, its place as Confluent and as Glue count, and the library's JSON of it."""
    schemas = _Schemas(draw)
    pool = descriptor_pool.DescriptorPool()
    for module in dict.fromkeys(_KNOWN.values()):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(schemas.descriptor().SerializeToString())
    file = pool.FindFileByName("own.proto")
    top = [file.message_types_by_name[each.name] for each in schemas.types]
    place, descriptor = draw(st.sampled_from(list(_places(top))))
    message = message_factory.GetMessageClass(descriptor)()
    _fill(draw, message, _MAX_DEPTH)
    number = sorted(_full_names(top)).index(str(descriptor.full_name))

    def shown(made: Message) -> Any:
        return json_format.MessageToDict(made, preserving_proto_field_name=True, descriptor_pool=pool)

    return schemas.text(), message, place, number, shown


@examples(300)
@given(_messages())
def test_what_the_library_wrote_with_any_schema_is_read_as_its_own_json(
    written: tuple[str, Message, tuple[int, ...], int, Callable[[Message], Any]],
) -> None:
    text, message, place, number, shown = written
    payload, expected = message.SerializeToString(), shown(message)
    with tempfile.TemporaryDirectory() as folder:
        for name in (_ID, _VERSION):
            Path(folder, f"{name}.proto").write_text(text, "utf-8")
        options = {"folder": folder}
        for decoder, record in (
            (Confluent(options, context()), confluent_record(_ID, payload, place)),
            (Glue(options, context()), glue_record(_VERSION, varint(number) + payload, is_compressed=bool(number % 2))),
        ):
            (part,) = Chain([decoder], 2**25).decode(record)

            assert isinstance(part, Decoded), part
            assert json.loads(part.data) == expected
