"""The rules that drop whole records: by what stands at a path."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from redaction.plugin import Document, Dropped, JSONValue
from redaction.policy import DropRecord

_ABSENT: Final = object()


class DropRules:
    """Those of one policy; the first that applies counts."""

    def __init__(self, rules: Iterable[DropRecord]) -> None:
        self._rules = [(tuple(rule.field.split(".")), rule) for rule in rules]
        self.paths: Final = frozenset(path for path, _ in self._rules)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def verdict(self, document: Document) -> Dropped | None:
        """Give the verdict on a record that is dropped."""
        return next((Dropped(rule.id) for path, rule in self._rules if _equals(_at(document, path), rule)), None)

    def apply(self, path: tuple[str, ...], value: JSONValue) -> bool:
        """Tell whether one applies to a record in which this scalar stands at a path."""
        return any(own == path and _equals(value, rule) for own, rule in self._rules)


def _at(document: Document, path: tuple[str, ...]) -> object:
    value: object = document
    for name in path:
        value = value.get(name, _ABSENT) if isinstance(value, dict) else _ABSENT
    return value


def _equals(value: object, rule: DropRecord) -> bool:
    # In JSON true is no number; in Python it equals 1.
    if isinstance(value, bool) or isinstance(rule.equals, bool) or rule.equals is None:
        return value is rule.equals
    return isinstance(value, (int, float, str, Decimal)) and value == rule.equals
