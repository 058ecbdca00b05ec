"""Reads the settings: file and environment, and every mistake in one sentence."""

import os
import re
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError

from consumer.errors import UsageError
from consumer.settings.model import ENVIRONMENT_PREFIX, Settings
from redaction.strict_yaml import NotYAML, line_of, load, unknown_key

if typing.TYPE_CHECKING:
    import yaml
    from pydantic_core import ErrorDetails

FILE_VARIABLE: Final = f"{ENVIRONMENT_PREFIX}CONFIG"
"""Names the settings file, where the command line does not."""


def load_settings(path: Path | None) -> Settings:
    """Read the settings.

    :param path: the YAML file; None for environment and defaults alone.
    :raises UsageError: unreadable file, unknown key, a key that stands twice, or bad value; the message names the line
        or the variable of each and shows no value.
    """
    node, values = _read(path) if path else (None, {})
    _refuse_unknown_variables()
    try:
        # Here, because pydantic-settings takes names such as _env_file for arguments of its own.
        unknown = [name for name in values if name not in Settings.model_fields]
        if unknown:
            told = [f"{_place([str(name)], path, node)}: {unknown_key(str(name), _keys(()))}" for name in unknown]
            raise UsageError(_sentence(told))
        return Settings(**values)
    except SettingsError as error:  # its text names the section and shows no value
        raise UsageError(
            f"The environment variables {ENVIRONMENT_PREFIX}... are not valid: {error}; it must be JSON, in which no "
            "key stands twice."
        ) from None
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        raise UsageError(_sentence([_told(problem, path, node) for problem in found])) from None


def _read(path: Path) -> "tuple[yaml.Node | None, dict[Any, Any]]":
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The configuration {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"The configuration {path} is not UTF-8 text; save it as UTF-8.") from None
    try:
        node, values = load(text)
    except NotYAML as error:
        place, twice = f"{path}:{error.line}" if error.line else str(path), error.twice
    else:
        if values is None:
            return node, {}
        if isinstance(values, dict):
            return node, values
        raise UsageError(f"The configuration {path} must hold sections such as 'stream:' at its top level.")
    if twice is not None:
        raise UsageError(f"The configuration {place} names {twice!r} twice; keep one.")
    raise UsageError(f"The configuration {place} is no YAML.")  # why might quote a secret


def _refuse_unknown_variables() -> None:
    """Refuse a misspelt ``SANITIZER_...`` variable, which would otherwise be ignored silently."""
    sections = {name: field.annotation for name, field in Settings.model_fields.items()}
    for variable in os.environ:
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable == FILE_VARIABLE:
            continue
        section, _, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        annotation = sections.get(section)
        fields = getattr(annotation, "model_fields", None)
        known = section in sections and (not key or (fields is not None and key.partition("__")[0] in fields))
        if not known:
            raise UsageError(
                f"The environment variable {variable} names no setting; `sanitizer config schema` lists them."
            )


def _told(problem: "ErrorDetails", path: Path | None, node: "yaml.Node | None") -> str:
    text = re.sub(r"^Value error, ", "", problem["msg"])
    place = problem["loc"]
    if problem["type"] == "extra_forbidden":
        text = unknown_key(str(place[-1]), _keys(place[:-1]))
    return f"{_place(place, path, node)}: {text}"


def _place(place: Sequence[int | str], path: Path | None, node: "yaml.Node | None") -> str:
    """Say where a value stands: the line, or the variable that has won over the file."""
    name = ".".join(map(str, place)) or "the settings"
    variables = {ENVIRONMENT_PREFIX + "__".join(map(str, place[:end])).upper() for end in range(1, len(place) + 1)}
    set_ = sorted(variables & {variable.upper() for variable in os.environ}, key=len)
    if set_:
        return f"{set_[-1]}: {name}"
    if path is None:
        return name
    return f"{path}:{line_of(node, place)}: {name}" if place else f"{path}: {name}"


def _keys(place: Sequence[int | str]) -> Iterable[str]:
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


def _sentence(problems: Iterable[str]) -> str:
    return f"The configuration is not valid: {'; '.join(problems)}."
