"""Between the supervisor and a pipeline process: JSON lines over a socket pair; its end means the other's death."""

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any


class Control:
    """One end of the line. `send` may be called by any thread; messages are far smaller than the socket's buffer."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = connection.makefile("rb")

    def send(self, **message: Any) -> None:
        """Send one message; a dead receiver is found by whoever reads from it."""
        with contextlib.suppress(OSError):
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the other end's messages until it is gone."""
        try:
            for line in self._reader:
                yield json.loads(line)
        except (OSError, ValueError):
            return

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._reader.close()
        self._connection.close()
