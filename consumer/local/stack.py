"""What the demo and `make up` stand on: the embedded cloud, stream and tables, and the real worker."""

import os
import shlex
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self

import yaml

from consumer.errors import StartError
from consumer.local import scrape
from consumer.local.cloud.process import Cloud, CloudError
from consumer.local.prepare import prepare
from consumer.local.worker_process import WorkerProcess
from consumer.redactors.loading import load_plugin
from consumer.settings import Settings, load_settings
from consumer.terminal.printable import echo
from consumer.terminal.progress import Progress

METRICS_PORT: Final = 9464
START_SECONDS: Final = 120.0
QUICK_START: Final = {"lease_assignment_ms": 1000, "shard_sync_ms": 1000, "shutdown_grace_ms": 10_000}
"""Everything as in production, but for what makes a start on fresh tables take a minute."""


class Interrupted(Exception):
    """Ctrl-C or SIGTERM."""


def interrupt_by_signals() -> None:
    """Have Ctrl-C and SIGTERM raise `Interrupted` in the main thread, once."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        ignore_signals()
        raise Interrupted

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)


def ignore_signals() -> None:
    """Let nothing interrupt what follows: processes would be left behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """Make a folder that goes away at the end, unless a failure leaves logs in it: these are said to be kept."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    is_kept = False
    try:
        yield folder
    except Interrupted:
        raise
    except Exception:
        is_kept = any(folder.glob("*.log"))
        raise
    finally:
        if is_kept:
            echo(f"The logs are kept: {folder}/*.log", err=True)
        else:
            shutil.rmtree(folder)


class Stack:
    """The embedded cloud and a worker; a context manager that stops whatever it started.

    This process's environment becomes that of the embedded cloud's clients.

    :param folder: of the settings file, the log and the runtime folder.
    :param settings: further ones, over those that `Stack` makes.
    :param shards: of the stream.
    :ivar config: the settings file.
    :ivar port: of the worker's metrics.
    :raises UsageError: the settings are not valid.
    :raises StartError: the policy is not.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], shards: int) -> None:
        self.folder = folder
        self.log = folder / "worker.log"
        self.shards = shards
        self.port = free_port(METRICS_PORT)
        values = {
            "kcl": QUICK_START,
            "http": {"host": "127.0.0.1", "port": self.port},
            "runtime_dir": str(folder / "run"),
        }
        self.config = folder / "settings.yaml"
        self.config.write_text(yaml.safe_dump(values | settings), encoding="utf-8")
        forget("SANITIZER_")  # the user's settings are for the user's worker
        self.settings: Settings = load_settings(self.config)
        self.redactor = load_plugin(self.settings)  # a bad policy is said before anything is started
        self._cloud: Cloud | None = None
        self._worker: WorkerProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> int:
        """Stop everything; return the worker's exit status. May be called twice."""
        ignore_signals()
        status = self._worker.close() if self._worker is not None else 0
        if self._cloud is not None:
            self._cloud.close()
        return status

    @property
    def page(self) -> str:
        """The address of the worker's status page."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def cloud(self) -> Cloud:
        """The running one."""
        assert self._cloud is not None  # noqa: S101 - started before anything else
        return self._cloud

    def start_cloud(self, port: int = 0) -> None:
        """Start the cloud, with stream, tables and leases.

        :param port: 0 takes a free one.
        """
        try:
            self._cloud = Cloud(port=port)
        except CloudError as error:
            raise StartError(str(error)) from None
        forget("AWS_")
        os.environ.update(self._cloud.environment())
        prepare(self.settings, self.shards)

    def start_worker(self, progress: Progress) -> None:
        """Start the worker and wait until it has all shards.

        :raises StartError: it ended, or took no shards.
        """
        self._worker = WorkerProcess(self.config, self.log)
        deadline = time.monotonic() + START_SECONDS
        while (owned := scrape.sums(self.port).get("sanitizer_shards_owned", 0)) < self.shards:
            self.check_worker()
            if time.monotonic() > deadline:
                raise StartError(f"The worker took no shards within {START_SECONDS:.0f} s.\n{self.tail()}")
            progress.say(f"starting the worker: {owned:.0f} of {self.shards} shards")
            time.sleep(0.2)

    def check_worker(self) -> None:
        """See that it runs; see `WorkerProcess.revive`."""
        if self._worker is not None:
            self._worker.revive()

    def tail(self) -> str:
        """Return the last lines of the worker's log."""
        return self._worker.tail() if self._worker is not None else ""

    def show_ways_in(self, commands: Iterable[str]) -> None:
        """Print the environment with which the commands reach this stack, and some of them."""
        for name, value in (self.cloud.environment() | {"SANITIZER_CONFIG": str(self.config)}).items():
            echo(f"  export {name}={shlex.quote(value)}")
        for command in commands:
            echo(f"  {program(Path.cwd())} {command}")
        sys.stdout.flush()


def shown(path: Path, folder: Path) -> str:
    """Return a path as somebody in `folder` would write it."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def program(folder: Path) -> str:
    """Return how the `sanitizer` command is called from `folder`."""
    return shown(Path(sys.executable).with_name("sanitizer"), folder)


def free_port(preferred: int) -> int:
    """Return `preferred`, or the next port that is free on 127.0.0.1."""
    for port in range(preferred, preferred + 1000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    msg = f"No port from {preferred} on is free on 127.0.0.1."
    raise StartError(msg)


def forget(prefix: str) -> None:
    """Take the variables of that prefix out of the environment."""
    for name in [name for name in os.environ if name.startswith(prefix)]:
        del os.environ[name]
