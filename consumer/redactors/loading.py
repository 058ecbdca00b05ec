"""The configured redactor, its candidate, and what must hold between a policy and the keys of the stored items."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from consumer.errors import SanitizerError, StartError, UsageError
from consumer.redactors.key_provider import SourceUnreachable, key_provider
from consumer.settings import Output, Settings
from consumer.settings.key_template import METADATA
from consumer.thread_turns import waiting
from redaction.actions.spec import ActionSpec, EncryptSpec, HashSpec, TokeniseSpec, spec_name
from redaction.engine import PolicyRedactor, from_options
from redaction.engine.field_tree import Exemption, Shapes
from redaction.plugin import RedactionError, Redactor, Verdict, load_redactor
from redaction.policy import Policy

_Made = TypeVar("_Made")

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


class Patient:
    """A plug-in, which may wait for something: the other shards go on meanwhile."""

    def __init__(self, redactor: Redactor) -> None:
        self.name, self.version, self.digest = redactor.name, redactor.version, redactor.digest
        self._redactor = redactor

    def redact(self, payloads: Sequence[bytes]) -> Sequence[Verdict]:
        """Redact as the plug-in does."""
        with waiting():
            return self._redactor.redact(payloads)


def load_plugin(settings: Settings) -> Redactor:
    """Return the configured redactor, once it is known to fit the keys of the stored items.

    :raises UsageError: it cannot be loaded, names a key that does not exist, or does not fit the key templates.
    :raises StartError: the source of its keys cannot be reached.
    """
    redaction = settings.redaction
    redactor = load_redaction(redaction.plugin, redaction.options, redaction.keys)
    _check_fields(settings, redactor)
    return redactor


def load_redaction(plugin: str, options: Mapping[str, object], keys: str | None = None) -> Redactor:
    """Return a redactor.

    :param keys: the setting `redaction.keys`; the plug-in gets the provider as its option `keys`.
    :raises UsageError: it cannot be loaded, or names a key that does not exist.
    :raises StartError: the source of its keys cannot be reached.
    """
    return _loaded(lambda: load_redactor(plugin, _with_keys(options, keys)))


def load_candidate(settings: Settings) -> PolicyRedactor | None:
    """Return the redactor of the policy that is tried beside the live one, if there is one.

    :raises UsageError: it could not go live: see `load_plugin`.
    :raises StartError: the source of its keys cannot be reached.
    """
    redaction = settings.redaction
    if redaction.candidate is None:
        return None
    options = {"policy": redaction.candidate.policy}
    try:
        redactor = _loaded(lambda: from_options(_with_keys(options, redaction.keys)))
        _check_fields(settings, redactor)
    except SanitizerError as error:
        raise type(error)(f"redaction.candidate: {error}") from None
    return redactor


def _check_fields(settings: Settings, redactor: Redactor) -> None:
    if settings.has_table:
        check_key_fields(settings.output, redactor)
        check_age_field(settings, redactor)


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
    exempt = Shapes([], exemptions).at(path).exempt
    for name, action in policy.detectors.items():
        key = _unpinned_key(action)
        if key and name not in exempt:
            verb = _KEYED[spec_name(action)]
            return f"detector {name!r}", f"{verb} what it finds in the field {{field}} {_ROTATES.format(key=key)}"
    return "", None


def _unpinned_key(action: ActionSpec) -> str | None:
    """Name the key of which an action takes whichever id comes first."""
    match action:
        case TokeniseSpec(tokenise=settings) | HashSpec(hash=settings) | EncryptSpec(encrypt=settings):
            return settings.key if settings.key_id is None else None
    return None


def _with_keys(options: Mapping[str, object], keys: str | None) -> Mapping[str, object]:
    provider = key_provider(keys)
    return options if provider is None else {**options, "keys": provider}


def _loaded(load: Callable[[], _Made]) -> _Made:
    try:
        return load()
    except RedactionError as error:
        kind = StartError if _is_unreachable(error) else UsageError
        raise kind(str(error)) from None


def _is_unreachable(error: BaseException | None) -> bool:
    """Tell whether waiting, a permission or a mount would mend it, and not another configuration.

    The compiler of policies raises an error of its own that names the rule, with the first as its cause.
    """
    while error is not None:
        if isinstance(error, SourceUnreachable):
            return True
        error = error.__cause__
    return False
