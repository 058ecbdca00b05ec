"""`sanitizer tables`."""

import sys
from pathlib import Path

import click

from consumer.commands.options import json_option, say
from consumer.settings import load_settings
from consumer.tables import check, create, require_stream, seed_leases
from consumer.terminal.options import config_option, examples
from consumer.terminal.printable import echo


@click.group(epilog=examples("sanitizer tables create", "sanitizer tables check"))
def tables() -> None:
    """Output, quarantine and KCL tables."""


@tables.command(
    name="create",
    short_help="Create what is missing, and the leases of a fresh stream.",
    epilog=examples("sanitizer tables create --config worker.yaml"),
)
@config_option
@json_option
def tables_create(config: Path | None, *, as_json: bool) -> None:
    """Create what is missing, and the leases of a fresh stream, which has to be there already."""
    settings = load_settings(config)
    require_stream(settings)
    made: dict[str, str] = {}

    def tell(name: str, state: str) -> None:
        made[name] = state
        if not as_json:
            echo(f"{name}: {state}")  # at once, since a later step may fail

    create(settings, tell)
    leases = seed_leases(settings)
    say({"tables": made, "leases": leases}, f"leases written: {leases}", as_json=as_json)


@tables.command(
    name="check",
    short_help="Say what is wrong with the tables.",
    epilog=examples("sanitizer tables check", "sanitizer tables check --json | jq 'map_values(select(.))'"),
)
@config_option
@json_option
def tables_check(config: Path | None, *, as_json: bool) -> None:
    """Say what is wrong with the tables; exit status 1 if anything is."""
    problems = dict(check(load_settings(config)))
    say(problems, "\n".join(f"{name}: {problem or 'ok'}" for name, problem in problems.items()), as_json=as_json)
    sys.exit(1 if any(problems.values()) else 0)
