"""structlog on stderr, content-free by construction: one line of JSON per event, or lines for a person at a terminal.

Only named fields with harmless types pass; an exception is written as its class and the places of its frames, never
with its message, because messages (botocore's above all) repeat the values that they complain about. Metrics for
CloudWatch are numbers under names from the code. docs/logs.md lists the events.
"""

import contextlib
import io
import logging
import os
import sys
import threading
from collections.abc import Callable, Hashable, MutableMapping
from types import TracebackType
from typing import Any, Final, Literal, Protocol, TextIO, cast

from consumer.frames import frames_of
from consumer.logs import console as log_console
from consumer.logs.embedded import EmbeddedMetrics
from consumer.logs.lean import structlog
from consumer.logs.rate_limit import RateLimit

Format = Literal["auto", "json", "console"]
"""``auto``: for a person if stderr is a terminal, else JSON."""

FIELDS: Final = frozenset(
    {
        "abandoned", "action", "address", "attempt", "batch", "bytes", "cause", "code", "consumers", "count",
        "daemon", "delay_seconds", "digest", "documents", "dropped", "duplicate", "encode_seconds", "engine", "error",
        "exit_status", "fetch_records", "field", "frames", "heap_mib", "items", "java", "job", "kcl", "leader",
        "level", "limit", "logger", "missing", "name", "operation", "owned", "pid", "pids", "plugin", "policy",
        "polling", "port", "process", "python", "quarantined", "read_every_ms", "reason", "records", "redact_seconds",
        "released", "request_id", "rule", "seconds", "sequence", "service", "setting", "shard", "share", "signal",
        "slot", "stage", "status", "stored", "stream", "sub", "table", "template", "trace", "version", "worker_id",
        "write_seconds",
    }
)  # fmt: skip
"""Names of fields that may be logged. Whoever adds one vouches that it never holds record content."""

LINES_MOST: Final = 10
"""Lines of one event and shard (or logger and template) within `LINES_SECONDS`; see `UNLIMITED`."""

LINES_SECONDS: Final = 10.0

UNLIMITED: Final = frozenset(
    {
        "invocation.ended", "invocation.failed",
        "daemon.exited", "daemon.fatal", "daemon.killed", "daemon.restarts", "daemon.started", "descriptors.exhausted",
        "pipeline.defect",
        "pipeline.died", "pipeline.killed", "pipeline.not_started", "pipeline.started", "pipeline.stuck",
        "process.uncaught_exception", "quarantine.flooding", "session.began", "session.ended", "session.failed",
        "shim.died", "signal.received", "supervisor.gone", "worker.started", "worker.stopped", "log.level_changed",
        "log.suppressed",
    }
)  # fmt: skip
"""Events that are never left out: something began or ended with them."""

_LIMITED_BY: Final = ("event", "severity", "shard", "logger", "template", "table", "code")
_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_LETTERS: Final = str.maketrans("0123456789abcdef", "bcdfghjkmnpqrstv")
_MAX_TEXT: Final = 300
_WITHHELD: Final = "<withheld>"


def configure(level: str, process: str, form: Format = "auto") -> None:
    """Send the structured log, and what libraries log, to stderr.

    :param level: lowest level written: debug, info, warning or error.
    :param process: which process speaks, e.g. ``supervisor``.
    """
    _state.level, _state.process = _LEVELS[level], process
    at_terminal = sys.stderr.isatty()
    console = form == "console" or (form == "auto" and at_terminal)
    _state.is_json = not console
    coloured = at_terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _only_known_fields,
            _limited,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            log_console.renderer(coloured=coloured) if console else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=_Logger,
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


def set_level(level: str) -> None:
    """Change the lowest level that is written by this process, at once and for all loggers, and say so."""
    before, after = _state.level, _LEVELS[level]
    _state.level = min(before, after, logging.INFO)  # so that it is said at any level
    get_logger(_state.process).info("log.level_changed", level=level)
    _state.level = after


def publish(metrics: EmbeddedMetrics) -> None:
    """Write metrics as a line for CloudWatch, at any level; none where lines are for a person."""
    if _state.is_json:
        cast("_Logger", get_logger(_state.process)).always("metrics.published", embedded=metrics)


def count_suppressed(count: Callable[[str], None]) -> None:
    """Have `count` called with the event of each line that the rate limit leaves out."""
    _state.count_suppressed = count


def flush() -> None:
    """Say now what the rate limit has left out: the process is about to end."""
    _limit.flush()


def batch_began(shard: str, number: int) -> None:
    """Have all that this thread logs from now on, in whatever module, name the batch, and a trace id of its own.

    What follows a batch, such as its checkpoint at the next heartbeat, is still about it, so the next batch ends this.

    :param number: of the batch in its session, from 1.
    """
    # 64 bits; in letters, since digits in a row look like card numbers to whoever scans logs for these.
    trace = os.urandom(8).hex().translate(_LETTERS)
    structlog.contextvars.bind_contextvars(shard=shard, batch=number, trace=trace)


def get_logger(process: str) -> "Logger":
    """Return a logger that names its process on each line."""
    made: Logger = structlog.wrap_logger(None, wrapper_class=_Logger).bind(process=process)
    return made


class Logger(Protocol):
    """What `get_logger` returns, as far as it is used: structlog's own types know no levels of their own making."""

    def bind(self, **fields: Any) -> "Logger":
        """Return one that adds these fields to each line."""
        ...

    def debug(self, event: str, **fields: Any) -> None: ...

    def info(self, event: str, **fields: Any) -> None: ...

    def warning(self, event: str, **fields: Any) -> None: ...

    def error(self, event: str, **fields: Any) -> None: ...


class _Logger(structlog.BoundLoggerBase):
    """Writes what `_state` says; structlog's own filters are made for one level for good."""

    def debug(self, event: str, **fields: Any) -> None:
        if _state.level <= logging.DEBUG:
            self._proxy_to_logger("debug", event, **fields)

    def info(self, event: str, **fields: Any) -> None:
        if _state.level <= logging.INFO:
            self._proxy_to_logger("info", event, **fields)

    def warning(self, event: str, **fields: Any) -> None:
        if _state.level <= logging.WARNING:
            self._proxy_to_logger("warning", event, **fields)

    def error(self, event: str, **fields: Any) -> None:
        self._proxy_to_logger("error", event, **fields)

    def always(self, event: str, **fields: Any) -> None:
        """Write what is no matter of severity."""
        self._proxy_to_logger("info", event, **fields)


class _State:
    """What `configure` and those after it have set, for this process."""

    def __init__(self) -> None:
        self.level = logging.INFO
        self.process = ""
        self.is_json = True
        self.count_suppressed: Callable[[str], None] = lambda _event: None


_state: Final = _State()


def _limited(_logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop what comes too often. Debug lines are asked for, and so never too many."""
    name = event["event"]
    if method == "debug" or name in UNLIMITED:
        return event
    if not _limit.admits(tuple(None if event.get(key) is None else str(event[key]) for key in _LIMITED_BY)):
        _state.count_suppressed(name)
        raise structlog.DropEvent
    return event


def _report_suppressed(key: Hashable, count: int) -> None:
    of = dict(zip(_LIMITED_BY, cast("tuple[Any, ...]", key), strict=True))
    method = getattr(get_logger(_state.process), of.pop("severity"))
    method("log.suppressed", name=of.pop("event"), count=count, **{k: v for k, v in of.items() if v is not None})


_limit: Final = RateLimit(LINES_MOST, LINES_SECONDS, _report_suppressed)


def _only_known_fields(_logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    out: dict[str, Any] = {"event": str(event.pop("event"))[:_MAX_TEXT], "severity": method}
    exception = event.pop("exc_info", None)
    if exception is True:
        exception = sys.exc_info()[1]
    if isinstance(exception, BaseException):
        out["error"] = type(exception).__name__
        out["frames"] = frames_of(exception.__traceback__)
    for name, value in event.items():
        if isinstance(value, EmbeddedMetrics):
            out |= value.members()
        elif name not in FIELDS:
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
