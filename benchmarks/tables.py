"""The tables of the benchmark, in Markdown, from the results of its rows."""

from collections.abc import Iterator
from typing import Any, Final

from benchmarks.markdown import NONE, table
from benchmarks.peers.comparison import comparison_table
from benchmarks.targets import TARGETS, Results, path_cost

_WORKER_ROWS: Final = {
    "worker-10": "10 shards x 1,000/s",
    "worker-orders": "10 shards x 1,000/s of web orders",
    "worker-mix": "10 shards x 50/s of 75 kinds",
    "worker-50": "50 shards x 200/s",
    "worker-latency": "10 shards x 100/s",
    "worker-backlog": "10 shards, catching up",
    "long-50": "50 shards x 200/s, long",
    "long-slow-table": "the same, the table takes a tenth",
}


_BYTES: Final = " bytes, "
"""In the name of a kind of one size."""


def target_table(results: Results) -> str:
    header = ("what", "target", "measured", "met", "known before")
    return table(header, (target.line(results) for target in TARGETS))


def path_table(results: Results) -> str:
    """Core-seconds of Python per million records, by shards and batch."""
    runs = results["path"]["figures"]["runs"]
    batches = sorted({run["batch"] for run in runs})

    def cells(shards: int) -> tuple[str, ...]:
        costs = (path_cost(results["path"]["figures"], shards, batch) for batch in batches)
        return (str(shards), *(NONE if cost is None else f"{cost:.1f}" for cost in costs))

    header = ("shards", *(f"batches of {batch:,}" for batch in batches))
    return table(header, (cells(shards) for shards in sorted({run["shards"] for run in runs})))


def engine_table(results: Results) -> str:
    """Records and MB a second and core, with the compiled part and without."""
    header = ("records", "bytes", "compiled: records/s", "MB/s", "Python: records/s", "MB/s")
    found = results["engine"]["figures"]["records_per_second"]
    return table(header, (_engine_line(each) for each in found if _BYTES not in each["kind"]))


def _engine_line(found: Any) -> tuple[str, ...]:
    size = found["bytes"]
    both = (found[way] for way in ("compiled", "python"))
    rates = (cell for rate in both for cell in ((NONE, NONE) if rate is None else _rate(rate, size)))
    return (found["kind"], f"{size:,.0f}", *rates)


def _rate(rate: float, size: float) -> tuple[str, str]:
    return f"{rate:,.0f}", f"{rate * size / 1e6:.0f}"


def sizes_table(results: Results) -> str:
    """What a record of each size costs a core, in microseconds, and MB/s; with the compiled part if there is one."""
    found = {each["kind"]: each for each in results["engine"]["figures"]["records_per_second"]}
    sizes: dict[str, dict[str, Any]] = {}
    for kind, each in found.items():
        size, _, share = kind.partition(_BYTES)
        if share:
            sizes.setdefault(size, {})[share] = each
    shares = list(dict.fromkeys(share for each in sizes.values() for share in each))
    header = ("bytes", *(name for share in shares for name in (f"{share}: µs", "records/s", "MB/s")))

    def cells(each: Any) -> tuple[str, ...]:
        rate = each["python"] if each["compiled"] is None else each["compiled"]
        return (f"{1e6 / rate:,.0f}", *_rate(rate, each["bytes"]))

    return table(
        header,
        ((size, *(cell for share in shares for cell in cells(each[share]))) for size, each in sizes.items()),
    )


def engines_table(results: Results) -> str:
    """Records and MB a second and core of each engine, on the same documents."""
    figures = results["engines"]["figures"]
    names = list(figures["versions"])
    header = ("records/s (MB/s)", *(f"{name} {figures['versions'][name]}".rstrip() for name in names))

    def cell(found: Any) -> str:
        return (
            f"{found['records_per_second']:,.0f} ({found['mb_per_second']:.{0 if found['mb_per_second'] > 1 else 1}f})"
        )

    return table(
        header,
        (
            (f"{each['kind']}, {each['bytes']:,.0f} B", *(cell(each["engines"][name]) for name in names))
            for each in figures["kinds"]
        ),
    )


def removal_table(results: Results) -> str:
    """The share that each engine removes of known sensitive values, by set, and changes of what should stay."""
    judged = results["engines"]["figures"]["removal"]
    removed, changed = (list(judged[0][name]) for name in ("removed", "changed"))
    header = (
        "",
        *(f"removed: {name} ({judged[0]['removed'][name][1]})" for name in removed),
        *(f"changed: {name} ({judged[0]['changed'][name][1]:,})" for name in changed),
    )

    def line(each: Any) -> tuple[str, ...]:
        counts = [*(each["removed"][name] for name in removed), *(each["changed"][name] for name in changed)]
        return (each["engine"], *(f"{count / of:.1%}" for count, of in counts))

    return table(header, map(line, judged))


_FULL_STREAM: Final = 50
"""MB a second: 50 shards, each as full as it may be."""


def path_kinds_table(results: Results) -> str:
    """Core-seconds of Python per million records, MB a second and core, and cores for a full stream, by kind."""
    header = ("records", "bytes", "core-seconds per million", "MB/s per core", "cores for 50 MB/s")
    return table(
        header,
        (
            (
                run["kind"],
                f"{run['bytes']:,.0f}",
                f"{cost:.1f}",
                f"{run['bytes'] / cost:.0f}",
                f"{_FULL_STREAM / (run['bytes'] / cost):.1f}",
            )
            for run in results["path-kinds"]["figures"]["runs"]
            for cost in [run["core_seconds_per_million"]]
        ),
    )


def path_formats_table(results: Results) -> str:
    """Core-seconds of Python per million documents, by how the records are written."""
    header = ("records", "documents in each", "bytes a document, as put", "core-seconds per million documents")
    return table(
        header,
        (
            (run["format"], str(run["documents"]), f"{run['bytes']:,.0f}", f"{run['core_seconds_per_million']:.1f}")
            for run in results["path-formats"]["figures"]["runs"]
        ),
    )


def worker_table(results: Results) -> str:
    """The whole worker under each load; core-seconds per million records."""
    header = ("load", "records/s", "in all", "Python", "JVM", "memory at most", "latency p50, p99", "lost")
    rows = ((name, results[row]["figures"]) for row, name in _WORKER_ROWS.items() if row in results)
    return table(header, (_worker_line(name, figures) for name, figures in rows))


def _worker_line(name: str, figures: Any) -> tuple[str, ...]:
    cost, latency = figures["core_seconds_per_million"], figures["latency_ms"]
    return (
        name,
        f"{figures['records_per_second']:,.0f}",
        *(f"{cost[kind]:.1f}" for kind in ("all", "python", "jvm")),
        f"{figures['pss_mib']['all']:.0f} MiB",
        f"{latency['p50']:,.0f} ms, {latency['p99']:,.0f} ms" if latency else NONE,
        f"{figures['lost']:,}",
    )


def backlog_table(results: Results) -> str:
    """What waited, and what it took to settle it."""
    header = ("waiting", "shards", "settled", "ends out of memory", "fetch in the end", "peak PSS, MiB", "seconds")
    return table(header, map(_backlog_line, results["backlogs"]["figures"]["cases"]))


def _backlog_line(found: Any) -> tuple[str, ...]:
    case = found["case"]
    wanted = case["records"] + case["large"]
    by_process = sorted(found["peak_by_process_mib"].items(), key=lambda each: -each[1])
    return (
        f"{wanted:,} records: {case['name']}",
        f"{case['shards']}",
        "all" if found["settled"] == wanted else f"{found['settled']:,}",
        f"{found['ends']}",
        f"{found['fetch_records']}",
        f"{found['peak_pss_mib']:.0f} ({', '.join(f'{name} {size:.0f}' for name, size in by_process[:2])})",
        f"{found['seconds']:.0f}",
    )


def machine_table(results: Results) -> str:
    """What the rows ran on; several lines if they ran on several machines or versions."""
    seen: dict[tuple[str, ...], list[str]] = {}
    for name, result in results.items():
        machine = result["machine"]
        line = (
            f"{machine['cores']} x {machine['model']}, {machine['memory_gib']} GiB, {machine['system']}",
            f"Python {machine['python']}",
            str(machine["commit"] or NONE),
            machine["date"][:10],
        )
        seen.setdefault(line, []).append(name)
    header = ("machine", "Python", "commit", "date", "rows")
    return table(header, ((*line, ", ".join(names)) for line, names in seen.items()))


def tables(results: Results) -> dict[str, str]:
    """Return the tables that there are results for, by name."""
    return dict(_tables(results))


_OF_ONE_ROW: Final = {"path-kinds": path_kinds_table, "path-formats": path_formats_table, "backlogs": backlog_table}


def _tables(results: Results) -> Iterator[tuple[str, str]]:
    yield "targets", target_table(results)
    if "path" in results:
        yield "path", path_table(results)
    if any(name in results for name in _WORKER_ROWS):
        yield "worker", worker_table(results)
    if "engine" in results:
        yield "engine", engine_table(results)
        if any(_BYTES in each["kind"] for each in results["engine"]["figures"]["records_per_second"]):
            yield "sizes", sizes_table(results)
    if "engines" in results:
        yield "engines", engines_table(results)
        yield "removal", removal_table(results)
    yield from ((name, made(results)) for name, made in _OF_ONE_ROW.items() if name in results)
    if any(name.startswith("peer-") for name in results):
        yield "peers", comparison_table(results)
    if results:
        yield "machine", machine_table(results)
