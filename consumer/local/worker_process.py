"""Runs `sanitizer run` as a process of its own, as a container would, and starts it again if it dies."""

import sys
from collections.abc import Mapping
from pathlib import Path

from consumer.errors import StartError
from consumer.local.local_process import LocalProcess
from consumer.terminal.printable import echo

MAX_STARTS = 20


class WorkerProcess(LocalProcess):
    """The worker. Its pid is the supervisor's.

    :param config: its settings file.
    :param log: file to which its log is appended.
    :param environment: its variables; None: this process's.
    """

    def __init__(self, config: Path, log: Path, environment: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "consumer.cli", "run", "--config", str(config)]
        super().__init__(command, log, environment)

    def revive(self) -> None:
        """Do what ECS does: start the worker again when it died.

        :raises StartError: it ended by itself, or has died too often.
        """
        status = self.exit_status
        if status is None:
            return
        if self.starts >= MAX_STARTS or status > 0:
            raise StartError(f"The worker ended with exit status {status}.\n{self.tail()}")
        echo(f"\nThe supervisor died (status {status}); it is started again.", err=True)
        self.restart()
