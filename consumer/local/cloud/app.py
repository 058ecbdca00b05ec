"""The embedded cloud as an ASGI application: Kinesis, DynamoDB and what else moto knows."""

import asyncio
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import orjson
from hypercorn.app_wrappers import WSGIWrapper
from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.typing import (
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    HTTPRequestEvent,
    HTTPScope,
    Scope,
)

from consumer.local.cloud.durable import DurableTimes
from consumer.local.cloud.kinesis.api import TARGET_PREFIX, KinesisApi
from consumer.local.cloud.kinesis.limits import WriteLimits
from consumer.local.cloud.kinesis.store import Streams

MAX_BODY_BYTES = 20 * 1024 * 1024
"""More than any request may have: BatchWriteItem takes 16 MB, PutRecords 10 MiB before base64."""

BACKLOG = 512
TABLE_PATH = "/_cloud/table/"
MOTO_ACCOUNT = "123456789012"  # moto's default, whatever the credentials

_JSON = b"application/x-amz-json-1.1"
_DYNAMODB = "DynamoDB_20120810."


class CloudApp:
    """The ASGI application: Kinesis here, on the event loop; everything else to moto, on one thread.

    One thread, because moto's backends are plain dictionaries changed without locks, and because a second one
    would win nothing under the interpreter's lock. Kinesis requests take microseconds and need no thread.

    :param region: of the stream ARNs; moto takes each request's region from its signature.
    :param shard_limits: whether shards refuse more than 1,000 records or 1 MiB a second.
    """

    def __init__(self, region: str, *, shard_limits: bool = False) -> None:
        self._region = region
        self._kinesis = KinesisApi(Streams(region), WriteLimits() if shard_limits else None)
        self._durable = DurableTimes()
        self._moto_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="moto")
        self._moto = self._moto_thread.submit(_load_moto)

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await _answer_lifespan(receive, send)
            return
        if scope["type"] != "http":
            msg = f"cannot serve {scope['type']}"
            raise RuntimeError(msg)
        body = await _read_body(receive)
        target = _header(scope, b"x-amz-target")
        if body is None:
            await _send(send, 413, b"{}")
        elif target.startswith(TARGET_PREFIX):
            await _send(send, *self._kinesis.handle(target.removeprefix(TARGET_PREFIX), body))
        elif scope["path"] == "/_cloud/health":
            await _send(send, 200, b"{}")
        elif scope["path"] == "/_cloud/durable":
            await _send(send, 200, self._durable.to_json())
        elif scope["path"].startswith(TABLE_PATH):
            name = scope["path"].removeprefix(TABLE_PATH)
            loop = asyncio.get_running_loop()
            items = await loop.run_in_executor(self._moto_thread, _table_items, name, self._region)
            await _send(send, 404 if items is None else 200, items or b"{}")
        else:
            await self._serve_moto(scope, target, body, send)

    async def _serve_moto(self, scope: HTTPScope, target: str, body: bytes, send: ASGISendCallable) -> None:
        moto = await asyncio.wrap_future(self._moto)
        messages: list[ASGISendEvent] = []

        async def receive() -> HTTPRequestEvent:
            return {"type": "http.request", "body": body, "more_body": False}

        async def collect(message: ASGISendEvent) -> None:
            messages.append(message)

        async def on_moto_thread(function: Callable[..., None], *arguments: object) -> None:
            await asyncio.get_running_loop().run_in_executor(self._moto_thread, function, *arguments)

        # The answer is collected, not streamed: one hop between the threads for each request.
        await moto(scope, receive, collect, on_moto_thread, lambda _, message: messages.append(message))
        if target.startswith(_DYNAMODB) and messages[0].get("status") == 200:  # noqa: PLR2004
            answer = b"".join(message["body"] for message in messages if message["type"] == "http.response.body")
            self._durable.note(target.removeprefix(_DYNAMODB), body, answer)
        for message in messages:
            await send(message)


def _load_moto() -> WSGIWrapper:
    # Imported here, on its own thread: it takes most of a second, in which Kinesis already answers.
    from consumer.local.cloud import moto_mended  # noqa: PLC0415

    return moto_mended.load(MAX_BODY_BYTES)


def _table_items(name: str, region: str) -> bytes | None:
    """Return all items of a table as a JSON list in DynamoDB's form, or None if there is no such table.

    moto's Scan sorts the whole table for each page: 3,000 items took it 15 s.
    """
    from moto.dynamodb.models import dynamodb_backends  # noqa: PLC0415

    table = dynamodb_backends[MOTO_ACCOUNT][region].tables.get(name)
    if table is None:
        return None
    return orjson.dumps([item.attrs for item in table.all_items()], default=lambda value: value.to_json())


async def _answer_lifespan(receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _read_body(receive: ASGIReceiveCallable) -> bytes | None:
    """Return the body; None when it is too long or the client went away."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunks.append(message["body"])
        size += len(chunks[-1])
        if size > MAX_BODY_BYTES:
            return None
        if not message["more_body"]:
            return b"".join(chunks)


def _header(scope: HTTPScope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key.lower() == name:
            return value.decode("latin-1")
    return ""


async def _send(send: ASGISendCallable, status: int, body: bytes) -> None:
    headers = [(b"content-type", _JSON), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def serve_on(listener: socket.socket, app: CloudApp) -> None:
    """Serve for good, HTTP/1.1 and HTTP/2."""
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.backlog = BACKLOG
    config.loglevel = "ERROR"
    config.keep_alive_timeout = 3600
    config.keep_alive_max_requests = 1 << 62
    config.include_date_header = True
    config.include_server_header = False

    # A request to Kinesis waits for moto's thread to let go of the interpreter's lock: 5 ms by default, each time.
    sys.setswitchinterval(0.0005)
    await serve(app, config, mode="asgi", shutdown_trigger=asyncio.Event().wait)
