"""The KCL daemons of one worker, one after another: started, followed, replaced after pauses that grow, ended."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from consumer.backoff import backoff
from consumer.kcl.log import DaemonLog, Phase
from consumer.logs import Logger
from consumer.metrics import Metrics
from consumer.worker.events import DaemonExited, DaemonPhase, Post

DAEMON_VARIABLE = "SANITIZER_DAEMON"

OnLine = Callable[[bytes], None]


class DaemonProcess:
    """The KCL daemon. Posts `DaemonExited`.

    :param command: its command line, run in `folder`.
    :param lock: descriptor of the worker id's lock, which must outlive the supervisor if the daemon does.
    :param number: how many daemons there have been; sessions carry it, so that those of an older daemon are told apart.
    :param on_line: takes each line that it writes.
    """

    def __init__(self, command: list[str], folder: Path, lock: int, post: Post, number: int, on_line: OnLine) -> None:
        self.number = number
        tether = Path(__file__).with_name("tethered.py")
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", "-E", str(tether), str(os.getpid()), *command],
            cwd=folder,
            env=os.environ | {DAEMON_VARIABLE: str(number)},
            pass_fds=(lock,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.pid = self._process.pid
        threading.Thread(target=self._read, args=(on_line, post), name="daemon-log", daemon=True).start()

    def _read(self, on_line: OnLine, post: Post) -> None:
        # Children of the daemon do not inherit this pipe (Java gives them pipes of their own), so it ends with it.
        assert self._process.stdout is not None  # noqa: S101
        try:
            with self._process.stdout as lines:
                for line in lines:
                    on_line(line)
        finally:
            post(DaemonExited(self.number, self._process.wait()))

    def terminate(self) -> None:
        """Ask it to drain and end."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def wait(self, timeout: float) -> int | None:
        """Wait for its end; return its status, or None if it lives on."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None


RESTART_REASONS: Final = (
    "daemon_exit",
    "out_of_memory",
    "delivery_failed",
    "pipeline_died",
    "session_failed",
    "fetch_size",
)
BACKOFF_FIRST_SECONDS: Final = 0.2
BACKOFF_FACTOR: Final = 4.0
BACKOFF_LIMIT_SECONDS: Final = 30.0
HEALTHY_SECONDS: Final = 60.0
"""A daemon that lived so long was healthy: its end is the first failure of a new series."""

END_SECONDS: Final = 30.0
"""What the end of a killed process may take to be seen."""

LINGER_SECONDS: Final = 1.0
"""What a drained daemon may take to end by itself."""


class DaemonRunner:
    """Used by the supervisor's main thread; its public attributes are read by others, too.

    :param start: starts the daemon of a number, which posts where the events go; its lines are to be handed over.
    :param post: where the events of its log go: `DaemonPhase`.
    :ivar process: the daemon that lives or has just died, if there is one.
    :ivar started: how many there have been; the number of the last one.
    :ivar phase: how far that has come.
    :ivar failures: how many in a row were replaced before they had been healthy.
    :ivar failed_for: of `RESTART_REASONS`, that of the last of them; None: there was none.
    """

    def __init__(
        self,
        start: Callable[[int, OnLine], DaemonProcess],
        metrics: Metrics,
        post: Post,
        log: Logger,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start = start
        self._metrics = metrics
        self._post = post
        self._log = log
        self._clock = clock
        self._lines = DaemonLog(metrics, log)
        self._since = 0.0
        self._start_at = 0.0
        self.process: DaemonProcess | None = None
        self.started = 0
        self.phase = Phase.STARTED
        self.failures = 0
        self.failed_for: str | None = None

    @property
    def is_due(self) -> bool:
        """Whether there is none, and the pause after the last one is over."""
        return self.process is None and self._clock() >= self._start_at

    @property
    def is_healthy(self) -> bool:
        """Whether one has lived for long."""
        return self.process is not None and self._clock() - self._since > HEALTHY_SECONDS

    def is_current(self, number: int) -> bool:
        """Tell whether a daemon's number is that of `process`."""
        return self.process is not None and number == self.process.number

    def start(self) -> None:
        """Start one; there must be none."""
        self.started += 1
        self._since = self._clock()
        self.phase = Phase.STARTED
        self.process = self._start(self.started, partial(self._line, self.started))
        self._log.info("daemon.started", daemon=self.started, pid=self.process.pid)

    def _line(self, number: int, line: bytes) -> None:
        if (phase := self._lines.line(line)) is not None:
            self._post(DaemonPhase(number, phase))

    def put_off(self, reason: str, *, has_failed: bool = True) -> None:
        """End the daemon, if it lives, and have the next one wait, the longer the more have failed in a row."""
        if self.process is not None:
            # At once: a daemon whose child is gone would wait out its whole shutdown grace first.
            self.kill()
            if self.is_healthy:
                self.failures = 0
            self.process = None
        delay = 0.0
        if has_failed:
            delay = backoff(self.failures, BACKOFF_FIRST_SECONDS, BACKOFF_LIMIT_SECONDS, factor=BACKOFF_FACTOR)
            self.failures += 1
            self.failed_for = reason
        self._start_at = self._clock() + delay
        self._metrics.daemon_restarts.labels(reason).inc()
        self._log.warning("daemon.restarts", reason=reason, delay_seconds=delay)

    def drain(self, seconds: float, has_work: Callable[[], object]) -> bool:
        """Have the daemon end in order; it is gone when this returns.

        When each session has ended in order, all is checkpointed; KCL would only wait for another failover time.

        :param seconds: what it may take.
        :return: whether it ended, or had nothing left to do, within that time.
        """
        if self.process is None:
            return True
        self.process.terminate()
        is_in_time = self._has_ended(self.process, self._clock() + seconds, has_work)
        if not is_in_time:
            self._log.error("daemon.killed", reason="it did not end within the shutdown grace")
        self.kill()
        return is_in_time

    def _has_ended(self, process: DaemonProcess, deadline: float, has_work: Callable[[], object]) -> bool:
        while self._clock() < deadline:
            if process.wait(0.1) is not None:
                return True
            if not has_work():
                process.wait(LINGER_SECONDS)
                return True
        return False

    def kill(self) -> None:
        """End it at once, and wait until it is gone."""
        if self.process is not None and self.process.wait(0) is None:
            self.process.kill()
            self.process.wait(END_SECONDS)

    def close_log(self) -> None:
        """Write what its log has counted and not yet said."""
        self._lines.close()
