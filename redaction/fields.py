"""Rules by field name, applied to a parsed document in place."""

import re
from decimal import Decimal

from redaction.detectors.base import fold
from redaction.detectors.card import MAX_DIGITS, MIN_DIGITS, keep_last_four
from redaction.names import normalize
from redaction.plugin import Applied, Document, JSONValue
from redaction.policy import FieldRule

MASK = "****"
# A card number, or one masked before, and nothing else: digits and `*` with at most three separators between.
_CARD = re.compile(rf"\W{{0,3}}(?:[0-9*][^0-9*\w]{{0,3}}|[0-9*]_{{1,3}}){{{MIN_DIGITS},{MAX_DIGITS}}}")
# Names are few and short, but senders choose them: what is remembered is bounded.
_MEMORY = 10_000
_MEMORABLE_LENGTH = 64


class FieldRules:
    """Compiled rules. Not bound to a document: one instance serves all."""

    def __init__(self, rules: list[FieldRule]) -> None:
        self._by_name = {normalize(name): rule for rule in rules for name in rule.names}
        self._by_spelling: dict[str, FieldRule | None] = {}

    def apply(self, fields: Document, applied: list[Applied]) -> None:
        """Drop and mask in `fields` and all that is below; note each in `applied`."""
        by_spelling = self._by_spelling
        doomed: list[str] = []
        for name, value in fields.items():
            rule = by_spelling[name] if name in by_spelling else self._look_up(name)
            if rule is None:
                if isinstance(value, dict):
                    self.apply(value, applied)
                elif isinstance(value, list):
                    self._apply_to_list(value, applied)
            elif rule.action == "drop":
                doomed.append(name)
                applied.append((rule.id, "drop"))
            else:
                fields[name] = self._mask(value, rule.id, applied)
        for name in doomed:
            del fields[name]

    def _look_up(self, name: str) -> FieldRule | None:
        rule = self._by_name.get(normalize(name))
        if len(self._by_spelling) < _MEMORY and len(name) <= _MEMORABLE_LENGTH:
            self._by_spelling[name] = rule
        return rule

    def _apply_to_list(self, items: list[JSONValue], applied: list[Applied]) -> None:
        for item in items:
            if isinstance(item, dict):
                self.apply(item, applied)
            elif isinstance(item, list):
                self._apply_to_list(item, applied)

    def _mask(self, value: JSONValue, rule_id: str, applied: list[Applied]) -> JSONValue:
        """Mask every scalar below a field named so, whatever its own name; drop what is to be dropped."""
        if isinstance(value, dict):
            kept: Document = {}
            for name, item in value.items():
                rule = self._look_up(name)
                if rule and rule.action == "drop":
                    applied.append((rule.id, "drop"))
                else:
                    kept[name] = self._mask(item, rule_id, applied)
            return kept
        if isinstance(value, list):
            return [self._mask(item, rule_id, applied) for item in value]
        masked = mask_card(value)
        if masked != value:
            applied.append((rule_id, "mask"))
        return masked


def mask_card(value: JSONValue) -> str | None:
    """Mask all digits but the last four of what looks like a card number, and anything else entirely.

    Null stays: it holds nothing, and a mask would claim that there was something.
    """
    if value is None:
        return None
    if isinstance(value, str):
        text = value
    elif isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    elif isinstance(value, Decimal) and value.adjusted() < MAX_DIGITS and value == value.to_integral_value():
        text = format(value.to_integral_value(), "f")
    else:
        return MASK
    return keep_last_four(text) if _CARD.fullmatch(fold(text)) else MASK
