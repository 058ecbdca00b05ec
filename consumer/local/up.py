"""`make up`: what deploy/local/compose.yaml starts, as processes on this machine, without Docker.

cloud ◄── stream, tables       worker (sanitizer run) ◄── Prometheus       feed
"""

import shutil
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import yaml

from consumer.errors import StartError
from consumer.local.local_process import LocalProcess
from consumer.local.stack import (
    QUICK_START,
    Interrupted,
    Stack,
    free_port,
    ignore_signals,
    interrupt_by_signals,
    scratch,
)
from consumer.producing.formats import DEFAULT, format_named
from consumer.terminal.parts import Column, Table, show
from consumer.terminal.printable import echo
from consumer.terminal.progress import Progress

CLOUD_PORT: Final = 4566
PROMETHEUS_PORT: Final = 9090
PROMETHEUS_SECONDS: Final = 30.0
_DEPLOY: Final = Path(__file__).parents[2] / "deploy"
SCRAPES: Final = _DEPLOY / "local" / "prometheus.yml"
RULES: Final = _DEPLOY / "observability" / "prometheus" / "rules.yml"

_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said.

    :ivar rate: transactions a second; `records` in all.
    :ivar format: how they are written, see `consumer.producing.formats`; `documents` in one record, at most.
    :ivar seconds: how long to run once everything does; None: until interrupted.
    """

    shards: int
    rate: int
    records: int
    seconds: float | None
    format: str
    documents: int | None


def run(options: Options) -> None:
    """Run it all.

    :raises SanitizerError: it could not be started, a part of it ended, or the worker did not stop cleanly.
    """
    interrupt_by_signals()
    try:
        with (
            scratch("sanitizer-up-") as folder,
            Stack(folder, _settings(options), options.shards) as stack,
        ):
            with Up(options, stack) as up:
                up.run()
            _stop(stack)
    except Interrupted:
        echo("Interrupted before everything ran; what was started has been stopped.", err=True)


def _settings(options: Options) -> dict[str, Any]:
    settings: dict[str, Any] = {"kcl": QUICK_START}
    if options.format != DEFAULT:
        settings["stream"] = {"format": format_named(options.format).setting}
    return settings


def _stop(stack: Stack) -> None:
    status = stack.close()
    if status:
        raise StartError(f"The worker stopped with exit status {status}; its log ended so:\n{stack.tail()}")


class Up:
    """One run; a context manager that stops whatever it started."""

    def __init__(self, options: Options, stack: Stack) -> None:
        self._options = options
        self._stack = stack
        self._progress = Progress()
        self._parts: dict[str, LocalProcess] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        ignore_signals()
        self._progress.end()
        for part in reversed(self._parts.values()):
            part.close()

    def run(self) -> None:
        """Start everything, say where it is, and watch over it until the time is up."""
        options, stack = self._options, self._stack
        self._progress.say("starting the embedded cloud")
        stack.start_cloud(free_port(CLOUD_PORT))
        stack.start_worker(self._progress)
        prometheus = self._start_prometheus()
        # Last, and so the first to be stopped: the worker then drains what there is.
        feed = [sys.executable, "-m", "consumer.local", "feed", "--config", str(stack.config)]
        feed += ["--rate", str(options.rate), "--records", str(options.records), "--format", options.format]
        if options.documents:
            feed += ["--documents", str(options.documents)]
        self._start("producer", feed)
        self._progress.end()
        echo(f"{options.rate} transactions a second over {options.shards} shards. Ctrl-C ends it.\n")
        places = [
            ("  status page", stack.page),
            ("  metrics", f"{stack.page}metrics"),
            ("  Prometheus", prometheus or _no_prometheus()),
            ("  Grafana", "in deploy/local/compose.yaml only, with its dashboard"),
            ("  logs", f"{stack.folder}/*.log"),
        ]
        show(Table((Column(), Column()), places, gap=1, is_whole=True), "\nIn another terminal:\n")
        stack.show_ways_in(["get 12345", "status", "quarantine list"])
        try:
            self._watch()
        except Interrupted:
            echo("\nStopping.")

    def _watch(self) -> None:
        seconds = self._options.seconds
        deadline = None if seconds is None else time.monotonic() + seconds
        while deadline is None or time.monotonic() < deadline:
            self._stack.check_worker()
            for name, part in list(self._parts.items()):
                if part.exit_status == 0:
                    echo(f"\nThe {name} has ended: {part.tail()}")
                    del self._parts[name]
                elif part.exit_status is not None:
                    raise StartError(f"The {name} ended with exit status {part.exit_status}.\n{part.tail()}")
            time.sleep(0.2)

    def _start(self, name: str, command: list[str]) -> LocalProcess:
        part = self._parts[name] = LocalProcess(command, self._stack.folder / f"{name}.log")
        return part

    def _start_prometheus(self) -> str | None:
        """Return its address, or None if it is not installed, or its rules are not."""
        program = shutil.which("prometheus")
        if program is None or not RULES.exists():
            return None
        folder = self._stack.folder
        config = folder / "prometheus.yml"
        config.write_text(yaml.safe_dump(scrape_settings(f"127.0.0.1:{self._stack.port}")), encoding="utf-8")
        port = free_port(PROMETHEUS_PORT)
        part = self._start(
            "prometheus",
            [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'prometheus'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
        )
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + PROMETHEUS_SECONDS
        while not _answers(f"{url}/-/ready"):
            if part.exit_status is not None or time.monotonic() > deadline:
                raise StartError(f"Prometheus did not start.\n{part.tail()}")
            time.sleep(0.1)
        return url


def scrape_settings(target: str) -> dict[str, Any]:
    """Return Prometheus's settings as in compose, but for where the worker and the rules are."""
    settings: dict[str, Any] = yaml.safe_load(SCRAPES.read_text(encoding="utf-8"))
    settings["rule_files"] = [str(RULES)]
    for job in settings["scrape_configs"]:
        job["static_configs"] = [{"targets": [target]}]
    return settings


def _no_prometheus() -> str:
    if RULES.exists():
        return "not on the PATH: install it (Debian: apt-get install prometheus)"
    return "in a checkout only, which has its rules"


def _answers(url: str) -> bool:
    try:
        with _DIRECT.open(url, timeout=2):
            return True
    except OSError:
        return False
