"""A .proto file as a descriptor: no protoc is needed, and nothing of a schema is run.

Options are read for tags only, so that the files that define them need not be there. Services and extensions are left
out: no message holds what they say, and fields of extensions are unknown fields.
"""

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple

from antlr4.error.ErrorListener import ErrorListener
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from proto_schema_parser import ast
from proto_schema_parser.parser import Parser

from consumer.decoding.schemas.definition import SchemaUnusable
from consumer.decoding.schemas.tags import tag_names

MAX_PROTO_CHARS: Final = 2**18
"""Of all files of a schema together: a kilobyte takes 25 ms to parse."""

_MAX_LEVELS: Final = 64
_SCALARS: Final = {
    name: getattr(FieldDescriptorProto, f"TYPE_{name.upper()}")
    for name in [
        "double",
        "float",
        "int64",
        "uint64",
        "int32",
        "fixed64",
        "fixed32",
        "bool",
        "string",
        "bytes",
        "uint32",
        "sfixed32",
        "sfixed64",
        "sint32",
        "sint64",
    ]
}
_LABELS: Final = {
    ast.FieldCardinality.OPTIONAL: FieldDescriptorProto.LABEL_OPTIONAL,
    ast.FieldCardinality.REQUIRED: FieldDescriptorProto.LABEL_REQUIRED,
    ast.FieldCardinality.REPEATED: FieldDescriptorProto.LABEL_REPEATED,
}
_GOOGLE: Final = "google/protobuf/"
_KNOWN: Final = frozenset({"any", "descriptor", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers"})
# Confluent's libraries know these without a reference.
_OPTIONS_ONLY: Final = frozenset({"confluent/meta.proto"})
_DECIMAL: Final = "confluent/type/decimal.proto"
_DECIMAL_TEXT: Final = """syntax = "proto3";
package confluent.type;
message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }
"""


class ProtoFile(NamedTuple):
    """:ivar tags: by the full names of fields and messages."""

    descriptor: FileDescriptorProto
    tags: dict[str, tuple[str, ...]]


class _Strict(ErrorListener):  # type: ignore[misc] # antlr4 has no types
    """The parser's own listener writes what it does not understand to the standard error, and goes on."""

    def syntaxError(self, *_: Any) -> None:  # noqa: N802 - antlr's name
        raise SchemaUnusable


def parsed(name: str, text: str) -> ProtoFile:
    """Return the descriptor of a file.

    :param name: under which others import it.
    :raises SchemaUnusable: it is no such file, or has what is not understood: an edition.
    """

    def strictly(recogniser: Any) -> None:
        recogniser.removeErrorListeners()
        recogniser.addErrorListener(_Strict())

    try:
        file = Parser(setup_lexer=strictly, setup_parser=strictly).parse(text)
    except RecursionError:
        raise SchemaUnusable from None
    if file.edition is not None:
        raise SchemaUnusable
    return _Builder(name, file).made()


def known_file(name: str) -> FileDescriptorProto | None:
    """Return a file that needs no reference; None: there is none of that name."""
    if name.startswith(_GOOGLE):
        stem = name.removeprefix(_GOOGLE).removesuffix(".proto")
        if stem not in _KNOWN:
            return None
        import_module(f"google.protobuf.{stem}_pb2")
        found = FileDescriptorProto()
        descriptor_pool.Default().FindFileByName(name).CopyToProto(found)
        return found
    if name in _OPTIONS_ONLY:
        return FileDescriptorProto(name=name, syntax="proto3")
    return parsed(name, _DECIMAL_TEXT).descriptor if name == _DECIMAL else None


class _Builder:
    def __init__(self, name: str, file: ast.File) -> None:
        self._file = file
        self._made = FileDescriptorProto(name=name, syntax=file.syntax or "proto2")
        self._tags: dict[str, tuple[str, ...]] = {}

    def made(self) -> ProtoFile:
        for element in self._file.file_elements:
            match element:
                case ast.Package():
                    self._made.package = element.name
                case ast.Import():
                    if element.public:
                        self._made.public_dependency.append(len(self._made.dependency))
                    self._made.dependency.append(element.name)
        for element in self._file.file_elements:
            match element:
                case ast.Message():
                    self._message(self._made.message_type.add(), element.name, element.elements, self._made.package)
                case ast.Enum():
                    _enum(self._made.enum_type.add(), element)
        return ProtoFile(self._made, self._tags)

    def _message(self, made: DescriptorProto, name: str, elements: Sequence[Any], scope: str) -> None:
        made.name = name
        full = f"{scope}.{name}" if scope else name
        if full.count(".") > _MAX_LEVELS:
            raise SchemaUnusable
        self._tag(full, (each for each in elements if isinstance(each, ast.Option)))
        fields = _Fields(made, full, self)
        for element in elements:
            match element:
                case ast.Message():
                    self._message(made.nested_type.add(), element.name, element.elements, full)
                case ast.Enum():
                    _enum(made.enum_type.add(), element)
                case ast.OneOf():
                    fields.add_one_of(element)
                case ast.Field() | ast.Group() | ast.MapField():
                    fields.add(element)
                case ast.Option(name="map_entry"):  # a registry writes a map so, when it was given a descriptor
                    made.options.map_entry = element.value is True
        fields.end(is_newer=self._made.syntax == "proto3")

    def group(self, made: DescriptorProto, element: ast.Group, scope: str) -> None:
        """Fill in the type of a group."""
        self._message(made, element.name, element.elements, scope)

    def _tag(self, name: str, options: Iterable[ast.Option]) -> None:
        found = tuple(dict.fromkeys(_tags_of(options)))
        if found:
            self._tags[name] = found

    def tag(self, name: str, element: ast.Field | ast.Group | ast.MapField) -> None:
        """Enter the tags of a field."""
        self._tag(name, getattr(element, "options", ()))


class _Fields:
    """The fields of one message."""

    def __init__(self, message: DescriptorProto, scope: str, builder: _Builder) -> None:
        self._message = message
        self._scope = scope
        self._builder = builder
        # Behind those that are written: only the latter are counted by who says which message it is.
        self._implied: list[DescriptorProto] = []
        self._optional: list[FieldDescriptorProto] = []

    def add_one_of(self, element: ast.OneOf) -> None:
        index = len(self._message.oneof_decl)
        self._message.oneof_decl.add(name=element.name)
        for each in element.elements:
            if isinstance(each, (ast.Field, ast.Group)):
                self.add(each).oneof_index = index

    def add(self, element: ast.Field | ast.Group | ast.MapField) -> FieldDescriptorProto:
        field = self._message.field.add(name=element.name, number=element.number)
        match element:
            case ast.MapField():
                self._map(field, element)
            case ast.Group():
                field.name = element.name.lower()
                self._implied.append(group := DescriptorProto())
                self._builder.group(group, element, self._scope)
                field.type = FieldDescriptorProto.TYPE_GROUP
                field.type_name = f".{self._scope}.{element.name}"
                field.label = _label(element)
            case _:
                field.label = _label(element)
                _typed(field, element.type)
        self._builder.tag(f"{self._scope}.{field.name}", element)
        if getattr(element, "cardinality", None) is ast.FieldCardinality.OPTIONAL:
            self._optional.append(field)
        return field

    def end(self, *, is_newer: bool) -> None:
        """Add what the fields imply.

        :param is_newer: of the syntax in which `optional` says that a field has presence.
        """
        self._message.nested_type.extend(self._implied)
        for field in self._optional if is_newer else ():
            field.proto3_optional = True
            field.oneof_index = len(self._message.oneof_decl)
            self._message.oneof_decl.add(name=f"_{field.name}")

    def _map(self, field: FieldDescriptorProto, element: ast.MapField) -> None:
        entry = DescriptorProto(name=f"{_camel(element.name)}Entry")
        entry.options.map_entry = True
        for number, (name, kind) in enumerate((("key", element.key_type), ("value", element.value_type)), 1):
            _typed(entry.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL), kind)
        self._implied.append(entry)
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{self._scope}.{entry.name}"
        field.label = FieldDescriptorProto.LABEL_REPEATED


def _label(element: ast.Field | ast.Group) -> FieldDescriptorProto.Label.ValueType:
    if element.cardinality is None:
        return FieldDescriptorProto.LABEL_OPTIONAL
    return _LABELS[element.cardinality]


def _typed(field: FieldDescriptorProto, name: str) -> None:
    if name in _SCALARS:
        field.type = _SCALARS[name]
    else:
        field.type_name = name  # the pool finds out what it is, from this scope outwards


def _enum(made: EnumDescriptorProto, element: ast.Enum) -> None:
    made.name = element.name
    for each in element.elements:
        if isinstance(each, ast.EnumValue):
            made.value.add(name=each.name, number=each.number)
        elif isinstance(each, ast.Option) and each.name == "allow_alias":
            made.options.allow_alias = each.value is True


def _camel(name: str) -> str:
    """As protoc names the entries of maps."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _tags_of(options: Iterable[ast.Option]) -> Iterator[str]:
    """Return what the options `pii`, of whatever package, and Confluent's `field_meta` and `message_meta` say."""
    for option in options:
        name, _, rest = option.name.strip().removeprefix("(").partition(")")
        last = name.strip().rpartition(".")[2]
        if last == "pii" and not rest:
            yield from tag_names(_plain(option.value))
        elif last in ("field_meta", "message_meta"):
            if rest.strip() == ".tags":
                yield from tag_names(_plain(option.value))
            elif not rest.strip() and isinstance(option.value, ast.MessageLiteral):
                for each in option.value.elements:
                    if isinstance(each, ast.MessageLiteralField) and each.name == "tags":
                        yield from tag_names(_plain(each.value))


def _plain(value: Any) -> Any:
    if isinstance(value, ast.Identifier):
        return value.name
    return [_plain(each) for each in value] if isinstance(value, list) else value
