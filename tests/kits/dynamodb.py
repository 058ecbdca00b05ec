"""A scripted DynamoDB in the place of the transport."""

import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from consumer.record import Item
from consumer.sinks.table_writers import MAX_ITEMS

CANARY = "4111111111111111"
TABLE = "orders"


class Failed(NamedTuple):
    """An answer that is none of success; `body` stands for the whole body, if it is not as DynamoDB writes it."""

    code: str
    status: int = 400
    body: bytes | None = None


class AtStart(NamedTuple):
    """What `start` raises; an exception of its own in a script is raised by `finish`."""

    error: BaseException


class Stored(NamedTuple):
    """The items are stored, and the answer gets lost."""

    error: Exception


class Raw(NamedTuple):
    """The body of a 200."""

    body: bytes


Taking = Callable[[list[str]], list[str] | Failed | Stored]
"""Takes the sort keys of one call; returns the unprocessed ones, or what happens instead."""

Ending = Exception | tuple[int, bytes]
Step = Failed | AtStart | Stored | Raw | Exception | Taking


class FakeExchange:
    """An exchange whose answer is asked for `polls` times in vain."""

    def __init__(self, fake: "FakeDynamoDB", ending: Ending, polls: int) -> None:
        self._fake = fake
        self._ending = ending
        self._polls = polls
        self._is_finished = False
        self.latency = 0.001

    def is_answered(self, timeout: float) -> bool:
        assert 0 <= timeout <= 1
        assert not self._is_finished
        self._polls -= 1
        return self._polls < 0

    def finish(self) -> tuple[int, Mapping[str, str], bytes]:
        assert not self._is_finished
        self._is_finished = True
        with self._fake.lock:
            self._fake.under_way -= 1
        if isinstance(self._ending, Exception):
            raise self._ending
        return self._ending[0], {"x-amzn-requestid": "REQ"}, self._ending[1]


class FakeDynamoDB:
    """Answers call after call as its script says, then as `always`, which takes everything.

    :ivar calls: the sort keys of each call that was started, in order.
    :ivar stored: the sort keys stored, in order.
    :ivar under_way: calls started and not finished.
    :ivar most: the most calls that ever were.
    """

    def __init__(self, *script: Step, always: Step = lambda _: [], polls: int = 0) -> None:
        self.script = list(script)
        self.always = always
        self.polls = polls
        self.calls: list[list[str]] = []
        self.stored: list[str] = []
        self.lock = threading.Lock()
        self.under_way = self.most = 0

    def start(self, operation: str, body: bytes) -> Any:
        assert operation == "BatchWriteItem"
        ((name, ((table, requests),)),) = ((key, value.items()) for key, value in orjson.loads(body).items())
        assert (name, table) == ("RequestItems", TABLE)
        by_key = {request["PutRequest"]["Item"]["sk"]["S"]: request for request in requests}
        assert 0 < len(by_key) == len(requests) <= MAX_ITEMS
        with self.lock:
            self.calls.append(list(by_key))
            step = self.script.pop(0) if self.script else self.always
        if isinstance(step, AtStart):
            raise step.error
        ending = self._ending(step, by_key)
        with self.lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        return FakeExchange(self, ending, self.polls)

    def _ending(self, step: Failed | Stored | Raw | Exception | Taking, by_key: dict[str, Any]) -> Ending:
        if isinstance(step, Exception):
            return step
        if isinstance(step, Raw):
            return 200, step.body
        if isinstance(step, Failed):
            told = {"__type": f"com.amazonaws.dynamodb.v20120810#{step.code}", "message": f"Value '{CANARY}' failed"}
            return step.status, orjson.dumps(told) if step.body is None else step.body
        if isinstance(step, Stored):
            with self.lock:
                self.stored += by_key
            return step.error
        left = step(list(by_key))
        if not isinstance(left, list):
            return self._ending(left, by_key)
        with self.lock:
            self.stored += [key for key in by_key if key not in left]
        return 200, orjson.dumps({"UnprocessedItems": {TABLE: [by_key[key] for key in left]} if left else {}})


def items(count: int, first: int = 0) -> list[Item]:
    """Return items whose sort keys are numbers."""
    return [
        Item(("p", str(i)), orjson.dumps({"pk": {"S": "p"}, "sk": {"S": str(i)}, "x": {"S": CANARY}}))
        for i in range(first, first + count)
    ]
