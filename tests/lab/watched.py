"""A worker seen from outside: its log, its metrics, its processes. And how tests wait."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from consumer.local import scrape
from consumer.local.worker_process import WorkerProcess


def wait_for(condition: Callable[[], Any], what: str, timeout: float = 60.0, *, every: float = 0.1) -> Any:
    """Wait until `condition` holds and return its value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"timed out after {timeout} s: {what}"
        time.sleep(every)


def descendants(pid: int) -> dict[int, str]:
    """Return pid and command line of all processes below `pid`."""
    listing = subprocess.run(["ps", "-ewwo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [(int(p), int(pp), args) for p, pp, args in (line.split(None, 2) for line in listing.splitlines() if line)]
    found: dict[int, str] = {}
    frontier = {pid}
    while frontier:
        layer = {p: args for p, pp, args in rows if pp in frontier and p not in found}
        found |= layer
        frontier = set(layer)
    return found


def lives(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    listing = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(listing.strip()) and not listing.strip().startswith("Z")


class Watched:
    """One worker, with its settings file, its log and its runtime folder under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "worker.log"
        self.config = folder / "worker.yaml"
        self.worker: WorkerProcess | None = None

    def metrics_text(self) -> str:
        port = self.port()
        assert port is not None
        return scrape.text(port)

    def metrics(self) -> dict[str, float]:
        """Return the sum of each metric over its labels; empty while the worker does not answer."""
        port = self.port()
        return scrape.sums(port) if port else {}

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the log's events of a name."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        parsed = (json.loads(line) for line in lines if f'"event": "{name}"' in line and line.endswith("}"))
        return [event for event in parsed if event["event"] == name]

    def port(self) -> int | None:
        started = self.events("worker.started")
        return int(started[-1]["port"]) if started else None

    def pids(self, name: str) -> list[int]:
        """Return the worker's processes whose command line holds `name`."""
        assert self.worker is not None
        return [pid for pid, args in descendants(self.worker.pid).items() if name in args]

    def kill(self, name: str) -> None:
        """SIGKILL one of the worker's processes."""
        os.kill(wait_for(lambda: self.pids(name), f"a process {name}")[0], signal.SIGKILL)

    def stop(self) -> int:
        assert self.worker is not None
        return self.worker.close()

    def assert_books_balance(self) -> None:
        """received = stored + quarantined + dropped + duplicate + abandoned, with nothing in flight."""
        wait_for(lambda: self._in_flight() == 0, "nothing in flight")
        metrics = self.metrics()
        assert metrics.get("sanitizer_records_received_total") == metrics.get("sanitizer_records_total")
        assert metrics.get("sanitizer_documents_received_total") == metrics.get("sanitizer_documents_total")

    def _in_flight(self) -> float | None:
        metrics = self.metrics()
        # A worker that never got a record has no such metric; one that does not answer has none at all.
        return metrics.get("sanitizer_records_in_flight", 0.0) if "sanitizer_shards_owned" in metrics else None
