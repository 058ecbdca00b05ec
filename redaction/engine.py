"""The built-in redactor: a compiled policy applied to records, batch by batch.

Parse, drop whole records, apply the rules by field name, serialise; then one scan over all serialised
outputs, careful work only for those with a candidate, and a last scan over what was mended. A record that
can't be made clean is rejected.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from redaction.fields import FieldRules
from redaction.mending import KEY_COLLISION, LEAK_SUSPECTED, KeyCollision, LeakSuspected, Mender
from redaction.parse import Limits, Unparsable, parse
from redaction.plugin import Applied, Document, Dropped, PolicyError, Rejected, Released, Verdict
from redaction.policy import DEFAULT, DropRecord, Policy, load_policy
from redaction.scan import suspects, unusual
from redaction.serialize import serialize

_ABSENT = object()


def from_options(options: Mapping[str, object]) -> "PolicyRedactor":
    """Build from the option `policy`: `default`, or the path of a policy file. Raises PolicyError."""
    unknown = sorted(set(options) - {"policy"})
    if unknown:
        message = f"redactor options: unknown key {unknown[0]!r}; the only one is 'policy'"
        raise PolicyError(message)
    source = options.get("policy", DEFAULT)
    if not isinstance(source, str) or not source:
        message = f"redactor options: policy: must be {DEFAULT!r} or the path of a policy file"
        raise PolicyError(message)
    return PolicyRedactor(load_policy(source))


class PolicyRedactor:
    """A `Redactor`. Safe to share between threads: a call changes nothing but memory of field names."""

    def __init__(self, policy: Policy) -> None:
        self.name = policy.name
        self.version = policy.version
        self.digest = policy.digest()
        self._limits = Limits(policy.limits.max_depth, policy.limits.max_bytes)
        self._drops = [_DropRule(rule) for rule in policy.drop_records]
        self._fields = FieldRules(policy.fields)
        self._mender = Mender(policy.detectors)

    def redact(self, payloads: Sequence[bytes]) -> list[Verdict]:
        odd = unusual(payloads)
        verdicts = [self._apply_rules(payload, inspect=place in odd) for place, payload in enumerate(payloads)]
        released = [(place, verdict) for place, verdict in enumerate(verdicts) if isinstance(verdict, Released)]
        for index in suspects([verdict.body for _, verdict in released]) if self._mender.detectors else ():
            place, verdict = released[index]
            verdicts[place] = self._mend(verdict)
        return verdicts

    def _apply_rules(self, payload: bytes, *, inspect: bool) -> Verdict:
        try:
            document = parse(payload, self._limits, inspect=inspect)
        except Unparsable as refusal:
            return Rejected(refusal.code)
        for rule in self._drops:
            if rule.applies(document):
                return Dropped(rule.id)
        applied: list[Applied] = []
        self._fields.apply(document, applied)
        return Released(document, serialize(document), tuple(applied))

    def _mend(self, released: Released) -> Verdict:
        applied = list(released.applied)
        try:
            document = self._mender.mend(released.document, applied)
        except KeyCollision as collision:
            return Rejected(KEY_COLLISION, collision.rule)
        except LeakSuspected as leak:
            return Rejected(LEAK_SUSPECTED, leak.rule)
        body = serialize(document)
        if rule := self._mender.hit(body):
            return Rejected(LEAK_SUSPECTED, rule)
        return Released(document, body, tuple(applied))


class _DropRule:
    def __init__(self, rule: DropRecord) -> None:
        self.id = rule.id
        self._path = rule.field.split(".")
        self._equals = rule.equals

    def applies(self, document: Document) -> bool:
        value: object = document
        for name in self._path:
            value = value.get(name, _ABSENT) if isinstance(value, dict) else _ABSENT
        # In JSON true is no number; in Python it equals 1.
        if isinstance(value, bool) or isinstance(self._equals, bool) or self._equals is None:
            return value is self._equals
        return isinstance(value, (int, str, Decimal)) and value == self._equals
