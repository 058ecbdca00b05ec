"""A process on this machine that does not outlive the one that started it."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from consumer.worker import tethered

STOP_SECONDS = 30.0


class LocalProcess:
    """A program. It ends with `close`, and by itself when this process dies.

    :param command: its command line; the program with its path.
    :param log: file to which its output is appended.
    :param environment: its variables; None: this process's.
    """

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._command = command
        self._log = log
        self._environment = environment
        self.starts = 0
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        with self._log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own commands
                [sys.executable, "-I", "-S", "-E", tethered.__file__, str(os.getpid()), *self._command],
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
        """Its pid."""
        return self._process.pid

    def tail(self) -> str:
        """Return the last lines that it wrote."""
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:])

    def restart(self) -> None:
        """Start it again after it ended, as before."""
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
