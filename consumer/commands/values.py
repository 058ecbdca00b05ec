"""Names on the command line that would be taken for something else than was meant."""

import re
from pathlib import Path
from typing import Any

import click

from consumer.errors import UsageError
from consumer.secret_names import is_file
from consumer.settings.base import TABLE_NAME
from consumer.terminal.options import Text


class KeySource(Text):
    """What names keys; a file that is not there is told at once, even where a policy turns out to need none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the source.

        :raises UsageError: it is a file that is not there.
        """
        source = super().convert(value, param, ctx)
        if is_file(source) and not Path(source).exists():
            raise UsageError(f"--keys: key file {source} cannot be read (No such file or directory).")
        return source


class TableName(Text):
    """What DynamoDB takes for a name."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        name = super().convert(value, param, ctx)
        if not re.fullmatch(TABLE_NAME, name):
            self.fail("a name has 3 to 255 letters, digits, dots, dashes and underscores.", param, ctx)
        return name
