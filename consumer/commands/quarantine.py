"""`sanitizer quarantine`."""

import json
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click

from consumer import aws, logs
from consumer.commands.options import json_flag, json_option, say
from consumer.commands.times import Time
from consumer.decoding.documents import judged
from consumer.decoding.loading import has_plugins
from consumer.decoding.patience import Patient
from consumer.errors import ServiceError, StartError, UsageError
from consumer.kinesis.reader import ShardReader, Start
from consumer.kinesis.shards import kinesis_client, list_shards
from consumer.metrics import Metrics, set_up
from consumer.pipeline.decoding import open_decoding
from consumer.pipeline.outputs import open_outputs, refuse_to_replace_newer
from consumer.quarantine.codes import ADVICE
from consumer.quarantine.entry import EXPIRES_AT
from consumer.quarantine.replay import Replay, Report, to_json
from consumer.quarantine.store import Entry, Quarantine, Selection, entries
from consumer.redactors.loading import load_plugin
from consumer.settings import Settings, load_settings
from consumer.terminal.options import Text, config_option, examples
from consumer.terminal.parts import Column, Part, Table
from consumer.terminal.parts import show as show_parts
from consumer.terminal.printable import echo
from consumer.terminal.progress import Progress
from consumer.worker import preflight
from consumer.worker.signals import stop_on_signals
from redaction.nearest import nearest


def _digits(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not (value.isascii() and value.isdigit()):
        msg = "a sequence number is digits alone, as `sanitizer quarantine list` shows it."
        raise click.BadParameter(msg)
    return value


def _place(_: click.Context, __: click.Parameter, value: str) -> str:
    if not _PLACE.fullmatch(value):
        msg = "it is what stands behind the sequence number in `sanitizer quarantine list`: 0, or 0+1."
        raise click.BadParameter(msg)
    return value


_PLACE: Final = re.compile(r"[0-9]{1,10}(\+[1-9][0-9]{0,9})?", re.ASCII)

_BATCH: Final = 100
_COLUMNS: Final = (
    Column(20, head="shard"),
    Column(58, head="sequence/sub"),
    Column(19, head="quarantined at"),
    Column(9, head="replayed"),
    Column(7, head="bytes"),
    Column(head="code (rule)"),
)
"""As wide as what they mostly hold: of the entries to come nothing is known."""

_shard = click.option("--shard", "only_shard", type=Text(), help="Only entries of this shard.")
_code = click.option("--code", type=Text(), help="Only entries with this code, such as too_deep.")
_since = click.option("--since", type=Time(), help="Quarantined then or later: 2024-03-15T10:30:00Z, or 24h ago.")


@click.group(
    epilog=examples(
        "sanitizer quarantine list --since 24h",
        "sanitizer quarantine show shardId-000000000000 49654017",
        "sanitizer quarantine replay --dry-run",
    )
)
def quarantine() -> None:
    """Records that could not be processed: where they stand in the stream, when, why; never their content."""


@quarantine.command(
    name="list",
    epilog=examples(
        "sanitizer quarantine list",
        "sanitizer quarantine list --since 24h --code too_deep",
        "sanitizer quarantine list --shard shardId-000000000000 --json | jq -r .code | sort | uniq -c",
    ),
)
@config_option
@_shard
@_code
@_since
@json_flag("A line of JSON for each, for scripts.")
def list_(
    config: Path | None, only_shard: str | None, code: str | None, since: datetime | None, *, as_json: bool
) -> None:
    """List the entries, a line each."""
    count = 0
    columns: Sequence[Column] = _COLUMNS
    for batch in _batches(_selected(load_settings(config), Selection(only_shard, code, since))):
        if as_json:
            click.echo("\n".join(json.dumps(entry.fields, default=int) for entry in batch))
        else:
            show_parts(Table(columns, [_row(entry) for entry in batch], is_whole=True))
            columns = [column._replace(head="") for column in columns]
        count += len(batch)
    echo(_counted(count), err=as_json)


def _selected(settings: Settings, selection: Selection) -> Iterator[Entry]:
    """Yield the entries.

    :raises UsageError: there is none, and what they are selected by is mistyped.
    :raises ServiceError: see `entries`.
    """
    is_empty = True
    for entry in entries(settings, selection):
        is_empty = False
        yield entry
    if is_empty and (mistake := _mistake(settings, selection)):
        raise UsageError(mistake)


def _mistake(settings: Settings, selection: Selection) -> str | None:
    """Say why nothing can be found by a selection; None: something could."""
    code, shard = selection.code, selection.shard
    if selection.since and selection.since > datetime.now(UTC):
        return "--since lies in the future."
    if code and code not in ADVICE and settings.redaction.plugin == "policy" and not has_plugins(settings):
        near = nearest(code, ADVICE)
        hint = f"did you mean {near!r}?" if near else "docs/guide.md lists them."
        return f"There is no code {code!r}; {hint}"
    if shard:
        stream = settings.stream.name
        with suppress(ServiceError):  # whoever may read entries need not be permitted to list shards
            if all(each["ShardId"] != shard for each in list_shards(aws.client("kinesis", retries=1), stream)):
                # Entries outlive their shard, and may be left out by what else was asked for.
                if next(entries(settings, Selection(shard)), None):
                    return None
                return f"The stream {stream} has no shard {shard!r}, nor has the quarantine an entry of it."
    return None


def _counted(count: int) -> str:
    return f"{count} {'entry' if count == 1 else 'entries'}"


def _batches(found: Iterator[Entry]) -> Iterator[list[Entry]]:
    """Yield entries so that somebody who reads the first need not wait for the last."""
    while batch := list(islice(found, _BATCH)):
        yield batch


def _row(entry: Entry) -> tuple[str, ...]:
    rule = entry.fields.get("rule")
    return (
        entry.shard,
        f"{entry.sequence}/{entry.place}",
        entry.quarantined_at[:19],
        entry.replayed_as or "-",
        str(entry.size),
        f"{entry.code} ({rule})" if rule else entry.code,
    )


@quarantine.command(
    short_help="Show one entry, and what its code asks for.",
    epilog=examples(
        "sanitizer quarantine show shardId-000000000000 49654017",
        "sanitizer quarantine show shardId-000000000000 49654017 0+2 --json",
    ),
)
@config_option
@click.argument("shard", type=Text())
@click.argument("sequence", callback=_digits)
@click.argument("sub", callback=_place, default="0")
@json_option
def show(config: Path | None, shard: str, sequence: str, sub: str, *, as_json: bool) -> None:
    """Show one entry, what its code asks for, and whether the stream still holds the record."""
    settings = load_settings(config)
    entry = _the_entry(settings, shard, sequence, sub)
    held = _is_held(settings.stream.name, shard, sequence)
    advice = ADVICE.get(entry.code)
    if as_json:
        value = entry.fields | {
            "means": advice.means if advice else None,
            "to_do": advice.to_do if advice else None,
            "in_stream": held if isinstance(held, bool) else None,
        }
        click.echo(json.dumps(value, default=int))
        return
    rows = [
        (name, datetime.fromtimestamp(int(value), UTC).isoformat() if name == EXPIRES_AT else str(value))
        for name, value in sorted(entry.fields.items())
    ]
    show_parts(Table((Column(16), Column()), rows, gap=1, is_whole=True))
    echo(f"\n{entry.code}: {advice.means}.\nWhat to do: {advice.to_do}." if advice else "")
    if isinstance(held, ServiceError):
        echo(f"Whether the stream still holds the record is not known. {held}")
    elif held:
        echo(f"The stream still holds the record: sanitizer quarantine replay {shard} {sequence} {sub}")
    else:
        echo("The stream no longer holds the record; it cannot be replayed.")


def _is_held(stream: str, shard: str, sequence: str) -> bool | ServiceError:
    """Tell whether the stream holds a record; whoever may read entries need not be permitted to read records."""
    client = kinesis_client()
    try:
        if not any(each["ShardId"] == shard for each in list_shards(client, stream)):
            return False
        return any(ShardReader(client, stream, shard, Start()).find([sequence]))
    except ServiceError as error:
        return error


def _the_entry(settings: Settings, shard: str, sequence: str, sub: str) -> Entry:
    entry = Quarantine(settings).get(shard, sequence, sub)
    if entry is None:
        raise StartError(f"The quarantine has no entry for {shard} {sequence} {sub}.")
    return entry


@quarantine.command(
    short_help="Read the records again, and store them as the policy now has it.",
    epilog=examples(
        "sanitizer quarantine replay --dry-run",
        "sanitizer quarantine replay --code too_deep --limit 100 --rate 10",
        "sanitizer quarantine replay shardId-000000000000 49654017 --again",
    ),
)
@config_option
@click.argument("shard", type=Text(), required=False)
@click.argument("sequence", required=False, callback=_digits)
@click.argument("sub", callback=_place, default="0")
@_shard
@_code
@_since
@click.option("--limit", type=click.IntRange(1), help="At most so many entries.")
@click.option("--rate", type=click.IntRange(1), help="Entries a second, at most.")
@click.option("--again", is_flag=True, help="Also what was replayed before.")
@click.option("--overwrite", is_flag=True, help="Let an old record replace a newer document with the same key.")
@click.option("--dry-run", is_flag=True, help="Say what would become of them; write nothing.")
@json_option
def replay(  # noqa: PLR0913, PLR0917 - one for each option
    config: Path | None,
    shard: str | None,
    sequence: str | None,
    sub: str,
    only_shard: str | None,
    code: str | None,
    since: datetime | None,
    limit: int | None,
    rate: int | None,
    *,
    again: bool,
    overwrite: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Read quarantined records from the stream again, and store them as today's policy releases them.

    All entries that were not replayed yet, those that the options leave, or the one that SHARD SEQUENCE [SUB] names.
    Exit status 1 if one of them could not be replayed.
    """
    if (shard is None) != (sequence is None):
        raise UsageError("Name an entry as SHARD SEQUENCE [SUB].")
    if shard is not None and (only_shard or code or since):
        raise UsageError("Either name an entry or select entries by --shard, --code and --since.")
    settings = load_settings(config)
    with ExitStack() as leaving:
        stop = leaving.enter_context(stop_on_signals())
        work = _replay(settings, leaving, stop, rate, again=again, overwrite=overwrite, dry_run=dry_run)
        if shard is not None and sequence is not None:
            chosen = iter([_the_entry(settings, shard, sequence, sub)])
        else:
            chosen = _selected(settings, Selection(only_shard, code, since))
        try:
            work.run(chosen, limit)
        finally:
            leaving.close()
            say(to_json(work.report, dry_run=dry_run), _report(work.report, dry_run=dry_run), as_json=as_json)
    sys.exit(0 if work.report.is_complete and not stop.is_set() else 1)


def _replay(
    settings: Settings,
    leaving: ExitStack,
    stop: threading.Event,
    rate: int | None,
    *,
    again: bool,
    overwrite: bool,
    dry_run: bool,
) -> Replay:

    logs.configure("warning", "replay", settings.logs.format)
    redactor = load_plugin(settings)
    if not overwrite:
        refuse_to_replace_newer(settings)
    preflight.check(settings, with_kcl=False)
    set_up()
    metrics, log = Metrics(), logs.get_logger("replay")
    judge = partial(judged, Patient(open_decoding(settings, metrics, log).chain, stop.wait), redactor)
    outputs = open_outputs(settings, redactor, metrics, log)
    leaving.callback(outputs.close)
    tell = leaving.enter_context(Progress(always=False)).say
    return Replay(settings, redactor, judge, outputs.output, stop, dry_run=dry_run, again=again, rate=rate, say=tell)


def _report(report: Report, *, dry_run: bool) -> Iterator[Part]:
    value = to_json(report, dry_run=dry_run)
    reasons: dict[str, dict[str, int]] = value["reasons"]
    yield f"{_counted(value['entries'])}{' (dry run: nothing was written)' if dry_run else ''}"
    rows = []
    for name in ("stored", "duplicate", "dropped", "rejected", "expired", "failed"):
        why = ", ".join(f"{code} {count}" for code, count in reasons.get(name, {}).items())
        if value[name]:
            rows.append((f"  {name}", f"{value[name]}{f'  ({why})' if why else ''}"))
    if rows:
        yield Table((Column(12), Column()), rows, gap=1)
    if report.skipped:
        yield f"{report.skipped} were replayed before; --again replays them once more"
    if report.undone:
        yield "Not replayed:" if len(report.undone) == _undone(value) else "Not replayed, among others:"
        for entry, result, reason in report.undone:
            yield f"  {entry.shard} {entry.sequence} {entry.place}  {result}{f': {reason}' if reason else ''}"


def _undone(value: dict[str, Any]) -> int:
    return int(value["rejected"] + value["expired"] + value["failed"])


@quarantine.command(
    epilog=examples(
        "sanitizer quarantine purge --before 30d --replayed-only --dry-run",
        "sanitizer quarantine purge --before 2024-03-15 --yes",
    )
)
@config_option
@click.option("--before", type=Time(), required=True, help="Quarantined before: 2024-03-15T10:30:00Z, or 30d ago.")
@click.option("--replayed-only", is_flag=True, help="Only what was replayed.")
@click.option("--dry-run", is_flag=True, help="Count; delete nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def purge(
    config: Path | None, before: datetime, *, replayed_only: bool, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Delete entries. A record whose entry is gone can no longer be replayed."""
    settings = load_settings(config)

    def chosen() -> Iterator[Entry]:
        found = entries(settings, Selection(before=before))
        return (entry for entry in found if entry.replayed_as or not replayed_only)

    count = never_replayed = deleted = 0
    for entry in chosen():
        count += 1
        never_replayed += not entry.replayed_as
    if count and not dry_run:
        question = f"Delete {_counted(count)}, {never_replayed} of which were never replayed?"
        if not yes and not _is_confirmed(question):
            raise StartError("Nothing was deleted.")
        table = Quarantine(settings)
        deleted = sum(table.delete(entry) for entry in chosen())
    said = f"{_counted(deleted)} deleted" if not dry_run else f"{_counted(count)} would be deleted"
    if count:
        said += f", {never_replayed} of {count} never replayed"
    value = {"selected": count, "never_replayed": never_replayed, "deleted": deleted, "dry_run": dry_run}
    say(value, said, as_json=as_json)


def _is_confirmed(question: str) -> bool:
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        echo(err=True)  # ends the question's line
        if sys.stdin.isatty():
            raise
        raise UsageError("Nobody is there to be asked: --yes deletes without a question.") from None
