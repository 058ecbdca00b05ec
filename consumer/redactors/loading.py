"""The configured redactor, its candidate, and what must hold between a policy and the keys of the stored items."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from consumer.errors import SanitizerError, StartError, UsageError
from consumer.redactors.key_checks import check_age_field, check_key_fields
from consumer.redactors.key_provider import SourceUnreachable, key_provider
from consumer.settings import Settings
from consumer.thread_turns import waiting
from redaction.engine import PolicyRedactor, from_options
from redaction.guard import redactor_for
from redaction.plugin import RedactionError, Redactor, Rejected, Tag, Verdict, load_redactor

_Made = TypeVar("_Made")


class YieldingRedactor:
    """A plug-in, which may wait for something: the other shards go on meanwhile."""

    def __init__(self, redactor: Redactor) -> None:
        self.name, self.version, self.digest = redactor.name, redactor.version, redactor.digest
        self._redactor = redactor

    def redact(self, payloads: Sequence[bytes]) -> Sequence[Verdict]:
        """Redact as the plug-in does."""
        with waiting():
            return self._redactor.redact(payloads)

    def tagged(self, tags: Sequence[Tag]) -> "YieldingRedactor | Rejected":
        """Give what redacts documents whose schema has these tags, if the plug-in knows of any."""
        with waiting():
            found = redactor_for(self._redactor, tags)
        return found if isinstance(found, Rejected) else YieldingRedactor(found)


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


def engine_of(redactor: Redactor) -> str | None:
    """Say how a redactor does what is done for every byte: `compiled`, `python`; None: it is a plug-in's own."""
    if not isinstance(redactor, PolicyRedactor):
        return None
    return "compiled" if redactor.is_native else "python"


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
