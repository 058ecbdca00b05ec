"""What one execution environment of Lambda makes once and keeps: settings, redactor, connections, a folder in /tmp."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import environ
from pathlib import Path
from typing import Final, Protocol, TypeVar

from consumer import logs
from consumer.errors import SanitizerError, StartError, UsageError
from consumer.logs import Logger
from consumer.metrics import Metrics, set_up
from consumer.pipeline.assembly import PipelineFactory
from consumer.pipeline.decoding import open_decoding
from consumer.pipeline.outputs import open_outputs
from consumer.quarantine.fingerprint_key import fingerprint_key
from consumer.redactors.loading import load_plugin
from consumer.settings import FILE_VARIABLE, Settings, load_settings

PROCESS: Final = "function"
ENDING_SECONDS: Final = 1.0
"""Kept for what follows the last write: the answer, and the log."""

_FOLDER: Final = "kinesis-sanitizer"
_Result = TypeVar("_Result")


class Context(Protocol):
    """Lambda's context object, as far as it is used here."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


class InvocationFailed(Exception):
    """What Lambda gets to see of an error, since it writes down what it sees."""


class Environment:
    """One for each process.

    :raises UsageError, StartError: the settings, the policy, or what they name is not as it must be.
    """

    def __init__(self) -> None:
        self.log: Logger = logs.get_logger(PROCESS)
        path = environ.get(FILE_VARIABLE)
        self.settings: Final[Settings] = load_settings(Path(path) if path else None)
        logs.configure(self.settings.logs.level, PROCESS, self.settings.logs.format)
        if self.settings.redaction.candidate is not None:
            raise UsageError("redaction.candidate is counted in metrics, which nobody scrapes here: take it out.")
        self.folder: Final = _folder()
        set_up()
        self.metrics: Final = Metrics()
        self.redactor: Final = load_plugin(self.settings)
        self.outputs: Final = open_outputs(self.settings, self.redactor, self.metrics, self.log)
        self.decoding: Final = open_decoding(self.settings, self.metrics, self.log)
        self.pipelines: Final = PipelineFactory(
            self.settings,
            self.redactor,
            self.outputs,
            self.decoding,
            self.metrics,
            fingerprint_key=fingerprint_key(self.settings.quarantine),
            journals=self.folder / "journal",
            flooding=lambda share: self.log.error("quarantine.flooding", share=round(share, 3)),
        )

    def expect(self, stream: str) -> None:
        """Refuse another stream's records: they would be stored under a wrong name.

        :raises UsageError: it is another.
        """
        if stream != self.settings.stream.name:
            raise UsageError(
                f"The event is of the stream {stream}, but stream.name is {self.settings.stream.name}: set it right."
            )

    @contextmanager
    def until_time_is_short(self, context: Context) -> Iterator[threading.Event]:
        """Set the event when no more than one request's time-out is left, and a moment for the answer.

        :raises StartError: that is so from the start.
        """
        needed = self.settings.output.timeout_seconds + ENDING_SECONDS
        left = context.get_remaining_time_in_millis() / 1000 - needed
        if left <= 0:
            raise StartError(
                f"Less than {needed:.1f} s are left of the function's time-out: give it more, 60 s for example."
            )
        stop = threading.Event()
        timer = threading.Timer(left, stop.set)
        timer.daemon = True
        timer.start()
        try:
            yield stop
        finally:
            timer.cancel()


def start(make: Callable[[Environment], _Result]) -> _Result:
    """Make the environment, and a function in it.

    :raises InvocationFailed: as `guarded`.
    """
    logs.configure("info", PROCESS, "json")  # until the settings are known
    return guarded(lambda: make(Environment()))


def guarded(work: Callable[[], _Result]) -> _Result:
    """Do the work of an invocation.

    :raises InvocationFailed: whatever else was raised, which the log has without its message: that may hold content,
        and Lambda would write it down.
    """
    try:
        return work()
    except BaseException as error:  # noqa: BLE001 - see above
        reason = str(error) if isinstance(error, SanitizerError) else None
        logs.get_logger(PROCESS).error("invocation.failed", reason=reason, exc_info=error)
    # Not within the handler: there the error would be its context.
    raise InvocationFailed("The invocation failed; the log says why, as invocation.failed.")


def _folder() -> Path:
    """Return the folder in /tmp. Lambda keeps /tmp when it starts a function anew that has died, and so the journal."""
    folder = Path(tempfile.gettempdir()) / _FOLDER
    try:
        (folder / "journal").mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"The folder {folder} cannot be written ({error.strerror}).") from None
    return folder
