"""Runs a part of a local stack without the `sanitizer` command: `python -m consumer.local`, `... .cloud`."""

import sys
from collections.abc import Callable

import click

from consumer.errors import SanitizerError
from consumer.extras import extra_named
from consumer.terminal.printable import echo
from consumer.terminal.streams import make_writable


def run(load: Callable[[], click.Command], name: str) -> None:
    """Run the command that `load` imports; what is wrong is one sentence on stderr.

    :param name: how it was called, for its help.
    """
    make_writable()
    try:
        with extra_named():
            command = load()
        command(prog_name=name)
    except SanitizerError as error:
        echo(f"sanitizer: {error}", err=True)
        sys.exit(error.exit_status)
