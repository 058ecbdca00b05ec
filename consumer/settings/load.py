"""Reads the settings, file and environment, and tells every mistake at once."""

from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import SettingsError

from consumer.errors import UsageError
from consumer.settings import problems
from consumer.settings.files import with_files_found
from consumer.settings.model import Settings
from consumer.settings.sources import Sources, read
from redaction.strict_yaml import line_of


def load_settings(path: Path | None) -> Settings:
    """Read the settings.

    :param path: the YAML file; None for environment and defaults alone.
    :raises UsageError: unreadable file, unknown key, a key that stands twice, or bad value; the message names the line
        or the variable of each and shows no value.
    """
    return settings_of(read(path))


def settings_of(sources: Sources) -> Settings:
    """Return the settings that a file and the environment make.

    :raises UsageError: see `load_settings`.
    """
    told = [*problems.unknown_variables(), *problems.unknown_sections(sources)]
    # Without the unknown: pydantic-settings takes names such as _env_file for arguments of its own.
    known = {name: value for name, value in sources.values.items() if name in Settings.model_fields}
    try:
        settings = Settings(**known)
    except SettingsError as error:
        told.append(f"{error.__cause__}: must be JSON, in which no key stands twice")
    except ValidationError as error:
        found = sorted(error.errors(include_url=False), key=lambda each: line_of(sources.node, each["loc"]))
        told += [problems.explain(problem, sources) for problem in found]
    else:
        if not told:
            return with_files_found(settings, sources)
    # Here, so that the error that holds the values is not even the context of this one.
    raise UsageError(problems.sentence(told))
