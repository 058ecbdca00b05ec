"""The parts of a local stack: ``python -m consumer.local COMMAND``. Used by `make up` and deploy/local/compose.yaml."""

import sys
from importlib import import_module

import click

from consumer.errors import SanitizerError
from consumer.extras import extra_named


def main() -> None:
    """Run the command; what is wrong is one sentence on stderr."""
    try:
        with extra_named():
            import_module("hypercorn")  # of the cloud's process, which could only say that it ended
            command = import_module("consumer.local.command")
        command.local(prog_name="python -m consumer.local")
    except SanitizerError as error:
        click.echo(f"sanitizer: {error}", err=True)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
