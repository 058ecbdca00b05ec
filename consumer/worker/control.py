"""Between the supervisor and a pipeline process: JSON lines over a socket pair; its end means the other's death.

Both run the same code, so a line that is no message is a defect of ours, and ends the pipeline process.
"""

import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, TypeVar

from pydantic import Base64Bytes, ConfigDict, Field, TypeAdapter

from consumer.errors import SanitizerError

EXIT_SECONDS: Final = 5.0
"""What all pipeline processes may take to end, once they have been told `Exit`."""


class _Message:
    """A field too many is as wrong as one that is missing."""

    __slots__ = ()
    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Begin(_Message):
    """The first that a pipeline process is told: over the socket, and so on no disk and no command line.

    :ivar settings: the worker's, but for the fingerprint's key.
    :ivar folder: the runtime folder.
    :ivar digest: of the redactor that the supervisor has loaded; None: any will do.
    """

    settings: dict[str, Any] = field(repr=False)
    folder: Path
    fingerprint_key: Base64Bytes = field(repr=False)
    digest: str | None
    kind: Literal["begin"] = "begin"


@dataclass(frozen=True, slots=True)
class SetLogLevel(_Message):
    """Write nothing below it from now on."""

    level: str
    kind: Literal["set_log_level"] = "set_log_level"


@dataclass(frozen=True, slots=True)
class DaemonGone(_Message):
    """End the sessions of this daemon, and of those before it."""

    daemon: int
    kind: Literal["daemon_gone"] = "daemon_gone"


@dataclass(frozen=True, slots=True)
class GiveUp(_Message):
    """Give up whatever is unfinished after so many seconds."""

    seconds: float
    kind: Literal["give_up"] = "give_up"


@dataclass(frozen=True, slots=True)
class Exit(_Message):
    """End, within `EXIT_SECONDS`."""

    kind: Literal["exit"] = "exit"


@dataclass(frozen=True, slots=True)
class Ready(_Message):
    """The process takes sessions from now on."""

    kind: Literal["ready"] = "ready"


@dataclass(frozen=True, slots=True)
class Sessions(_Message):
    """How many shards the process serves now."""

    count: int
    kind: Literal["sessions"] = "sessions"


@dataclass(frozen=True, slots=True)
class SessionFailed(_Message):
    """A session with this daemon did not end in order."""

    shard: str
    daemon: int
    kind: Literal["session_failed"] = "session_failed"


@dataclass(frozen=True, slots=True)
class Flooding(_Message):
    """So great a share of the records went to quarantine that the worker has to stop."""

    share: float
    kind: Literal["flooding"] = "flooding"


Order = Begin | SetLogLevel | DaemonGone | GiveUp | Exit
"""What a pipeline process is told."""

Report = Ready | Sessions | SessionFailed | Flooding
"""What it tells."""

ORDERS: Final[TypeAdapter[Order]] = TypeAdapter(Annotated[Order, Field(discriminator="kind")])
REPORTS: Final[TypeAdapter[Report]] = TypeAdapter(Annotated[Report, Field(discriminator="kind")])

Sent = TypeVar("Sent")
Received = TypeVar("Received")


class MessageError(SanitizerError):
    """A line that is no message, or one that has no place where it came."""


def to_json(message: Sent, form: TypeAdapter[Sent]) -> bytes:
    """Return the line for a message."""
    return json.dumps(form.dump_python(message, mode="json")).encode() + b"\n"


def from_json(line: bytes, form: TypeAdapter[Received]) -> Received:
    """Return the message of a line.

    :raises MessageError: it is none; without a word of what it is.
    """
    try:
        return form.validate_python(json.loads(line))
    except ValueError:  # pydantic's and json's too; both repeat what they do not understand
        raise MessageError from None


class Control(Generic[Sent, Received]):
    """One end of the line. `send` may be called by any thread; messages are far smaller than the socket's buffer.

    :param sends: the form of the messages that this end sends.
    :param receives: the form of the other end's.
    """

    def __init__(self, connection: socket.socket, sends: TypeAdapter[Sent], receives: TypeAdapter[Received]) -> None:
        self._connection = connection
        self._reader = connection.makefile("rb")
        self._sends = sends
        self._receives = receives

    def send(self, message: Sent) -> None:
        """Send one message; a dead receiver is found by whoever reads from it."""
        with contextlib.suppress(OSError):
            self._connection.sendall(to_json(message, self._sends))

    def __iter__(self) -> Iterator[Received]:
        """Yield the other end's messages until it is gone.

        :raises MessageError: it said something else.
        """
        while line := self._read():
            yield from_json(line, self._receives)

    def _read(self) -> bytes:
        """Return the next line, or nothing: the other end is gone, if in the middle of one."""
        try:
            line = self._reader.readline()
        except (OSError, ValueError):  # hung up meanwhile, by the other end or by this one
            return b""
        return line if line.endswith(b"\n") else b""

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._reader.close()
        self._connection.close()


def supervisors_end(connection: socket.socket) -> Control[Order, Report]:
    """Return the end that gives orders."""
    return Control(connection, ORDERS, REPORTS)


def pipelines_end(connection: socket.socket) -> Control[Report, Order]:
    """Return the end that reports."""
    return Control(connection, REPORTS, ORDERS)
