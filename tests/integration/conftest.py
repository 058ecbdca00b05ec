"""A laboratory for the integration tests: the embedded cloud, a real worker, and a ledger of every record."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer import aws, tables
from consumer.codec import decode_document
from consumer.config import Settings, load_settings
from consumer.local import scrape
from consumer.local.cloud_process import Cloud
from consumer.local.ledger import Findings, Ledger
from consumer.local.transactions import transactions
from consumer.local.worker_process import WorkerProcess
from consumer.producer import Producer, Put, calls
from consumer.redactors import load_plugin

FAST_KCL = {"failover_ms": 2000, "lease_assignment_ms": 1000, "shard_sync_ms": 1000, "shutdown_grace_ms": 8000}


def wait_for(condition: Callable[[], Any], what: str, timeout: float = 60.0) -> Any:
    """Wait until `condition` holds and return its value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"timed out after {timeout} s: {what}"
        time.sleep(0.1)


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


class Lab:
    """One stream with its tables, a worker and a ledger."""

    def __init__(self, cloud: Cloud, folder: Path, name: str) -> None:
        self.cloud = cloud
        self.folder = folder
        self.name = name
        self.log = folder / "worker.log"
        self.config = folder / "worker.yaml"
        self.worker: WorkerProcess | None = None
        self.settings: Settings
        self.ledger: Ledger

    def set_up(self, shards: int = 2, **sections: Any) -> None:
        """Make stream and tables, and write the settings."""
        values: dict[str, Any] = {
            "stream": {"name": self.name},
            "kcl": {"application": f"{self.name}-app"} | FAST_KCL | sections.pop("kcl", {}),
            "output": {"table": f"{self.name}-output"} | sections.pop("output", {}),
            "quarantine": {"table": f"{self.name}-quarantine"},
            "pipeline": {"processes": 2, "checkpoint_seconds": 0.5},
            "http": {"host": "127.0.0.1", "port": 0},
            "runtime_dir": str(self.folder / "run"),
        } | sections
        self.config.write_text(yaml.safe_dump(values), encoding="utf-8")
        self.settings = load_settings(self.config)
        self.ledger = Ledger(self.settings, load_plugin(self.settings))
        aws.client("kinesis").create_stream(StreamName=self.name, ShardCount=shards)
        list(tables.create(self.settings))
        tables.seed_leases(self.settings)

    def start(self, shards: int = 2) -> None:
        """Start the worker and wait until it serves the shards."""
        self.worker = WorkerProcess(self.config, self.log)
        wait_for(lambda: self.metrics().get("sanitizer_shards_owned", 0) >= shards, f"{shards} shards owned", 90)

    def put(self, payloads: Sequence[tuple[bytes, str]]) -> None:
        """Put records and enter them into the ledger."""
        producer = Producer(self.name)
        for call in calls((Put(*payload) for payload in payloads), limit=100):
            self.ledger.enter([put.data for put in call], producer.put(call))

    def put_raw(self, data: bytes, partition_key: str) -> None:
        """Put a record that the ledger does not know."""
        Producer(self.name).put([Put(data, partition_key)])

    def put_transactions(self, count: int, seed: int = 1) -> None:
        self.put([(made.data, made.partition_key) for made in transactions(seed, count)])

    def look(self) -> Findings:
        output = self.cloud.table(self.settings.output.table)
        return self.ledger.find(output, map(decode_document, self.cloud.table(self.settings.quarantine.table)))

    def wait_until_found(self, timeout: float = 90.0) -> Findings:
        """Wait until every record of the ledger is found, and see that it is where it belongs."""
        wait_for(lambda: not self.look().lost, f"all records found; {len(self.look().lost)} are missing", timeout)
        findings = self.look()
        assert not findings.wrong
        return findings

    def quarantine_codes(self) -> dict[tuple[str, str], str]:
        """Return the code of each quarantined record by shard and sequence number."""
        entries = map(decode_document, self.cloud.table(self.settings.quarantine.table))
        return {(entry["shard"], entry["sequence"]): entry["code"] for entry in entries}

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
        parsed = (yaml.safe_load(line) for line in lines if f'"event": "{name}"' in line)
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
        wait_for(lambda: self.metrics().get("sanitizer_records_in_flight") == 0, "nothing in flight")
        metrics = self.metrics()
        assert metrics["sanitizer_records_received_total"] == metrics["sanitizer_records_total"]

    def assert_no_leaks(self) -> None:
        tables_ = [self.settings.output.table, self.settings.quarantine.table]
        channels = {table: [str(item) for item in self.cloud.table(table)] for table in tables_}
        channels["log"] = [self.log.read_text(encoding="utf-8")]
        channels["metrics"] = [self.metrics_text()]
        assert not any(self.ledger.leaks(channels).values())


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with Cloud() as running:
        yield running


@pytest.fixture
def lab(cloud: Cloud, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    for name in [name for name in os.environ if name.startswith(("AWS_", "SANITIZER_"))]:
        monkeypatch.delenv(name)
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    made = Lab(cloud, tmp_path, "t-" + "".join(c if c.isalnum() else "-" for c in request.node.name)[:60])
    try:
        yield made
    finally:
        if made.worker is not None:
            made.worker.close()
        if request.session.testsfailed and made.log.exists():
            sys.stderr.write(made.log.read_text(encoding="utf-8")[-4000:])
