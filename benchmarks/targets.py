"""The targets: what was wanted, what was known before, and how the figure is read from a row's results."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.markdown import NONE

Results = dict[str, dict[str, Any]]
"""What `bench.py` writes, by row."""

FLAT: Final = 1.10
"""Memory is flat if the last third of a load needs no more than so many times the first."""

FLAT_COST: Final = 1.25
"""Cost is flat if none of the combinations of shards and batches costs more than so many times the middle one."""

MIDDLE: Final = (10, 500)
"""The shards and the batch by which the path is judged."""


@dataclass(frozen=True)
class Target:
    """A line of the table of targets.

    :ivar row: where its figure comes from.
    :ivar value: the figure that is judged, from the row's raw figures; None if they do not hold it.
    :ivar shown: the figure as text, with its unit, and what else is worth a word.
    :ivar limit: the most that it may be, or with `at_least`, the least.
    """

    what: str
    row: str
    value: Callable[[Any], float | None]
    shown: Callable[[Any], str]
    limit: float
    wanted: str
    known: str = NONE
    at_least: bool = False

    def line(self, results: Results) -> tuple[str, ...]:
        """Return the cells: what, target, measured, met, known."""
        figures = results.get(self.row, {}).get("figures")
        value = None if figures is None else self.value(figures)
        if value is None:
            return (self.what, self.wanted, NONE, NONE, self.known)
        is_met = value >= self.limit if self.at_least else value <= self.limit
        return (self.what, self.wanted, self.shown(figures), "yes" if is_met else "**no**", self.known)


def path_cost(figures: Any, shards: int, batch: int) -> float | None:
    """Return the core-seconds per million of one combination."""
    return next(
        (
            float(run["core_seconds_per_million"])
            for run in figures["runs"]
            if (run["shards"], run["batch"]) == (shards, batch)
        ),
        None,
    )


def spread(figures: Any) -> float | None:
    """Return how many times the middle combination the dearest costs."""
    middle = path_cost(figures, *MIDDLE)
    return max(run["core_seconds_per_million"] for run in figures["runs"]) / middle if middle else None


def _cost(kind: str) -> Callable[[Any], float]:
    return lambda figures: float(figures["core_seconds_per_million"][kind])


def _worker_cost(figures: Any) -> str:
    cost = figures["core_seconds_per_million"]
    return f"{cost['all']:.1f} (Python {cost['python']:.1f}, JVM {cost['jvm']:.1f})"


def _memory(figures: Any) -> float:
    return float(figures["pss_mib"]["all"]) / 1024


def _growth(figures: Any) -> float:
    return float(figures["pss_mib_last"] / figures["pss_mib_first"])


def _shown_growth(figures: Any) -> str:
    return f"{_growth(figures):.2f} times ({figures['pss_mib_first']:.0f} to {figures['pss_mib_last']:.0f} MiB)"


def _latency(name: str) -> Callable[[Any], float | None]:
    return lambda figures: figures["latency_ms"][name]


def _shown_latency(name: str) -> Callable[[Any], str]:
    return lambda figures: f"{figures['latency_ms'][name]:.0f} ms"


def _left_over(figures: Any) -> float:
    return float(figures["lost"] + figures["taken_back"])


def _shown_lag(figures: Any) -> str:
    loaded = [point for point in figures["points"] if point["is_load_on"]]
    last = figures["points"][-1]
    return (
        f"lag {loaded[0]['lag']:,} to {loaded[-1]['lag']:,}, then drained to {last['lag']:,} in "
        f"{last['at'] - loaded[-1]['at']:.0f} s; lost {figures['lost']:,}, not read {figures['taken_back']:,}"
    )


TARGETS: Final = (
    Target(
        "Python per million records, 10 shards, batches of 500",
        "path",
        lambda figures: path_cost(figures, *MIDDLE),
        lambda figures: f"{path_cost(figures, *MIDDLE):.1f}",
        25,
        "<= 25 core-seconds, then 20",
        "200 (sample with batch_writer); 15 to 20.5 (prototype)",
    ),
    Target(
        "the dearest of all shards and batches, beside it",
        "path",
        spread,
        lambda figures: f"{spread(figures):.2f} times",
        FLAT_COST,
        f"flat: <= {FLAT_COST} times",
    ),
    Target(
        "whole worker, 10 shards x 1,000/s",
        "worker-10",
        _cost("all"),
        _worker_cost,
        60,
        "<= 60 core-seconds per million",
        "65 (prototype)",
    ),
    Target(
        "whole worker, 50 shards x 200/s",
        "worker-50",
        _cost("all"),
        _worker_cost,
        100,
        "<= 100 core-seconds per million",
        "105 to 125 (prototype)",
    ),
    Target(
        "memory at 50 shards, JVM included (PSS)",
        "worker-50",
        _memory,
        lambda figures: f"{_memory(figures):.2f} GiB",
        0.8,
        "<= 0.8 GiB",
        "2.1 to 4.0 GiB (a child per shard); 0.63 (trial)",
    ),
    Target(
        "memory at 50 shards over 10 minutes of load",
        "long-50",
        _memory,
        lambda figures: f"{_memory(figures):.2f} GiB at most",
        0.8,
        "<= 0.8 GiB",
    ),
    Target(
        "its last third beside its first",
        "long-50",
        _growth,
        _shown_growth,
        FLAT,
        f"flat: <= {FLAT} times",
    ),
    Target(
        "the same, with a table that takes a tenth",
        "long-slow-table",
        _growth,
        _shown_growth,
        FLAT,
        f"flat: <= {FLAT} times",
    ),
    Target(
        "what that table has not got in the end",
        "long-slow-table",
        _left_over,
        _shown_lag,
        0,
        "nothing lost, and it drains",
    ),
    Target(
        "put to durable, embedded cloud, 1,000/s: p50",
        "demo",
        _latency("p50"),
        _shown_latency("p50"),
        300,
        "<= 300 ms",
    ),
    Target(
        "the same: p99",
        "demo",
        _latency("p99"),
        _shown_latency("p99"),
        1000,
        "<= 1 s",
    ),
    Target(
        "`sanitizer demo`, tables not there yet, to the first document",
        "demo",
        lambda figures: figures["seconds_to_first_document"],
        lambda figures: f"{figures['seconds_to_first_document']:.1f} s",
        15,
        "<= 15 s",
        "113 s (KCL's defaults); 10 s is possible",
    ),
    Target(
        "catching up: records/s per core, JVM included",
        "worker-backlog",
        lambda figures: figures["records_per_core"],
        lambda figures: f"{figures['records_per_core']:,.0f} ({figures['records_per_second']:,.0f}/s in all)",
        25_000,
        ">= 25,000",
        at_least=True,
    ),
)
