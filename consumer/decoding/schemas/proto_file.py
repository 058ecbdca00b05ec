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
"""It takes 7 ms for each kilobyte to parse."""

_MAX_LEVELS: Final = 32
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
    if len(text) > MAX_PROTO_CHARS:
        raise SchemaUnusable

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
                    self._message(self._made.message_type.add(), element.name, element.elements, self._made.package, 1)
                case ast.Enum():
                    _enum(self._made.enum_type.add(), element)
        return ProtoFile(self._made, self._tags)

    def _message(self, made: DescriptorProto, name: str, elements: Sequence[Any], scope: str, level: int) -> None:
        if level > _MAX_LEVELS:
            raise SchemaUnusable
        made.name = name
        full = f"{scope}.{name}" if scope else name
        found = tuple(dict.fromkeys(_tags_of(each for each in elements if isinstance(each, ast.Option))))
        if found:
            self._tags[full] = found
        optional = []
        for element in elements:
            match element:
                case ast.Message():
                    self._message(made.nested_type.add(), element.name, element.elements, full, level + 1)
                case ast.Enum():
                    _enum(made.enum_type.add(), element)
                case ast.OneOf():
                    self._one_of(made, element, full, level)
                case ast.Field() | ast.Group() | ast.MapField():
                    field = self._field(made, element, full, level)
                    if self._is_optional(element):
                        optional.append(field)
        for field in optional:  # after the real ones, as protoc does
            field.proto3_optional = True
            field.oneof_index = len(made.oneof_decl)
            made.oneof_decl.add(name=f"_{field.name}")

    def _is_optional(self, element: ast.Field | ast.Group | ast.MapField) -> bool:
        is_optional = getattr(element, "cardinality", None) is ast.FieldCardinality.OPTIONAL
        return is_optional and self._made.syntax == "proto3"

    def _one_of(self, message: DescriptorProto, element: ast.OneOf, scope: str, level: int) -> None:
        index = len(message.oneof_decl)
        message.oneof_decl.add(name=element.name)
        for each in element.elements:
            if isinstance(each, (ast.Field, ast.Group)):
                self._field(message, each, scope, level).oneof_index = index

    def _field(
        self, message: DescriptorProto, element: ast.Field | ast.Group | ast.MapField, scope: str, level: int
    ) -> FieldDescriptorProto:
        field = message.field.add(name=element.name, number=element.number)
        if isinstance(element, ast.MapField):
            entry = message.nested_type.add(name=f"{_camel(element.name)}Entry")
            entry.options.map_entry = True
            _typed(entry.field.add(name="key", number=1, label=FieldDescriptorProto.LABEL_OPTIONAL), element.key_type)
            _typed(
                entry.field.add(name="value", number=2, label=FieldDescriptorProto.LABEL_OPTIONAL), element.value_type
            )
            field.label = FieldDescriptorProto.LABEL_REPEATED
            field.type = FieldDescriptorProto.TYPE_MESSAGE
            field.type_name = f".{scope}.{entry.name}"
        else:
            field.label = _LABELS.get(element.cardinality, FieldDescriptorProto.LABEL_OPTIONAL)  # type: ignore[arg-type]
            if isinstance(element, ast.Group):
                self._message(message.nested_type.add(), element.name, element.elements, scope, level + 1)
                field.name = element.name.lower()
                field.type = FieldDescriptorProto.TYPE_GROUP
                field.type_name = f".{scope}.{element.name}"
            else:
                _typed(field, element.type)
        found = tuple(dict.fromkeys(_tags_of(getattr(element, "options", ()))))
        if found:
            self._tags[f"{scope}.{field.name}"] = found
        return field


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
