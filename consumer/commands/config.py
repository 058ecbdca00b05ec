"""`sanitizer config`."""

import json
from pathlib import Path

import click
import yaml

from consumer.commands.options import config_option, examples, json_option, say
from consumer.errors import SanitizerError, UsageError
from consumer.extras import extra_named
from consumer.redactors.loading import load_candidate, load_plugin
from consumer.settings import BUILT_IN_SINKS, Settings, load_settings
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
        redactor = load_plugin(settings)
        load_candidate(settings)
        are_sinks_known = _check_decoders_and_sinks(settings)
    except SanitizerError as error:
        if as_json:
            click.echo(json.dumps({"ok": False, "problems": str(error).splitlines()}))
        raise
    lines = [
        f"The settings are valid; redactor {identity(redactor)}, digest {redactor.digest}.",
        "What needs the network was not looked at; `sanitizer doctor` does.",
    ]
    if not are_sinks_known:
        lines.append('Nor were decoders and sinks: this install is without the extra "worker", which has them.')
    value = {
        "ok": True,
        "redactor": identity(redactor),
        "digest": redactor.digest,
        "decoders_and_sinks": "ok" if are_sinks_known else "not_looked_at",
    }
    say(value, "\n".join(lines), as_json=as_json)


def _check_decoders_and_sinks(settings: Settings) -> bool:
    """:return: False: there are none in this install."""
    try:
        with extra_named():
            from consumer.decoding.loading import check_format  # noqa: PLC0415 - not in each install
            from consumer.sinks.loading import check_options  # noqa: PLC0415
    except UsageError:
        return False
    check_format(settings)
    check_options(settings)
    return True


@config.command(
    name="show",
    epilog=examples("sanitizer config show --config worker.yaml", "sanitizer config show --json | jq .output.table"),
)
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


@config.command(name="schema", epilog=examples("sanitizer config schema > settings.schema.json"))
def config_schema() -> None:
    """Print the JSON schema of the settings file."""
    click.echo(json.dumps(Settings.model_json_schema(), indent=2))
