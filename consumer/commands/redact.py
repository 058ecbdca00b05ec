"""`sanitizer redact`."""

import sys
from pathlib import Path

import click

from consumer.commands.explain import explained, judged
from consumer.commands.lines import line_batches
from consumer.commands.options import config_option, keys_option
from consumer.errors import UsageError
from consumer.redactors.loading import load_plugin, load_redaction
from consumer.settings import Settings, load_settings
from redaction.plugin import Dropped, Redactor, Released


@click.command()
@config_option
@click.option("--policy", help="Policy file, or the name of a built-in policy; else what the settings name.")
@keys_option
@click.option("--explain", is_flag=True, help="Say on stderr what was done by which rule, and where; without values.")
def redact(config: Path | None, policy: str | None, keys: str | None, *, explain: bool) -> None:
    """Apply a policy to JSON lines, stdin to stdout; rejected lines are listed by number on stderr.

    A rejected line is a result like another: the exit status is 0, the counts are on stderr.
    """
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
    if policy is None and keys is None:
        return load_plugin(settings)
    if policy is None and settings.redaction.plugin != "policy":
        raise UsageError("--keys is for the built-in redactor, and the settings name another: give a --policy.")
    options = {"policy": policy} if policy else settings.redaction.options
    return load_redaction("policy", options, keys or settings.redaction.keys)
