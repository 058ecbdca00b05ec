"""`sanitizer status`."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from consumer.commands.options import config_option, examples, json_flag
from consumer.commands.values import Seconds
from consumer.errors import ServiceError, StartError
from consumer.kcl.status import Observer, ShardState, Status
from consumer.kinesis.shard_load import ShardLoad, measure
from consumer.settings import load_settings
from consumer.worker.on_this_machine import processes

WATCH_SECONDS: Final = 3.0
_TAIL: Final = 12
"""Characters of an owner or checkpoint in the table of shards; ids end with what is random in them."""

_COLOURS: Final = {
    "living": "green",
    "reading": "green",
    "dead": "red",
    "owner_dead": "red",
    "no_lease": "red",
    "foreign": "red",
    "unowned": "red",
    "silent": "yellow",
    "owner_silent": "yellow",
}


@click.command(
    epilog=examples(
        "sanitizer status",
        "sanitizer status --watch --no-lag",
        "sanitizer status --check --wait 20 && echo served",
        "sanitizer status --load --json | jq '.[] | {shard, state, lag_ms, load}'",
    )
)
@config_option
@click.option(
    "--wait",
    type=Seconds(0, 600),
    metavar="SECONDS",
    help="Look for so long, at most, whether the owners live; 0: look once  [default: kcl.failover_ms].",
)
@click.option("--no-lag", is_flag=True, help="Read nothing of the stream to find out the lags.")
@click.option("--load", is_flag=True, help="Read some seconds of each shard: how near it is to its limits, and why.")
@click.option("--watch", "again", is_flag=True, help="Look every 3 seconds, until Ctrl-C.")
@click.option(
    "--check", is_flag=True, help="Exit with 1 unless each shard has an owner that is known to live and can read it."
)
@json_flag("The shards as one JSON value, for scripts; with --load each with its own.")
@click.option("--json-all", is_flag=True, help="Workers, leader and notes besides, as one JSON value.")
def status(
    config: Path | None,
    wait: float | None,
    *,
    no_lag: bool,
    load: bool,
    again: bool,
    check: bool,
    as_json: bool,
    json_all: bool,
) -> None:
    """Show the whole application: its workers, shards, owners, checkpoints and lags, from the lease table.

    A worker lives if it renews its leases. To see that takes up to a third of the failover time; to see that it does
    not, the whole. The lag is the age of the first record behind a shard's checkpoint: one record is read,
    and thrown away. With --load it is three seconds' worth of each shard at most.

    Exit status: 0 the lease table was read (with --check: and each shard has a living owner), 1 not, 2 wrong usage.
    """
    settings = load_settings(config)
    observer = Observer(settings)
    if sys.stderr.isatty() and not again:
        click.echo("Looking whether the owners renew their leases ...", err=True)
    if again:
        seen = _looks(observer, with_lag=not no_lag)
    else:
        observer.watch(wait)
        seen = iter([observer.status(with_lag=not no_lag)])
    is_served = True
    try:
        for found in seen:
            is_served = found.is_served
            if again and sys.stdout.isatty() and not (as_json or json_all):
                click.clear()
            loads = _loads(settings.stream.name, found) if load else None
            click.echo(_shown(found, loads, as_json=as_json, json_all=json_all))
    except KeyboardInterrupt:
        if not again:
            raise
    sys.exit(1 if check and not is_served else 0)


def _looks(observer: Observer, *, with_lag: bool) -> Iterator[Status]:
    """Look again and again; what fails now and then is said, and tried again."""
    observer.look()
    yield observer.status(with_lag=with_lag)
    while True:
        time.sleep(WATCH_SECONDS)
        try:
            observer.look()
        except (ServiceError, StartError) as error:
            click.echo(f"sanitizer: {error}", err=True)
        else:
            yield observer.status(with_lag=with_lag)


def _loads(stream: str, found: Status) -> dict[str, ShardLoad]:
    return measure(stream, [each.shard for each in found.shards if each.state not in ("finished", "expired")])


def _shown(found: Status, loads: dict[str, ShardLoad] | None, *, as_json: bool, json_all: bool) -> str:
    """Write one look for a person or a script.

    :param loads: by shard that is still read; None: nobody asked for them.
    """
    if json_all or as_json:
        value = asdict(found) | {"is_served": found.is_served}
        if loads is not None:
            value["loads"] = {shard: each._asdict() for shard, each in loads.items()}
            for shard in value["shards"]:
                shard["load"] = value["loads"].get(shard["shard"])
        return json.dumps(value if json_all else value["shards"])
    return "\n".join([*_lines(found), *_load_lines(loads or {})])


def _load_lines(loads: dict[str, ShardLoad]) -> Iterator[str]:
    if loads:
        rows = [
            (
                shard,
                f"{each.share:.0%}" + " (hot)" * bool(each.advice),
                f"{each.records_per_second:,.0f}",
                f"{each.bytes_per_second / 1000:,.0f}",
                f"{each.top_key_share:.0%}",
            )
            for shard, each in loads.items()
        ]
        yield from ("", *_table(("shard", "of its limit", "records/s", "kB/s", "largest key"), rows))
    for shard, each in loads.items():
        if each.advice:
            yield f"\n{shard} is hot: {each.advice}."


def _lines(found: Status) -> Iterator[str]:
    to_read = [each for each in found.shards if each.state not in ("finished", "expired")]
    yield f"{found.application}, stream {found.stream}: {_served([each.state for each in to_read])}"
    if found.leader:
        state = f", {found.leader_state}" if found.leader_state != "unknown" else ""
        yield f"leader {found.leader}{state}"
    if found.workers:
        workers = [
            (
                each.worker,
                each.state,
                str(each.leases),
                _duration(each.lag_ms),
                f"{each.terms.policy} {each.terms.digest}" if each.terms else "-",
                each.terms.settings if each.terms else "-",
            )
            for each in found.workers
        ]
        yield from ("", *_table(("worker", "state", "shards", "lag", "policy", "settings"), workers))
    shards = [
        (
            each.shard,
            each.state,
            _tail(each.owner or "-"),
            _duration(each.lag_ms),
            _checkpoint(each.checkpoint, each.sub),
        )
        for each in found.shards
    ]
    yield from ("", *_table(("shard", "state", "owner", "lag", "checkpoint"), shards))
    if here := processes(found.application):
        yield f"\non this machine: {', '.join(f'{each.name} (pid {each.pid})' for each in here)}"
    for note in found.notes:
        yield f"\n{note}"


def _served(states: Sequence[ShardState]) -> str:
    """Say of how many shards the owner lives; that it has not been watched for long enough is no alarm."""
    served, unknown, all_ = states.count("reading"), states.count("owned"), len(states)
    if all_ and unknown == all_:
        return f"{all_} {'shard' if all_ == 1 else 'shards'}; whether the owners live is not known yet"
    said = f"{served} of {all_} shards have a living owner"
    return f"{said}; of {unknown} that is not known yet" if unknown else said


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Lay out; the second column is a state."""
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    for row in (heads, *rows):
        cells = [f"{cell.replace('_', ' ') if i == 1 else cell:<{widths[i]}}" for i, cell in enumerate(row)]
        if colour := _COLOURS.get(row[1]):
            cells[1] = click.style(cells[1], fg=colour)
        yield "  ".join(cells).rstrip()


def _checkpoint(checkpoint: str | None, sub: int) -> str:
    if checkpoint is None:
        return "-"
    if not checkpoint.isdecimal():
        return checkpoint
    return f"{_tail(checkpoint)}/{sub}" if sub else _tail(checkpoint)


def _tail(text: str) -> str:
    return f"…{text[-_TAIL:]}" if len(text) > _TAIL + 4 else text


def _duration(ms: int | None) -> str:
    if ms is None:
        return "-"
    seconds = ms / 1000
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"
