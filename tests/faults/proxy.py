"""The fault proxies: each stands before one service of the cloud, and does to a request what the first rule says.

worker ──► Wire ──► DynamoDbProxy (HTTP/1.1) ──► cloud
worker ──► Wire ──► KinesisProxy (HTTP/2 in clear, HTTP/1.1) ──► cloud
"""

import asyncio
import contextlib
import random
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from tests.faults.loop import Loop
from tests.faults.messages import Action, Answer, Call, Request, Reset, Upstream, read_request
from tests.faults.wire import Wire, reset


class Rule:
    """What is done to which requests.

    :param operation: pattern of the whole operation's name; None: all.
    :param table: pattern found in one of the names of the tables; None: all.
    :param where: what else must hold of the request.
    :param times: how many requests, at most.
    :param share: of the requests that match, drawn from `seed`.
    :ivar met: how many requests it was applied to.
    """

    def __init__(
        self,
        action: Action,
        *,
        operation: str | None = None,
        table: str | None = None,
        where: Callable[[Request], bool] | None = None,
        times: int | None = None,
        share: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.action = action
        self._operation = re.compile(operation) if operation else None
        self._table = re.compile(table) if table else None
        self._where = where
        self._times = times
        self._share = share
        self._random = random.Random(seed)  # noqa: S311 - repeatable by design
        self.met = 0

    def takes(self, request: Request) -> bool:
        """Whether it is applied to `request`; counts, if so."""
        if self._times is not None and self.met >= self._times:
            return False
        if self._operation and not self._operation.fullmatch(request.operation):
            return False
        if self._table and not any(map(self._table.search, request.tables)):
            return False
        if self._where and not self._where(request):
            return False
        if self._share < 1 and self._random.random() >= self._share:
            return False
        self.met += 1
        return True


class Rules:
    """The rules of one proxy, which tests add and take away while it serves."""

    def __init__(self) -> None:
        self._rules: tuple[Rule, ...] = ()
        self.seen = 0

    @contextmanager
    def applied(self, rule: Rule) -> Iterator[Rule]:
        """Apply `rule` while the block lasts."""
        self.add(rule)
        try:
            yield rule
        finally:
            self.remove(rule)

    def add(self, rule: Rule) -> Rule:
        self._rules = (*self._rules, rule)
        return rule

    def remove(self, rule: Rule) -> None:
        self._rules = tuple(each for each in self._rules if each is not rule)

    async def answer(self, call: Call) -> Answer:
        """Do what the first rule that takes the request says, or carry it on."""
        self.seen += 1
        rule = next((rule for rule in self._rules if rule.takes(call.request)), None)
        return await (rule.action(call) if rule else call.go_on())


class DynamoDbProxy:
    """Before DynamoDB: parses HTTP/1.1 itself, so that answers can be lost or cut at any byte.

    :param loop: where it runs.
    :param cloud: URL of what stands behind it.
    :ivar url: where the worker finds it.
    """

    def __init__(self, loop: Loop, cloud: str) -> None:
        self._loop = loop
        self._cloud = cloud
        self.rules = Rules()
        self._server = loop.run(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20))
        self.wire = Wire(loop, f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}")
        self.url = self.wire.url

    def close(self) -> None:
        self.wire.close()
        self._loop.loop.call_soon_threadsafe(self._server.close)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = Upstream(self._cloud)
        try:
            while True:
                request = await read_request(reader)
                answer = await self.rules.answer(Call(request, upstream.forward))
                writer.write(answer.encoded())
                await writer.drain()
        except Reset as broken:
            with contextlib.suppress(OSError):
                writer.write(broken.sent)
                await writer.drain()
                if broken.sent:
                    await asyncio.sleep(0.05)  # else the reset overtakes what was sent
            reset(writer)
        except (OSError, EOFError):
            pass
        finally:
            writer.close()
            upstream.close()


class KinesisProxy:
    """Before Kinesis: an ASGI application, since KCL's client speaks HTTP/2. A `Reset` becomes a 500 here; connections
    are reset by its wire.
    """

    def __init__(self, loop: Loop, cloud: str) -> None:
        self._cloud = cloud
        self._idle: list[Upstream] = []
        self.rules = Rules()
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        config = Config()
        config.bind = [f"fd://{listener.detach()}"]
        config.loglevel = "CRITICAL"
        config.keep_alive_timeout = 3600
        config.keep_alive_max_requests = 1 << 62
        self._ended = asyncio.Event()
        self._loop = loop
        port = socket.socket(fileno=int(config.bind[0].removeprefix("fd://")))
        inner = f"http://127.0.0.1:{port.getsockname()[1]}"
        port.detach()
        self._serving = asyncio.run_coroutine_threadsafe(
            serve(self, config, mode="asgi", shutdown_trigger=self._ended.wait),
            loop.loop,
        )
        self.wire = Wire(loop, inner)
        self.url = self.wire.url

    def close(self) -> None:
        self.wire.close()
        self._loop.loop.call_soon_threadsafe(self._ended.set)
        with contextlib.suppress(TimeoutError):
            self._serving.result(5)
        while self._idle:
            self._loop.loop.call_soon_threadsafe(self._idle.pop().close)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await _lifespan(receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        request = Request(scope["method"], scope["path"], headers, body)
        try:
            answer = await self.rules.answer(Call(request, self._forward))
        except (Reset, OSError, EOFError):
            answer = Answer(500, {}, b"")
        passed = {name: value for name, value in answer.headers.items() if name in ("content-type", "x-amzn-requestid")}
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(name.encode(), value.encode()) for name, value in passed.items()]
                + [(b"content-length", str(len(answer.body)).encode())],
            }
        )
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})

    async def _forward(self, request: Request) -> Answer:
        upstream = self._idle.pop() if self._idle else Upstream(self._cloud)
        answer = await upstream.forward(request)
        self._idle.append(upstream)
        return answer


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
