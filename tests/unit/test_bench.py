"""The benchmark's own arithmetic and drawing; and the two peers that need no daemon do what they are said to do."""

import copy
import json
import re
import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import bench, machine, markdown, plots, rows, svg, tables, targets
from benchmarks.peers import engines, environment, lambda_handler, presidio_engine
from benchmarks.peers import run as peer_run
from benchmarks.peers.comparison import entries, ratio
from benchmarks.peers.redact import document_of
from benchmarks.rows import QUICK, Figures, Row, Scale

ROOT = Path(__file__).parents[2]


def worker(total: float, **more: Any) -> dict[str, Any]:
    return {
        "records_per_second": 10_000.0,
        "records_per_core": 20_000.0,
        "core_seconds_per_million": {
            "pipeline": 20.0,
            "supervisor": 0.5,
            "jvm": total - 21,
            "all": total,
            "python": 20.5,
        },
        "pss_mib": {"all": 700.0},
        "pss_mib_first": 600.0,
        "pss_mib_last": 630.0,
        "latency_ms": {"p50": 150.0, "p99": 400.0, "max": 500.0},
        "lost": 0,
        "taken_back": 0,
        "points": [
            {"at": 0.0, "pss_mib": 600.0, "lag": 10, "written": 1, "is_load_on": True},
            {"at": 60.0, "pss_mib": 630.0, "lag": 9000, "written": 100, "is_load_on": True},
            {"at": 90.0, "pss_mib": 630.0, "lag": 0, "written": 9100, "is_load_on": False},
        ],
    } | more


def peer(total: float, **more: Any) -> dict[str, Any]:
    cost = {"child": total - 30, "jvm": 30.0, "all": total}
    return worker(total) | {"core_seconds_per_million": cost} | more


def cost(shards: int, batch: int, value: float) -> dict[str, Any]:
    return {"shards": shards, "batch": batch, "core_seconds_per_million": value}


def rate(kind: str, compiled: float | None, python: float, size: int = 240) -> dict[str, Any]:
    return {"kind": kind, "bytes": size, "compiled": compiled, "python": python}


def speed(kind: str, ours: float, other: float) -> dict[str, Any]:
    rates = {engines.OURS: ours, engines.VECTOR: other}
    found = {name: {"records_per_second": rate, "mb_per_second": rate / 1000} for name, rate in rates.items()}
    return {"kind": kind, "bytes": 700.0, "engines": found}


FIGURES: dict[str, Any] = {
    "engine": {
        "records_per_second": [
            rate("clean", None, 85_000.4),
            rate("web order", 60_000.0, 15_000.0, 700),
            rate("300 bytes, clean", 100_000.0, 50_000.0, 300),
            rate("300 bytes, something to hide in all", None, 50_000.0, 300),
        ]
    },
    "large": {"worst": {"ms_per_400_kb": 42.4}},
    "engines": {
        "versions": {engines.OURS: "", engines.VECTOR: "0.38.0"},
        "left_out": {engines.DATADOG: "cargo is missing"},
        "kinds": [speed("web order", 50_000.0, 40_000.0), speed("charge", 9_000.0, 10_000.0)],
        "removal": [
            {"engine": engines.OURS, "removed": {"a": [99, 100]}, "changed": {"a": [1, 400], "clean": [0, 2200]}},
            {"engine": engines.VECTOR, "removed": {"a": [50, 100]}, "changed": {"a": [4, 400], "clean": [22, 2200]}},
        ],
    },
    "path-kinds": {"runs": [cost(10, 500, 50.0) | {"kind": "web order", "bytes": 700.0}]},
    "path": {"runs": [cost(1, 100, 26.0), cost(1, 500, 22.0), cost(10, 100, 24.0), cost(10, 500, 20.0)]},
    "worker-10": worker(55),
    "worker-50": worker(120, pss_mib={"all": 900.0}),
    "demo": {"latency_ms": {"p50": 250.0, "p99": 1200.0, "max": 1300.0}, "seconds_to_first_document": 11.0},
    "worker-backlog": worker(40, latency_ms=None),
    "peer-kclpy": peer(165.0),
    "peer-async-kinesis": {"skipped": "its packages could not be installed"},
    "peer-lambda": {"runs": [{"batch": 100, "core_seconds_per_million": 120.0}]},
    "long-slow-table": worker(90),
}


def results() -> dict[str, Any]:
    described = {
        "cores": 2, "model": "A CPU", "memory_gib": 4.0, "system": "Linux 6", "python": "3.11.7", "commit": None,
        "date": "2026-01-02T03:04:05+00:00",
    }  # fmt: skip
    return {row: copy.deepcopy({"machine": described, "figures": figures}) for row, figures in FIGURES.items()}


def cells(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]


def line_of(text: str, first: str) -> list[str]:
    return next(line for line in cells(text) if line[0].startswith(first))


# Tables


@pytest.mark.parametrize(
    ("what", "measured", "met"),
    [
        ("Python per million", "20.0", "**no**"),
        ("the dearest of all", "1.30 times", "**no**"),
        ("engine, compiled, records/s per core: web order", "60,000", "yes"),
        ("engine, compiled, records/s per core: charge", "-", "-"),  # not among what was measured
        ("engine, Python, records/s per core: web order", "15,000", "**no**"),
        ("its lead over", "0.90 times at the least: charge, Vector's VRL", "**no**"),
        ("the slowest hostile", "42 ms", "yes"),
        ("whole worker, 10 shards", "55.0 (Python 20.5, JVM 34.0)", "**no**"),
        ("whole worker, 50 shards", "120.0 (Python 20.5, JVM 99.0)", "**no**"),
        ("memory at 50 shards, JVM", "0.88 GiB", "**no**"),
        ("memory at 50 shards over", "-", "-"),  # that row was not run
        ("the same, with a table", "1.05 times (600 to 630 MiB)", "yes"),
        ("put to durable", "250 ms", "yes"),
        ("the same: p99", "1200 ms", "**no**"),
        ("`sanitizer demo`", "11.0 s", "yes"),
        ("catching up", "20,000 (10,000/s in all)", "**no**"),
    ],
)
def test_a_target_is_judged_by_what_was_measured(what: str, measured: str, met: str) -> None:
    line = line_of(tables.target_table(results()), what)
    assert line[2:4] == [measured, met]


def test_a_slow_table_that_did_not_get_everything_misses_its_target() -> None:
    found = results()
    assert line_of(tables.target_table(found), "what that table")[2:4] == [
        "lag 10 to 9,000, then drained to 0 in 30 s; lost 0, not read 0", "yes",
    ]  # fmt: skip
    found["long-slow-table"]["figures"]["taken_back"] = 1
    assert line_of(tables.target_table(found), "what that table")[3] == "**no**"


def test_a_path_without_the_middle_combination_is_not_judged() -> None:
    found = {"path": {"machine": results()["path"]["machine"], "figures": {"runs": [cost(1, 100, 26.0)]}}}
    assert line_of(tables.target_table(found), "Python per million")[2:4] == ["-", "-"]
    assert cells(tables.path_table(found))[2:] == [["1", "26.0"]]


def test_a_lead_takes_both_to_be_measured() -> None:
    figures = results()["engines"]["figures"]
    assert targets.lead(figures) == (0.9, "charge", engines.VECTOR)
    for each in figures["kinds"]:
        del each["engines"][engines.OURS]
    assert targets.lead(figures) is None


def test_a_record_of_a_size_is_shown_by_what_it_costs() -> None:
    header, _, line = cells(tables.sizes_table(results()))
    assert header == [
        "bytes", "clean: µs", "records/s", "MB/s", "something to hide in all: µs", "records/s", "MB/s",
    ]  # fmt: skip
    assert line == ["300", "10", "100,000", "30", "20", "50,000", "15"]  # of Python where there is no compiled part
    assert not [line for line in cells(tables.engine_table(results())) if line[0].startswith("300")]


def test_engines_stand_side_by_side_with_what_each_removes() -> None:
    found = results()
    assert cells(tables.engines_table(found))[0] == ["records/s (MB/s)", engines.OURS, "Vector's VRL 0.38.0"]
    assert line_of(tables.engines_table(found), "charge")[1:] == ["9,000 (9)", "10,000 (10)"]
    assert cells(tables.removal_table(found))[0][1:] == [
        "removed: a (100)",
        "changed: a (400)",
        "changed: clean (2,200)",
    ]
    assert line_of(tables.removal_table(found), "Vector")[1:] == ["50.0%", "1.0%", "1.0%"]
    assert line_of(tables.path_kinds_table(found), "web order")[1:] == ["700", "50.0", "14", "3.6"]


def test_nothing_measured_leaves_a_table_of_targets() -> None:
    assert list(tables.tables({})) == ["targets"]


def test_peers_are_set_against_what_of_ours_did_the_same() -> None:
    found = entries(results())
    by_name = {entry.name: entry for entry in found}
    sample, handler = (next(each for each in found if each.name.startswith(name)) for name in ("kclpy", "Lambda"))
    assert ratio(sample, found, lambda each: each.total) == pytest.approx(165 / 55)
    assert ratio(sample, found, lambda each: each.python) == pytest.approx(135 / 20.5)
    assert handler.against is not None
    assert by_name[handler.against].python == 24.0
    assert ratio(handler, found, lambda each: each.total) == pytest.approx(5)
    assert not any(name.startswith("async-kinesis") for name in by_name)  # skipped: nothing to show


def test_two_machines_are_two_lines() -> None:
    found = results()
    found["path"]["machine"]["cores"] = 64
    assert len(cells(tables.machine_table(found))) == 4
    assert line_of(tables.machine_table(found), "64 x A CPU")[-1] == "path"


def test_a_page_gets_its_tables_and_keeps_the_rest() -> None:
    page = "a\n<!-- bench:path -->\nold | table\n<!-- /bench -->\nb\n<!-- bench:peers -->\n<!-- /bench -->\nc\n"
    filled = markdown.fill(page, {"path": "| 1 |", "peers": r"| \1 |"})
    assert filled == (
        "a\n<!-- bench:path -->\n| 1 |\n<!-- /bench -->\nb\n<!-- bench:peers -->\n| \\1 |\n<!-- /bench -->\nc\n"
    )
    assert markdown.fill(filled, {"path": "| 1 |", "peers": r"| \1 |"}) == filled
    with pytest.raises(KeyError, match="path"):
        markdown.fill(page, {})


# Plots


AMOUNTS = st.just(0.0) | st.floats(1e-9, 1e9)


@given(st.dictionaries(st.text("a<&\"' é", min_size=1), st.dictionaries(st.sampled_from("xyz"), AMOUNTS), max_size=5))
def test_bars_are_well_formed_and_within_the_frame(groups: dict[str, dict[str, float]]) -> None:
    root = ET.fromstring(svg.bars("a & b", groups, "units"))  # noqa: S314 - our own
    for rect in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert float(rect.attrib["x"]) + float(rect.attrib["width"]) <= svg.WIDTH


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=20))
def test_lines_stay_within_the_frame(points: list[tuple[float, float]]) -> None:
    root = ET.fromstring(svg.lines("title", {"one": points}, "x", "y"))  # noqa: S314 - our own
    height = float(root.attrib["viewBox"].split()[3])
    drawn = next(root.iter("{http://www.w3.org/2000/svg}polyline")).attrib["points"].split()
    assert len(drawn) == len(points)
    for pair in drawn:
        x, y = map(float, pair.split(","))
        assert 0 <= x <= svg.WIDTH
        assert 0 <= y <= height


def test_plots_are_made_of_what_there_is(tmp_path: Path) -> None:
    for row, result in results().items():
        (tmp_path / f"{row}.json").write_text(json.dumps(result))
    page = tmp_path / "page.md"
    page.write_text("<!-- bench:targets -->\n<!-- /bench -->\n")
    options = ["--results", str(tmp_path), "--page", str(page), "--images", str(tmp_path / "img")]
    assert plots.main(options) == 0
    assert {file.stem for file in (tmp_path / "img").iterdir()} == {
        "performance-cost", "performance-engines", "performance-removal", "performance-flatness",
        "performance-memory", "performance-lag",
    }  # fmt: skip
    assert "whole worker" in page.read_text()


def test_the_charts_are_those_of_the_results() -> None:
    drawn = dict(plots.charts(bench.load_results(bench.RESULTS)))
    kept = {file: file.read_text(encoding="utf-8") for file in (plots.DOCS / "img").glob("performance-*.svg")}
    assert {file.stem.removeprefix("performance-"): text for file, text in kept.items()} == drawn, (
        "run: python -m benchmarks.plots"
    )


def test_ours_have_a_colour_of_their_own() -> None:
    drawn = svg.panels("title", {"all": {"ours": 1.0, "ours, too": 2.0, "theirs": 4.0}}, "units", "ours")
    bars = re.findall(r'<rect class="(\w+)" .* width="([0-9.]+)"', drawn)[1:]
    assert [colour for colour, _ in bars] == ["c0", "c0", "other"]
    assert float(bars[2][1]) == pytest.approx(4 * float(bars[0][1]), rel=0.01)


def test_plots_need_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plots.main(["--results", str(tmp_path), "--images", str(tmp_path)]) == 1
    assert "no results" in capsys.readouterr().err


# The runner


def run_only(monkeypatch: pytest.MonkeyPatch, folder: Path, figures: Figures | Exception) -> int:
    def run(scale: Scale) -> Figures:
        assert scale is QUICK
        if isinstance(figures, Exception):
            raise figures
        return figures

    monkeypatch.setitem(rows.ROWS, "engine", Row("a row", run, frozenset()))
    return bench.main(["--quick", "--only", "engine", "--results", str(folder)])


def test_a_row_is_written_with_its_machine_and_without_its_places(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    figures = {"is_good": True, "records_per_second": [{"kind": "clean", "bytes": 3, "compiled": 1 / 3, "python": 2}]}
    assert run_only(monkeypatch, tmp_path, figures) == 0
    text = (tmp_path / "engine.json").read_text()
    written = json.loads(text)
    assert written["figures"]["records_per_second"][0]["compiled"] == 0.333
    assert written["machine"]["cores"] >= 1
    assert written["mode"] == "quick"
    assert str(ROOT) not in text
    assert str(tmp_path) not in text


def test_a_loss_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run_only(monkeypatch, tmp_path, {"is_good": False, "records_per_second": []}) == 1


def test_a_row_that_fails_is_a_failure_and_leaves_no_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run_only(monkeypatch, tmp_path, RuntimeError("it ended")) == 1
    assert not list(tmp_path.iterdir())


def test_a_row_that_cannot_run_here_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environment, "REQUIREMENTS", tmp_path / "missing.txt")
    with pytest.raises(environment.NotInstalled):
        environment.make(tmp_path / "environment")


def test_a_program_that_cannot_be_built_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(environment.NotInstalled, match="cargo is missing"):
        engines.built("vector")


def test_what_is_left_out_is_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = {"is_good": True, "records_per_second": [], "left_out": {engines.VECTOR: "cargo is missing"}}
    assert run_only(monkeypatch, tmp_path, figures) == 0
    assert "Vector's VRL is left out: cargo is missing" in capsys.readouterr().out


def test_each_target_has_its_row_and_each_mode_its_rows() -> None:
    assert {target.row for target in targets.TARGETS} <= set(rows.ROWS)
    assert {mode for row in rows.ROWS.values() for mode in row.modes} == {"quick", "default", "long"}


def test_the_machine_is_described_without_its_paths() -> None:
    described = machine.describe()
    assert described["memory_gib"] > 0
    assert described["versions"]["boto3"]
    assert str(ROOT) not in json.dumps(described)


# Peers


def test_a_peer_drops_one_field_and_masks_another() -> None:
    document = document_of(
        b'{"user_id": "12345", "credit_card": "4532-1234-5678-9012", "ssn": "123-45-6789", "amount": 149.99,'
        b' "merchant": "Amazon", "timestamp": "2024-03-15T10:30:00Z"}',
        "7",
    )
    assert document == {
        "user_id": "12345",
        "credit_card": "****-****-****-9012",
        "amount": Decimal("149.99"),
        "merchant": "Amazon",
        "timestamp": "2024-03-15T10:30:00Z",
        "sk": "2024-03-15T10:30:00Z#7",
    }


def test_the_handler_writes_every_record_of_its_events() -> None:
    result = lambda_handler.measure(batch=30, records=100)
    assert result.written == result.records == 100
    assert result.core_seconds > 0


def test_an_engine_answers_with_time_and_with_what_it_releases(tmp_path: Path) -> None:
    file = tmp_path / "documents.jsonl"
    file.write_bytes(b'{"email":"a@example.org","n":1}\n[not JSON\n{"n":2}\n')
    with engines.EngineProcess("ours", engines.ours()[engines.OUR_PYTHON], file) as process:
        assert process.opened() == 3
        assert process.seconds(0, 3) > 0
        released = process.write(3, tmp_path / "released.jsonl")
    assert "a@example.org" not in released[0]
    assert released[1:] == ["", '{"n":2}']


def test_texts_and_numbers_are_cut_where_something_is_found() -> None:
    def find(text: str) -> list[tuple[int, int]]:
        return [(0, 2), (1, 3)] if text.startswith("12") else []

    document = {"a": ["12345", 12345, 3, None, True], "b": "4"}
    assert presidio_engine.redacted(document, find) == {
        "a": ["[REDACTED]45", "[REDACTED]45", 3, None, True],
        "b": "4",
    }


@pytest.mark.parametrize(
    ("command_line", "kind"),
    [
        ("java -cp jars software.amazon.kinesis.multilang.MultiLangDaemon --properties-file x", "jvm"),
        ("python -m benchmarks.peers.kclpy_sample documents", "child"),
        ("python -m benchmarks.peers.async_kinesis load documents", "interpreter"),
        ("/bin/sh ./peer-child", "other"),
    ],
)
def test_a_peers_processes_are_told_apart(command_line: str, kind: str) -> None:
    assert peer_run.process_kind(command_line) == kind
