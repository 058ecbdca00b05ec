"""The whole worker under load: what it costs by kind of process, its memory, its latency, and whether anything is lost.

    python -m benchmarks.load.worker --shards 10 --rate 1000 --seconds 60
    python -m benchmarks.load.worker --shards 10 --backlog 200000 --seconds 60

    null Kinesis ──► sanitizer run (supervisor, JVM, shims, pipeline processes) ──► null DynamoDB ──► embedded cloud
                                                                                  (the records)    (KCL's tables)

The records begin when all shards are read. After the first write the worker warms up; then CPU, memory and latency are
measured for `--seconds` (a backlog: until 95% of it is written, if that is sooner). Then the load stops, limits of the
table are lifted, and what was put has to be written. What the worker has not read by `--drain` seconds later (of a
backlog: at once) is taken back; what it has read and then does not write is lost. Variables SANITIZER_SECTION__KEY
apply to the worker as always.

Latency is from the record's arrival in the stream to the moment its write is answered, for one record of each write.
A core-second is one core busy for a second; figures per million are per million records written in the window.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from operator import itemgetter
from pathlib import Path
from statistics import fmean
from typing import Any, Final, Self

import yaml

from benchmarks.kinds import CLEAN, KINDS
from benchmarks.load.null_kinesis import STREAM
from benchmarks.load.process_costs import ProcessTree, cpu_seconds
from benchmarks.load.results import Load, Result, ServiceCost
from benchmarks.load.service import Service
from consumer import tables
from consumer.kcl.daemon import CBOR_VARIABLE
from consumer.local.cloud.process import Cloud
from consumer.local.report import quantile
from consumer.local.worker_process import WorkerProcess
from consumer.settings import Settings, load_settings

START_SECONDS: Final = 120.0
STALL_SECONDS: Final = 20.0
"""Without any progress for so long, the rest is not coming."""

LAST_SECONDS: Final = 300.0
"""For what was read to be written: at most KCL's prefetch."""

PSS_SECONDS: Final = 3.0
_NAMED_THREADS: Final = 10
BACKLOG_SHARE: Final = 0.95
PYTHON_KINDS: Final = ("pipeline", "supervisor", "shim")
MIB: Final = 1 << 20


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """AWS's variables for this process and those that it starts."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class Bench:
    """One run; a context manager that stops what it started.

    :raises RuntimeError: the worker does not start, or ends.
    """

    def __init__(self, load: Load) -> None:
        self._load = load
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        load = self._load
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sanitizer-load-")))
        config = folder / "worker.yaml"
        config.write_text(
            yaml.safe_dump(
                {
                    "stream": {"name": STREAM},
                    "output": dict(KINDS[load.kind].output),
                    "http": {"host": "127.0.0.1", "port": 0},
                    "runtime_dir": str(folder / "run"),
                }
            ),
            encoding="utf-8",
        )
        settings = load_settings(config)
        self._cloud = stack.enter_context(Cloud())
        self._kinesis = stack.enter_context(
            Service(
                "benchmarks.load.null_kinesis",
                *("--shards", load.shards, "--rate", load.rate, "--backlog", load.backlog, "--kind", load.kind),
            )
        )
        self._dynamodb = stack.enter_context(Service("benchmarks.load.null_dynamodb", *self._table_options(settings)))
        stack.enter_context(
            environment(
                self._cloud.environment()
                | {
                    "AWS_ENDPOINT_URL_KINESIS": self._kinesis.endpoint,
                    "AWS_ENDPOINT_URL_DYNAMODB": self._dynamodb.endpoint,
                    CBOR_VARIABLE: "true",  # as with AWS
                }
            )
        )
        tables.create(settings)
        tables.seed_leases(settings)
        self._log = folder / "worker.log"
        self._worker = WorkerProcess(config, self._log)
        stack.callback(self._worker.close)
        self._tree = ProcessTree(self._worker.pid)

    def _table_options(self, settings: Settings) -> list[object]:
        load = self._load
        options: list[object] = ["--table", settings.output.table, "--table", settings.quarantine.table, "--verify"]
        options += ["--forward", self._cloud.endpoint, "--latency", load.latency, "--throttled", load.throttled]
        return options if load.capacity is None else [*options, "--capacity", load.capacity]

    def run(self) -> Result:
        """Run the load and measure."""
        load = self._load
        self._until(
            lambda: self._kinesis.ask("stats")["polled_shards"] == load.shards, START_SECONDS, "read its shards"
        )
        started = self._kinesis.ask("start")
        self._until(lambda: self._dynamodb.ask("stats")["distinct"] > 0, START_SECONDS, "wrote anything")
        first_write = time.time() - started["started_at"]
        self._watch(load.warm_up)
        self._dynamodb.ask("samples")
        before = self._measured()
        memory = self._watch(load.seconds)
        after = self._measured()
        samples = self._dynamodb.ask("samples")
        self._dynamodb.ask("open")
        stopped = self._kinesis.ask("stop")
        if not load.backlog:
            self._wait_until_written(load.drain)
        self._kinesis.ask("cut")
        kinesis, dynamodb = self._wait_until_written(LAST_SECONDS)
        status = self._worker.close()
        seconds, records = (after[name] - before[name] for name in ("at", "records"))
        if not records:
            raise RuntimeError(
                "Nothing was written in the window: a backlog was too small, or the worker stands still."
            )
        spent = {kind: used - before["cpu"].get(kind, 0) for kind, used in after["cpu"].items()}
        spent["python"] = sum(spent.get(kind, 0) for kind in PYTHON_KINDS)
        spent["all"] = sum(used for kind, used in spent.items() if kind != "python")
        sums = [sum(each.values()) / MIB for each in memory]
        third = max(1, len(sums) // 3)
        return Result(
            load=load,
            seconds=seconds,
            records=records,
            records_per_second=records / seconds,
            records_per_core=records / spent["all"],
            core_seconds=spent,
            core_seconds_per_million={kind: used / records * 1e6 for kind, used in spent.items()},
            jvm_threads_per_million={name: used / records * 1e6 for name, used in _dearest(before, after).items()},
            pss_mib={kind: max(each.get(kind, 0) for each in memory) / MIB for kind in memory[-1]} | {"all": max(sums)},
            pss_mib_first=fmean(sums[:third]),
            pss_mib_last=fmean(sums[-third:]),
            latency_ms=None if load.backlog else _latencies(samples, kinesis),
            first_write_seconds=first_write,
            put=kinesis["put"],
            taken_back=stopped["put"] - kinesis["put"],
            delivered=kinesis["delivered"],
            written=dynamodb["distinct"],
            rewritten=dynamodb["rewritten"],
            lost=kinesis["put"] - dynamodb["distinct"],
            items=dynamodb["items"],
            exit_status=status,
            services={name: _cost(*(each["services"][name] for each in (before, after))) for name in after["services"]},
        )

    def _measured(self) -> dict[str, Any]:
        kinesis, dynamodb = self._kinesis.ask("stats"), self._dynamodb.ask("stats")
        cloud = cpu_seconds(self._cloud.pid)
        return {
            "at": time.time(),
            "records": dynamodb["distinct"],
            "cpu": self._tree.cpu(),
            "threads": self._tree.threads("jvm"),
            "services": {
                "null_kinesis": (kinesis["cpu_seconds"], sum(kinesis["calls"].values())),
                "null_dynamodb": (dynamodb["cpu_seconds"], sum(dynamodb["calls"].values())),
                "cloud": (cloud, dynamodb["calls"].get("forwarded", 0)),
            },
        }

    def _watch(self, seconds: float) -> list[dict[str, int]]:
        """Let time pass, until most of a backlog is written; return the memory in between, by kind of process."""
        memory = [self._tree.pss()]
        until = time.monotonic() + seconds
        enough = self._load.backlog * self._load.shards * BACKLOG_SHARE
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(PSS_SECONDS, left))
            self._check()
            memory.append(self._tree.pss())
            if enough and not self._load.rate and self._dynamodb.ask("stats")["distinct"] >= enough:
                break
        return memory

    def _wait_until_written(self, seconds: float) -> tuple[dict[str, Any], dict[str, Any]]:
        """Wait until all is written, or nothing more is; return the last counters of both services."""
        until = time.monotonic() + seconds
        seen, seen_at = -1, time.monotonic()
        while True:
            kinesis, dynamodb = self._kinesis.ask("stats"), self._dynamodb.ask("stats")
            now = time.monotonic()
            if dynamodb["distinct"] != seen:
                seen, seen_at = dynamodb["distinct"], now
            if seen >= kinesis["put"] or now > min(until, seen_at + STALL_SECONDS):
                return kinesis, dynamodb
            time.sleep(0.25)

    def _until(self, condition: Any, seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            self._check()
            if time.monotonic() > deadline:
                raise RuntimeError(f"The worker has not {what} within {seconds:.0f} s.\n{self._tail()}")
            time.sleep(0.05)

    def _check(self) -> None:
        if self._worker.exit_status is not None:
            raise RuntimeError(f"The worker ended with exit status {self._worker.exit_status}.\n{self._tail()}")

    def _tail(self) -> str:
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:])


def _dearest(before: dict[str, Any], after: dict[str, Any]) -> dict[str, float]:
    used = {name: seconds - before["threads"].get(name, 0) for name, seconds in after["threads"].items()}
    return dict(sorted(used.items(), key=itemgetter(1), reverse=True)[:_NAMED_THREADS])


def _cost(before: tuple[float, int], after: tuple[float, int]) -> ServiceCost:
    used, calls = after[0] - before[0], after[1] - before[1]
    return ServiceCost(used, calls, used / max(1, calls) * 1e6)


def _latencies(samples: list[tuple[int, int, float]], kinesis: dict[str, Any]) -> dict[str, float]:
    started, rate = kinesis["started_at"], kinesis["rate"]
    found = sorted((written_at - started - index / rate) * 1000 for _, index, written_at in samples)
    return {"p50": quantile(found, 0.5) or 0, "p99": quantile(found, 0.99) or 0, "max": quantile(found, 1) or 0}


def measure(load: Load) -> Result:
    """Run the worker under `load`."""
    with Bench(load) as bench:
        return bench.run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, default=10)
    parser.add_argument("--rate", type=float, default=1000, help="records a second for each shard")
    parser.add_argument("--backlog", type=int, default=0, help="records each shard holds at the start; then no rate")
    parser.add_argument("--kind", choices=list(KINDS), default=CLEAN, help="of the records")
    parser.add_argument("--seconds", type=float, default=60, help="length of the window that is measured")
    parser.add_argument("--warm-up", type=float, default=15, help="seconds from the first write to the window")
    parser.add_argument("--drain", type=float, default=60, help="seconds that the rest may take to be written")
    parser.add_argument("--latency", type=float, default=0, help="of the table, in milliseconds a call")
    parser.add_argument("--throttled", type=float, default=0, help="share of the items that the table refuses")
    parser.add_argument("--capacity", type=float, help="items that the table takes in a second")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here, too")
    arguments = vars(parser.parse_args())
    report: Path | None = arguments.pop("json")
    if arguments["backlog"]:
        arguments["rate"] = 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: what was started is stopped
    result = measure(Load(**arguments))
    text = result.to_json()
    print(text)
    if report:
        report.write_text(text + "\n", encoding="utf-8")
    sys.exit(1 if result.lost or result.exit_status else 0)


if __name__ == "__main__":
    main()
