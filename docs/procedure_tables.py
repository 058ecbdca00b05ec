# noqa: INP001 - a folder of pages, no package
"""The generated table of docs/procedures.md: how long it takes to fill a table up again, from what was measured."""

import json
from collections.abc import Callable, Mapping
from math import ceil
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

from docs.costs import PRICES

_ROOT: Final = Path(__file__).parents[1]
_RATE: Final = 50_000
_HOURS: Final = (1, 6, 24, 72)
_BESIDE_POLLING, _ALONE = 1, 5
"""Backfills at once: AWS answers five reads a second and shard, of which a worker that polls takes four."""

_READS, _FETCH = 4, 500
"""Of a worker: reads a second and shard, records each (kcl.idle_between_reads_ms, kcl.max_records)."""

_PRECISE: Final = 10
"""Hours below which tenths are shown."""

_PEAKS: Final = 2
"""DynamoDB, on demand: up to twice the last peak at once, beyond that within half an hour."""


def _figures(row: str) -> Any:
    return json.loads((_ROOT / "benchmarks" / "results" / f"{row}.json").read_text(encoding="utf-8"))["figures"]


def _parameters(stack: str) -> Mapping[str, str]:
    file = _ROOT / "deploy" / "ecs" / "parameters" / "50k" / f"{stack}.json"
    told: Mapping[str, str] = json.loads(file.read_text(encoding="utf-8"))["Parameters"]
    return told


def _workers() -> float:
    """Return what all workers take of a backlog, records a second: the least of cores, reads and table."""
    cores = int(_parameters("service")["MaxTasks"]) * int(_parameters("service")["TaskCpu"]) / 1024
    reads = int(_parameters("data")["ShardCount"]) * _READS * _FETCH
    return min(cores * float(_figures("worker-backlog")["records_per_core"]), reads, _PEAKS * _RATE)


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:,.{int(hours < _PRECISE)}f} h"


def filling_up() -> str:
    """Return the table, and what it is reckoned from."""
    one = _figures("backfill")["records_per_second"]
    workers = _workers()
    lines = ["| of the stream | one backfill | five at once | all workers, with new records beside | writes |"]
    lines.append("|---|---|---|---|---|")
    for hours in _HOURS:
        records = _RATE * hours * 3600
        cells = [_hours(records / one / many) for many in (_BESIDE_POLLING, _ALONE)]
        cells.append(_hours(records / (workers - _RATE)))
        cells.append(f"${ceil(records / 1e6 * PRICES['dynamodb_write_million']):,}")
        lines.append(f"| {hours} h | " + " | ".join(cells) + " |")
    notes = (
        f"One backfill: {one:,.0f} records a second, as measured on two cores and a table that "
        "answers in 5 ms ([`backfill.json`](../benchmarks/results/backfill.json)). All workers of `parameters/50k`, at "
        f"`MaxTasks`: {workers:,.0f} a second, the least of their cores ([`worker-backlog.json`](../benchmarks/results/"
        "worker-backlog.json)), of what they read at once and of twice the table's last peak; less the "
        f"{_RATE:,} that arrive meanwhile. Writes on demand, of 1 KB."
    )
    return "\n".join([*lines, "", *wrap(notes, 120, break_long_words=False, break_on_hyphens=False)])


TABLES: Final[Mapping[str, Callable[[], str]]] = {"filling-up": filling_up}
