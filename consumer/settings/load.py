"""Reads the settings: file and environment, and every mistake in one sentence."""

import os
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_settings import SettingsError

from consumer.errors import UsageError
from consumer.settings.model import ENVIRONMENT_PREFIX, Settings

FILE_VARIABLE = f"{ENVIRONMENT_PREFIX}CONFIG"
"""Names the settings file, where the command line does not."""


def load_settings(path: Path | None) -> Settings:
    """Read the settings.

    :param path: the YAML file; None for environment and defaults alone.
    :raises UsageError: unreadable file, unknown key or bad value; the message names each and shows no value.
    """
    values = _read_yaml(path) if path else {}
    _refuse_unknown_variables()
    # Here, because pydantic-settings takes names such as _env_file for arguments of its own.
    unknown = [str(name) for name in values if name not in Settings.model_fields]
    if unknown:
        raise UsageError(f"The configuration {path} is not valid: {unknown[0]}: unknown setting.")
    try:
        return Settings(**values)
    except SettingsError as error:  # its text names the section and shows no value
        raise UsageError(
            f"The environment variables {ENVIRONMENT_PREFIX}... are not valid: {error}; it must be JSON."
        ) from None
    except ValidationError as error:
        raise UsageError(_sentence(path, error)) from None


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The configuration {path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: no UTF-8, or no such date
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise UsageError(f"The configuration {path} is no YAML{place}.") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UsageError(f"The configuration {path} must hold sections such as 'stream:' at its top level.")
    return values


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


def _sentence(path: Path | None, error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        place = ".".join(str(part) for part in problem["loc"]) or "the settings"
        text = re.sub(r"^Value error, ", "", problem["msg"])
        if problem["type"] == "extra_forbidden":
            text = "unknown setting"
        problems.append(f"{place}: {text}")
    return f"The configuration{f' {path}' if path else ''} is not valid: {'; '.join(problems)}."
