"""Where the settings come from: a file with its lines, the environment, and what of them each value is from."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from consumer.errors import UsageError
from redaction.strict_yaml import NotYAML, line_of, load, stands

if TYPE_CHECKING:
    import yaml

ENVIRONMENT_PREFIX: Final = "SANITIZER_"

FILE_VARIABLE: Final = f"{ENVIRONMENT_PREFIX}CONFIG"
"""Names the settings file, where the command line does not."""

DEFAULT: Final = "default"

Place: TypeAlias = Sequence[int | str]

# What a parser quotes: names of what it expected, which are its own words, and the file's text.
_NAMED: Final = re.compile(r"'(<[a-z ]+>|[],:?{}[-])'")
_QUOTED: Final = re.compile(r""" ?['"].*['"]""")


@dataclass(frozen=True)
class Sources:
    """What was read, before it is known to be valid.

    :ivar path: of the file; None: there is none.
    :ivar values: of the file.
    """

    path: Path | None
    node: "yaml.Node | None"
    values: Mapping[Any, Any]

    def origin(self, place: Place) -> str:
        """Say where the value at a place is from: a variable, file and line, or `default`."""
        if variable := self._variable(place):
            name, holds = variable
            return name if holds else DEFAULT
        return f"{self.path}:{line_of(self.node, place)}" if _holds(self.values, place) else DEFAULT

    def is_of_the_file(self, place: Place) -> bool:
        """Say whether the file has the value at a place, and no variable wins over it."""
        return self._variable(place) is None and _holds(self.values, place) is True

    def blamed(self, place: Place) -> str:
        """Name a place and where to look for it: the line, or the variable that has won over the file."""
        name = ".".join(map(str, place)) or "the settings"
        if variable := self._variable(place):
            return f"{variable[0]}: {name}"
        below = sorted(each for each in variables() if each.startswith(_name(place) + "__"))
        if place and below and not stands(self.node, place):
            return f"{', '.join(below)}: {name}"
        if self.path is None:
            return name
        return f"{self.path}:{line_of(self.node, place)}: {name}" if place else f"{self.path}: {name}"

    def _variable(self, place: Place) -> tuple[str, bool] | None:
        """Return the variable that decides on a place, and whether it has it; None: the file does."""
        known = variables()
        for end in range(len(place), 0, -1):
            name = _name(place[:end])
            if name in known:
                holds = True if end == len(place) else _holds(_structure(known[name]), place[end:])
                if holds is not False:
                    return name, holds is True
        return None


def read(path: Path | None) -> Sources:
    """Read the file.

    :raises UsageError: it cannot be read, is no YAML, or a key stands twice; no value is shown.
    """
    if path is None:
        return Sources(None, None, {})
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The configuration {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"The configuration {path} is not UTF-8 text; save it as UTF-8.") from None
    try:
        node, values = load(text)
    except NotYAML as error:
        problem = error
    else:
        if values is None or isinstance(values, dict):
            return Sources(path, node, values or {})
        raise UsageError(f"The configuration {path} must hold sections such as 'stream:' at its top level.")
    place = f"{path}:{problem.line}" if problem.line else str(path)
    if problem.twice is not None:
        raise UsageError(f"The configuration {place} names {problem.twice!r} twice; keep one.")
    # Here, so that the error that quotes the file is not even the context of this one.
    raise UsageError(f"The configuration {place} {_without_quotes(problem.reason)}.")


def _without_quotes(reason: str) -> str:
    """Cut out what may be a secret; where what is left says nothing, all of the reason."""
    cut = _QUOTED.sub("", _NAMED.sub("\0\\1\0", reason)).replace("\0", "'").removesuffix(", but found")
    return cut.partition(":")[0] if cut.endswith((":", " expected", " or")) else cut


def variables() -> dict[str, str]:
    """Return the variables that are settings, by their names in capitals."""
    named = {name.upper(): value for name, value in os.environ.items()}
    return {name: value for name, value in named.items() if name.startswith(ENVIRONMENT_PREFIX)}


def _name(place: Place) -> str:
    return ENVIRONMENT_PREFIX + "__".join(map(str, place)).upper()


def _structure(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _holds(value: Any, place: Place) -> bool | None:
    """Say whether there is something at a place; None: there is not, nor could another source add it."""
    is_whole = False  # mappings of file and environment are merged, lists are not
    for part in place:
        if isinstance(value, Mapping):
            if part not in value:
                return None if is_whole else False
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            is_whole = True
        else:
            return None
        value = value[part]
    return True
