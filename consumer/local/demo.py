"""`sanitizer demo`: everything on this machine, the same worker as in production, and a verdict by looking.

cloud ◄── stream, tables       worker (sanitizer run)        feed ──► ledger ──► look ──► report
"""

import itertools
import json
import os
import shlex
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self

import click
import yaml

from consumer import aws, tables
from consumer.codec import decode_document
from consumer.config import Settings, lease_tables, load_settings
from consumer.daemon import PROPERTIES_FILE
from consumer.errors import StartError, UsageError
from consumer.local import scrape
from consumer.local.cloud_process import Cloud, CloudError
from consumer.local.ledger import Findings, Ledger
from consumer.local.progress import Progress
from consumer.local.report import Report, quantile, show
from consumer.local.transactions import CANONICAL, transactions
from consumer.local.worker_process import WorkerProcess
from consumer.producer import Producer, Put, calls, read_lines
from consumer.redactors import load_plugin
from redaction.guard import redact_guarded
from redaction.plugin import Released

STREAM: Final = "demo-transactions"
DEFAULT_RECORDS: Final = 10_000
PREFERRED_PORT: Final = 9464
START_SECONDS: Final = 120.0
FIRST_SECONDS: Final = 15.0
STALL_SECONDS: Final = 150.0
"""Without any progress for so long, what is missing is called lost. A leader's lease of KCL lasts 120 s."""

CALLS_PER_SECOND: Final = 20
MAX_WORKER_STARTS: Final = 20


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said.

    :ivar started_at: epoch seconds when the command began.
    """

    started_at: float
    source: Path | None
    records: int | None
    rate: int
    shards: int
    policy: Path | None
    report: Path | None
    seed: int
    keep_running: bool


class Interrupted(Exception):
    """Ctrl-C or SIGTERM."""


def run(options: Options) -> int:
    """Run the demo.

    :return: exit status: 0 if every record is accounted for and nothing leaked, 1 if not, 130 when interrupted.
    :raises SanitizerError: it could not be started.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        # Once: what follows must not be interrupted again, or processes would be left behind.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Interrupted

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="sanitizer-demo-") as folder, Demo(options, Path(folder)) as demo:
            report = demo.run()
            if options.keep_running:
                demo.keep_running()
    except Interrupted:
        click.echo("\nInterrupted; everything that was started has been stopped.", err=True)
        return 130
    except CloudError as error:
        raise StartError(str(error)) from None
    return 0 if report.is_good else 1


class Demo:
    """One run; a context manager that stops whatever it started."""

    def __init__(self, options: Options, folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._log = folder / "worker.log"
        self._cloud: Cloud | None = None
        self._worker: WorkerProcess | None = None
        self._progress = Progress()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.end()
        if self._worker is not None:
            self._worker.close()
        if self._cloud is not None:
            self._cloud.close()

    def run(self) -> Report:
        """Start, feed, verify, report."""
        options = self._options
        if options.report and not options.report.absolute().parent.is_dir():
            raise UsageError(f"The report {options.report} cannot be written: there is no such folder.")
        records = self._records()
        self._port = _free_port()
        self._start_cloud()
        settings = self._settings
        redactor = load_plugin(settings)
        ledger = Ledger(settings, redactor)
        self._worker = WorkerProcess(self._config, self._log)
        self._progress.end()
        click.echo(f"Metrics: http://127.0.0.1:{self._port}/metrics")
        self._wait_for_shards()
        producer = Producer(STREAM)
        # One record ahead: KCL reads a shard a second or two after it has the lease, which is the start's time.
        self._feed(itertools.islice(records, 1), producer, ledger)
        self._wait_for_first()
        began = time.time()
        total = self._feed(records, producer, ledger)
        self._check_worker()
        findings = self._wait_until_found(ledger)
        durable = self._cloud_.durable_times()
        report = self._report(ledger, findings, durable, began)
        self._progress.end()
        before, after = CANONICAL, b""
        for verdict in redact_guarded(redactor, [CANONICAL]):
            after = verdict.body if isinstance(verdict, Released) else type(verdict).__name__.encode()
        show(report, before, after, total)
        if options.report:
            options.report.write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")
        return report

    def keep_running(self) -> None:
        """Go on serving until interrupted."""
        environment = self._cloud_.environment() | {"SANITIZER_CONFIG": str(self._config)}
        click.echo("\nStill running; Ctrl-C ends it. In another terminal:\n")
        for name, value in environment.items():
            click.echo(f"  export {name}={shlex.quote(value)}")
        command = Path(sys.executable).with_name("sanitizer")
        for arguments in ("get 12345", "status", "quarantine list", "produce FILE"):
            click.echo(f"  {command} {arguments}")
        sys.stdout.flush()
        try:
            while True:
                self._check_worker()
                time.sleep(0.5)
        except Interrupted:
            click.echo("\nStopping.")

    def _records(self) -> Iterator[Put]:
        options = self._options
        if options.source is None:
            count = options.records or DEFAULT_RECORDS
            return (Put(made.data, made.partition_key) for made in transactions(options.seed, count))
        try:
            content = options.source.read_bytes()
        except OSError as error:
            msg = f"The input {options.source} cannot be read: {error.strerror}."
            raise UsageError(msg) from None
        try:
            records = list(read_lines(_lines(content), "user_id"))  # checked before anything is started
        except StartError as error:
            raise UsageError(str(error)) from None
        return itertools.islice(records, options.records)

    def _start_cloud(self) -> None:
        options = self._options
        values: dict[str, Any] = {
            "stream": {"name": STREAM},
            # Everything as in production, but for what makes a start on fresh tables take a minute.
            "kcl": {
                "application": "demo",
                "lease_assignment_ms": 1000,
                "shard_sync_ms": 1000,
                "shutdown_grace_ms": 10_000,
            },
            "http": {"host": "127.0.0.1", "port": self._port},
            "runtime_dir": str(self._folder / "run"),
        }
        if options.policy:
            values["redaction"] = {"plugin": "policy", "options": {"policy": str(options.policy.absolute())}}
        for name in [name for name in os.environ if name.startswith("SANITIZER_")]:
            del os.environ[name]  # the user's settings are for the user's worker
        self._config = self._folder / "demo.yaml"
        self._config.write_text(yaml.safe_dump(values), encoding="utf-8")
        self._settings: Settings = load_settings(self._config)
        load_plugin(self._settings)  # a bad policy is said before anything is started
        self._progress.say("starting the embedded cloud")
        self._cloud = Cloud()
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(self._cloud.environment())
        aws.client("kinesis").create_stream(StreamName=STREAM, ShardCount=options.shards)
        list(tables.create(self._settings))
        tables.seed_leases(self._settings)

    def _wait_for_shards(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            self._check_worker()
            owned = scrape.sums(self._port).get("sanitizer_shards_owned", 0)
            if owned >= self._options.shards:
                return
            if time.monotonic() > deadline:
                raise StartError(f"The worker took no shards within {START_SECONDS:.0f} s.\n{self._tail()}")
            self._progress.say(f"starting the worker: {owned:.0f} of {self._options.shards} shards")
            time.sleep(0.2)

    def _feed(self, records: Iterator[Put], producer: Producer, ledger: Ledger) -> int:
        rate = self._options.rate
        began, before = time.monotonic(), len(ledger)
        for call in calls(records, limit=max(1, min(500, rate // CALLS_PER_SECOND))):
            ledger.enter([put.data for put in call], producer.put(call), [put.partition_key for put in call])
            self._check_worker()
            self._progress.say(f"fed {len(ledger)}", every=0.2)
            time.sleep(max(0.0, (len(ledger) - before) / rate - (time.monotonic() - began)))
        return len(ledger)

    def _wait_for_first(self) -> None:
        deadline = time.monotonic() + FIRST_SECONDS
        while not scrape.sums(self._port).get("sanitizer_records_total") and time.monotonic() < deadline:
            self._check_worker()
            time.sleep(0.1)

    def _wait_until_found(self, ledger: Ledger) -> Findings:
        """Look until every record is found, or nothing more happens."""
        seen = -1.0
        changed_at = looked_at = time.monotonic()
        while True:
            self._check_worker()
            done = scrape.sums(self._port).get("sanitizer_records_total", 0)
            now = time.monotonic()
            if done != seen:
                seen, changed_at = done, now
            # The counters start anew with the supervisor, so they say when to look, and nothing else.
            if done >= len(ledger) or now - looked_at > 5:  # noqa: PLR2004
                findings = self._look(ledger)
                looked_at = time.monotonic()
                if not findings.lost or now - changed_at > STALL_SECONDS:
                    return findings
            self._progress.say(f"fed {len(ledger)}, settled {done:.0f}", every=0.2)
            time.sleep(0.2)

    def _look(self, ledger: Ledger) -> Findings:
        cloud, settings = self._cloud_, self._settings
        return ledger.find(
            cloud.table(settings.output.table), map(decode_document, cloud.table(settings.quarantine.table))
        )

    def _report(self, ledger: Ledger, findings: Findings, durable: dict[str, float], began: float) -> Report:
        latencies = sorted(
            max(0.0, durable[name] - placed.put_at * 1000)
            for placed in ledger.places()
            if (name := f"{placed.shard}/{placed.sequence}/0") in durable
        )
        times = durable.values()
        seconds = max(times) / 1000 - began if durable else 0.0
        leaks = ledger.leaks(self._channels())
        return Report(
            produced=len(ledger),
            stored=findings.stored,
            quarantined=findings.quarantined,
            dropped=findings.dropped,
            duplicates=findings.duplicates,
            lost=len(findings.lost) + len(findings.wrong),
            leaks=sum(leaks.values()),
            seconds_to_first_document=min(times) / 1000 - self._options.started_at if durable else None,
            records_per_second=len(ledger) / seconds if seconds > 0 else None,
            latency_ms={
                "p50": quantile(latencies, 0.5),
                "p99": quantile(latencies, 0.99),
                "max": quantile(latencies, 1),
            },
            shards=self._options.shards,
            leaking_channels=[name for name, count in leaks.items() if count],
        )

    def _channels(self) -> dict[str, Iterator[str]]:
        """Everything that leaves the worker: where the leaks are looked for."""
        settings = self._settings

        def texts(table: str) -> Iterator[str]:
            return (json.dumps(item, ensure_ascii=False) for item in self._cloud_.table(table))

        return {
            "documents": texts(settings.output.table),
            "quarantine": texts(settings.quarantine.table),
            "KCL tables": (text for table in lease_tables(settings.kcl.application) for text in texts(table)),
            "log": iter([self._log.read_text(encoding="utf-8", errors="replace")]),
            "metrics": iter([scrape.text(self._port)]),
            "properties": iter([(self._folder / "run" / PROPERTIES_FILE).read_text(encoding="latin-1")]),
        }

    @property
    def _cloud_(self) -> Cloud:
        assert self._cloud is not None  # noqa: S101 - started before anything else
        return self._cloud

    def _check_worker(self) -> None:
        """Do what ECS does: start the worker again when it died."""
        worker = self._worker
        if worker is None or worker.exit_status is None:
            return
        status = worker.exit_status
        if worker.starts >= MAX_WORKER_STARTS or status > 0:
            raise StartError(f"The worker ended with exit status {status}.\n{self._tail()}")
        click.echo(f"\nThe supervisor died (status {status}); it is started again.", err=True)
        worker.restart()

    def _tail(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines() if self._log.exists() else []
        return "\n".join(lines[-10:])


def _free_port() -> int:
    """Return 9464, or the next port that is free."""
    for port in range(PREFERRED_PORT, PREFERRED_PORT + 1000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    msg = f"No port from {PREFERRED_PORT} on is free on 127.0.0.1."
    raise StartError(msg)


def _lines(content: bytes) -> list[bytes]:
    """Split at line feeds only: `bytes.splitlines` also splits at lone carriage returns, which a line may hold."""
    return content.removesuffix(b"\n").split(b"\n") if content else []
