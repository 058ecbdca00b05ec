"""The `sanitizer` command. Exit status: 0 done, 1 failed, 2 wrong usage or configuration."""

import io
import os
import resource
import signal
import sys
from contextlib import nullcontext, suppress
from importlib import import_module
from typing import Final, Never

import click

from consumer import __version__
from consumer.errors import SanitizerError, UsageError
from consumer.extras import extra_named
from consumer.frames import frames_of
from consumer.terminal.printable import echo
from consumer.terminal.streams import make_writable

_COMMANDS: Final = {
    "audit": "Search the stored documents for what the policy would redact.",
    "backfill": "Read the stream from a time to another, and store it again.",
    "config": "The settings: check them, show them, their schema.",
    "demo": "Run everything on this machine: cloud, stream, tables, worker.",
    "doctor": "Say what is wrong with what the worker needs, and what to do.",
    "get": "Look documents up by their partition key, newest first.",
    "init": "Write settings, a policy, its tests and a sample to begin with.",
    "local": "A whole service on this machine, and its parts.",
    "policy": "Policy files: check, show, test and compare them.",
    "produce": "Put JSON lines, or made-up transactions, onto the stream.",
    "quarantine": "Records that could not be processed: list, replay, purge.",
    "redact": "Apply a policy to JSON lines, of files or stdin.",
    "run": "Run the worker until SIGTERM; this is what the container does.",
    "status": "Show the workers, shards, owners, checkpoints and lags.",
    "tables": "Create or check the output, quarantine and KCL tables.",
}
"""Each is what its module in `consumer.commands` names like it."""


class _LazyGroup(click.Group):
    """Imports a command when it is meant: each needs much that others, and an install for them, do without.

    `help COMMAND...` is `COMMAND... --help`.
    """

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command of that name, imported.

        :raises UsageError: an extra is not installed.
        """
        if args[0] == "help" and not ctx.resilient_parsing:
            args = [*args[1:], "--help"]
            if len(args) == 1:
                click.echo(ctx.get_help())
                ctx.exit()
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            # A shell that completes a line is told nothing of a missing extra: no options are proposed.
            with suppress(UsageError) if ctx.resilient_parsing else nullcontext(), extra_named():
                command = getattr(import_module(f"consumer.commands.{command.name}"), str(command.name))
        return name, command, rest


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  sanitizer demo
  sanitizer redact --explain mine.jsonl
  sanitizer help policy check""",
)
@click.version_option(__version__, prog_name="sanitizer")
def cli() -> None:
    """Reads transactions from Kinesis, removes the sensitive data, stores the rest in DynamoDB."""


for _name, _text in _COMMANDS.items():
    cli.add_command(click.Command(_name, short_help=_text))


def _expect_signals() -> None:
    """Say what a signal does until the command has handlers of its own: to load what it needs takes a second or more.

    The worker has nothing then that would have to be cleared away or handed over. What the others have made is cleared
    away, and they are not done.
    """
    if sys.argv[1:2] == ["run"]:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: os._exit(0))
    else:
        signal.signal(signal.SIGTERM, _end)


def _end(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # one more must not interrupt the clearing away
    sys.exit(1)


def main() -> Never:
    """Run the command; every expected error is one sentence on stderr, and no error shows content."""
    _expect_signals()
    make_writable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold card data
    try:
        cli(standalone_mode=False)
    except SanitizerError as error:
        echo(f"sanitizer: {error}", err=True)
        sys.exit(error.exit_status)
    except click.ClickException as error:
        said = io.StringIO()
        error.show(said)
        echo(said.getvalue().rstrip("\n"), err=True)
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
        # Python would print the message, which may hold a record.
        places = ", ".join(frames_of(error.__traceback__))
        click.echo(f"sanitizer: A defect, {type(error).__name__} at {places}. Report it.", err=True)
        sys.exit(1)
    finally:  # the exit status is decided: a signal while Python itself ends would be another
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
    sys.exit(0)


if __name__ == "__main__":
    main()
