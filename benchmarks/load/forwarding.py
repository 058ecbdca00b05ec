"""Passes requests on to another HTTP/1.1 server over kept-alive connections."""

import asyncio
import re
from urllib.parse import urlsplit

from benchmarks.load.http1 import Request

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Forwarder:
    """Takes a connection for each request under way, and keeps it for the next.

    :param endpoint: URL of the server; its answers must state their length.
    """

    def __init__(self, endpoint: str) -> None:
        place = urlsplit(endpoint)
        self._host, self._port = place.hostname, place.port
        self._idle: list[Streams] = []

    async def __call__(self, request: Request) -> bytes:
        """Return the server's answer as it came.

        :raises OSError: the server is gone.
        :raises EOFError: it went away in the middle.
        """
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(b"%s\r\n%s" % (request.head, request.body))
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(_body_length(head))
        except BaseException:
            writer.close()
            raise
        self._idle.append((reader, writer))
        return head + body


def _body_length(head: bytes) -> int:
    length = _LENGTH.search(head)
    if length is None:
        raise OSError("an answer without a length")
    return int(length[1])
