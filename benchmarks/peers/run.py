"""A peer that reads the stream itself, under load: what it costs by kind of process, its memory, what it wrote.

    python -m benchmarks.peers.run kclpy --shards 10 --rate 1000 --seconds 30

The same null services, records and window as `benchmarks.load.worker`. If the peer cannot keep up, its figures are
those of a peer at its limit: the cost of a record is what is compared.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.load.null_kinesis import STREAM
from benchmarks.load.process_costs import ProcessTree
from benchmarks.load.results import Load
from benchmarks.load.service import Service
from benchmarks.load.worker import environment
from benchmarks.peers import daemon
from benchmarks.peers.environment import make as make_environment
from consumer import tables
from consumer.local.cloud.process import Cloud
from consumer.local.report import quantile
from consumer.settings import Settings, load_settings
from consumer.worker import tethered

TABLE: Final = "documents"
MIB: Final = 1 << 20
START_SECONDS: Final = 120.0
STALL_SECONDS: Final = 20.0
DRAIN_SECONDS: Final = 300.0
"""For what was read to be written: KCL's prefetch of all shards at a peer's own speed."""

STOP_SECONDS: Final = 40.0
PSS_SECONDS: Final = 3.0
OVERHEAD: Final = "other"
"""Processes that only start others."""

KINDS: Final = (("MultiLangDaemon", "jvm"), ("kclpy_sample", "child"), ("async_kinesis", "interpreter"))


@dataclass(frozen=True)
class PeerResult:
    """What came of it.

    :ivar core_seconds_per_million: by kind of process, and `all`; per million records written in the window.
    :ivar pss_mib: the highest sum that was seen, by kind, and `all`.
    :ivar latency_ms: put to durable, p50, p99, max; None if records cannot be told apart.
    :ivar told_apart: whether `written` counts records by identity, each once; else it counts writes.
    :ivar put: records in the stream, without those that the peer had not read at the end.
    """

    name: str
    load: Load
    seconds: float
    records: int
    records_per_second: float
    records_per_core: float
    core_seconds_per_million: dict[str, float]
    pss_mib: dict[str, float]
    latency_ms: dict[str, float] | None
    told_apart: bool
    put: int
    written: int
    lost: int


@dataclass(frozen=True)
class Peer:
    """How to start one.

    :ivar command: of the settings, the null Kinesis's endpoint, the null DynamoDB's and a folder that it may fill and
        where the command is run; the command line.
    :ivar needs_leases: whether KCL's tables have to be there.
    """

    command: Callable[[Settings, str, str, Path], list[str]]
    needs_leases: bool
    told_apart: bool


def _kclpy(settings: Settings, kinesis: str, dynamodb: str, folder: Path) -> list[str]:
    daemon.prepare(folder, daemon.properties(settings, kinesis, dynamodb), TABLE)
    return daemon.command(settings)


def _async_kinesis(settings: Settings, kinesis: str, dynamodb: str, folder: Path) -> list[str]:
    del kinesis, dynamodb  # the environment names them
    python = make_environment(folder / "environment")
    return [str(python), "-m", "benchmarks.peers.async_kinesis", settings.stream.name, TABLE]


PEERS: Final = {
    "kclpy": Peer(_kclpy, needs_leases=True, told_apart=True),
    "async-kinesis": Peer(_async_kinesis, needs_leases=False, told_apart=False),
}


def process_kind(command_line: str) -> str:
    """Return the kind of a peer's process, by its command line."""
    return next((kind for mark, kind in KINDS if mark in command_line), OVERHEAD)


class PeerBench:
    """One run of a peer; the stack stops what was started.

    :raises RuntimeError: it does not start, or ends.
    :raises NotInstalled: it could not be installed.
    """

    def __init__(self, name: str, load: Load, stack: ExitStack) -> None:
        self._name, self._load, self._peer = name, load, PEERS[name]
        self._stack = stack
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peer-")))
        settings = load_settings(None)
        settings = settings.model_copy(update={"stream": settings.stream.model_copy(update={"name": STREAM})})
        cloud = stack.enter_context(Cloud())
        self._kinesis = stack.enter_context(
            Service(
                "benchmarks.load.null_kinesis",
                *("--shards", load.shards, "--rate", load.rate, "--kind", load.kind),
            )
        )
        self._dynamodb = stack.enter_context(
            Service("benchmarks.load.null_dynamodb", "--table", TABLE, "--verify", "--forward", cloud.endpoint)
        )
        endpoints = {
            "AWS_ENDPOINT_URL_KINESIS": self._kinesis.endpoint,
            "AWS_ENDPOINT_URL_DYNAMODB": self._dynamodb.endpoint,
            "PYTHONPATH": str(daemon.ROOT),
        }
        stack.enter_context(environment(cloud.environment() | endpoints))
        if self._peer.needs_leases:
            tables.create(settings)
            tables.seed_leases(settings)
        command = self._peer.command(settings, self._kinesis.endpoint, self._dynamodb.endpoint, folder)
        self._log = folder / "peer.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-E", tethered.__file__, str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                start_new_session=True,
            )
        stack.callback(self._stop)
        self._tree = ProcessTree(self._process.pid, process_kind)

    def run(self) -> PeerResult:
        """Run the load and measure."""
        load = self._load
        self._until(lambda: self._kinesis.ask("stats")["polled_shards"] == load.shards)
        started = self._kinesis.ask("start")
        self._until(lambda: self._written() > 0)
        self._watch(load.warm_up)
        self._dynamodb.ask("samples")
        before = self._measured()
        memory = self._watch(load.seconds)
        after = self._measured()
        samples = self._dynamodb.ask("samples") if self._peer.told_apart else []
        self._kinesis.ask("stop")
        self._kinesis.ask("cut")  # how long it takes to catch up is no question here, only that what it has read comes
        self._drain(load.drain)
        put, written = self._kinesis.ask("stats")["put"], self._written()
        seconds, records = after["at"] - before["at"], after["written"] - before["written"]
        if not records:
            raise RuntimeError("Nothing was written in the window.")
        spent = {kind: used - before["cpu"].get(kind, 0) for kind, used in after["cpu"].items() if kind != OVERHEAD}
        spent["all"] = sum(spent.values())
        latencies = sorted((at - started["started_at"] - index / load.rate) * 1000 for _, index, at in samples)
        return PeerResult(
            name=self._name,
            load=load,
            seconds=seconds,
            records=records,
            records_per_second=records / seconds,
            records_per_core=records / spent["all"],
            core_seconds_per_million={kind: used / records * 1e6 for kind, used in spent.items()},
            pss_mib={kind: max(each.get(kind, 0) for each in memory) / MIB for kind in memory[-1]}
            | {"all": max(sum(each.values()) for each in memory) / MIB},
            latency_ms={
                name: quantile(latencies, share) or 0 for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1))
            }
            if latencies
            else None,
            told_apart=self._peer.told_apart,
            put=put,
            written=written,
            lost=put - written,
        )

    def _written(self) -> int:
        stats = self._dynamodb.ask("stats")
        return int(stats["distinct"] if self._peer.told_apart else stats["items"].get(TABLE, 0))

    def _measured(self) -> dict[str, Any]:
        return {"at": time.time(), "written": self._written(), "cpu": self._tree.cpu()}

    def _watch(self, seconds: float) -> list[dict[str, int]]:
        memory = [self._pss()]
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(PSS_SECONDS, left))
            self._check()
            memory.append(self._pss())
        return memory

    def _pss(self) -> dict[str, int]:
        return {kind: size for kind, size in self._tree.pss().items() if kind != OVERHEAD}

    def _drain(self, seconds: float) -> None:
        """Wait until all is written, or nothing more is."""
        until = time.monotonic() + seconds
        seen, seen_at = -1, time.monotonic()
        while True:
            written, now = self._written(), time.monotonic()
            if written != seen:
                seen, seen_at = written, now
            if written >= self._kinesis.ask("stats")["put"] or now > min(until, seen_at + STALL_SECONDS):
                return
            time.sleep(0.25)

    def _until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            self._check()
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self._name} did not start within {START_SECONDS:.0f} s.\n{self._tail()}")
            time.sleep(0.05)

    def _check(self) -> None:
        if self._process.poll() is not None:
            raise RuntimeError(f"{self._name} ended with {self._process.returncode}.\n{self._tail()}")

    def _tail(self) -> str:
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:])

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)  # its own session: start_new_session
            self._process.wait()


def measure(name: str, load: Load) -> PeerResult:
    """Run a peer under `load`, which has a rate and no backlog. What the peer has not read at the end is taken back."""
    with ExitStack() as stack:
        return PeerBench(name, load, stack).run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(PEERS))
    parser.add_argument("--shards", type=int, default=10)
    parser.add_argument("--rate", type=float, default=1000, help="records a second for each shard")
    parser.add_argument("--seconds", type=float, default=30, help="length of the window that is measured")
    parser.add_argument("--warm-up", type=float, default=10, help="seconds from the first write to the window")
    parser.add_argument("--drain", type=float, default=DRAIN_SECONDS, help="seconds for what was read to be written")
    arguments = vars(parser.parse_args())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: what was started is stopped
    result = measure(arguments.pop("name"), Load(**arguments))
    print(json.dumps(asdict(result), indent=2))
    sys.exit(1 if result.lost else 0)


if __name__ == "__main__":
    main()
