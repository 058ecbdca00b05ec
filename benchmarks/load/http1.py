"""HTTP/1.1 for the null services: as little as AWS's clients need, at as little cost.

Keep-alive, one request at a time on a connection, bodies by content-length.
"""

import asyncio
import re
import zlib
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

MAX_BODY_BYTES: Final = 20 * 1024 * 1024

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TARGET = re.compile(rb"\r\nx-amz-target: *([\w.]+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_REASONS: Final = {200: b"OK", 400: b"Bad Request", 411: b"Length Required", 413: b"Content Too Large"}


class Request(NamedTuple):
    """A request; `head` is its raw head with the last header's line end, `operation` what x-amz-target says."""

    head: bytes
    operation: str
    body: bytes


Handler = Callable[[Request], bytes | Awaitable[bytes]]
"""Returns the whole response as it goes over the wire."""


def response(status: int, body: bytes, content_type: bytes) -> bytes:
    """A whole response in one piece, so that it leaves in one packet; with the checksum that DynamoDB's have."""
    head = (
        b"HTTP/1.1 %d %s\r\ncontent-type: %s\r\nx-amzn-requestid: NULL\r\nx-amz-crc32: %d\r\ncontent-length: %d\r\n\r\n"
    )
    return head % (status, _REASONS[status], content_type, zlib.crc32(body), len(body)) + body


class Http1(asyncio.Protocol):
    """One connection."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._received = bytearray()
        self._head: bytes | None = None
        self._length = 0
        self._answering: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._answering is not None:
            self._answering.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._serve()

    def _serve(self) -> None:
        while self._answering is None and not self._transport.is_closing() and (request := self._next_request()):
            answer = self._handler(request)
            if isinstance(answer, bytes):
                self._send(request, answer)
            else:
                self._answering = asyncio.ensure_future(self._send_later(request, answer))

    async def _send_later(self, request: Request, answer: Awaitable[bytes]) -> None:
        try:
            self._send(request, await answer)
        except (OSError, EOFError):  # the server that it was forwarded to is gone: so are we, for this client
            self._transport.abort()
            return
        self._answering = None
        self._serve()

    def _send(self, request: Request, answer: bytes) -> None:
        self._transport.write(answer)
        if _CLOSE.search(request.head):
            self._transport.close()

    def _next_request(self) -> Request | None:
        if self._head is None:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return None
            self._head = bytes(self._received[: end + 2])
            del self._received[: end + 4]
            length = _LENGTH.search(self._head)
            self._length = int(length[1]) if length else 0
            if (not length and self._head.startswith(b"POST")) or self._length > MAX_BODY_BYTES:
                self._transport.write(response(413 if length else 411, b"{}", b"text/plain"))
                self._transport.close()
                return None
        if len(self._received) < self._length:
            return None
        body = bytes(self._received[: self._length])
        del self._received[: self._length]
        head, self._head = self._head, None
        target = _TARGET.search(head)
        return Request(head, target[1].decode().rpartition(".")[2] if target else "", body)
