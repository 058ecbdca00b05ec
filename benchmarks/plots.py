"""Charts and tables for docs/performance.md, from what `python -m benchmarks.bench` has written.

    python -m benchmarks.plots [--results FOLDER] [--page FILE] [--images FOLDER]

Writes performance-*.svg, as far as there are results for each, and fills the page's places:
`<!-- bench:NAME -->` ... `<!-- /bench -->`, NAME one of targets, path, path-kinds, path-formats, worker, engine, sizes,
engines, removal, backlogs, peers, machine.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks import markdown, svg, tables, targets
from benchmarks.bench import RESULTS, load_results
from benchmarks.peers.comparison import entries

DOCS: Final = Path(__file__).parents[1] / "docs"
_COST: Final = "core-seconds per million records"
_OURS: Final = "this engine"
_SETS: Final = {"removed": "removed of what must go:", "changed": "changed of what should stay:"}
_ALIKE: Final = ("web order", "charge", "the canonical example")
"""Sets of which nearly all remove everything: the table has them."""
_LONG_ROWS: Final = {"long-50": "10,000 records/s", "long-slow-table": "the same, the table takes a tenth"}


def charts(results: targets.Results) -> Iterator[tuple[str, str]]:
    """Yield names and SVG documents."""
    found = entries(results)
    if found:
        groups = {
            entry.name: {"Python": entry.python} | ({"JVM": entry.jvm} if entry.jvm is not None else {})
            for entry in found
        }
        yield "cost", svg.bars("What a record costs", groups, _COST)
    if "engines" in results:
        yield from _beside_others(results["engines"]["figures"])
    if "path" in results:
        yield from _flatness(results["path"]["figures"])
    runs = {name: results[row]["figures"]["points"] for row, name in _LONG_ROWS.items() if row in results}
    if runs:
        yield "memory", _over_time("Memory at 50 shards", runs, "pss_mib", "MiB, of the whole worker with its JVM")
        yield "lag", _over_time("Records not written yet", runs, "lag", "records in the stream")


def _beside_others(figures: Any) -> Iterator[tuple[str, str]]:
    speeds = {
        f"{each['kind']}, {each['bytes']:,.0f} B": {
            name: found["records_per_second"] for name, found in each["engines"].items()
        }
        for each in figures["kinds"]
    }
    unit = "records a second on one core; the longest bar is the fastest of its kind"
    yield "engines", svg.panels("The engine beside others", speeds, unit, _OURS)
    sets = [(which, name) for which in ("removed", "changed") for name in figures["removal"][0][which]]
    yield (
        "removal",
        svg.panels(
            "What each engine hides",
            {
                f"{_SETS[which]} {name} ({figures['removal'][0][which][name][1]:,})": {
                    each["engine"]: each[which][name][0] / each[which][name][1] for each in figures["removal"]
                }
                for which, name in sets
                if name not in _ALIKE
            },
            "share of the values, each set by itself",
            _OURS,
            1,
            "{:.1%}".format,
        ),
    )


def _flatness(figures: Any) -> Iterator[tuple[str, str]]:
    shards, batches = (sorted({run[name] for run in figures["runs"]}) for name in ("shards", "batch"))
    costs = {(each, batch): targets.path_cost(figures, each, batch) for each in shards for batch in batches}
    if None in costs.values():
        return  # not every combination was measured
    by_batch = {f"batches of {batch:,}": [costs[each, batch] or 0 for each in shards] for batch in batches}
    names = [f"{each} shard{'s' if each > 1 else ''}" for each in shards]
    yield "flatness", svg.steps("Python's part, by shards and batch", names, by_batch, _COST)


def _over_time(title: str, runs: dict[str, Any], field: str, unit: str) -> str:
    series = {name: [(point["at"] / 60, point[field]) for point in points] for name, points in runs.items()}
    return svg.lines(title, series, "minutes", unit, svg.Mark(10, "the load ends"))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, default=DOCS / "performance.md")
    parser.add_argument("--images", type=Path, default=DOCS / "img")
    options = parser.parse_args(arguments)
    results = load_results(options.results)
    if not results:
        print("There are no results: run python -m benchmarks.bench first.", file=sys.stderr)
        return 1
    options.images.mkdir(parents=True, exist_ok=True)
    for name, document in charts(results):
        file = options.images / f"performance-{name}.svg"
        file.write_text(document, encoding="utf-8")
        print(file.name)
    page: Path = options.page
    if not page.exists():
        print(f"There is no {page.name} whose tables could be filled.", file=sys.stderr)
        return 1
    try:
        filled = markdown.fill(page.read_text(encoding="utf-8"), tables.tables(results))
    except KeyError as error:
        print(f"{page.name} wants the table {error}, for which there are no results.", file=sys.stderr)
        return 1
    page.write_text(filled, encoding="utf-8")
    print(page.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
