"""A settings file to begin with: every setting, what it means and its default, as the schema has them."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml
from pydantic import BaseModel

from consumer.settings.model import Settings

_WIDTH: Final = 100

_ABOUT: Final = (
    "Settings of kinesis-sanitizer: what is read, where documents go, by which policy. Each is also an environment "
    "variable, such as SANITIZER_OUTPUT__TABLE, which wins over this file. Files are found from this file's folder."
)
_HOW: Final = (
    "A # without a space after it stands before a setting at its default: to change it, take the # away, and that of "
    "its section. `sanitizer config check` says what is wrong, `sanitizer config show --origin` what is in force."
)


def commented(chosen: Mapping[str, Mapping[str, Any]]) -> str:
    """Return its text.

    :param chosen: values by section and setting; all others are commented out, at their defaults.
    """
    return "\n".join([*_comment(_ABOUT), "#", *_comment(_HOW), *_lines(chosen)]) + "\n"


def _lines(chosen: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    defaults = Settings.model_construct().model_dump(mode="json")
    for section, field in Settings.model_fields.items():
        yield ""
        model = field.annotation
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            yield from _comment(field.description or "")
            yield "#" + _setting(section, defaults[section])
            continue
        own = chosen.get(section, {})
        yield from _comment(model.__doc__ or "")
        yield f"{'' if own else '#'}{section}:"
        for key, inner in model.model_fields.items():
            yield from _comment(inner.description or "", "  ")
            line = _setting(key, own.get(key, defaults[section][key]))
            yield f"  {'' if key in own else '#'}{line}"


def _comment(text: str, indent: str = "") -> Iterator[str]:
    for line in textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False):
        yield f"{indent}# {line}"


def _setting(key: str, value: Any) -> str:
    written = yaml.safe_dump({key: value}, default_flow_style=True, sort_keys=False, width=1000)
    return written.strip().removeprefix("{").removesuffix("}")
