"""The rows of the benchmark: what each runs, and in which mode. Each returns its raw figures as JSON's types."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import backfill, long_run
from benchmarks.backlogs import is_good
from benchmarks.kinds import CARD_IN_TEXT, CHARGE, CLEAN, KINDS, MIX, WEB_ORDER
from benchmarks.load import worker
from benchmarks.load.results import Load
from benchmarks.peers import engines as peer_engines
from benchmarks.peers import lambda_handler
from benchmarks.peers import run as peer_run
from benchmarks.peers.environment import NotInstalled
from benchmarks.targets import MIDDLE

Figures = dict[str, Any]
"""A row's raw figures; always with `is_good`: nothing was lost, and what ran ended in order."""

ROOT: Final = Path(__file__).parents[1]


@dataclass(frozen=True)
class Scale:
    """How much a mode measures: seconds of windows, numbers of records, shares of the engines' documents."""

    seconds: float
    warm_up: float
    long_seconds: float
    engine: float
    engine_kinds: tuple[str, ...]
    engines: float
    path: tuple[tuple[int, int], ...]
    path_records: int
    backlog: int
    demo_records: int
    handler_records: int


_SHARDS: Final = (1, 10, 50)
_BATCHES: Final = (100, 500, 10_000)

QUICK: Final = Scale(
    seconds=10,
    warm_up=4,
    long_seconds=30,
    engine=0.02,
    engine_kinds=peer_engines.COMPARED,
    engines=0.05,
    path=((1, 500), (10, 100), (10, 500)),
    path_records=40_000,
    backlog=30_000,
    demo_records=6_000,
    handler_records=5_000,
)
FULL: Final = Scale(
    seconds=30,
    warm_up=20,
    long_seconds=600,
    engine=0.15,
    engine_kinds=tuple(KINDS),
    engines=1.0,
    path=tuple((shards, batch) for shards in _SHARDS for batch in _BATCHES),
    path_records=200_000,
    backlog=120_000,
    demo_records=40_000,
    handler_records=50_000,
)


def engine(scale: Scale) -> Figures:
    """Both ways in turn, kind by kind."""
    return {"is_good": True, "records_per_second": peer_engines.measure_ours(scale.engine, scale.engine_kinds)}


def engines(scale: Scale) -> Figures:
    figures = peer_engines.measure(scale.engines)
    return {"is_good": True, "left_out": figures["left_out"]} | figures


def path(scale: Scale) -> Figures:
    # One full batch for each shard at least.
    return _paths((CLEAN, shards, batch, max(scale.path_records, shards * batch)) for shards, batch in scale.path)


def path_kinds(scale: Scale) -> Figures:
    """The records that people have, at the shards and the batch by which the path is judged."""
    shares = {CLEAN: 0.5, CARD_IN_TEXT: 0.25, WEB_ORDER: 0.25, CHARGE: 0.1, MIX: 0.05}
    return _paths((kind, *MIDDLE, int(share * scale.path_records)) for kind, share in shares.items())


def path_formats(scale: Scale) -> Figures:
    """The same documents alone and many in a record, as `stream.format: auto` reads them."""
    records = int(0.25 * scale.path_records)
    forms = [("json", 1), ("ndjson", 100), ("json-array", 100), ("gzip-ndjson", 100), ("zstd-ndjson", 100), ("gzip", 1)]
    runs: list[dict[str, Any]] = []
    for form, documents in forms:
        run = _path(CLEAN, *MIDDLE, records, "--format", form, "--documents", documents, "--auto")
        runs.append({"format": form, "documents": documents} | run)
    return _judged(runs)


def _paths(asked: Iterable[tuple[str, int, int, int]]) -> Figures:
    return _judged([_path(*each) for each in asked])


def _judged(runs: list[dict[str, Any]]) -> Figures:
    return {"is_good": all(run["written"] == run["records"] for run in runs), "runs": runs}


def _path(kind: str, shards: int, batch: int, records: int, *more: object) -> dict[str, Any]:
    """Measure in a process of its own, that inherits no heap."""
    options = ("--kind", kind, "--shards", shards, "--batch", batch, "--records", records, "--json", *more)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.record_path", *map(str, options)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        check=False,
    )
    return {"kind": kind, "shards": shards, "batch": batch} | _json_of(done.stdout)


def scrape(_: Scale) -> Figures:
    """In a process of its own: how prometheus_client keeps values is set for the whole of it."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scrape", "--json"], stdout=subprocess.PIPE, cwd=ROOT, check=False
    )
    return {"is_good": not done.returncode} | _json_of(done.stdout)


def large(_: Scale) -> Figures:
    """In a process of its own: its memory is measured."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.large_records", "--json"], stdout=subprocess.PIPE, cwd=ROOT, check=False
    )
    return {"is_good": not done.returncode} | _json_of(done.stdout)


def backlogs(_: Scale) -> Figures:
    """In a process of its own: its environment becomes the embedded cloud's."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.backlogs", "--json"], stdout=subprocess.PIPE, cwd=ROOT, check=False
    )
    found = _json_of(done.stdout)
    return {"is_good": is_good(found)} | found


def _json_of(output: bytes) -> Figures:
    if not output:
        raise RuntimeError("A measurement ended without a result; stderr says why.")
    figures: Figures = json.loads(output)
    return figures


def _worker(shards: int, rate: float, kind: str = CLEAN) -> Callable[[Scale], Figures]:
    def run(scale: Scale) -> Figures:
        return _under(Load(shards=shards, rate=rate, kind=kind, seconds=scale.seconds, warm_up=scale.warm_up))

    return run


def backlog(scale: Scale) -> Figures:
    return _under(Load(shards=10, rate=0, backlog=scale.backlog, seconds=scale.seconds, warm_up=scale.warm_up / 4))


def _under(load: Load) -> Figures:
    result = worker.measure(load)
    return {"is_good": not result.lost and not result.exit_status} | asdict(result)


def backfilled(scale: Scale) -> Figures:
    figures = backfill.measure(shards=20, records=2 * scale.backlog, latency_ms=5)
    return {"is_good": figures["stored"] == figures["records"]} | figures


def demo(scale: Scale) -> Figures:
    """`sanitizer demo` on fresh tables: its own report."""
    with tempfile.TemporaryDirectory(prefix="sanitizer-bench-") as folder:
        report = Path(folder) / "report.json"
        options = ("--rate", "1000", "--records", str(scale.demo_records), "--report", str(report))
        done = subprocess.run(
            [sys.executable, "-m", "consumer.cli", "demo", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            check=False,
        )
        if not report.exists():
            raise RuntimeError(f"The demo wrote no report.\n{done.stderr[-1000:]}")
        return {"is_good": done.returncode == 0} | _json_of(report.read_bytes())


def function(scale: Scale) -> Figures:
    """In a process of its own: settings and log are the function's, and stay."""
    words = [sys.executable, "-m", "benchmarks.function", "--records", str(scale.handler_records)]
    return _json_of(subprocess.run(words, stdout=subprocess.PIPE, cwd=ROOT, check=False).stdout)


def peer_lambda(scale: Scale) -> Figures:
    runs = [asdict(lambda_handler.measure(batch, scale.handler_records)) for batch in (100, 500)]
    return {"is_good": all(run["written"] == run["records"] for run in runs), "runs": runs}


def _peer(name: str, rate: float) -> Callable[[Scale], Figures]:
    def run(scale: Scale) -> Figures:
        seconds, warm_up = scale.seconds, scale.warm_up
        load = Load(shards=10, rate=rate, seconds=seconds, warm_up=warm_up, drain=peer_run.DRAIN_SECONDS)
        try:
            result = peer_run.measure(name, load)
        except NotInstalled as error:
            return {"is_good": True, "skipped": str(error)}
        return {"is_good": not result.lost} | asdict(result)

    return run


def long_50(scale: Scale) -> Figures:
    figures = long_run.measure(Load(shards=50, rate=200, seconds=scale.long_seconds, warm_up=30))
    return {"is_good": not figures["lost"] and not figures["exit_status"]} | figures


def long_slow_table(scale: Scale) -> Figures:
    """The table takes a tenth of what comes; opened, it has to get the rest, with nothing taken back."""
    load = Load(
        shards=50, rate=200, seconds=scale.long_seconds, warm_up=30, drain=2 * scale.long_seconds, capacity=1000
    )
    figures = long_run.measure(load)
    is_good = not figures["lost"] and not figures["taken_back"] and not figures["exit_status"]
    return {"is_good": is_good} | figures


@dataclass(frozen=True)
class Row:
    """A row; `modes` are those in which it runs without being asked for."""

    what: str
    run: Callable[[Scale], Figures]
    modes: frozenset[str]


_QUICK_TOO: Final = frozenset({"quick", "default"})
_DEFAULT: Final = frozenset({"default"})
_LONG: Final = frozenset({"long"})

ROWS: Final[dict[str, Row]] = {
    "engine": Row("the redaction engine alone, by kinds and sizes of record", engine, _QUICK_TOO),
    "engines": Row("the redaction engine beside others, and what each removes", engines, _DEFAULT),
    "path": Row("Python, from the daemon's line to the acknowledged write", path, _QUICK_TOO),
    "path-kinds": Row("the same, by kinds of record", path_kinds, _DEFAULT),
    "path-formats": Row("the same documents alone, and many in a record", path_formats, _DEFAULT),
    "scrape": Row("a scrape of the metrics, its merging beside prometheus_client's", scrape, _DEFAULT),
    "large": Row("one record of 10 MiB: time, memory, and how long others stand still", large, _DEFAULT),
    "worker-10": Row("the whole worker, 10 shards x 1,000/s", _worker(10, 1000), _QUICK_TOO),
    "worker-orders": Row("the same of web orders", _worker(10, 1000, WEB_ORDER), _DEFAULT),
    "worker-mix": Row("the whole worker, 10 shards x 50/s of 75 kinds of payload", _worker(10, 50, MIX), _DEFAULT),
    "worker-50": Row("the whole worker, 50 shards x 200/s", _worker(50, 200), _DEFAULT),
    "worker-latency": Row("the whole worker, 10 shards x 100/s", _worker(10, 100), _DEFAULT),
    "worker-backlog": Row("the whole worker, catching up", backlog, _DEFAULT),
    "backfill": Row("sanitizer backfill, 20 shards, a table that answers in 5 ms", backfilled, _DEFAULT),
    "demo": Row("sanitizer demo, 1,000/s, fresh tables", demo, _QUICK_TOO),
    "peer-kclpy": Row("the kclpy sample with batch_writer, 10 shards x 1,000/s", _peer("kclpy", 1000), _DEFAULT),
    "peer-kclpy-latency": Row("the same, 10 shards x 100/s", _peer("kclpy", 100), _DEFAULT),
    "function": Row("the Lambda function, batches of 100 to 5,000", function, _QUICK_TOO),
    "peer-lambda": Row("a Lambda-style handler with batch_writer", peer_lambda, _QUICK_TOO),
    "peer-async-kinesis": Row("async-kinesis, 10 shards x 1,000/s", _peer("async-kinesis", 1000), _DEFAULT),
    "backlogs": Row("backlogs of large and aggregated records", backlogs, _LONG),
    "long-50": Row("50 shards x 200/s for 10 minutes", long_50, _LONG),
    "long-slow-table": Row("the same, with a table that takes a tenth of it", long_slow_table, _LONG),
}
