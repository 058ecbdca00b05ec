"""What may happen to a request: each function returns an action for a `Rule`."""

import asyncio
import random
import threading
import time
import uuid
from collections.abc import Callable
from typing import Literal

import orjson

from tests.faults.messages import Action, Answer, Call, Reset, dynamodb_answer

SILENCE_SECONDS = 60.0
"""Longer than any client waits."""


def late(seconds: float) -> Action:
    """The answer comes later."""

    async def act(call: Call) -> Answer:
        await asyncio.sleep(seconds)
        return await call.go_on()

    return act


def lost_request() -> Action:
    """The connection is reset, and nothing was applied."""

    async def act(_: Call) -> Answer:
        raise Reset

    return act


def lost_answer() -> Action:
    """The request is applied, then the connection is reset."""

    async def act(call: Call) -> Answer:
        await call.go_on()
        raise Reset

    return act


def silence(*, applied: bool) -> Action:
    """No answer ever comes, whether or not the request is applied."""

    async def act(call: Call) -> Answer:
        if applied:
            await call.go_on()
        await asyncio.sleep(SILENCE_SECONDS)
        raise Reset

    return act


def cut(share: float) -> Action:
    """The request is applied; of the answer a part arrives."""

    async def act(call: Call) -> Answer:
        whole = (await call.go_on()).encoded()
        raise Reset(whole[: max(1, int(len(whole) * share))])

    return act


def error(status: int, code: str) -> Action:
    """AWS refuses the request; an empty code makes it the error page of something in between."""
    body = orjson.dumps({"__type": f"com.amazonaws#{code}", "message": "refused by the proxy"}) if code else b"<html>"

    async def act(_: Call) -> Answer:
        return dynamodb_answer(status, body)

    return act


def denied(action: str) -> Action:
    """No policy allows the IAM action; in AWS's words."""
    sentence = (
        f"User: arn:aws:sts::123456789012:assumed-role/worker/1 is not authorized to perform: {action} on resource: "
        f"arn:aws:x because no identity-based policy allows the {action} action"
    )
    body = orjson.dumps({"__type": "com.amazonaws#AccessDeniedException", "message": sentence})

    async def act(_: Call) -> Answer:
        answer = dynamodb_answer(400, body)
        return answer._replace(headers={**answer.headers, "x-amzn-requestid": str(uuid.uuid4())})

    return act


def wrong_checksum() -> Action:
    """The request is applied; the answer's checksum is not its body's."""

    async def act(call: Call) -> Answer:
        answer = await call.go_on()
        return answer._replace(headers={**answer.headers, "x-amz-crc32": "1"})

    return act


def foreign(body: bytes = b"<html><body>Sign in to this network</body></html>") -> Action:
    """Somebody else answers 200, and nothing was applied."""

    async def act(_: Call) -> Answer:
        return Answer(200, {"content-type": "text/html"}, body)

    return act


def unprocessed(share: float, seed: int = 0) -> Action:
    """Of each BatchWriteItem a share of the items, drawn from the seed, is not taken."""
    rng = random.Random(seed)  # noqa: S311 - repeatable by design

    async def act(call: Call) -> Answer:
        return await _part(call, lambda _: rng.random() >= share)

    return act


class Capacity:
    """A table that takes so many items a second, and one second's worth at once."""

    def __init__(self, items_per_second: float) -> None:
        self._rate = items_per_second
        self._left = items_per_second
        self._at = time.monotonic()
        self.turned_away = 0

    async def __call__(self, call: Call) -> Answer:
        now = time.monotonic()
        self._left = min(self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return await error(400, "ProvisionedThroughputExceededException")(call)
        return await _part(call, self._takes)

    def _takes(self, _: bytes) -> bool:
        if self._left < 1:
            self.turned_away += 1
            return False
        self._left -= 1
        return True


def refusing(mark: bytes) -> Action:
    """DynamoDB refuses a call that holds an item with `mark` in it."""

    async def act(call: Call) -> Answer:
        return await (error(400, "ValidationException")(call) if mark in call.request.body else call.go_on())

    return act


def expired(keys: set[str], code: str) -> Action:
    """Requests signed with one of these access keys are refused."""

    async def act(call: Call) -> Answer:
        return await (error(400, code)(call) if call.request.access_key in keys else call.go_on())

    return act


class Hold:
    """Keeps requests in hand until they are let go: before they are applied, or after, with the answer kept back."""

    def __init__(self, stage: Literal["before", "after"]) -> None:
        self._stage = stage
        self._reached = threading.Event()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[bool]]] = []
        self._let_go: bool | None = None
        self._lock = threading.Lock()

    async def __call__(self, call: Call) -> Answer:
        answer = await call.go_on() if self._stage == "after" else None
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        with self._lock:
            if self._let_go is None:
                self._waiting.append((loop, future))
            else:
                future.set_result(self._let_go)
        self._reached.set()
        if not await future:
            raise Reset
        return answer or await call.go_on()

    def wait(self, timeout: float = 30.0) -> None:
        """Wait until a request is held."""
        assert self._reached.wait(timeout), f"no request was held within {timeout} s"

    def drop(self) -> None:
        """Lose what is held, and what is still to come."""
        self._end(go_on=False)

    def release(self) -> None:
        """Carry on with what is held, and with what is still to come."""
        self._end(go_on=True)

    def _end(self, *, go_on: bool) -> None:
        with self._lock:
            self._let_go = go_on
            waiting, self._waiting = self._waiting, []
        for loop, future in waiting:
            loop.call_soon_threadsafe(_settle, future, go_on)


def _settle(future: asyncio.Future[bool], result: bool) -> None:  # noqa: FBT001 - what it is set to
    if not future.done():
        future.set_result(result)


async def _part(call: Call, takes: Callable[[bytes], bool]) -> Answer:
    """Carry on with those items that `takes` says, and answer that the others are unprocessed."""
    wanted = orjson.loads(call.request.body)["RequestItems"]
    taken: dict[str, list[object]] = {}
    left: dict[str, list[object]] = {}
    for table, requests in wanted.items():
        for request in requests:
            (taken if takes(orjson.dumps(request)) else left).setdefault(table, []).append(request)
    if taken:
        part = call.request._replace(body=orjson.dumps({"RequestItems": taken}))
        answer = await call.forward(part)
        if answer.status != 200 or not left:
            return answer
    return dynamodb_answer(200, orjson.dumps({"UnprocessedItems": left}))
