"""The parts of a local stack, by command."""

from pathlib import Path
from typing import Any

import click
import hypercorn  # noqa: F401 - of the cloud's process, which could only say that it ended

from consumer.local import feed, prepare, up
from consumer.local.cloud.command import cloud
from consumer.producing.filling import check_documents
from consumer.producing.formats import DEFAULT, NAMES
from consumer.settings import load_settings
from consumer.terminal.options import Seconds, config_option, examples
from consumer.terminal.printable import echo

shards_option = click.option(
    "--shards", type=click.IntRange(1, 50), default=4, show_default=True, help="Of the stream."
)
rate_option = click.option(
    "--rate", type=click.IntRange(1, 5000), default=50, show_default=True, help="Transactions a second."
)
records_option = click.option(
    "--records", type=click.IntRange(1), default=feed.DEFAULT_RECORDS, show_default=True, help="How many in all."
)
format_option = click.option(
    "--format", type=click.Choice(NAMES), metavar="FORMAT", default=DEFAULT, show_default=True, help="Of the records."
)
documents_option = click.option("--documents", type=click.IntRange(1, 2000), help="In a record, at most.")


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "sanitizer local up --rate 200 --seconds 60",
        "sanitizer local cloud --port 4566 --alone",
        "sanitizer local prepare --config worker.yaml",
    ),
)
def local() -> None:
    """A whole service on this machine, and its parts."""


local.add_command(cloud)


@local.command(name="up", epilog=examples("sanitizer local up", "sanitizer local up --rate 200 --seconds 60"))
@shards_option
@rate_option
@records_option
@format_option
@documents_option
@click.option("--seconds", type=Seconds(0), help="End after so many, from when all runs.")
def run_all(**options: Any) -> None:
    """Run cloud, worker, producer and Prometheus until Ctrl-C."""
    check_documents(options["format"], options["documents"])
    up.run(up.Options(**options))


@local.command(name="prepare", epilog=examples("sanitizer local prepare --config worker.yaml --shards 2"))
@config_option
@shards_option
def prepare_all(config: Path | None, shards: int) -> None:
    """Create stream, tables and first leases where they are missing."""
    settings = load_settings(config)
    found = prepare.prepare(settings, shards)
    echo(f"The stream {settings.stream.name} and its tables are there.")
    if found != shards:
        echo(f"Its open shards are {found}, as before: --shards {shards} is for one that is made anew.", err=True)


@local.command(
    name="feed",
    epilog=examples(
        "sanitizer local feed --config worker.yaml",
        "sanitizer local feed --rate 500 --records 10000 --format gzip-ndjson --documents 20",
    ),
)
@config_option
@rate_option
@records_option
@format_option
@documents_option
def feed_stream(
    config: Path | None,
    rate: int,
    records: int,
    format: str,  # noqa: A002 - the option's name
    documents: int | None,
) -> None:
    """Put generated transactions onto the stream, at a steady rate."""
    check_documents(format, documents)
    feed.feed(load_settings(config).stream.name, rate, records, format, documents)
    echo(f"{records} transactions are on the stream; the cloud keeps each of them, so that is all.")
