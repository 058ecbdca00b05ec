"""The daemon's log lines, let through by an allow-list of logger and message template.

KCL logs raw data in some errors (a malformed KPL aggregate, a message to a child that is gone), so a line passes only
if its template is known to hold none. Of everything else logger, level and count remain; and of each error, whether it
passes or not, what AWS answered.
"""

import json
import time
from enum import IntEnum
from typing import Any, Final

from consumer.kcl.log_errors import AwsError, aws_error, class_of, is_class
from consumer.kcl.log_templates import ALLOWED
from consumer.logs import Logger
from consumer.metrics import Metrics

_SCHEDULER: Final = "software.amazon.kinesis.coordinator.Scheduler"
_INITIALISING: Final = (_SCHEDULER, "Initializing LeaseCoordinator attempt {}")
_INITIALISED: Final = (_SCHEDULER, "Initialization complete. Starting worker loop.")


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

_THROTTLED: Final = "software.amazon.awssdk.services.kinesis.model.ProvisionedThroughputExceededException"

SUMMARY_SECONDS: Final = 30.0
DENIED_SECONDS: Final = 60.0
"""How often the same refusal is told."""

_SEVERITY: Final = {"TRACE": "debug", "DEBUG": "debug", "INFO": "info", "WARN": "warning", "ERROR": "error"}


class DaemonLog:
    """Reads the daemon's lines, one at a time; used by one thread."""

    def __init__(self, metrics: Metrics, log: Logger) -> None:
        self._metrics = metrics
        self._log = log
        self._withheld: dict[tuple[str, str], int] = {}
        self._summed_at = time.monotonic()
        self._denied: dict[tuple[str | None, ...], tuple[float, int]] = {}

    def line(self, raw: bytes) -> Phase | None:
        """Take one line, and return the phase whose beginning it tells of, if any."""
        try:
            event = json.loads(raw)
            logger, level, template = event["loggerName"], event["level"], event.get("message")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._plain(raw)
            return None
        if not is_class(logger) or not isinstance(level, str) or level not in _SEVERITY:
            # Both become labels, so nobody may choose them.
            self._plain(raw)
            return None
        self._metrics.daemon_log_lines.labels(logger, level).inc()
        thrown = event.get("throwable")
        aws = aws_error(thrown)
        error = aws.error if aws is not None else class_of(thrown)
        if error is not None and level in ("WARN", "ERROR"):
            self._metrics.daemon_errors.labels(error.rpartition(".")[2]).inc()
        if aws is not None and aws.error == _THROTTLED:
            self._metrics.read_throttles.inc()
        if aws is not None and aws.reason is not None:
            self._deny(aws, aws.reason)
        if isinstance(template, str) and (logger, template) in ALLOWED:
            method = getattr(self._log, _SEVERITY[level])
            method("daemon.log", logger=logger, template=template, error=class_of(thrown), **_cause(aws))
        else:
            self._withhold(logger, level, class_of(thrown), aws)
        return _PHASES.get((logger, template)) if isinstance(template, str) else None

    def close(self) -> None:
        """Say what was withheld since the last summary."""
        for (logger, level), count in sorted(self._withheld.items()):
            if count:
                # What is no error was not missed by anybody.
                method = getattr(self._log, _SEVERITY[level] if level in ("WARN", "ERROR") else "debug")
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
        self._withhold("stderr", "UNKNOWN", None, None)

    def _deny(self, aws: AwsError, reason: str) -> None:
        """AWS turned KCL away. KCL goes on trying, and owns no shard meanwhile: said at once, then once a minute."""
        key = (reason, aws.missing, aws.service)
        said_at, more = self._denied.get(key, (None, 0))
        now = time.monotonic()
        if said_at is not None and now - said_at < DENIED_SECONDS:
            self._denied[key] = said_at, more + 1
            return
        self._denied[key] = now, 0
        self._log.error("daemon.denied", reason=reason, missing=aws.missing, count=more + 1, **_cause(aws))

    def _withhold(self, logger: str, level: str, error: str | None, aws: AwsError | None) -> None:
        first = (logger, level) not in self._withheld
        if first and level == "ERROR":  # nobody should have to wait for that, though it says little
            self._withheld[logger, level] = 0
            self._log.error("daemon.log_withheld", logger=logger, level=level, count=1, error=error, **_cause(aws))
        else:
            self._withheld[logger, level] = self._withheld.get((logger, level), 0) + 1
        if time.monotonic() - self._summed_at >= SUMMARY_SECONDS:
            self.close()


def _cause(aws: AwsError | None) -> dict[str, Any]:
    """Return the fields that tell what AWS answered."""
    if aws is None:
        return {}
    return {"cause": aws.error, "service": aws.service, "status": aws.status, "request_id": aws.request_id}
