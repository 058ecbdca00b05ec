"""`sanitizer redact`."""

import json
import sys
from pathlib import Path
from typing import Any, BinaryIO, cast

import click

from consumer.commands.explain import Judged, explained, judged, lines, result
from consumer.commands.lines import line_batches
from consumer.commands.options import json_flag, keys_option
from consumer.errors import UsageError
from consumer.redactors.loading import load_plugin, load_redaction
from consumer.settings import Settings, load_settings
from consumer.terminal.options import Text, config_option, examples
from consumer.terminal.printable import document, echo
from redaction.plugin import Redactor, Rejected, Released


@click.command(
    epilog=examples(
        "sanitizer redact mine.jsonl",
        "sanitizer redact --policy pci-dss --explain mine.jsonl > /dev/null",
        "zcat mine.jsonl.gz | sanitizer redact --policy shop.yaml --keys keys.yaml",
        "sanitizer redact --json --explain a.jsonl b.jsonl | jq 'select(.result != \"released\")'",
    )
)
@config_option
@click.option(
    "--policy",
    type=Text(),
    help="Policy file, or the name of a built-in policy, which is meant even if a file has it; else what the settings "
    "name.",
)
@keys_option
@click.option("--explain", is_flag=True, help="Say on stderr what was done by which rule, and where; without values.")
@json_flag("For each line one of JSON: line, result, document or code; with --explain done.")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
def redact(
    config: Path | None, policy: str | None, keys: str | None, files: tuple[str, ...], *, explain: bool, as_json: bool
) -> None:
    """Apply a policy to JSON lines, of files or stdin, to stdout; rejected lines are listed by number on stderr.

    A rejected line is a result like another: the exit status is 0, the counts are on stderr.
    """
    redactor = _redactor(load_settings(config), policy, keys)
    judge = explained if explain else judged
    counts = {"released": 0, "dropped": 0, "rejected": 0}
    write = _write_json if as_json else _write
    for file in files or ("-",):
        name = file if len(files) > 1 else None
        number = 0
        with click.open_file(file, "rb") as source:
            for batch in line_batches(cast("BinaryIO", source)):
                for found in judge(redactor, batch):
                    number += 1
                    counts[result(found.verdict)["result"]] += 1
                    write(found, name, number, explain)
                sys.stdout.buffer.flush()
    if counts["rejected"] or counts["dropped"]:
        echo(", ".join(f"{count} {name}" for name, count in counts.items()), err=True)


def _write(found: Judged, file: str | None, number: int, explain: bool) -> None:  # noqa: FBT001
    if isinstance(found.verdict, Released):
        sys.stdout.buffer.write(document(found.verdict.body) + b"\n")
    place = f"{file}: line {number}" if file else f"line {number}"
    if explain:
        for line in lines(found):
            echo(f"{place}: {line}", err=True)
    elif isinstance(found.verdict, Rejected):
        echo(f"{place}: rejected ({found.verdict.code})", err=True)


def _write_json(found: Judged, file: str | None, number: int, explain: bool) -> None:  # noqa: FBT001
    value: dict[str, Any] = {"file": file} if file else {}
    value |= {"line": number} | result(found.verdict)
    if explain:
        value["done"] = [each._asdict() for each in found.done]
    line = json.dumps(value, separators=(",", ":")).encode()
    if isinstance(found.verdict, Released):  # as it was written: numbers stay exact to the digit
        line = line[:-1] + b',"document":' + found.verdict.body + b"}"
    sys.stdout.buffer.write(document(line) + b"\n")


def _redactor(settings: Settings, policy: str | None, keys: str | None) -> Redactor:
    if policy is None and keys is None:
        return load_plugin(settings)
    if policy is None and settings.redaction.plugin != "policy":
        raise UsageError("--keys is for the built-in redactor, and the settings name another: give a --policy.")
    options = {"policy": policy} if policy else settings.redaction.options
    return load_redaction("policy", options, keys or settings.redaction.keys)
