"""structlog, one line of JSON per event on stderr, content-free by construction.

Only named fields with harmless types pass; an exception is written as its class and the places of its frames, never
with its message, because messages (botocore's above all) repeat the values that they complain about.
"""

import contextlib
import io
import logging
import re
import sys
import threading
import traceback
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any, Final, TextIO, cast

import structlog

FIELDS: Final = frozenset(
    {
        "action", "address", "attempt", "batch", "bytes", "code", "count", "daemon", "delay_seconds", "digest",
        "error", "exit_status", "field", "frames", "items", "java", "job", "kcl", "leader", "level", "logger",
        "missing", "name", "operation", "owned", "pid", "pids", "plugin", "policy", "port", "process", "python",
        "reason", "records", "request_id", "rule", "seconds", "sequence", "setting", "shard", "share", "signal",
        "slot", "stage", "status", "stream", "sub", "table", "template", "version", "worker_id",
    }
)  # fmt: skip
"""Names of fields that may be logged. Whoever adds one vouches that it never holds record content."""

_MAX_TEXT: Final = 300
_MAX_FRAMES: Final = 400
_FRAME: Final = re.compile(r'  File "(?P<file>[^"<>]*\.py)", line (?P<line>\d+) in (?P<name>\S+)')
_WITHHELD: Final = "<withheld>"


def configure(level: str, process: str) -> None:
    """Send the structured log, and what libraries log, to stderr.

    :param level: lowest level written: debug, info, warning or error.
    :param process: which process speaks, e.g. ``supervisor``.
    """
    threshold = getattr(logging, level.upper())
    structlog.configure(
        processors=[
            _only_known_fields,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Unbreakable(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.clear_contextvars()
    logging.basicConfig(handlers=[_LibraryHandler(process)], level=logging.WARNING, force=True)
    logging.captureWarnings(True)  # noqa: FBT003 - pydantic's repeat values
    sys.excepthook = _log_uncaught
    # Python's own would print messages, and so content.
    threading.excepthook = lambda thrown: _log_uncaught(thrown.exc_type, thrown.exc_value, thrown.exc_traceback)
    sys.unraisablehook = lambda thrown: _log_uncaught(thrown.exc_type, thrown.exc_value, thrown.exc_traceback)


def get_logger(process: str) -> Any:
    """Return a logger that names its process on each line."""
    return structlog.get_logger().bind(process=process)


def frames_of(trace: TracebackType | None) -> list[str]:
    """Return the places of a traceback, innermost last, without any source line or value."""
    return [f"{_module_of(frame.filename)}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)[-8:]]


def frames_of_stacks(text: str) -> list[str]:
    """Return the same of what `faulthandler` has written; a text is empty between threads, and for code of no file."""
    frames = [
        f"{_module_of(match['file'])}:{match['line']} {match['name']}" if (match := _FRAME.match(line)) else ""
        for line in text.splitlines()
        if line.strip()
    ]
    return frames[:_MAX_FRAMES]


def _module_of(filename: str) -> str:
    return "/".join(filename.replace("\\", "/").split("/")[-2:])


def _only_known_fields(_logger: object, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    out: dict[str, Any] = {"event": str(event.pop("event"))[:_MAX_TEXT], "severity": method}
    exception = event.pop("exc_info", None)
    if exception is True:
        exception = sys.exc_info()[1]
    if isinstance(exception, BaseException):
        out["error"] = type(exception).__name__
        out["frames"] = frames_of(exception.__traceback__)
    for name, value in event.items():
        if name not in FIELDS:
            out[name] = _WITHHELD
        elif value is None or isinstance(value, (bool, int, float)):
            out[name] = value
        elif isinstance(value, (list, tuple)):
            out[name] = [str(element)[:_MAX_TEXT] for element in value]
        else:
            out[name] = str(value)[:_MAX_TEXT]
    return out


class _Unbreakable(io.TextIOBase):
    """A stream whose writing never raises: a reader of the log that is gone must not end what is logged about."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


class _LibraryHandler(logging.Handler):
    """What libraries log: logger, level and template pass, arguments do not."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._log = get_logger(process)

    def emit(self, record: logging.LogRecord) -> None:
        template = record.msg if isinstance(record.msg, str) and record.args else _WITHHELD
        method = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        method(
            "library.log",
            logger=record.name,
            template=template,
            exc_info=(record.exc_info or (None, None))[1],
        )


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger().error("process.uncaught_exception", exc_info=error.with_traceback(trace) if error else None)
