"""What a scrape of a large worker costs: every label set full, several processes' files, shims and a daemon to measure.

    python -m benchmarks.scrape [--shards 50] [--pipelines 4] [--paths 200] [--daemon-mb 500] [--scrapes 50]

The files are those that the processes of such a worker would leave; what is timed is what happens in the supervisor
when Prometheus asks: reading and merging them, deriving the rest, measuring the processes, encoding the text.
Exit status 1: it takes longer than 50 ms.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, generate_latest

from consumer.metrics import Metrics, SessionEvent, observe_many, set_up, show_zeros
from consumer.metrics.collector import WorkerCollector
from consumer.metrics.process_usage import Vitals
from consumer.quarantine.codes import ADVICE
from consumer.record import Outcome

AIM_SECONDS: Final = 0.05
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


def timed(work: Callable[[], object], times: int) -> Timed:
    seconds = Timed([], [])
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        seconds.wall.append(time.perf_counter() - wall)
        seconds.cpu.append(time.process_time() - cpu)
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, default=50)
    parser.add_argument("--pipelines", type=int, default=4)
    parser.add_argument("--paths", type=int, default=200)
    parser.add_argument("--daemon-mb", type=int, default=500)
    parser.add_argument("--scrapes", type=int, default=50)
    chosen = parser.parse_args()
    shards = [f"shardId-{number:012d}" for number in range(chosen.shards)]
    with (
        tempfile.TemporaryDirectory() as name,
        processes(chosen.pipelines, chosen.shards, chosen.daemon_mb) as pids,
    ):
        folder = Path(name)
        for slot in range(chosen.pipelines):
            fill(folder, f"pipeline-{slot}", shards[slot :: chosen.pipelines], chosen.paths)
        fill(folder, "supervisor", [], 0)
        vitals = Vitals(lambda: pids)
        collector = WorkerCollector(folder, _POLICY, None, vitals.read)
        registry = CollectorRegistry()
        registry.register(collector)
        text = generate_latest(registry)
        measured = {
            "whole scrape": timed(lambda: generate_latest(registry), chosen.scrapes),
            "of it, the processes": timed(vitals.read, chosen.scrapes),
            "ages, for /healthz": timed(collector.batch_ages, chosen.scrapes),
        }
    lines = sum(not line.startswith(b"#") for line in text.splitlines())
    print(f"{chosen.shards} shards, {chosen.pipelines} pipeline processes: {lines} samples, {len(text)} bytes")
    for what, seconds in measured.items():
        wall, cpu = (1000 * median(each) for each in seconds)
        print(f"{what}: median {wall:.1f} ms, most {1000 * max(seconds.wall):.1f} ms, of CPU {cpu:.1f} ms")
    return int(median(measured["whole scrape"].wall) > AIM_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
