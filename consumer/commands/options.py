"""Options that several commands have, and how they answer."""

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from consumer.commands.values import KeySource
from consumer.terminal.parts import Part, show

_Function = TypeVar("_Function", bound=Callable[..., Any])

keys_option = click.option(
    "--keys", type=KeySource(), metavar="SOURCE", help="Key file, ARN of a secret, or secretsmanager:NAME."
)


def json_flag(text: str) -> Callable[[_Function], _Function]:
    """Return the option `--json` of a command of which there is more to say than `json_option` does."""
    return click.option("--json", "as_json", is_flag=True, help=text)


json_option = json_flag("One JSON value, for scripts.")


def say(value: Any, parts: Iterable[Part], *, as_json: bool) -> None:
    """Answer for a person, or for a script.

    :param parts: a text alone is one.
    """
    if as_json:
        click.echo(json.dumps(value, default=str))
    else:
        show(*([parts] if isinstance(parts, str) else parts))
