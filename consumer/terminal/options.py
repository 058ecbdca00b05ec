"""What commands take: values that would be taken for something else are refused; examples in the help."""

import math
from pathlib import Path
from typing import Any

import click

config_option = click.option(
    "--config", type=click.Path(path_type=Path), envvar="SANITIZER_CONFIG", help="Settings file (YAML)."
)


def examples(*lines: str) -> str:
    """Return the end of a command's help: how it is called, a line each, as it is."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


class Text(click.ParamType[str]):
    """A text that is not empty: a script's variable that is not set must not count as an option that was left out."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text."""
        text = str(value)
        if not text:
            self.fail("it is empty.", param, ctx)
        return text


class Seconds(click.FloatRange):
    """A number in a range; `nan` lies in each for click, and `inf` never ends."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return number
