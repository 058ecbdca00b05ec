"""`sanitizer config`."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import yaml

from consumer.commands.options import json_option, say
from consumer.errors import SanitizerError, UsageError
from consumer.extras import extra_named
from consumer.redactors.loading import load_candidate, load_plugin
from consumer.settings import BUILT_IN_SINKS, Settings, load_settings
from consumer.settings.load import settings_of
from consumer.settings.problems import HEADING
from consumer.settings.sources import read
from consumer.terminal.options import config_option, examples
from redaction.plugin import identity


@click.group(epilog=examples("sanitizer config check --config worker.yaml", "sanitizer config show > all.yaml"))
def config() -> None:
    """The settings."""


@config.command(
    name="check",
    short_help="Validate the settings, and all that they name.",
    epilog=examples(
        "sanitizer config check --config worker.yaml",
        "SANITIZER_OUTPUT__TABLE=other sanitizer config check",
        "sanitizer config check --json | jq -r .digest",
    ),
)
@config_option
@json_option
def config_check(config: Path | None, *, as_json: bool) -> None:
    """Validate the settings and what they name: policies, the candidate's too, decoders, sinks and their options.

    AWS is asked for nothing, but for keys that are in Secrets Manager: whether stream and tables are there, and what
    the role may do, says `sanitizer doctor`.
    """
    try:
        settings = load_settings(config)
        checks = _of_decoders_and_sinks()
        (redactor, *_), problems = _tried(settings, load_plugin, load_candidate, *checks)
        if problems:
            gravest = max(problems, key=lambda problem: problem.exit_status)
            raise type(gravest)("\n".join(dict.fromkeys(map(str, problems))))
    except SanitizerError as error:
        if as_json:
            told = [line for line in str(error).splitlines() if line != HEADING]
            click.echo(json.dumps({"ok": False, "problems": told}))
        raise
    lines = [
        f"The settings are valid; redactor {identity(redactor)}, digest {redactor.digest}.",
        "What needs the network was not looked at; `sanitizer doctor` does.",
    ]
    if not checks:
        lines.append('Nor were decoders and sinks: this install is without the extra "worker", which has them.')
    value = {
        "ok": True,
        "redactor": identity(redactor),
        "digest": redactor.digest,
        "decoders_and_sinks": "ok" if checks else "not_looked_at",
    }
    say(value, "\n".join(lines), as_json=as_json)


def _tried(settings: Settings, *checks: Callable[[Settings], Any]) -> tuple[list[Any], list[SanitizerError]]:
    """Return what all checks give, and what they find wrong: somebody mends it all at once."""
    given, problems = [], []
    for check in checks:
        try:
            given.append(check(settings))
        except SanitizerError as error:
            given.append(None)
            problems.append(error)
    return given, problems


def _of_decoders_and_sinks() -> list[Callable[[Settings], None]]:
    """Return their checks; none: there are none of them in this install."""
    try:
        with extra_named():
            from consumer.decoding.loading import check_format  # noqa: PLC0415 - not in each install
            from consumer.sinks.loading import check_options  # noqa: PLC0415
    except UsageError:
        return []
    return [check_format, check_options]


@config.command(
    name="show",
    epilog=examples("sanitizer config show --config worker.yaml", "sanitizer config show --json | jq .output.table"),
)
@config_option
@click.option("--origin", is_flag=True, help="A line each, with where it is from: file and line, variable, default.")
@json_option
def config_show(config: Path | None, *, origin: bool, as_json: bool) -> None:
    """Show the settings in force; secrets are starred out."""
    sources = read(config)
    values = _shown(settings_of(sources))
    if not origin:
        say(values, yaml.safe_dump(values, sort_keys=False).rstrip(), as_json=as_json)
        return
    found = [
        {"setting": ".".join(map(str, place)), "value": value, "origin": sources.origin(place)}
        for place, value in _leaves(values)
    ]
    lines = [f"{each['setting']}: {json.dumps(each['value'])}  # {each['origin']}" for each in found]
    say(found, "\n".join(lines), as_json=as_json)


def _shown(settings: Settings) -> dict[str, Any]:
    values = settings.model_dump(mode="json")
    # A plug-in's options may hold keys; only the built-in one's are known to be harmless.
    if values["redaction"]["plugin"] != "policy":
        values["redaction"]["options"] = dict.fromkeys(values["redaction"]["options"], "**********")
    for sink in values["sinks"]:
        if sink["plugin"] not in BUILT_IN_SINKS:
            sink["options"] = dict.fromkeys(sink["options"], "**********")
    return values


def _leaves(value: Any, place: tuple[int | str, ...] = ()) -> Iterator[tuple[tuple[int | str, ...], Any]]:
    """Yield what is no mapping and no list, or an empty one, and where it stands."""
    if not value or not isinstance(value, (dict, list)):
        yield place, value
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _leaves(inner, (*place, key))


@config.command(name="schema", epilog=examples("sanitizer config schema > settings.schema.json"))
def config_schema() -> None:
    """Print the JSON schema of the settings file."""
    click.echo(json.dumps(Settings.model_json_schema(), indent=2))
