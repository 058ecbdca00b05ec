"""The built-in redactor: a compiled policy applied to records, batch by batch."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from redaction.engine.by_schema import BySchema
from redaction.engine.compile import Ready, compile_policy, compile_tags
from redaction.engine.coverage import Coverage
from redaction.engine.field_tree import FieldNode
from redaction.engine.native_way import NativeWay
from redaction.engine.python_way import Done, PythonWay
from redaction.guard import TAG_UNKNOWN
from redaction.keys import KeyProvider
from redaction.plugin import PolicyError, Rejected, Tag, Verdict
from redaction.policy import UNKNOWN_FIELDS, FieldRule, Policy, load_policy
from redaction.policy.file import DEFAULT

_OPTIONS: Final = ("policy", "keys")
_NO_NAME: Final = "?"
# More of them at once, with all that is made of them, are more than a processor has at hand.
_AT_ONCE: Final = 128


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


class Step(NamedTuple):
    """What a rule or detector did to a record, and where.

    :ivar path: names from the document's top, as they are released; `?`: a name that may not be shown.
    :ivar rule: id of the rule, or name of the detector.
    :ivar action: name of the action.
    """

    path: tuple[str, ...]
    rule: str
    action: str


class _Shared(NamedTuple):
    """What the redactors of one policy have in common. `origin`: that of documents without tags."""

    origin: "PolicyRedactor"
    ready: Ready
    digest: str
    by_schema: "BySchema[PolicyRedactor]"


class PolicyRedactor:
    """A `Redactor`. Safe to share between threads: a call changes nothing but memory of what is usual.

    The verdicts are the same whether `careful` and `native` are on or off. `name`, `version` and `digest` are those of
    `policy`.

    :param policy: as `redaction.policy.load_policy` gives it.
    :param keys: where its keys are; None: it needs none.
    :param careful: do the careful work for every record, whether the scan named it or not.
    :param native: use the compiled part, where there is one.
    """

    def __init__(
        self,
        policy: Policy,
        keys: KeyProvider | None = None,
        *,
        careful: bool = False,
        native: bool = True,
        _of: tuple[_Shared, Sequence[Tag]] | None = None,
    ) -> None:
        native = native and not careful
        if _of is None:
            compiled = compile_policy(policy, keys, native=native)
            shared = _Shared(self, compiled.ready, policy.digest(), BySchema())
        else:
            shared, tags = _of
            compiled = compile_tags(shared.ready, tags, native=native)
        self.policy: Final = policy
        self.name = policy.name
        self.version = policy.version
        self.digest = shared.digest
        self._shared: Final = shared
        self._tagged: Final = compiled.tagged
        self._careful: Final = careful
        self._tree = compiled.tree
        self._search = compiled.search
        self._python = PythonWay(policy, compiled, careful=careful)
        self._native: NativeWay | None = None
        if compiled.native:
            self._native = NativeWay(compiled.native, self._python, self._tree, self._search)

    @property
    def is_native(self) -> bool:
        """Whether the compiled part is in use."""
        return self._native is not None

    def tagged(self, tags: Sequence[Tag]) -> "PolicyRedactor | Rejected":
        """Give the redactor of documents whose schema has these tags; see `redaction.plugin.TagAware`.

        It is the same policy, digest included, and its values are counted here. The first time takes milliseconds.
        """
        shared = self._shared
        if not tags:
            return shared.origin
        if any(name not in shared.ready.tags for _, name in tags):
            return Rejected(TAG_UNKNOWN)
        return shared.by_schema.get(
            frozenset(tags),
            lambda: PolicyRedactor(
                self.policy, careful=self._careful, native=shared.origin.is_native, _of=(shared, tags)
            ),
        )

    def redact(self, payloads: Sequence[bytes]) -> list[Verdict]:
        """Return a verdict for each record, in their order; any number of them at once."""
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
        """Count by path, since the start; of the paths that are remembered. A path may come several times."""
        if self._native:
            self._native.count()
        nodes = self._tree.nodes()
        self._search.look_at_names([node for node in nodes if node.clean_name is None])
        for node in nodes:
            if node.seen and all(each.clean_name is not None for each in node.line()):
                yield Coverage(self._path(node), node.seen, node.redacted, node.known)
        if self._shared.origin is self:
            yield from self._shared.by_schema.coverage()

    def _path(self, node: FieldNode) -> tuple[str, ...]:
        """Give the names down to a field, as they are released; of what a tag takes out only those of its schema."""
        tagged = self._tagged
        if tagged is None:
            return node.path
        return tuple(
            _NO_NAME if each.plan and tagged.takes_out(each.plan, each.name) else name
            for each, name in zip(node.line(), node.path, strict=True)
        )

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
        rules = (*self.policy.fields, *self.policy.tag_rules().values())
        return next((rule for rule in rules if plan and rule.id == plan.rule), None)

    def _redact(self, payloads: Sequence[bytes]) -> Done:
        return (self._native or self._python).redact(payloads)
