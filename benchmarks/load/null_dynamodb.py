"""A null DynamoDB: takes writes, counts them, and forgets the rest. HTTP/1.1 with kept-alive connections.

    python -m benchmarks.load.null_dynamodb --table documents --verify

BatchWriteItem, PutItem and UpdateItem on the tables named are answered here, and every condition counts as met;
everything else (other tables, such as KCL's, and other operations, such as DescribeTable) goes to another DynamoDB, if
one is given.

`--latency` delays each answer. `--throttled` is the share of items that are refused at random, `--capacity` the items
that are taken in a second, with at most a second's worth saved up. As with AWS, a batch gives back what was refused as
UnprocessedItems, and is refused as a whole (ProvisionedThroughputExceededException) if nothing of it was taken.
`--verify` notes which records were written, by the null Kinesis's sequence numbers, wherever in an item they stand,
and when, of one record of each call: when its answer left.

Commands on stdin: `stats`; `samples`: (shard, index, epoch seconds) of the records noted since it was last asked;
`open`: no more throttling or delay.
"""

import argparse
import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from benchmarks.load.forwarding import Forwarder
from benchmarks.load.http1 import Http1, Request, response
from benchmarks.load.service import cpu_seconds, run
from benchmarks.load.written import Written

CONTENT_TYPE: Final = b"application/x-amz-json-1.0"
MAX_ITEMS: Final = 25
"""AWS: BatchWriteItem takes at most 25 put requests."""

_BATCH: Final = "BatchWriteItem"
_ALL_TAKEN: Final = response(200, b'{"UnprocessedItems":{}}', CONTENT_TYPE)
_DONE: Final = response(200, b"{}", CONTENT_TYPE)
# The load's documents have no such fields, so the first hit is the request's own.
_TABLE: Final = {
    _BATCH: re.compile(rb'"RequestItems": ?\{ ?"([^"]+)"'),
    "PutItem": re.compile(rb'"TableName": ?"([^"]+)"'),
    "UpdateItem": re.compile(rb'"TableName": ?"([^"]+)"'),
}


@dataclass
class Limits:
    """How much is taken, and how fast.

    :ivar latency: seconds until an answer.
    :ivar throttled: share of the items that are refused, 0 to 1.
    :ivar capacity: items a second; None: no limit.
    """

    latency: float = 0
    throttled: float = 0
    capacity: float | None = None


class NullTables:
    """The tables.

    :param tables: their names.
    :param forward: answers what is not written to them; None: it is refused.
    :param written: notes the records written; None: they are only counted.
    :param clock: epoch seconds.
    """

    def __init__(
        self,
        tables: Sequence[str],
        limits: Limits,
        forward: Forwarder | None = None,
        written: Written | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._tables = {table.encode() for table in tables}
        self._limits = limits
        self._forward = forward
        self._written = written
        self._clock = clock
        self._random = random.Random(5)  # noqa: S311 - repeatable by design
        self._allowance = limits.capacity or 0.0
        self._allowed_at = clock()
        self._calls: Counter[str] = Counter()
        self._items: Counter[str] = Counter()
        self._unprocessed = 0
        self._refused_calls = 0

    def stats(self) -> dict[str, Any]:
        """Return the counters; `items` by table counts each write, `distinct` each record once."""
        return {
            "calls": self._calls,
            "items": self._items,
            "unprocessed_items": self._unprocessed,
            "refused_calls": self._refused_calls,
            "distinct": self._written.distinct if self._written else None,
            "rewritten": self._written.rewritten if self._written else None,
            "cpu_seconds": cpu_seconds(),
        }

    def open(self) -> dict[str, Any]:
        """Take everything from now on."""
        self._limits = Limits()
        return self.stats()

    def handle(self, request: Request) -> bytes | Awaitable[bytes]:
        """Return the response, or what to wait for to have it."""
        pattern = _TABLE.get(request.operation)
        table = pattern.search(request.body) if pattern else None
        if table is None or table[1] not in self._tables:
            self._calls["forwarded"] += 1
            if self._forward is None:
                return _error("ResourceNotFoundException", "Only writes to the null tables are served.")
            return self._forward(request)
        self._calls[request.operation] += 1
        count = request.body.count(b'"PutRequest"') if request.operation == _BATCH else 1
        if not 1 <= count <= MAX_ITEMS:
            return _error("ValidationException", "A batch holds 1 to 25 put requests.")
        limits = self._limits
        if limits.throttled or limits.capacity is not None:
            taken, answer = self._take_some(request, count)
        else:
            taken, answer = request.body, (_ALL_TAKEN if request.operation == _BATCH else _DONE)
            self._items[table[1].decode()] += count
        if limits.latency:
            return self._later(limits.latency, taken, answer)
        self._note(taken)
        return answer

    async def _later(self, seconds: float, taken: bytes, answer: bytes) -> bytes:
        await asyncio.sleep(seconds)
        self._note(taken)
        return answer

    def _note(self, taken: bytes) -> None:
        if self._written is not None and taken:
            self._written.note(taken, self._clock())

    def _take_some(self, request: Request, count: int) -> tuple[bytes, bytes]:
        """Return what of a request is taken, as bytes, and the answer."""
        taken = [self._admits() for _ in range(count)]
        self._unprocessed += taken.count(False)
        if not any(taken):
            self._refused_calls += 1
            return b"", _error("ProvisionedThroughputExceededException", "The level of throughput was exceeded.")
        content = orjson.loads(request.body)
        if request.operation != _BATCH:
            self._items[content["TableName"]] += 1
            return request.body, _DONE
        verdicts = iter(taken)
        kept: list[Any] = []
        left: dict[str, list[Any]] = {}
        for table, puts in content["RequestItems"].items():
            for put in puts:
                if next(verdicts):
                    kept.append(put)
                    self._items[table] += 1
                else:
                    left.setdefault(table, []).append(put)
        answer = orjson.dumps({"UnprocessedItems": left})
        return orjson.dumps(kept), response(200, answer, CONTENT_TYPE)

    def _admits(self) -> bool:
        """Whether one more item is taken now."""
        limits = self._limits
        if limits.throttled and self._random.random() < limits.throttled:
            return False
        if limits.capacity is None:
            return True
        now = self._clock()
        earned = (now - self._allowed_at) * limits.capacity
        self._allowance = min(limits.capacity, self._allowance + earned)
        self._allowed_at = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True


def _error(code: str, message: str) -> bytes:
    body = orjson.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": message})
    return response(400, body, CONTENT_TYPE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="append", required=True, help="a table to serve; may be given again")
    parser.add_argument("--forward", metavar="URL", help="the DynamoDB that answers everything else")
    parser.add_argument("--latency", type=float, default=0, help="milliseconds until an answer")
    parser.add_argument("--throttled", type=float, default=0, help="share of the items that are refused, 0 to 1")
    parser.add_argument("--capacity", type=float, help="items that are taken in a second")
    parser.add_argument("--verify", action="store_true", help="note which records were written, and when")
    arguments = parser.parse_args()
    written = Written() if arguments.verify else None
    tables = NullTables(
        arguments.table,
        Limits(arguments.latency / 1000, arguments.throttled, arguments.capacity),
        Forwarder(arguments.forward) if arguments.forward else None,
        written,
    )
    commands: dict[str, Callable[[], Any]] = {"stats": tables.stats, "open": tables.open}
    if written is not None:
        commands["samples"] = written.take_samples
    run(lambda: Http1(tables.handle), commands)


if __name__ == "__main__":
    main()
