"""The built-in redactor: a compiled policy applied to records, batch by batch.

Parse, drop whole records, apply the rules by field, serialise; then one scan over all serialised outputs, careful work
only for those with a candidate, and a scan again over what that changed, until it finds nothing. A record that can't be
made clean is rejected.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Final, NamedTuple

from redaction.engine.compile import compile_policy
from redaction.engine.field_rules import FieldForbidden, Hit
from redaction.engine.work import FIELD_FORBIDDEN, LEAK_SUSPECTED, ROUNDS, Account, Work, budget_for
from redaction.keys import KeyProvider
from redaction.parse import Limits, Unparsable, parse_all
from redaction.plugin import Document, Dropped, PolicyError, Rejected, Released, Verdict
from redaction.policy import UNKNOWN_FIELDS, DropRecord, FieldRule, Policy, load_policy
from redaction.policy.file import DEFAULT
from redaction.serialize import serialize

UNKNOWN_FIELD: Final = "unknown_field"
_OPTIONS: Final = ("policy", "keys")
_ABSENT = object()
_NO_NAME: Final = "?"
# A document may have grown beyond what a payload may be.
_NO_LIMITS: Final = Limits(max_depth=256, max_bytes=1 << 62, max_values=1 << 62)
_applied: Final = itemgetter(0)
_PENDING: Final = Rejected("pending")
_NOTHING: Final[frozenset[str]] = frozenset()
# Where nearly every record is worth a look, a pass that tells which is one too many.
_NEARLY_ALL: Final = 0.9
# More of them at once, with all that is made of them, are more than a processor has at hand.
_AT_ONCE: Final = 128
_USUAL_ROUNDS: Final = 2


def from_options(options: Mapping[str, object]) -> "PolicyRedactor":
    """Build from the option `policy`: the name of a built-in one, or the path of a policy file.

    The option `keys` is the `KeyProvider` for policies that need keys.

    :raises PolicyError: an option or the policy is not valid.
    :raises KeyUnavailable: the policy needs a key that is not there.
    :raises PluginInvalid: a detector or an action of another package cannot be used.
    """
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        message = f"redactor options: unknown key {unknown[0]!r}; the only one is 'policy'"
        raise PolicyError(message)
    source = options.get("policy", DEFAULT)
    if not isinstance(source, str) or not source:
        message = f"redactor options: policy: must be {DEFAULT!r} or the path of a policy file"
        raise PolicyError(message)
    keys = options.get("keys")
    return PolicyRedactor(load_policy(source), keys)  # type: ignore[arg-type]


class Coverage(NamedTuple):
    """How many values came at a path, and how many were redacted. `known`: the policy says what happens to it.

    A value is anything but null, objects and lists; of a field that is dropped, the whole.
    """

    path: tuple[str, ...]
    seen: int
    redacted: int
    known: bool


class Step(NamedTuple):
    """What a rule or detector did to a record, and where."""

    path: tuple[str, ...]
    rule: str
    action: str


class PolicyRedactor:
    """A `Redactor`. Safe to share between threads: a call changes nothing but memory of what is usual.

    :param careful: do the careful work for every record, whether the scan named it or not: the verdicts are the same.
    """

    def __init__(self, policy: Policy, keys: KeyProvider | None = None, *, careful: bool = False) -> None:
        compiled = compile_policy(policy, keys)
        self.policy: Final = policy
        self.name = policy.name
        self.version = policy.version
        self.digest = policy.digest()
        self._careful = careful
        self._limits = compiled.limits
        self._suspect_chars = policy.limits.max_suspect_chars
        self._drops = [_DropRule(rule) for rule in policy.drop_records]
        self._tree = compiled.tree
        self._fields = compiled.fields
        self._search = compiled.search
        self._prefilter = compiled.prefilter
        self._nearly_all_are_suspects = False

    def redact(self, payloads: Sequence[bytes]) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for first in range(0, len(payloads), _AT_ONCE):
            verdicts += self._redact(payloads[first : first + _AT_ONCE])[0]
        return verdicts

    def explain(self, payload: bytes) -> tuple[Verdict, list[Step]]:
        """Redact one record, and say what was done where. Names of fields are given redacted, or as `?`."""
        (verdict,), (hits,) = self._redact([payload])
        self._search.look_at_names([each for _, node in hits for each in node.line() if each.clean_name is None])
        return verdict, [
            Step(tuple([_NO_NAME if each.clean_name is None else each.clean_name for each in node.line()]), *applied)
            for applied, node in hits
        ]

    def coverage(self) -> Iterator[Coverage]:
        """Count by path, since the start; of the paths that are remembered."""
        nodes = self._tree.nodes()
        self._search.look_at_names([node for node in nodes if node.clean_name is None])
        for node in nodes:
            if node.seen and all(each.clean_name is not None for each in node.line()):
                yield Coverage(node.path, node.seen, node.redacted, node.known)

    def rule_for(self, path: Sequence[str]) -> FieldRule | None:
        """Give the rule that decides what happens to the field at a path; None: it is released, and searched.

        A rule's hints decide by the value, and are left out.
        """
        last = self._tree.at(path)
        by_words = last.named.plan if last.named and not last.named.hint else None
        plan = next((node.plan for node in last.line() if node.plan), by_words)
        plan = plan or (None if last.known else self._tree.unknown)
        if plan and plan.rule == UNKNOWN_FIELDS:
            return FieldRule(id=UNKNOWN_FIELDS, action=self.policy.unknown_fields)
        return next((rule for rule in self.policy.fields if plan and rule.id == plan.rule), None)

    def _redact(self, payloads: Sequence[bytes]) -> tuple[list[Verdict], list[list[Hit]]]:
        """Give the verdicts, and what was done to each."""
        verdicts: list[Verdict] = [_PENDING] * len(payloads)
        all_hits: list[list[Hit]] = [[] for _ in payloads]
        places: list[int] = []
        documents: list[Document] = []
        for place, parsed in enumerate(parse_all(payloads, self._limits, careful=self._careful)):
            if isinstance(parsed, Unparsable):
                verdicts[place] = Rejected(parsed.code)
                continue
            if self._drops and (dropped := self._dropped(parsed)):
                verdicts[place] = dropped
                continue
            try:
                self._fields.apply(parsed, all_hits[place])
            except FieldForbidden as forbidden:
                code = UNKNOWN_FIELD if forbidden.plan.rule == UNKNOWN_FIELDS else FIELD_FORBIDDEN
                verdicts[place] = Rejected(code, forbidden.plan.rule)
                continue
            places.append(place)
            documents.append(parsed)
        bodies = [b""] * len(documents) if self._nearly_all_are_suspects else list(map(serialize, documents))
        sizes = [len(payloads[place]) for place in places]
        for number, rejected in self._mend(documents, bodies, sizes, [all_hits[place] for place in places]):
            verdicts[places[number]] = rejected
        for place, document, body in zip(places, documents, bodies, strict=True):
            if verdicts[place] is _PENDING:
                done = tuple(map(_applied, all_hits[place]))
                verdicts[place] = Released(document, body or serialize(document), done)
        return verdicts, all_hits

    def _dropped(self, document: Document) -> Dropped | None:
        return next((Dropped(rule.id) for rule in self._drops if rule.applies(document)), None)

    def _mend(
        self, documents: list[Document], bodies: list[bytes], sizes: Sequence[int], hits: Sequence[list[Hit]]
    ) -> Iterator[tuple[int, Rejected]]:
        """Do the careful work in place, round after round, until nothing is found; gives what can't be made clean.

        A body that is empty is not made yet, and is made of what is changed.
        """
        suspects = range(len(bodies)) if self._nearly_all_are_suspects else self._suspects(bodies)
        clean: dict[int, frozenset[str]] = {}
        for number_of_round in range(ROUNDS):
            if not suspects:
                return
            # What is no finding is looked at again, once as a rule: a text that needs more rounds is made so.
            suspect_chars = self._suspect_chars // (1 if number_of_round < _USUAL_ROUNDS else _USUAL_ROUNDS**2)
            accounts = [Account(budget_for(suspect_chars, sizes[number])) for number in suspects]
            known = [len(hits[number]) for number in suspects]
            works = [
                Work(documents[number], hits[number], account, clean=clean.get(number, _NOTHING))
                for number, account in zip(suspects, accounts, strict=True)
            ]
            self._search.mend(works, first=number_of_round == 0)
            if number_of_round == 0:
                self._nearly_all_are_suspects = sum(each.has_shown for each in accounts) > _NEARLY_ALL * len(bodies)
            changed: list[int] = []
            for number, work, before in zip(suspects, works, known, strict=True):
                if work.account.rejected:
                    yield number, work.account.rejected
                elif len(hits[number]) > before:
                    clean[number] = work.clean
                    bodies[number] = serialize(documents[number])
                    changed.append(number)
            # What goes out is searched again, not what was meant: the documents are read from their bodies.
            suspects = [changed[place] for place in self._suspects([bodies[number] for number in changed])]
            for number, read in zip(
                suspects, parse_all([bodies[number] for number in suspects], _NO_LIMITS), strict=True
            ):
                if isinstance(read, Unparsable):  # nothing that was written here is
                    raise read
                documents[number] = read
        for number in suspects:
            yield number, Rejected(LEAK_SUSPECTED, hits[number][-1][0][0])

    def _suspects(self, bodies: Sequence[bytes]) -> Sequence[int]:
        if self._careful:
            return range(len(bodies))
        return self._prefilter.suspects(bodies)


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
        return isinstance(value, (int, float, str, Decimal)) and value == self._equals
