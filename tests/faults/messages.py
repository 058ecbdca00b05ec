"""Requests and answers on their way, and how they are written in HTTP/1.1."""

import asyncio
import contextlib
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson

_HOP_BY_HOP = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})


class Reset(Exception):
    """Instead of an answer: the connection is reset, after `sent`, if that is not empty."""

    def __init__(self, sent: bytes = b"") -> None:
        super().__init__()
        self.sent = sent


class Request(NamedTuple):
    """A request; `headers` by names in lower case, `operation` from x-amz-target, without its prefix."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        return self.headers.get("x-amz-target", "").rpartition(".")[2]

    @property
    def tables(self) -> frozenset[str]:
        """The tables (or the stream) that it names."""
        try:
            document = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return frozenset()
        named = document.get("RequestItems") or [document.get("TableName") or document.get("StreamName") or ""]
        return frozenset(named)

    @property
    def access_key(self) -> str:
        """Whose signature it bears; empty: nobody's."""
        return self.headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]

    def encoded(self) -> bytes:
        return _encoded(f"{self.method} {self.path} HTTP/1.1", self.headers, self.body)


class Answer(NamedTuple):
    """An answer; `headers` by names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def encoded(self) -> bytes:
        return _encoded(f"HTTP/1.1 {self.status} -", self.headers, self.body)


class Call(NamedTuple):
    """A request that was taken, and the way onward."""

    request: Request
    forward: Callable[[Request], Awaitable[Answer]]

    async def go_on(self) -> Answer:
        return await self.forward(self.request)


Action = Callable[[Call], Awaitable[Answer]]
"""What becomes of a request: returns the answer, or raises `Reset`."""


def dynamodb_answer(status: int, body: bytes) -> Answer:
    """An answer as DynamoDB gives it, with its checksum."""
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "x-amzn-requestid": "FAULT",
        "x-amz-crc32": str(zlib.crc32(body)),
    }
    return Answer(status, headers, body)


async def read_request(reader: asyncio.StreamReader) -> Request:
    first, headers, body = await _read(reader)
    method, path, _ = first.split(" ", 2)
    return Request(method, path, headers, body)


class Upstream:
    """One kept connection to the cloud; it is made when it is needed, and again when it was closed."""

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self._address = (parts.hostname or "", parts.port or 0)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def forward(self, request: Request) -> Answer:
        """Carry a request to the cloud, and its answer back."""
        reader, writer = self._streams or await asyncio.open_connection(*self._address)
        self._streams = None  # not to be used again, if this is cancelled half-way
        try:
            writer.write(request.encoded())
            first, headers, body = await _read(reader)
        except BaseException:
            writer.close()
            raise
        self._streams = reader, writer
        return Answer(int(first.split(" ", 2)[1]), headers, body)

    def close(self) -> None:
        if self._streams is not None:
            with contextlib.suppress(OSError):
                self._streams[1].close()
            self._streams = None


def _encoded(first: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{name}: {value}" for name, value in headers.items() if name not in _HOP_BY_HOP]
    return "\r\n".join([first, *lines, f"content-length: {len(body)}", "", ""]).encode("latin-1") + body


async def _read(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head[:-4].split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        pieces = []
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            pieces.append((await reader.readexactly(size + 2))[:-2])
        await reader.readuntil(b"\r\n")
        return first, headers, b"".join(pieces)
    return first, headers, await reader.readexactly(int(headers.get("content-length", "0")))
