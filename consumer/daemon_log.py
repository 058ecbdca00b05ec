"""The daemon's log lines, let through by an allow-list of logger and message template.

KCL logs raw data in some errors (a malformed KPL aggregate, a message to a child that is gone), so a line passes only
if its template is known to hold none. Of everything else logger, level and count remain.
"""

import json
import re
import time
from enum import IntEnum
from typing import Any, Final

from consumer.metrics import Metrics

_SCHEDULER: Final = "software.amazon.kinesis.coordinator.Scheduler"
_DAEMON: Final = "software.amazon.kinesis.multilang.MultiLangDaemon"
_PROCESSOR: Final = "software.amazon.kinesis.multilang.MultiLangShardRecordProcessor"
_INITIALISING: Final = (_SCHEDULER, "Initializing LeaseCoordinator attempt {}")
_INITIALISED: Final = (_SCHEDULER, "Initialization complete. Starting worker loop.")

ALLOWED: Final = frozenset(
    {
        (_DAEMON, "Process terminated, will initiate shutdown."),
        (_DAEMON, "Process shutdown is complete."),
        (_DAEMON, "Encountered an error during shutdown."),
        (_DAEMON, "Encountered an error while running daemon"),
        (_DAEMON, "Caught throwable while processing data"),
        (_PROCESSOR, "Encountered an error while trying to initialize record processor"),
        (_PROCESSOR, "Encountered an error while trying to process records"),
        (_PROCESSOR, "Encountered an error while trying to shutdown child process"),
        (_PROCESSOR, "Child process failed to complete shutdown notification."),
        _INITIALISING,
        _INITIALISED,
        (_SCHEDULER, "Starting LeaseCoordinator"),
        (_SCHEDULER, "Worker shutdown requested."),
        (_SCHEDULER, "Worker loop is complete. Exiting from worker."),
    }
)
"""(logger, template) of lines that pass, as a template, without its arguments."""


class Phase(IntEnum):
    """How far a daemon has come."""

    STARTED = 0
    INITIALISING = 1  # Java and the jars are as they must be; in a second or two it will take up the leases that it has
    SERVING = 2  # KCL has reached the stream and its tables


_PHASES: Final = {_INITIALISING: Phase.INITIALISING, _INITIALISED: Phase.SERVING}

_FATAL: Final = {
    "Terminating due to java.lang.OutOfMemoryError": "out of memory",
    "Error: Could not find or load main class": "jars are missing",
    "Error occurred during initialization of VM": "the JVM cannot start",
    "Unrecognized VM option": "the JVM does not know an option",
    "Error: Could not create the Java Virtual Machine": "the JVM cannot start",
}
"""Beginnings of plain lines of the JVM itself, and what they say."""

SUMMARY_SECONDS: Final = 30.0
_CLASS: Final = re.compile(r"[A-Za-z_$][\w$.-]{0,199}", re.ASCII)
_LEVELS: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")
_SEVERITY: Final = {"ERROR": "error", "WARN": "warning"}


class DaemonLog:
    """Reads the daemon's lines, one at a time; used by one thread."""

    def __init__(self, metrics: Metrics, log: Any) -> None:
        self._metrics = metrics
        self._log = log
        self._withheld: dict[tuple[str, str], int] = {}
        self._summed_at = time.monotonic()

    def line(self, raw: bytes) -> Phase | None:
        """Take one line, and return the phase whose beginning it tells of, if any."""
        try:
            event = json.loads(raw)
            logger, level, template = event["loggerName"], event["level"], event.get("message")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._plain(raw)
            return None
        if not _is_class(logger) or level not in _LEVELS:  # both become labels, so nobody may choose them
            self._plain(raw)
            return None
        self._metrics.daemon_log_lines.labels(logger, level).inc()
        if isinstance(template, str) and (logger, template) in ALLOWED:
            thrown = event.get("throwable")
            error = thrown.get("className") if isinstance(thrown, dict) else None
            method = getattr(self._log, _SEVERITY.get(level, "info"))
            method("daemon.log", logger=logger, template=template, error=error if _is_class(error) else None)
        else:
            self._withhold(logger, level)
        return _PHASES.get((logger, template)) if isinstance(template, str) else None

    def close(self) -> None:
        """Say what was withheld since the last summary."""
        for (logger, level), count in sorted(self._withheld.items()):
            method = getattr(self._log, _SEVERITY.get(level, "debug"))
            method("daemon.log_withheld", logger=logger, level=level, count=count)
        self._withheld.clear()
        self._summed_at = time.monotonic()

    def _plain(self, raw: bytes) -> None:
        """A line that is no event: of the JVM itself, or of a child's stderr."""
        text = raw.decode("utf-8", "replace")
        self._metrics.daemon_log_lines.labels("stderr", "UNKNOWN").inc()
        for beginning, meaning in _FATAL.items():
            if text.startswith(beginning):
                self._log.error("daemon.fatal", reason=meaning)
                return
        self._withhold("stderr", "UNKNOWN")

    def _withhold(self, logger: str, level: str) -> None:
        self._withheld[logger, level] = self._withheld.get((logger, level), 0) + 1
        if time.monotonic() - self._summed_at >= SUMMARY_SECONDS:
            self.close()


def _is_class(name: object) -> bool:
    return isinstance(name, str) and _CLASS.fullmatch(name) is not None
