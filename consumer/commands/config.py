"""`sanitizer config`."""

import json
from pathlib import Path

import click
import yaml

from consumer.commands.options import config_option, json_option, say
from consumer.redactors.loading import load_candidate, load_plugin
from consumer.settings import BUILT_IN_SINKS, Settings, load_settings
from redaction.plugin import identity


@click.group()
def config() -> None:
    """The settings."""


@config.command(name="check")
@config_option
def config_check(config: Path | None) -> None:
    """Validate the settings, the policies among them: that in force and, for a dry run, the candidate."""
    settings = load_settings(config)
    redactor = load_plugin(settings)
    load_candidate(settings)
    click.echo(f"The settings are valid; redactor {identity(redactor)}, digest {redactor.digest}.")


@config.command(name="show")
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
    say(values, yaml.safe_dump(values, sort_keys=False).rstrip(), as_json=as_json)


@config.command(name="schema")
def config_schema() -> None:
    """Print the JSON schema of the settings file."""
    click.echo(json.dumps(Settings.model_json_schema(), indent=2))
