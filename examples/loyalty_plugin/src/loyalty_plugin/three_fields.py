"""A redactor without a policy: three fields may leave, each of one type; all others are dropped."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from redaction.actions.base import scalar_text
from redaction.detectors.registry import detectors
from redaction.engine.finder import Finder
from redaction.parse import Limits, Unparsable, parse
from redaction.plugin import Document, JSONValue, PolicyError, Redactor, Rejected, Released, Verdict
from redaction.serialize import serialize

_LIMITS = Limits(max_depth=32, max_bytes=400 * 1024, max_values=5000)
_FIELDS = ("user_id", "timestamp", "amount")
_LONGEST = 64


class ThreeFields:
    name, version = "three-fields", "1"
    digest = "three-fields-1"  # stored with every document: change it when the rules change

    def __init__(self) -> None:
        self._finder = Finder(tuple(detectors().values()))

    def redact(self, payloads: Sequence[bytes]) -> list[Verdict]:
        return [self._redact(payload) for payload in payloads]

    def _redact(self, payload: bytes) -> Verdict:
        try:
            # Strict: one object, no duplicate keys, numbers exact. What is unclear is refused, with a code.
            received = parse(payload, _LIMITS)
        except Unparsable as refusal:
            return Rejected(refusal.code)
        document: Document = {}
        for name, value in received.items():
            if name in _FIELDS:
                text = _as_text(name, value)
                if text is None:
                    return Rejected("unexpected_type", "three_fields")
                if len(text) > _LONGEST or self._finder.find_in(text):
                    return Rejected("unexpected_value", "three_fields")
                document[name] = value
        dropped = len(received) - len(document)
        return Released(document, serialize(document), (("three_fields", "drop"),) * dropped)


def _as_text(name: str, value: JSONValue) -> str | None:
    if name == "amount":
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return None
        return scalar_text(value)
    return value if isinstance(value, str) else None


def from_options(options: Mapping[str, object]) -> Redactor:
    if options:
        raise PolicyError("three-fields has no options; remove redaction.options")
    return ThreeFields()
