"""`sanitizer get`."""

import sys
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click

from consumer.commands.options import json_flag
from consumer.commands.times import Beginning
from consumer.documents import Document, Documents, Page
from consumer.dynamodb.bounds import Bound
from consumer.errors import UsageError
from consumer.settings import Settings, load_settings
from consumer.settings.key_template import METADATA
from consumer.terminal.options import Text, config_option, examples
from consumer.terminal.printable import document, echo
from redaction.serialize import serialize

_JSON_LIMIT: Final = 100


@click.command(
    epilog=examples(
        "sanitizer get 12345",
        "sanitizer get 12345 --sort-prefix 2024-03 --limit 10 --metadata",
        "sanitizer get 12345 --after 2024-03-15T10:00 --before 2024-03-15T11:00",
        "sanitizer get 12345 --after 24h --json",
    )
)
@config_option
@click.argument("partition")
@click.option("--sort-prefix", type=Text(), help="Only sort keys that begin so, e.g. 2024-03.")
@click.option("--after", type=Beginning(), help="From then on: 2024-03-15T10, or 24h for that long ago.")
@click.option("--before", type=Beginning(), help="Before then.")
@click.option("--limit", type=click.IntRange(1), help="At most so many  [default: all; with --json or --page 100].")
@click.option("--page", type=Text(), metavar="TOKEN", help="Go on where the answer with this `next` ended.")
@click.option("--index", is_flag=True, help="PARTITION is a key of the second index (output.index).")
@click.option("--metadata", is_flag=True, help="Also show what the service added, under its reserved name.")
@json_flag("One JSON value, for scripts: documents, next (null: no more).")
def get(config: Path | None, partition: str, sort_prefix: str | None, **options: Any) -> None:
    """Look documents up by their partition key, newest first: one line of JSON each; exit status 1 if there is none.

    Reads see every write that was acknowledged before, but for those of the index.
    """
    settings = load_settings(config)
    settings.require_table("`sanitizer get`")
    index, as_json, limit = options["index"], options["as_json"], options["limit"]
    if index and settings.output.index is None:
        raise UsageError("The settings have no output.index: there is no second index to look into.")
    after, before = options["after"], options["before"]
    _check_times(settings, after, before, index=index)
    documents = Documents.of(settings)
    query: dict[str, Any] = {"after": after, "before": before, "prefix": sort_prefix}
    query |= {"index": index, "consistent": not index}
    reserved = settings.output.reserved_attribute if options["metadata"] else None
    found = False
    if as_json or options["page"]:
        page: Page = documents.page(partition, limit=limit or _JSON_LIMIT, token=options["page"], **query)
        found = bool(page.documents)
        shown = [_value(each, reserved) for each in page.documents]
        lines: list[Any] = [{"documents": shown, "next": page.token}] if as_json else shown
        for line in lines:
            _write(line)
    else:
        for each in islice(documents.iterate(partition, **query), limit):
            found = True
            _write(_value(each, reserved))
    if not found:
        which = "No further document" if options["page"] else "No document"
        where = " in this range" if after or before or sort_prefix else ""
        echo(f"{which} has this key{where}.", err=True)
        sys.exit(1)


def _write(value: Any) -> None:
    click.echo(document(serialize(value)))


def _check_times(settings: Settings, after: Bound | None, before: Bound | None, *, index: bool) -> None:
    """Refuse a range of times where the sort key does not begin with a field; `Documents` judges the range itself.

    :raises UsageError: it does not.
    """
    output = settings.output
    setting, template = "output.sort_key", output.sort_key
    if index and output.index is not None:
        setting, template = "output.index.sort_key", output.index.sort_key or ""
    first = template[1:].partition("}")[0]
    option = "--after" if after else "--before" if before else None
    if option and (not template.startswith("{") or first.partition(".")[0] in METADATA):
        raise UsageError(
            f"{option} needs sort keys that begin with a field that is a time, and {setting} is "
            f"{template or 'not set'}; --sort-prefix compares whatever they begin with."
        )


def _value(document: Document, reserved: str | None) -> dict[str, Any]:
    """Return a document's fields, with its metadata under `reserved`, if they are wanted."""
    if reserved is None:
        return document.fields
    metadata = document.metadata
    added: dict[str, Any] = {
        "stream": metadata.stream,
        "shard": metadata.shard,
        "sequence": metadata.sequence,
        "sub": metadata.sub,
        "arrival_ms": round(metadata.arrival.timestamp() * 1000) if metadata.arrival else 0,
        "policy": metadata.policy,
        "digest": metadata.digest,
    }
    if metadata.part is not None:
        added["part"] = metadata.part
    if metadata.schema is not None:
        added |= {"schema": metadata.schema, "schema_version": metadata.schema_version}
    if metadata.version is not None:
        added |= {"version": metadata.version, "version_of": metadata.version_of}
    return document.fields | {reserved: added}
