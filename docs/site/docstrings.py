# noqa: INP001 - a folder of pages, no package
"""Docstrings as this project writes them, for Griffe."""

import re
from typing import Any, Final

import griffe

_SEVERAL: Final = re.compile(r"^( *):(param|ivar) (\w+(?:, \w+)+): ((?:.*)(?:\n\1 +.*)*)", re.MULTILINE)


class Docstrings(griffe.Extension):
    """Parts fields that say the same of several names, which Griffe does not know; leaves out what is not public."""

    def on_instance(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Take a docstring apart before it is parsed."""
        del kwargs
        if obj.docstring:
            obj.docstring.value = _SEVERAL.sub(_parted, obj.docstring.value)

    def on_function(self, *, func: griffe.Function, **kwargs: Any) -> None:
        """Leave out parameters that only the project itself gives."""
        del kwargs
        func.parameters = griffe.Parameters(*(each for each in func.parameters if not each.name.startswith("_")))


def _parted(match: re.Match[str]) -> str:
    indent, kind, names, text = match.groups()
    return "\n".join(f"{indent}:{kind} {name}: {text}" for name in names.split(", "))
