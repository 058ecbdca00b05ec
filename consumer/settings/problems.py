"""What is wrong with the settings, in words: where, and what would be right; no value is shown."""

import difflib
import typing
from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import BaseModel

from consumer.settings.model import Settings
from consumer.settings.sources import ENVIRONMENT_PREFIX, FILE_VARIABLE, Place, Sources, variables
from redaction.form_errors import in_words
from redaction.strict_yaml import unknown_key

if typing.TYPE_CHECKING:
    from pydantic_core import ErrorDetails

HEADING: Final = "The configuration is not valid:"

_TABLE: Final = "must be 3 to 255 letters, digits, '_', '.' and '-'"
_STREAM: Final = "must be 1 to 128 letters, digits, '_', '.' and '-'"
_FIELD: Final = "must be the name of a field; dots lead into objects, for example 'meta.revision'"
# What the patterns of these keys mean.
_PATTERNS: Final = {
    "application": _TABLE,
    "table": _TABLE,
    "name": _STREAM,
    "consumer_name": _STREAM,
    "partition_key_field": _FIELD,
    "version_field": _FIELD,
    "reserved_attribute": "must be 1 to 63 letters, digits and '_', and not begin with a digit",
    "consumer_arn": "must be the ARN of a consumer, arn:aws:kinesis:REGION:ACCOUNT:stream/STREAM/consumer/NAME:NUMBER",
    "runbook_url": "must be the address of a page, https://..., without a '#' and without a password",
    "fingerprint_secret": "must be the ARN of a Secrets Manager secret, or 'secretsmanager:' and its name",
}


def sentence(problems: Iterable[str]) -> str:
    """Join problems: one on the same line, more on a line each. Equal ones are one."""
    told = list(dict.fromkeys(problems))
    if len(told) > 1:
        return "\n".join([HEADING, *told])
    return f"{HEADING} {told[0]}{'' if told[0].endswith('?') else '.'}"


def explain(problem: "ErrorDetails", sources: Sources) -> str:
    """Say in one line what pydantic has found."""
    place = problem["loc"]
    match problem["type"]:
        case "extra_forbidden":
            text = unknown_key(str(place[-1]), _keys(place[:-1]))
        case "string_pattern_mismatch" if place[-1] in _PATTERNS:
            text = _PATTERNS[str(place[-1])]
        case "model_type" if problem["input"] is not None:
            text = f"must be a mapping; its keys: {', '.join(_keys(place))}"
        case _:
            text = in_words(problem)
    return f"{sources.blamed(place)}: {text}"


def unknown_sections(sources: Sources) -> Iterator[str]:
    """Yield what is wrong with the names at the file's top level."""
    for name in sources.values:
        if name not in Settings.model_fields:
            yield f"{sources.blamed([str(name)])}: {unknown_key(str(name), _keys(()))}"


def unknown_variables() -> Iterator[str]:
    """Yield the ``SANITIZER_...`` variables that name no section, which would otherwise be ignored silently."""
    known = [_variable(section, key) for section in Settings.model_fields for key in ("", *_keys((section,)))]
    for variable in variables():
        section, _, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        if variable == FILE_VARIABLE or (section in Settings.model_fields and (not key or _keys((section,)))):
            continue
        near = difflib.get_close_matches(variable, known, 1, cutoff=0.8)  # they all begin alike
        hint = f"did you mean {near[0]}?" if near else "`sanitizer config schema` lists them"
        yield f"{variable}: this environment variable names no setting; {hint}"


def _variable(section: str, key: str) -> str:
    return f"{ENVIRONMENT_PREFIX}{section}{'__' if key else ''}{key}".upper()


def _keys(place: Place) -> list[str]:
    """Name the settings that a section may have."""
    models: list[type[BaseModel]] = [Settings]
    for part in place:
        fields = [model.model_fields[str(part)] for model in models if str(part) in model.model_fields]
        if fields:  # else the place in a list of sections
            models = [model for field in fields for model in _models(field.annotation)]
    return [name for model in models for name in model.model_fields]


def _models(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in _models(part)]
