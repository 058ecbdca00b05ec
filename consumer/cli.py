"""The `sanitizer` command. Exit status: 0 done, 1 failed, 2 wrong usage or configuration."""

import time

STARTED_AT = time.time()  # before the imports, which are part of what a user waits for

import json  # noqa: E402
import resource  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, Never  # noqa: E402

import click  # noqa: E402
import yaml  # noqa: E402

from consumer import __version__, tables  # noqa: E402
from consumer.commands.audit import audit  # noqa: E402
from consumer.commands.backfill import backfill  # noqa: E402
from consumer.commands.doctor import doctor  # noqa: E402
from consumer.commands.get import get  # noqa: E402
from consumer.commands.lines import line_batches  # noqa: E402
from consumer.commands.produce import produce  # noqa: E402
from consumer.commands.quarantine import quarantine  # noqa: E402
from consumer.commands.status import status  # noqa: E402
from consumer.errors import SanitizerError, UsageError  # noqa: E402
from consumer.settings import BUILT_IN_SINKS, Settings, load_settings  # noqa: E402
from redaction.plugin import Dropped, Redactor, Released  # noqa: E402

config_option = click.option(
    "--config", type=click.Path(path_type=Path), envvar="SANITIZER_CONFIG", help="Settings file (YAML)."
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON value, for scripts.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sanitizer")
def cli() -> None:
    """Reads transactions from Kinesis, removes the sensitive data, stores the rest in DynamoDB."""


@cli.command()
@config_option
def run(config: Path | None) -> None:
    """Run the worker until SIGTERM; this is what the container does."""
    from consumer.worker import supervisor  # noqa: PLC0415 - loads the whole worker

    sys.exit(supervisor.run(load_settings(config)))


@cli.command()
@click.option("--input", "source", type=click.Path(path_type=Path), help="Transactions, a line each; else generated.")
@click.option("--records", type=click.IntRange(1, 1_000_000), help="How many  [default: 10000, or all of --input].")
@click.option("--rate", type=click.IntRange(1, 50_000), default=800, show_default=True, help="Records a second.")
@click.option("--shards", type=click.IntRange(1, 50), default=4, show_default=True, help="Shards of the stream.")
@click.option("--policy", type=click.Path(path_type=Path), help="Policy file; else the default policy.")
@click.option("--report", type=click.Path(path_type=Path), help="Write the report here, as JSON.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the generated transactions.")
@click.option("--keep-running", is_flag=True, help="Go on serving after the report, until Ctrl-C.")
def demo(**options: Any) -> None:
    """Run everything on this machine: cloud, stream, tables, real worker; feed, verify, report."""
    try:
        from consumer.local import demo as local  # noqa: PLC0415 - needs the extra
    except ModuleNotFoundError as error:
        msg = f"The demo needs the package {error.name}: install kinesis-sanitizer[local]."
        raise UsageError(msg) from None
    sys.exit(local.run(local.Options(started_at=STARTED_AT, **options)))


@cli.command()
@config_option
@click.option("--policy", help="Policy file, or the name of a built-in policy; else what the settings name.")
@click.option("--keys", metavar="SOURCE", help="Key file, ARN of a secret, or secretsmanager:NAME.")
@click.option("--explain", is_flag=True, help="Say on stderr what was done by which rule, and where; without values.")
def redact(config: Path | None, policy: str | None, keys: str | None, *, explain: bool) -> None:
    """Apply a policy to JSON lines, stdin to stdout; rejected lines are listed by number on stderr.

    A rejected line is a result like another: the exit status is 0, the counts are on stderr.
    """
    from consumer.commands.explain import explained, judged  # noqa: PLC0415 - loads the engine

    redactor = _redactor(load_settings(config), policy, keys)
    judge = explained if explain else judged
    counts = {"released": 0, "dropped": 0, "rejected": 0}
    number = 0
    for batch in line_batches(sys.stdin.buffer):
        for verdict, said in judge(redactor, batch):
            number += 1
            if isinstance(verdict, Released):
                counts["released"] += 1
                sys.stdout.buffer.write(verdict.body + b"\n")
            else:
                counts["dropped" if isinstance(verdict, Dropped) else "rejected"] += 1
            for line in said:
                click.echo(f"line {number}: {line}", err=True)
        sys.stdout.buffer.flush()
    if counts["rejected"] or counts["dropped"]:
        click.echo(", ".join(f"{count} {name}" for name, count in counts.items()), err=True)


def _redactor(settings: Settings, policy: str | None, keys: str | None) -> Redactor:
    from consumer.redactors.loading import load_plugin, load_redaction  # noqa: PLC0415 - loads the engine

    if policy is None and keys is None:
        return load_plugin(settings)
    if policy is None and settings.redaction.plugin != "policy":
        raise UsageError("--keys is for the built-in redactor, and the settings name another: give a --policy.")
    options = {"policy": policy} if policy else settings.redaction.options
    return load_redaction("policy", options, keys or settings.redaction.keys)


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


cli.add_command(audit)
cli.add_command(backfill)
cli.add_command(doctor)
cli.add_command(get)
cli.add_command(produce)
cli.add_command(quarantine)
cli.add_command(status)


@cli.group(cls=_PolicyGroup)
def policy() -> None:
    """Policy files; where one is asked for, the name of a built-in policy will do too: `default`."""


@cli.group(name="tables")
def tables_group() -> None:
    """Output, quarantine and KCL tables."""


@tables_group.command(name="create")
@config_option
@json_option
def tables_create(config: Path | None, *, as_json: bool) -> None:
    """Create what is missing, and the leases of a fresh stream."""
    settings = load_settings(config)
    made = {}
    for name, state in tables.create(settings):
        made[name] = state
        if not as_json:
            click.echo(f"{name}: {state}")  # at once, since a later step may fail
    leases = tables.seed_leases(settings)
    _say({"tables": made, "leases": leases}, f"leases written: {leases}", as_json)


@tables_group.command(name="check")
@config_option
@json_option
def tables_check(config: Path | None, *, as_json: bool) -> None:
    """Say what is wrong with the tables; exit status 1 if anything is."""
    problems = dict(tables.check(load_settings(config)))
    _say(problems, "\n".join(f"{name}: {problem or 'ok'}" for name, problem in problems.items()), as_json)
    sys.exit(1 if any(problems.values()) else 0)


@cli.group(name="config")
def config_group() -> None:
    """The settings."""


@config_group.command(name="check")
@config_option
def config_check(config: Path | None) -> None:
    """Validate the settings, the policies among them: that in force and, for a dry run, the candidate."""
    from consumer.redactors.loading import load_candidate, load_plugin  # noqa: PLC0415

    settings = load_settings(config)
    redactor = load_plugin(settings)
    load_candidate(settings)
    click.echo(f"The settings are valid; redactor {redactor.name}@{redactor.version}, digest {redactor.digest}.")


@config_group.command(name="show")
@config_option
@json_option
def config_show(config: Path | None, *, as_json: bool) -> None:
    """Show the settings in force; secrets are starred out."""
    values = load_settings(config).model_dump(mode="json")
    # A plug-in's options may hold keys; only the built-in one's are known to be harmless.
    if values["redaction"]["plugin"] != "policy":
        values["redaction"]["options"] = dict.fromkeys(values["redaction"]["options"], "**********")
    for sink in values["sinks"]:
        if sink["plugin"] not in BUILT_IN_SINKS:
            sink["options"] = dict.fromkeys(sink["options"], "**********")
    _say(values, yaml.safe_dump(values, sort_keys=False).rstrip(), as_json)


@config_group.command(name="schema")
def config_schema() -> None:
    """Print the JSON schema of the settings file."""
    click.echo(json.dumps(Settings.model_json_schema(), indent=2))


def _say(value: Any, text: str, as_json: bool) -> None:  # noqa: FBT001
    click.echo(json.dumps(value, default=str) if as_json else text)


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
