"""`sanitizer backfill`."""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from consumer import logs
from consumer.backfill.leases import create_table
from consumer.backfill.run import Backfill, Plan, Report, ShardTasks, rows
from consumer.backfill.work import ComparingTasks, StoringTasks
from consumer.commands.options import json_option, say
from consumer.commands.times import Time
from consumer.commands.values import TableName
from consumer.errors import UsageError
from consumer.metrics import Metrics, set_up
from consumer.pipeline.outputs import open_outputs, refuse_to_replace_newer
from consumer.redactors.loading import load_plugin
from consumer.settings import Settings, lease_tables, load_settings
from consumer.terminal.options import config_option, examples
from consumer.terminal.parts import Part, headed
from consumer.terminal.printable import echo
from consumer.terminal.progress import Progress
from consumer.worker import preflight
from consumer.worker.signals import stop_on_signals

TRIM_HORIZON: Final = "TRIM_HORIZON"


class _Beginning(Time):
    """A time, or the oldest record."""

    name = f"time|{TRIM_HORIZON}"
    accepted = f"{Time.accepted}, or {TRIM_HORIZON}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a datetime in UTC, or TRIM_HORIZON."""
        return value if value == TRIM_HORIZON else super().convert(value, param, ctx)


@click.command(
    epilog=examples(
        "sanitizer backfill --application payments-backfill --from 24h --dry-run",
        "sanitizer backfill --application payments-backfill --from TRIM_HORIZON --rate 2000",
        "sanitizer backfill --application payments-backfill --from 2024-03-15T10:30:00Z --until 2024-03-15T12:00:00Z",
    )
)
@config_option
@click.option(
    "--application",
    type=TableName(),
    required=True,
    help="Name of this backfill, and of the lease table with its checkpoints; not the worker's.",
)
@click.option(
    "--from", "since", type=_Beginning(), required=True, help="Where it begins: a time, so long ago, or TRIM_HORIZON."
)
@click.option("--until", type=Time(), help="Where it ends  [default: now].")
@click.option("--rate", type=click.IntRange(1), help="Records a second, at most.")
@click.option("--dry-run", is_flag=True, help="Compare with what is stored; write nothing.")
@click.option("--no-create", is_flag=True, help="Do not create the lease table, if it is missing.")
@click.option("--overwrite", is_flag=True, help="Let an old record replace a newer document with the same key.")
@json_option
def backfill(  # noqa: PLR0913 - one for each option
    config: Path | None,
    application: str,
    since: datetime | str,
    until: datetime | None,
    rate: int | None,
    *,
    dry_run: bool,
    no_create: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Read the stream from a time to another, beside the worker, and store what the policy releases now.

    What is stored already is stored again, the same. Interrupted, it goes on when it is started again with the same
    name. Exit status 1 if not all was read, or not all of it is accounted for.
    """
    now = datetime.now(UTC)
    began = since if isinstance(since, datetime) else None
    plan = Plan(application, began, until or now, rate)
    settings = load_settings(config)
    _check(settings, plan, now)
    os.umask(0o077)  # of its crash journals
    logs.configure("warning", "backfill", settings.logs.format)
    with (
        stop_on_signals() as stop,
        tempfile.TemporaryDirectory(prefix="sanitizer-backfill-") as folder,
        Progress(always=False) as progress,
    ):
        preflight.check(settings, with_kcl=False)
        works = _tasks(settings, plan, Path(folder), stop, dry_run=dry_run, creates=not no_create, overwrite=overwrite)
        report = Backfill(settings.stream.name, plan, works, stop, progress.say).run()
    say(_value(report, plan, dry_run=dry_run), _parts(report, dry_run=dry_run), as_json=as_json)
    if report.trouble:
        echo(f"sanitizer: {report.trouble}", err=True)
    sys.exit(0 if report.is_complete else 1)


def _check(settings: Settings, plan: Plan, now: datetime) -> None:
    taken = {settings.output.table, settings.quarantine.table, *lease_tables(settings.kcl.application)}
    if plan.application in taken:
        raise UsageError(f"--application {plan.application} is the worker's: give the backfill a name of its own.")
    if plan.since and plan.since > now:
        raise UsageError("--from lies in the future: there is nothing to read yet.")
    if plan.since and plan.since >= plan.until:
        raise UsageError("--from has to lie before --until.")
    if plan.until > now:
        raise UsageError("--until lies in the future: a backfill ends, and the worker goes on from there.")


def _tasks(
    settings: Settings,
    plan: Plan,
    folder: Path,
    stop: threading.Event,
    *,
    dry_run: bool,
    creates: bool,
    overwrite: bool,
) -> ShardTasks:
    redactor = load_plugin(settings)
    log = logs.get_logger("backfill")
    set_up()
    metrics = Metrics()
    if dry_run:
        settings.require_table("A dry run of a backfill")
        return ComparingTasks(settings, redactor, metrics, stop, log)
    if not overwrite:
        refuse_to_replace_newer(settings)
    if creates:
        create_table(plan.application)
    outputs = open_outputs(settings, redactor, metrics, log)
    # Where the worker keeps its own, a record that kills this process is known in the next run.
    journals = settings.runtime_dir.absolute() / f"backfill-{plan.application}" if settings.runtime_dir else folder
    journals.mkdir(mode=0o700, parents=True, exist_ok=True)
    return StoringTasks(settings, plan, redactor, outputs, metrics, journals, stop, log)


def _value(report: Report, plan: Plan, *, dry_run: bool) -> dict[str, Any]:
    return {
        "application": plan.application,
        "from": plan.began,
        "until": plan.until.isoformat(),
        "dry_run": dry_run,
        "complete": report.is_complete,
        "trouble": report.trouble,
        "read": report.read,
        **report.outcomes,
        "foreign": report.foreign,
        "shards": list(rows(report)),
    }


_STORING: Final = ("stored", "quarantined", "dropped", "duplicate", "abandoned")
_COMPARING: Final = ("missing", "equal", "different", "newer", "quarantined", "dropped")


def _parts(report: Report, *, dry_run: bool) -> Iterator[Part]:
    outcomes = _COMPARING if dry_run else _STORING
    rows = [(a.shard, a.read, *(a.outcomes[name] for name in outcomes), a.state) for a in report.accounts]
    total = report.outcomes
    rows.append(("all", report.read, *(total[name] for name in outcomes), ""))
    heads = ("shard", "read", *outcomes, "how far")
    yield headed(heads, [tuple(map(str, row)) for row in rows], right=range(1, len(heads) - 1))
    if report.foreign:
        yield f"{report.foreign} records in aggregates of other shards were left out: KPL sends them again"
    if dry_run:
        yield "Dry run: nothing was written."
    if not report.is_complete:
        yield "Not complete; the same command goes on where this run ended."
