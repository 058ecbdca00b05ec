"""Options that several commands have, and how they answer."""

import json
from pathlib import Path
from typing import Any

import click

config_option = click.option(
    "--config", type=click.Path(path_type=Path), envvar="SANITIZER_CONFIG", help="Settings file (YAML)."
)


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON value, for scripts.")


def say(value: Any, text: str, as_json: bool) -> None:  # noqa: FBT001
    """Answer for a person, or for a script."""
    click.echo(json.dumps(value, default=str) if as_json else text)
