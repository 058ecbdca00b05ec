"""The `sanitizer` command. Exit status: 0 done, 1 failed, 2 wrong usage or configuration."""

import resource
import sys
from typing import Never

import click

from consumer import __version__
from consumer.commands.audit import audit
from consumer.commands.backfill import backfill
from consumer.commands.config import config_group
from consumer.commands.demo import demo
from consumer.commands.doctor import doctor
from consumer.commands.get import get
from consumer.commands.produce import produce
from consumer.commands.quarantine import quarantine
from consumer.commands.redact import redact
from consumer.commands.run import run
from consumer.commands.status import status
from consumer.commands.tables import tables_group
from consumer.errors import SanitizerError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sanitizer")
def cli() -> None:
    """Reads transactions from Kinesis, removes the sensitive data, stores the rest in DynamoDB."""


class _PolicyGroup(click.Group):
    """Loads its commands, and the engine with them, only when one of them is meant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return self._loaded().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self._loaded().get_command(ctx, cmd_name)

    @staticmethod
    def _loaded() -> click.Group:
        from consumer.commands import policy as policy_cli  # noqa: PLC0415

        return policy_cli.policy


for command in (
    run,
    demo,
    redact,
    config_group,
    tables_group,
    produce,
    get,
    status,
    doctor,
    quarantine,
    backfill,
    audit,
):
    cli.add_command(command)


@cli.group(cls=_PolicyGroup)
def policy() -> None:
    """Policy files; where one is asked for, the name of a built-in policy will do too: `default`."""


def main() -> Never:
    """Run the command; every expected error is one sentence on stderr, and no error shows content."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold card data
    try:
        cli(standalone_mode=False)
    except SanitizerError as error:
        click.echo(f"sanitizer: {error}", err=True)
        sys.exit(error.exit_status)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output went away
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:  # stdin or stdout, everything else is caught where it happens
        click.echo(f"sanitizer: Reading or writing failed: {error.strerror}.", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if sys.excepthook is not sys.__excepthook__:  # that of `consumer.logs.structured`
            raise
        from consumer.logs import frames_of  # noqa: PLC0415

        # Python would print the message, which may hold a record.
        places = ", ".join(frames_of(error.__traceback__))
        click.echo(f"sanitizer: A defect, {type(error).__name__} at {places}. Report it.", err=True)
        sys.exit(1)
    sys.exit(0)


if __name__ == "__main__":
    main()
