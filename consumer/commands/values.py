"""Texts and numbers on the command line that would be taken for something else than was meant."""

import math
import re
from typing import Any

import click

from consumer.settings.base import TABLE_NAME


class Text(click.ParamType[str]):
    """A text that is not empty: a script's variable that is not set must not count as an option that was left out."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text."""
        text = str(value)
        if not text:
            self.fail("it is empty.", param, ctx)
        return text


class TableName(Text):
    """What DynamoDB takes for a name."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        name = super().convert(value, param, ctx)
        if not re.fullmatch(TABLE_NAME, name):
            self.fail("a name has 3 to 255 letters, digits, dots, dashes and underscores.", param, ctx)
        return name


class Seconds(click.FloatRange):
    """A number in a range; `nan` lies in each for click, and `inf` never ends."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return number
