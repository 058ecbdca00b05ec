"""Holds a policy against the key templates: what a key is made of must be there, and stay the same."""

from typing import Final

from consumer.errors import UsageError
from consumer.settings import Output, Settings
from consumer.settings.key_template import METADATA
from redaction.actions.spec import ActionSpec, EncryptSpec, HashSpec, TokeniseSpec, spec_name
from redaction.engine import PolicyRedactor
from redaction.engine.field_tree import FieldTree
from redaction.engine.plan import Exemption
from redaction.plugin import Redactor
from redaction.policy import UNKNOWN_FIELDS, Policy

_GONE: Final = {"drop": "drops", "quarantine": "quarantines records with"}


_KEYED: Final = {"tokenise": "tokenises", "hash": "hashes", "encrypt": "encrypts"}


_ROTATES: Final = (
    "with whichever id of the key {key!r} comes first, so that a record delivered again after a rotation would be "
    "stored twice; pin one with 'key_id'"
)


_NONE_STORED: Final = "so that no record could be stored"


_NONE_INDEXED: Final = "so that no document would stand in the index"


_STORED_TWICE: Final = "so that a record delivered again after a rotation would be stored twice"


_SPLIT: Final = "so that after a rotation one value would stand in the index under two keys"


def check_key_fields(output: Output, redactor: Redactor) -> None:
    """Refuse a policy under which key templates would quarantine every record, or make an item's key change.

    Only of the built-in redactor is it known beforehand what happens to a field.

    The same holds for the second index, in which there would be nothing, or one field's value under several keys.

    :raises UsageError: it drops a field of a template, or makes keyed values of it, or of what a detector finds in it,
        without a pinned key id.
    """
    if not isinstance(redactor, PolicyRedactor):
        return
    for setting, template in (output.key_templates() | output.index_templates()).items():
        for name in template.names:
            path = tuple(name.split("."))
            if path[0] in METADATA:
                continue
            rule = redactor.rule_for(path)
            subject, problem = (
                (f"rule {rule.id!r}", _problem(rule.action)) if rule else _problem_of_detectors(redactor.policy, path)
            )
            if not problem and (rule is None or rule.action == "release" or rule.id == UNKNOWN_FIELDS):
                subject, problem = _problem_of_tags(redactor.policy)
            if problem:
                if setting.startswith("index"):
                    problem = problem.replace(_NONE_STORED, _NONE_INDEXED).replace(_STORED_TWICE, _SPLIT)
                raise UsageError(
                    f"output.{setting}: {subject} of the policy {redactor.name!r} {problem.format(field=name)}."
                )


def check_age_field(settings: Settings, redactor: Redactor) -> None:
    """Refuse a policy that changes the field by which `write_mode: newest` knows which document is the newer.

    :raises UsageError: it does; only of the built-in redactor is that known beforehand.
    """
    output = settings.output
    if output.write_mode == "put" or not isinstance(redactor, PolicyRedactor):
        return
    setting, field = "output.version_field", output.version_field
    if field is None:
        setting, field = "stream.partition_key_field", settings.stream.partition_key_field
    if field is None:
        return
    rule = redactor.rule_for(tuple(field.split(".")))
    if rule and spec_name(rule.action) != "release":
        raise UsageError(
            f"{setting}: rule {rule.id!r} of the policy {redactor.name!r} does not release the field {field} "
            f"({spec_name(rule.action)}), so that nothing says which of two documents is the newer; take another "
            "field, or have the policy release this one."
        )


def _problem(action: ActionSpec) -> str | None:
    verb = spec_name(action)
    if verb in _GONE:
        return (
            f"{_GONE[verb]} the field {{field}}, so that no record could be stored; "
            "take another field into the template, or have the policy keep this one"
        )
    key = _unpinned_key(action)
    return f"{_KEYED[verb]} the field {{field}} {_ROTATES.format(key=key)}" if key else None


def _problem_of_detectors(policy: Policy, path: tuple[str, ...]) -> tuple[str, str | None]:
    """Find a detector that could put something else into a released field after a rotation; excepted ones can't."""
    exemptions = [Exemption(rule.selectors, frozenset(rule.detectors)) for rule in policy.exceptions]
    exempt = FieldTree([], exemptions).at(path).exempt
    for name, action in policy.detectors.items():
        key = _unpinned_key(action)
        if key and name not in exempt:
            verb = _KEYED[spec_name(action)]
            return f"detector {name!r}", f"{verb} what it finds in the field {{field}} {_ROTATES.format(key=key)}"
    return "", None


def _problem_of_tags(policy: Policy) -> tuple[str, str | None]:
    """Find a tag that would do so, whichever fields may bear it."""
    for tag, action in policy.tags.items():
        if key := _unpinned_key(action):
            verb = _KEYED[spec_name(action)]
            return (
                f"tag {tag!r}",
                f"{verb} the field {{field}}, where a schema has it there, {_ROTATES.format(key=key)}",
            )
    return "", None


def _unpinned_key(action: ActionSpec) -> str | None:
    """Name the key of which an action takes whichever id comes first."""
    match action:
        case TokeniseSpec(tokenise=settings) | HashSpec(hash=settings) | EncryptSpec(encrypt=settings):
            return settings.key if settings.key_id is None else None
    return None
