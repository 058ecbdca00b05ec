# noqa: INP001 - a folder of pages, no package
"""The generated part of docs/settings.md: every setting, from the models that check them."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from consumer.settings import Settings
from consumer.settings.sources import ENVIRONMENT_PREFIX

_UNITS: Final = {"bytes": "bytes", "days": "days", "mb": "MiB", "ms": "milliseconds", "seconds": "seconds"}
"""By the words of a setting's name."""

_TYPES: Final = {
    "array": "list",
    "boolean": "`true` or `false`",
    "integer": "whole number",
    "number": "number",
    "object": "mapping",
    "password": "text, secret",
    "path": "path",
    "section": "section",
    "string": "text",
}
"""By JSON schema's formats and types."""
_PATTERNS: Final = {
    "^arn:": "ARN",
    "^(arn:": "ARN, or `secretsmanager:` and a name",
    "^[^.{}]+": "field, dots lead down",
}
"""By how a pattern begins: what it stands for. Of names the length tells enough."""


class Setting(NamedTuple):
    """A setting.

    :ivar path: section and key, and below these.
    :ivar is_item: whether it is part of a list's item, and so has no variable.
    """

    path: tuple[str, ...]
    schema: Mapping[str, Any]
    is_item: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that sets it; empty: none does."""
        return "" if self.is_item else ENVIRONMENT_PREFIX + "__".join(self.path).upper()


_SCHEMA: Final = Settings.model_json_schema()


def sections() -> Iterator[tuple[str, str, list[Setting]]]:
    """Yield each section with what it is about, and its settings; at last those that stand in none."""
    alone = []
    for name, schema in _SCHEMA["properties"].items():
        inner = _model(schema)
        if inner and schema.get("type") != "array":
            yield name, inner["description"], list(_below((name,), inner))
        else:
            alone += [Setting((name,), schema), *_below((name,), inner, is_item=True)]
    yield "", "Not in a section.", alone


def _below(path: tuple[str, ...], model: Mapping[str, Any] | None, *, is_item: bool = False) -> Iterator[Setting]:
    for key, schema in (model or {}).get("properties", {}).items():
        yield Setting((*path, key), schema, is_item)
        yield from _below((*path, key), _model(schema), is_item=is_item)


def _model(schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the section that a setting holds, or that its list does."""
    for part in (schema, schema.get("items", {}), *schema.get("anyOf", ())):
        if "$ref" in part:
            model: Mapping[str, Any] = _SCHEMA["$defs"][part["$ref"].rpartition("/")[2]]
            return model
    return None


def _values(setting: Setting) -> str:
    schema = setting.schema
    choices = [part for part in schema.get("anyOf", (schema,)) if part.get("type") != "null"]
    words = " or ".join(map(_type, choices))
    unit = next((_UNITS[word] for word in setting.path[-1].split("_") if word in _UNITS), "")
    return f"{words}{', ' * bool(unit)}{unit}"


def _type(schema: Mapping[str, Any]) -> str:
    if choices := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return ", ".join(f"`{each}`" for each in choices)
    pattern = schema.get("pattern", "")
    named = next((words for start, words in _PATTERNS.items() if pattern.startswith(start)), None)
    return named or _TYPES[schema.get("format") or schema.get("type") or "section"] + _bounds(schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    above, least, most = (schema.get(key) for key in ("exclusiveMinimum", "minimum", "maximum"))
    if above is not None:
        return f", more than {above:,}" + f", up to {most:,}" * (most is not None)
    if least is None:
        return ""
    return f", {least:,} or more" if most is None else f", {least:,} to {most:,}"


def _default(setting: Setting) -> str:
    if "default" in setting.schema:
        default = setting.schema["default"]
        return "" if default is None else f"; default `{default if isinstance(default, str) else json.dumps(default)}`"
    return "; default `{}`" if setting.schema.get("type") == "object" else "; required"


def _row(setting: Setting) -> str:
    name = ".".join(setting.path)
    variable = f" `{setting.variable}`" if setting.variable else ""
    text = setting.schema.get("description") or (_model(setting.schema) or {}).get("description", "")
    return f"| `{name}` | {_values(setting)}{_default(setting)} | {' '.join(text.split())}{variable} |"


def _page() -> str:
    parts = []
    for name, about, settings in sections():
        head = "| setting | value | meaning, and its variable |\n| --- | --- | --- |"
        parts.append(f"## {name or 'Others'}\n\n{about}\n\n" + "\n".join([head, *map(_row, settings)]))
    return "\n\n".join(parts)


TABLES: Final[Mapping[str, Callable[[], str]]] = {"settings": _page}
