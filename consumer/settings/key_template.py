"""Key templates: ``{timestamp}#{shard}#{sequence}#{sub}`` over sanitised fields and record metadata."""

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from consumer.errors import EncodeError

METADATA: Final = frozenset({"stream", "shard", "sequence", "sub", "arrival"})
"""Names that mean the record's metadata; a document's field of the same name cannot be reached by a template."""

MAX_PARTITION_KEY_BYTES: Final = 2048
MAX_SORT_KEY_BYTES: Final = 1024
"""Limits of DynamoDB's key attributes (AWS: "Quotas in Amazon DynamoDB", partition and sort keys)."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[^.{}]+(\.[^.{}]+)*")


class KeyTemplate:
    """A compiled template.

    :param template: literal text with ``{name}`` placeholders; ``{a.b}`` reaches into nested objects.
    :param limit: the longest key in bytes of UTF-8.
    :param constants: metadata that is the same for all records.
    :raises ValueError: the template holds no placeholder, an empty one, or a stray brace.
    """

    def __init__(self, template: str, limit: int, constants: Mapping[str, str] = MappingProxyType({})) -> None:
        pieces = _PLACEHOLDER.split(template)
        literals, names = pieces[0::2], pieces[1::2]
        self.names = tuple(names)
        self._limit = limit
        if not names:
            msg = f"the key template {template!r} holds no placeholder such as {{user_id}}"
            raise ValueError(msg)
        if any(not _NAME.fullmatch(name) for name in names) or re.search(r"[{}]", "".join(literals)):
            msg = f"the key template {template!r} is malformed; write placeholders as {{name}} or {{outer.inner}}"
            raise ValueError(msg)
        self._first = literals[0]
        self._parts: list[tuple[str, list[str] | None, str]] = []
        """In order: a name, its path unless it is metadata, the literal that follows."""
        for name, literal in zip(names, literals[1:], strict=True):
            path = name.split(".")
            if path[0] not in METADATA:
                self._parts.append((path[0], path, literal))
            elif path[0] not in constants:
                self._parts.append((path[0], None, literal))
            elif self._parts:
                before, its_path, text = self._parts[-1]
                self._parts[-1] = (before, its_path, text + constants[path[0]] + literal)
            else:
                self._first += constants[path[0]] + literal

    @property
    def is_unique_per_record(self) -> bool:
        """Whether no two records can share a key: it names the whole identity."""
        return {"shard", "sequence", "sub"} <= set(self.names)

    def render(self, document: Mapping[str, object], metadata: Mapping[str, str]) -> str:
        """Return the key.

        :raises EncodeError: ``key_missing``, ``key_empty``, ``key_not_scalar`` or ``key_too_long``.
        """
        out = [self._first]
        for name, path, literal in self._parts:
            if path is None:
                value: object = metadata[name]
            else:
                value = document.get(name)
                if type(value) is not str or not value or len(path) > 1:
                    value = field_text(document, path)
            out += (value, literal)
        key = "".join(out)
        # A character takes four bytes at most.
        if 4 * len(key) > self._limit and len(key.encode(errors="surrogatepass")) > self._limit:
            raise EncodeError("key_too_long")
        return key


def field_text(document: Mapping[str, object], path: list[str]) -> str:
    """Return a field's value as it stands in a key.

    :raises EncodeError: ``key_missing``, ``key_empty`` or ``key_not_scalar``.
    """
    value: object = document
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            raise EncodeError("key_missing")
        value = value[name]
    if isinstance(value, str):
        if not value:
            raise EncodeError("key_empty")
        return value
    if value is None:
        raise EncodeError("key_missing")
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise EncodeError("key_not_scalar")
    return format(value, "f") if isinstance(value, Decimal) and abs(value.adjusted()) < 40 else str(value)  # noqa: PLR2004
