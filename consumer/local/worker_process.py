"""Runs `sanitizer run` as a process of its own, as a container would, and starts it again if it dies."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from consumer import tethered

STOP_SECONDS = 30.0


class WorkerProcess:
    """The worker. It ends with `close`, and by itself when this process dies.

    :param config: its settings file.
    :param log: file to which its log is appended.
    :param environment: its variables; None: this process's.
    """

    def __init__(self, config: Path, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._config = config
        self._log = log
        self._environment = environment
        self.starts = 0
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        with self._log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own command
                [
                    *(sys.executable, "-I", "-S", "-E", tethered.__file__, str(os.getpid())),
                    *(sys.executable, "-m", "consumer.cli", "run", "--config", str(self._config)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for the one who started us
            )

    @property
    def exit_status(self) -> int | None:
        """Its exit status, or None while it lives."""
        return self._process.poll()

    @property
    def pid(self) -> int:
        """The supervisor's pid."""
        return self._process.pid

    def restart(self) -> None:
        """Start it again after it ended, with the same configuration and runtime folder."""
        self._process.wait()
        self._process = self._start()

    def close(self) -> int:
        """Stop it with SIGTERM and return its exit status; kill it if it does not end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()
