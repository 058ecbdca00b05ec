"""The targets: what was wanted, what was known before, and how the figure is read from a row's results."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.kinds import CANONICAL, CARD_IN_TEXT, CHARGE, PUBLIC, WEB_ORDER
from benchmarks.markdown import NONE
from benchmarks.peers.engines import DATADOG, OURS, VECTOR

Results = dict[str, dict[str, Any]]
"""What `bench.py` writes, by row."""

FLAT: Final = 1.10
"""Memory is flat if the last third of a load needs no more than so many times the first."""

FLAT_COST: Final = 1.25
"""Cost is flat if none of the combinations of shards and batches costs more than so many times the middle one."""

COMPILED_PEERS: Final = (DATADOG, VECTOR)

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


def _rate(kind: str, way: str) -> Callable[[Any], float | None]:
    """Return what reads the engine's records a second of a kind; None where that was not measured."""

    def value(figures: Any) -> float | None:
        return next((each[way] for each in figures["records_per_second"] if each["kind"] == kind), None)

    return value


def _rate_target(kind: str, limit: float, known: str, way: str = "compiled") -> Target:
    value = _rate(kind, way)
    return Target(
        f"engine, {way if way == 'compiled' else 'Python'}, records/s per core: {kind}",
        "engine",
        value,
        lambda figures: f"{value(figures):,.0f}",
        limit,
        f">= {limit:,.0f}",
        known,
        at_least=True,
    )


def lead(figures: Any) -> tuple[float, str, str] | None:
    """Return how many times as fast as a compiled peer our engine is, where it is the least, with kind and peer."""
    leads = [
        (each["engines"][OURS]["records_per_second"] / each["engines"][peer]["records_per_second"], each["kind"], peer)
        for each in figures["kinds"]
        for peer in COMPILED_PEERS
        if OURS in each["engines"] and peer in each["engines"]
    ]
    return min(leads, default=None)


def _shown_lead(figures: Any) -> str:
    found = lead(figures)
    return f"{found[0]:.2f} times at the least: {found[1]}, {found[2]}" if found else NONE


TARGETS: Final = (
    _rate_target(CANONICAL, 500_000, "148,000 to 159,000"),
    _rate_target(WEB_ORDER, 50_000, "12,600 to 13,800"),
    _rate_target(CHARGE, 20_000, "2,300 to 3,200"),
    _rate_target(PUBLIC, 38_000, "5,500 to 7,400"),
    _rate_target(CARD_IN_TEXT, 150_000, "62,000"),
    Target(
        "its lead over Datadog's scanner and Vector's VRL, kind by kind",
        "engines",
        lambda figures: found[0] if (found := lead(figures)) else None,
        _shown_lead,
        1,
        "ahead on each",
        at_least=True,
    ),
    _rate_target(WEB_ORDER, 20_700, "12,600 to 13,800", "python"),
    _rate_target(CHARGE, 4_800, "2,300 to 3,200", "python"),
    Target(
        "the slowest hostile record, for each 400 KB",
        "large",
        lambda figures: float(figures["worst"]["ms_per_400_kb"]),
        lambda figures: f"{figures['worst']['ms_per_400_kb']:.0f} ms",
        50,
        "<= 50 ms",
    ),
    Target(
        "Python per million records, 10 shards, batches of 500",
        "path",
        lambda figures: path_cost(figures, *MIDDLE),
        lambda figures: f"{path_cost(figures, *MIDDLE):.1f}",
        15,
        "<= 15 core-seconds",
        "23 to 31",
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
        45,
        "<= 45 core-seconds per million",
        "60",
    ),
    Target(
        "the same of web orders",
        "worker-orders",
        _cost("all"),
        _worker_cost,
        60,
        "<= 60 core-seconds per million",
    ),
    Target(
        "whole worker, 50 shards x 200/s",
        "worker-50",
        _cost("all"),
        _worker_cost,
        75,
        "<= 75 core-seconds per million",
        "86",
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
        250,
        "<= 250 ms",
    ),
    Target(
        "the same: p99",
        "demo",
        _latency("p99"),
        _shown_latency("p99"),
        800,
        "<= 800 ms",
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
        30_000,
        ">= 30,000",
        "22,000",
        at_least=True,
    ),
)
