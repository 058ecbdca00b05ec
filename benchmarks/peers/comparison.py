"""The worker beside its peers, each by what can be compared of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.markdown import NONE, table
from benchmarks.targets import Results

PYTHON_KINDS: Final = ("pipeline", "supervisor", "shim", "child", "interpreter")


@dataclass(frozen=True)
class Entry:
    """One implementation; costs in core-seconds per million records, None where they were not measured.

    :ivar records_per_second: written in the window; less than the load if it cannot keep up, and then the latency is
        only how far it lagged.
    :ivar total: with what is neither Python nor JVM, such as processes that have ended.
    :ivar against: the name of the entry of ours that did the same work under the same load.
    """

    name: str
    records_per_second: float | None
    total: float
    python: float
    jvm: float | None
    memory_mib: float | None
    latency_ms: dict[str, float] | None
    against: str | None


_POLLING: Final = (
    ("worker-10", "this worker, 10 shards x 1,000/s", None),
    ("peer-kclpy", "kclpy sample, 10 shards x 1,000/s", "worker-10"),
    ("peer-async-kinesis", "async-kinesis, 10 shards x 1,000/s", "worker-10"),
    ("worker-latency", "this worker, 10 shards x 100/s", None),
    ("peer-kclpy-latency", "kclpy sample, 10 shards x 100/s", "worker-latency"),
)
"""Row, name, and the row of ours under the same load."""


def entries(results: Results) -> list[Entry]:
    """Return ours and the peers' entries, as far as their rows were measured."""
    return list(_entries({name: result["figures"] for name, result in results.items()}))


def _entries(rows: dict[str, Any]) -> Iterator[Entry]:
    names = {row: name for row, name, _ in _POLLING}
    for row, name, ours in _POLLING:
        if row in rows and "skipped" not in rows[row]:
            yield _polling(name, rows[row], names.get(ours or ""))
    if "peer-lambda" not in rows:
        return
    path = {run["batch"]: run for run in rows.get("path", {"runs": []})["runs"] if run["shards"] == 10}
    for run in rows["peer-lambda"]["runs"]:
        batch = run["batch"]
        ours = f"this worker's Python, batches of {batch}"
        if batch in path:
            yield _in_process(ours, path[batch], None)
        yield _in_process(f"Lambda handler, batches of {batch}", run, ours)


def _polling(name: str, figures: Any, against: str | None) -> Entry:
    cost = figures["core_seconds_per_million"]
    python = sum(cost.get(kind, 0) for kind in PYTHON_KINDS)
    return Entry(
        name=name,
        records_per_second=figures["records_per_second"],
        total=cost["all"],
        python=python,
        jvm=cost.get("jvm"),
        memory_mib=figures["pss_mib"]["all"],
        latency_ms=figures["latency_ms"],
        against=against,
    )


def _in_process(name: str, run: Any, against: str | None) -> Entry:
    cost = run["core_seconds_per_million"]
    return Entry(name, None, cost, cost, None, None, None, against)


def ratio(entry: Entry, found: list[Entry], cost: Callable[[Entry], float]) -> float | None:
    """Return how many times as much as ours it costs."""
    ours = next((each for each in found if each.name == entry.against), None)
    return cost(entry) / cost(ours) if ours else None


def comparison_table(results: Results) -> str:
    """Core-seconds per million records, memory and latency, and how many times ours it is."""
    found = entries(results)
    header = (
        "",
        "records/s",
        "in all",
        "Python",
        "JVM",
        "memory",
        "latency p50, p99",
        "times ours in all",
        "times our Python",
    )
    return table(header, (_line(entry, found) for entry in found))


def _line(entry: Entry, found: list[Entry]) -> tuple[str, ...]:
    latency = entry.latency_ms
    return (
        entry.name,
        NONE if entry.records_per_second is None else f"{entry.records_per_second:,.0f}",
        f"{entry.total:.0f}",
        f"{entry.python:.0f}",
        NONE if entry.jvm is None else f"{entry.jvm:.0f}",
        NONE if entry.memory_mib is None else f"{entry.memory_mib:.0f} MiB",
        f"{latency['p50']:,.0f} ms, {latency['p99']:,.0f} ms" if latency else NONE,
        _times(ratio(entry, found, lambda each: each.total)),
        _times(ratio(entry, found, lambda each: each.python)),
    )


def _times(value: float | None) -> str:
    return NONE if value is None else f"{value:.1f}"
