"""`sanitizer status`."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from consumer.commands.options import json_flag
from consumer.errors import ServiceError, StartError, UsageError
from consumer.kcl.leases.status import Observer, ShardState, Status
from consumer.kinesis.shard_load import ShardLoad, measure
from consumer.settings import load_settings
from consumer.terminal.console import at_terminal
from consumer.terminal.options import Seconds, config_option, examples
from consumer.terminal.parts import Part, Styled, headed
from consumer.terminal.printable import echo
from consumer.terminal.watching import Looks, watching
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
    if as_json and json_all:
        raise UsageError("Either --json, the shards alone, or --json-all.")
    if again and wait is not None:
        raise UsageError("--watch looks every 3 seconds: leave --wait out.")
    settings = load_settings(config)
    observer = Observer(settings)
    if at_terminal(err=True) and not again:
        echo("Looking whether the owners renew their leases ...", err=True)
    is_served = True
    try:
        with watching() if again and not (as_json or json_all) else nullcontext(Looks()) as looks:
            if not again:
                observer.watch(wait)
            for found in _looks(observer, looks, again=again, with_lag=not no_lag):
                is_served = found.is_served
                loads = _loads(settings.stream.name, found) if load else None
                looks.show(_shown(found, loads, as_json=as_json, json_all=json_all))
    except KeyboardInterrupt:
        if not again:
            raise
    sys.exit(1 if check and not is_served else 0)


def _looks(observer: Observer, looks: Looks, *, again: bool, with_lag: bool) -> Iterator[Status]:
    """Look once, or again and again; what then fails now and then is said, and tried again."""
    if again:
        observer.look()
    yield observer.status(with_lag=with_lag)
    while again:
        time.sleep(WATCH_SECONDS)
        try:
            observer.look()
            found = observer.status(with_lag=with_lag)
        except (ServiceError, StartError) as error:
            looks.trouble(f"sanitizer: {error}")
        else:
            yield found


def _loads(stream: str, found: Status) -> dict[str, ShardLoad]:
    return measure(stream, [each.shard for each in found.shards if each.state not in ("finished", "expired")])


def _shown(found: Status, loads: dict[str, ShardLoad] | None, *, as_json: bool, json_all: bool) -> list[Part]:
    """Write one look for a person or a script.

    :param loads: by shard that is still read; None: nobody asked for them.
    """
    if json_all or as_json:
        value = asdict(found) | {"is_served": found.is_served}
        if loads is not None:
            value["loads"] = {shard: each._asdict() for shard, each in loads.items()}
            for shard in value["shards"]:
                shard["load"] = value["loads"].get(shard["shard"])
        return [json.dumps(value if json_all else value["shards"])]
    return [*_parts(found), *_of_loads(loads or {})]


def _of_loads(loads: dict[str, ShardLoad]) -> Iterator[Part]:
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
        yield from ("", headed(("shard", "of its limit", "records/s", "kB/s", "largest key"), rows))
    for shard, each in loads.items():
        if each.advice:
            yield f"\n{shard} is hot: {each.advice}."


def _parts(found: Status) -> Iterator[Part]:
    to_read = [each for each in found.shards if each.state not in ("finished", "expired")]
    yield f"{found.application}, stream {found.stream}: {_served([each.state for each in to_read])}"
    if found.leader:
        state = f", {found.leader_state}" if found.leader_state != "unknown" else ""
        yield f"leader {found.leader}{state}"
    if found.workers:
        workers = [
            (
                each.worker,
                _state(each.state),
                str(each.leases),
                _duration(each.lag_ms),
                f"{each.terms.policy} {each.terms.digest}" if each.terms else "-",
                each.terms.settings if each.terms else "-",
            )
            for each in found.workers
        ]
        yield from ("", headed(("worker", "state", "shards", "lag", "policy", "settings"), workers))
    shards = [
        (
            each.shard,
            _state(each.state),
            _tail(each.owner or "-"),
            _duration(each.lag_ms),
            _checkpoint(each.checkpoint, each.sub),
        )
        for each in found.shards
    ]
    yield from ("", headed(("shard", "state", "owner", "lag", "checkpoint"), shards))
    if here := processes(found.application):
        yield f"\non this machine: {', '.join(f'{each.name} (pid {each.pid})' for each in here)}"
    for note in found.notes:
        yield f"\n{note}"


def _state(state: str) -> Styled:
    return Styled(state.replace("_", " "), _COLOURS.get(state, ""))


def _served(states: Sequence[ShardState]) -> str:
    """Say of how many shards the owner lives; that it has not been watched for long enough is no alarm."""
    served, unknown, all_ = states.count("reading"), states.count("owned"), len(states)
    if all_ and unknown == all_:
        return f"{all_} {'shard' if all_ == 1 else 'shards'}; whether the owners live is not known yet"
    said = f"{served} of {all_} shards have a living owner"
    return f"{said}; of {unknown} that is not known yet" if unknown else said


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
