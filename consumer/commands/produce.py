"""`sanitizer produce`."""

import sys
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import click

from consumer.commands.format_options import documents_option, format_option
from consumer.commands.options import json_option, say
from consumer.errors import SanitizerError, StartError, UsageError
from consumer.kinesis.producer import Put, read_lines
from consumer.kinesis.sender import WINDOW, Pace, Sender, Sent
from consumer.local.transactions import transactions
from consumer.producing.filling import check_documents, filled
from consumer.producing.formats import DEFAULT, format_named
from consumer.settings import load_settings
from consumer.terminal.options import Seconds, Text, config_option, examples
from consumer.terminal.parts import Column, Part, Table
from consumer.terminal.progress import Progress

_ENDLESS = 1 << 62


@click.command(
    epilog=examples(
        "sanitizer produce mine.jsonl",
        "head -n 100 mine.jsonl | sanitizer produce --rate 10",
        "sanitizer produce --seconds 60 --rate 2000 --ramp 20 --aggregate 50",
        "sanitizer produce --records 1000 --format gzip-ndjson --documents 20",
    )
)
@config_option
@click.argument("source", type=click.File("rb"), required=False)
@click.option("--records", type=click.IntRange(1), help="Generate so many transactions instead of reading SOURCE.")
@click.option("--seconds", type=Seconds(0, min_open=True), help="Generate transactions for so long.")
@click.option(
    "--partition-key-field", type=Text(), default="user_id", show_default=True, help="Field that decides the shard."
)
@format_option
@documents_option
@click.option("--rate", type=click.IntRange(1), help="Lines or transactions a second, at most.")
@click.option("--ramp", type=Seconds(0), default=0.0, help="Let the rate grow from 0 within so many seconds.")
@click.option(
    "--aggregate",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Put up to so many records into one of Kinesis, as the Kinesis Producer Library does.",
)
@json_option
def produce(  # noqa: PLR0913 - one for each option
    config: Path | None,
    source: BinaryIO | None,
    records: int | None,
    seconds: float | None,
    partition_key_field: str,
    rate: int | None,
    ramp: float,
    aggregate: int,
    *,
    format: str,  # noqa: A002 - the option's name
    documents: int | None,
    as_json: bool,
) -> None:
    """Put JSON lines onto the stream: SOURCE, or stdin; or made-up transactions, for a load.

    Each is a record, unless --format writes several into one. The records of one key arrive in their order. They are
    sent evenly, and as fast as the stream takes them without --rate.
    """
    generates = records is not None or seconds is not None
    if generates and source is not None:
        raise UsageError("--records and --seconds are for generated transactions: leave SOURCE out.")
    if ramp and rate is None:
        raise UsageError("--ramp needs the --rate that it leads to.")
    check_documents(format, documents)
    written = None if format == DEFAULT else format_named(format)
    most = documents or (written.most if written else 1)
    stream = load_settings(config).stream.name
    made: Iterable[Put]
    if generates:
        made = _generated(records or _ENDLESS, most)
    else:
        made = read_lines(source or sys.stdin.buffer, partition_key_field)
    if written:
        made = filled(made, written, documents)
    sender = Sender(stream, aggregate)
    progress = Progress(always=False)
    began = time.monotonic()

    def tell(sent: Sent) -> None:
        passed = time.monotonic() - began
        progress.say(f"{sent.records:,} records, {sent.records / max(passed, 0.001):,.0f} a second")

    try:
        sender.send(made, Pace(rate, ramp), seconds, tell)
    except SanitizerError as error:
        what = "records" if generates or written else "lines"
        raise StartError(f"{error}{_done(sender, what)}") from None
    finally:
        progress.end()
    report = _report(stream, sender, time.monotonic() - began)
    say(report, _parts(report), as_json=as_json)


def _done(sender: Sender, what: str) -> str:
    """Say what an attempt that failed has left on the stream."""
    if count := sender.sent.records:
        return f" At least the first {count} {what} are on the stream."
    return f" Some of the first {WINDOW} {what} are on the stream." if sender.has_put else ""


def _generated(count: int, run: int) -> Iterable[Put]:
    # Other ones each time, and so without the example that is always the first: equal bytes would be stored twice.
    made = islice(transactions(time.time_ns(), run + count, run), run, None)
    return (Put(each.data, each.partition_key) for each in made)


def _report(stream: str, sender: Sender, seconds: float) -> dict[str, Any]:
    sent = sender.sent
    return {
        "stream": stream,
        "documents": sent.documents,
        "records": sent.records,
        "kinesis_records": sent.puts,
        "bytes": sent.size,
        "seconds": round(seconds, 3),
        "records_per_second": round(sent.records / max(seconds, 0.001), 1),
        "retries": dict(sorted(sender.retries.items())),
        "shards": dict(sorted(sent.shards.items())),
    }


def _parts(report: dict[str, Any]) -> Iterable[Part]:
    what = f"{report['records']} records"
    if report["documents"] != report["records"]:
        what = f"{report['documents']} documents in {what}"
    yield f"{what} put onto {report['stream']}"
    yield (
        f"{report['bytes']:,} bytes in {report['kinesis_records']:,} Kinesis records, {report['seconds']:.1f} s, "
        f"{report['records_per_second']:,.0f} records a second"
    )
    for code, count in report["retries"].items():
        yield f"sent again: {count:,} because of {code}"
    rows = [
        (shard, f"{count:,}", f"{100 * count / report['records']:5.1f} %") for shard, count in report["shards"].items()
    ]
    if rows:
        yield Table((Column(), Column(9, "right"), Column()), rows)
