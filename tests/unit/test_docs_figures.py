"""Figures in the pages are those of the files that a benchmark wrote, also where they stand in a sentence."""

from pathlib import Path
from typing import Any, Final

import pytest

from benchmarks import markdown, plots, tables
from benchmarks.bench import RESULTS, load_results
from consumer.kcl.log_templates import ALLOWED

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
ROWS: Final = load_results(RESULTS)


def figures(row: str) -> Any:
    return ROWS[row]["figures"]


def per_million(row: str, part: str) -> float:
    return float(figures(row)["core_seconds_per_million"][part])


def engine_cores(kind: str, megabytes: float) -> float:
    """Cores for so many MB/s of records of a kind."""
    (found,) = (each for each in figures("engine")["records_per_second"] if each["kind"] == kind)
    return megabytes * 1e6 / float(found["bytes"]) / float(found["compiled"])


def path_cores(kind: str, megabytes: float) -> float:
    (found,) = (each for each in figures("path-kinds")["runs"] if each["kind"] == kind)
    return megabytes / float(found["bytes"]) * float(found["core_seconds_per_million"])


SCRAPE: Final = figures("scrape")
SCRAPE_MS: Final = SCRAPE["milliseconds"]
JVM: Final = sorted(per_million(row, "jvm") for row in ("worker-10", "worker-orders"))  # 1,000 records/s a shard
BUSY: Final = sorted(per_million(row, "all") for row in ("worker-10", "worker-50"))  # 10,000 records/s
FUNCTION: Final = sorted(each["core_seconds_per_million"] for each in figures("function")["runs"])
WORST: Final = figures("large")["worst"]

SAID: Final = [
    (
        "metrics.md",
        f"A scrape of a worker with {SCRAPE['shards']} shards, four pipeline processes and 200 paths of fields",
    ),
    (
        "metrics.md",
        f"({SCRAPE['samples']:,} samples) took {SCRAPE_MS['whole scrape']['median']:.0f} ms",
    ),
    ("metrics.md", f"{SCRAPE_MS['whole scrape']['median of CPU']:.0f} ms of it CPU time of the supervisor"),
    (
        "performance.md",
        f"costs the supervisor {SCRAPE_MS['whole scrape']['median of CPU']:.0f} ms of CPU at {SCRAPE['shards']} shards",
    ),
    ("performance.md", f"files is {SCRAPE_MS['of it, the files']['median of CPU']:.0f} ms of that"),
    (
        "performance.md",
        f"takes {SCRAPE_MS['the same by prometheus_client']['median of CPU']:.0f} ms over the same files",
    ),
    (
        "performance.md",
        f"in turn with ours {SCRAPE['prometheus_client_times']:.1f} times as long",
    ),
    ("performance.md", f"the JVM's {JVM[0]:.0f} to {JVM[1]:.0f} core-seconds a million at 1,000 records/s a shard"),
    (
        "performance.md",
        f"caught up at {round(figures('worker-backlog')['records_per_core'], -3):,.0f} records/s a core",
    ),
    (
        "performance.md",
        f"50 MB/s with {engine_cores('web order', 50):.1f} to {engine_cores('charge', 50):.1f} cores",
    ),
    (
        "performance.md",
        f"{path_cores('charge', 50):.1f} cores for charges, {path_cores('web order', 50):.1f} for web orders",
    ),
    (
        "performance.md",
        f"for web orders, {path_cores('clean but for the fields', 50):.0f} for the smallest records",
    ),
    ("performance.md", f"{WORST['stretch_ms']:.0f} ms in which no other thread ran"),
    ("deploy.md", f"{BUSY[0] / 100:.1f} to {BUSY[1] / 100:.1f} core busy at 10,000 records a second"),
    ("lambda.md", f"| {FUNCTION[0]:.0f} to {FUNCTION[-1]:.0f} µs, batches of 100 to 5,000 |"),
    ("lambda.md", f"{BUSY[0]:.0f} to {BUSY[1]:.0f} µs, JVM included"),
]


@pytest.mark.parametrize(("page", "said"), SAID)
def test_a_sentence_says_what_its_file_says(page: str, said: str) -> None:
    text = " ".join((DOCS / page).read_text(encoding="utf-8").split())
    assert said in text


def test_the_tables_of_the_benchmarks_are_made_of_their_files() -> None:
    page = (DOCS / "performance.md").read_text(encoding="utf-8")
    assert markdown.fill(page, tables.tables(ROWS)) == page, "run: python -m benchmarks.plots"


def test_so_are_their_pictures() -> None:
    made = dict(plots.charts(ROWS))
    assert made
    for name, picture in made.items():
        file = DOCS / "img" / f"performance-{name}.svg"
        assert file.read_text(encoding="utf-8") == picture, "run: python -m benchmarks.plots"


def test_as_many_lines_of_kcl_are_known_as_the_threat_model_says() -> None:
    assert f"some {round(len(ALLOWED), -1)} known templates" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
