"""Names on the command line that would be taken for something else than was meant."""

import re
from typing import Any

import click

from consumer.settings.base import TABLE_NAME
from consumer.terminal.options import Text


class TableName(Text):
    """What DynamoDB takes for a name."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        name = super().convert(value, param, ctx)
        if not re.fullmatch(TABLE_NAME, name):
            self.fail("a name has 3 to 255 letters, digits, dots, dashes and underscores.", param, ctx)
        return name
