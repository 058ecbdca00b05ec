"""What a scrape of a large worker costs: every label set full, several processes' files, shims and a daemon to measure.

    python -m benchmarks.scrape [--shards 50] [--pipelines 4] [--paths 200] [--daemon-mb 500] [--scrapes 200] [--json]

The files are those that the processes of such a worker would leave; what is timed is what happens in the supervisor
when Prometheus asks: reading and merging them, deriving the rest, measuring the processes, encoding the text. Reading
and merging are timed beside prometheus_client's own, in turn and over the same files.
Exit status 1: it takes longer than 50 ms.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from consumer.metrics import Metrics, SessionEvent, observe_many, set_up, show_zeros
from consumer.metrics.collector import WorkerCollector
from consumer.metrics.merged import Files
from consumer.metrics.process_usage import Vitals
from consumer.quarantine.codes import ADVICE
from consumer.record import Outcome

AIM_MILLISECONDS: Final = 50
_POLICY: Final = {"name": "default", "version": "1", "digest": "d" * 64}
_RULES: Final = 30
_LOGGERS: Final = 40
_REASONS: Final = ("unprocessed", "throttled", "unreachable", "service", "refused", "missing", "permission")
_DAEMON: Final = """
import subprocess, sys
held = bytearray(b"x") * (int(sys.argv[1]) << 20)
for shard in range(int(sys.argv[2])):
    subprocess.Popen(["/bin/sh", "-c", "read _; exit 0"], stdin=0)
print("ready", flush=True)
sys.stdin.read()
"""


def fill(folder: Path, slot: str, shards: list[str], paths: int) -> None:
    """Write what a process with these shards would have written."""
    set_up(folder, slot)
    metrics = Metrics()
    for shard in shards:
        books = metrics.shard(shard)
        books.owned(now=time.time())
        books.delivered(0.5, time.time() - 1, now=time.time())
        books.batch_began(time.time())
        books.received(1000, 250_000)
        for outcome in Outcome:
            books.ended(outcome, 100)
    for path in range(paths):
        metrics.field_drift.labels(f"customer.address.field-{path}").set(0)
        for result in ("released", "redacted", "unknown"):
            metrics.field_values.labels(f"customer.address.field-{path}", result).inc()
    for rule in range(_RULES):
        metrics.redactions.labels(f"customer.rule-{rule}", "mask").inc()
    for logger in range(_LOGGERS if slot == "supervisor" else 0):
        metrics.daemon_log_lines.labels(f"software.amazon.kinesis.coordinator.Class{logger}", "INFO").inc()
    show_zeros(metrics.quarantined, ADVICE)
    show_zeros(metrics.sessions, SessionEvent)
    show_zeros(metrics.write_retries, _REASONS)
    for histogram in (metrics.latency, metrics.write_seconds, metrics.write_items):
        observe_many(histogram, [0.001 * n for n in range(1000)])
    metrics.write_concurrency.set(8)


@contextmanager
def processes(pipelines: int, shards: int, daemon_mb: int) -> Iterator[dict[str, int]]:
    """Run stand-ins of a worker's processes; the daemon's holds memory and has a child for each shard."""
    command = [sys.executable, "-c", _DAEMON]
    arguments = {"daemon": (daemon_mb, shards)} | {f"pipeline-{slot}": (60, 0) for slot in range(pipelines)}
    started = {
        name: subprocess.Popen([*command, str(mb), str(children)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for name, (mb, children) in arguments.items()
    }
    try:
        for process in started.values():
            assert process.stdout is not None  # noqa: S101
            process.stdout.readline()
        yield {name: process.pid for name, process in started.items()}
    finally:
        for process in started.values():
            process.communicate()


class Timed(NamedTuple):
    """Seconds of each time: on the clock, and of this process's CPU, which a busy machine does not stretch."""

    wall: list[float]
    cpu: list[float]

    def add(self, work: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)

    def milliseconds(self) -> dict[str, float]:
        return {
            "median": 1000 * median(self.wall),
            "most": 1000 * max(self.wall),
            "median of CPU": 1000 * median(self.cpu),
        }


def timed(work: Mapping[str, Callable[[], object]], times: int) -> dict[str, Timed]:
    """Time each in turn, the order turned round each time: what else the machine does meets all alike."""
    seconds = {what: Timed([], []) for what in work}
    order = list(work)
    for _ in range(times):
        for what in order:
            seconds[what].add(work[what])
        order.reverse()
    return seconds


def measure(shards: int, pipelines: int, paths: int, daemon_mb: int, scrapes: int) -> dict[str, Any]:
    names = [f"shardId-{number:012d}" for number in range(shards)]
    with (
        tempfile.TemporaryDirectory() as name,
        processes(pipelines, shards, daemon_mb) as pids,
    ):
        folder = Path(name)
        for slot in range(pipelines):
            fill(folder, f"pipeline-{slot}", names[slot::pipelines], paths)
        fill(folder, "supervisor", [], 0)
        vitals = Vitals(lambda: pids)
        collector = WorkerCollector(folder, _POLICY, None, vitals.read)
        registry = CollectorRegistry()
        registry.register(collector)
        text = generate_latest(registry)
        files = Files(folder)
        theirs = MultiProcessCollector(None, path=name)  # type: ignore[no-untyped-call]
        seconds = timed(
            {
                "whole scrape": lambda: generate_latest(registry),
                "of it, the processes": vitals.read,
                "of it, the files": files.merged,
                "the same by prometheus_client": theirs.collect,
                "ages, for /healthz": collector.batch_ages,
            },
            scrapes,
        )
    pairs = zip(seconds["the same by prometheus_client"].cpu, seconds["of it, the files"].cpu, strict=True)
    return {
        "shards": shards,
        "pipelines": pipelines,
        "scrapes": scrapes,
        "samples": sum(not line.startswith(b"#") for line in text.splitlines()),
        "bytes": len(text),
        "milliseconds": {what: each.milliseconds() for what, each in seconds.items()},
        "prometheus_client_times": median(theirs / ours for theirs, ours in pairs),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, default=50)
    parser.add_argument("--pipelines", type=int, default=4)
    parser.add_argument("--paths", type=int, default=200)
    parser.add_argument("--daemon-mb", type=int, default=500)
    parser.add_argument("--scrapes", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    figures = measure(chosen.shards, chosen.pipelines, chosen.paths, chosen.daemon_mb, chosen.scrapes)
    if chosen.json:
        print(json.dumps(figures))
        return 0
    print(
        f"{chosen.shards} shards, {chosen.pipelines} pipeline processes: {figures['samples']} samples, "
        f"{figures['bytes']} bytes"
    )
    for what, taken in figures["milliseconds"].items():
        print(f"{what}: " + ", ".join(f"{name} {value:.1f} ms" for name, value in taken.items()))
    print(f"prometheus_client merges in {figures['prometheus_client_times']:.1f} times the CPU time")
    return int(figures["milliseconds"]["whole scrape"]["median"] > AIM_MILLISECONDS)


if __name__ == "__main__":
    sys.exit(main())
