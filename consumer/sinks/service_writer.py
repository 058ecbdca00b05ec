"""Writes to a service of AWS until every item is durable, superseded, refused, or the work is stopped.

`ServiceWriter` sends, retries, waits and reports; what one request is, its subclasses say: those of
`consumer.sinks.table_writers.TableWriter`, and `consumer.sinks.kinesis`.
"""

import contextlib
import heapq
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Final, NamedTuple, Protocol

from consumer import aws
from consumer.aws.transport import BadResponse, Exchange, TransportError
from consumer.backoff import backoff, jittered
from consumer.logs import Logger
from consumer.record import Item
from consumer.sink import Fate, SinkMetrics, Writing
from consumer.sinks.concurrency import Concurrency
from consumer.thread_turns import waiting


def followers(items: Sequence[Item]) -> dict[int, int]:
    """Return, of items with one partition key, which comes after which."""
    after: dict[int, int] = {}
    last: dict[str, int] = {}
    for i, item in enumerate(items):
        if item.key[0] in last:
            after[last[item.key[0]]] = i
        last[item.key[0]] = i
    return after


def chunked(items: Sequence[Item], indices: Sequence[int], most: int, most_bytes: int) -> list[list[int]]:
    """Divide the items with these indices, in order: at most so many together, and so many bytes of bodies."""
    chunks: list[list[int]] = []
    chunk: list[int] = []
    size = 0
    for i in indices:
        length = len(items[i].body)
        if chunk and (len(chunk) == most or size + length > most_bytes):
            chunks.append(chunk)
            chunk, size = [], 0
        chunk.append(i)
        size += length
    if chunk:
        chunks.append(chunk)
    return chunks


UNPROCESSED: Final = "unprocessed"

BACKOFF_FIRST_SECONDS: Final = 0.05
BACKOFF_LIMIT_SECONDS: Final = 10.0

# How long one thing is waited for, where there may be another.
_TURN_SECONDS: Final = 0.1
_CONGESTED: Final = frozenset({"throttled", "unreachable", "service", UNPROCESSED})
_OK: Final = 200


class Caller(Protocol):
    """`Transport`, as far as it is used here."""

    def start(self, operation: str, body: bytes) -> Exchange: ...


class ServiceWriter(ABC):
    """Writes items. Thread-safe.

    A write is driven by the thread that waits for it: it sends as many requests as there are slots, each on a
    connection of its own, and then reads the answers.

    :param transport: carries the calls.
    :param target: what is written to, for the log: ``table`` or ``stream``, and its name.
    :param concurrency: bounds the requests under way.
    :param log: a structured logger.
    :cvar service: its name, as IAM and the log have it.
    :cvar operation: the service's, which puts: a request may be carried out twice.
    :cvar most_items, most_bytes: of the bodies in one request.
    :cvar in_order: of items with one partition key, one is sent only when all before it have ended.
    :cvar superseded: its error code for an item in whose place a newer one stands.
    """

    service: ClassVar[str]
    operation: ClassVar[str]
    most_items: ClassVar[int]
    most_bytes: ClassVar[int]
    in_order: ClassVar[bool] = False
    superseded: ClassVar[str | None] = None

    def __init__(
        self, transport: Caller, target: Mapping[str, str], concurrency: Concurrency, metrics: SinkMetrics, log: Logger
    ) -> None:
        self.transport = transport
        self.target = target
        self.concurrency = concurrency
        self.metrics = metrics
        self.log = log

    def start(self, items: Sequence[Item], stop: threading.Event) -> Writing:
        """See `Sink.start`."""
        return _ServiceWriting(self, items, stop)

    @abstractmethod
    def request(self, items: Sequence[Item]) -> bytes:
        """Return the body of a request that writes `items`, at most `most_items`."""

    @abstractmethod
    def left(self, answer: bytes, items: Sequence[Item]) -> list[int]:
        """Return the indices of the items that the service did not take.

        :param answer: the body of a 200.
        :raises ValueError, KeyError, AttributeError, TypeError: it is not the service's.
        """

    @abstractmethod
    def log_retried(self, **fields: Any) -> None:
        """Log that a request is to be sent again, and why."""

    @abstractmethod
    def log_refused(self, **fields: Any) -> None:
        """Log that the service refused an item for good."""


class _Call(NamedTuple):
    """Items that go into one request: their indices, and how often it was tried without any success."""

    indices: list[int]
    attempt: int


class _Sent(NamedTuple):
    call: _Call
    exchange: Exchange
    at: float


class _ServiceWriting(Writing):
    """One write: calls that are ready, under way, or waiting to be tried again."""

    def __init__(self, writer: ServiceWriter, items: Sequence[Item], stop: threading.Event) -> None:
        super().__init__(len(items))
        self._writer = writer
        self._items = items
        self._stop = stop
        self._after = followers(items) if writer.in_order else {}
        later = set(self._after.values())
        self._ready = deque(
            self._calls([i for i in range(len(items)) if i not in later] if later else range(len(items)))
        )
        self._under_way: deque[_Sent] = deque()
        self._later: list[tuple[float, int, _Call]] = []
        with self._whole():
            self._send(0)

    def wait(self, timeout: float) -> bool:
        """See `Writing.wait`. A stop ends the tries; what is under way is waited for."""
        until = time.monotonic() + timeout
        while self._ready or self._under_way or self._later:
            left = until - time.monotonic()
            if left <= 0:
                return False
            with self._whole():
                self._go_on(left)
        return True

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """After a defect nothing more is sent, and what is under way is waited for: the slots are everybody's."""
        try:
            yield
        except BaseException:
            self._ready.clear()
            self._later.clear()
            while self._under_way:
                with contextlib.suppress(BaseException):
                    self._under_way.popleft().exchange.finish()
                self._writer.concurrency.give_back(None, throttled=False)
            raise

    def _go_on(self, patience: float) -> None:
        """Send what can be sent, and read one answer, if it comes in time."""
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])
        if self._stop.is_set():
            self._ready.clear()
            self._later.clear()
        if self._ready:
            # With nothing to read meanwhile, a slot is worth waiting for.
            self._send(0 if self._under_way else min(patience, _TURN_SECONDS))
        if self._under_way:
            if self._under_way[0].exchange.is_answered(min(patience, _TURN_SECONDS)):
                self._receive(self._under_way.popleft())
        elif self._later and not self._ready:
            with waiting():
                self._stop.wait(min(patience, self._later[0][0] - now))

    def _send(self, patience: float) -> None:
        """Send what is ready, as far as there are slots."""
        writer = self._writer
        while self._ready and not self._stop.is_set() and writer.concurrency.take(patience):
            patience = 0
            call = self._ready.popleft()
            at = time.perf_counter()
            try:
                body = writer.request([self._items[i] for i in call.indices])
            except BaseException:  # a defect, which a retry would not mend
                writer.concurrency.give_back(None, throttled=False)
                raise
            try:
                exchange = writer.transport.start(writer.operation, body)
            except (TransportError, *aws.CALL_ERRORS) as error:
                self._failed(call, _reason(error), type(error).__name__, None)
            except BaseException:
                writer.concurrency.give_back(None, throttled=False)
                raise
            else:
                self._under_way.append(_Sent(call, exchange, at))

    def _receive(self, sent: _Sent) -> None:
        call, exchange, at = sent
        try:
            status, headers, body = exchange.finish()
        except TransportError as error:
            self._failed(call, _reason(error), type(error).__name__, None)
            return
        except BaseException:
            self._writer.concurrency.give_back(None, throttled=False)
            raise
        seconds = time.perf_counter() - at
        writer = self._writer
        if status != _OK:
            code = aws.code_of(body)
            if code and code == writer.superseded:
                self._ended(call, Fate.SUPERSEDED, exchange.latency, seconds)
                return
            self._failed(call, aws.reason_of(code), code or f"HTTP {status}", headers.get("x-amzn-requestid"))
            return
        try:
            left = [call.indices[i] for i in writer.left(body, [self._items[i] for i in call.indices])]
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            # A 200 that is not the service's, such as a proxy's page.
            self._failed(call, "service", type(error).__name__, None)
            return
        self._ended(call, Fate.DURABLE, exchange.latency, seconds, left)
        if left:
            # Progress resets the wait: a table at its capacity takes some of each batch.
            attempt = 1 if len(left) < len(call.indices) else call.attempt + 1
            self._try_again(_Call(left, attempt), UNPROCESSED)

    def _ended(self, call: _Call, fate: Fate, latency: float, seconds: float, left: Sequence[int] = ()) -> None:
        """Enter what the service answered: the fate of a call's items but for those that are `left`."""
        writer = self._writer
        writer.concurrency.give_back(latency, throttled=bool(left))
        writer.metrics.wrote(len(call.indices), seconds)
        now = time.time()
        ended = sorted(set(call.indices).difference(left)) if left else call.indices
        for i in ended:
            self.durable_at[i] = now
            self.fates[i] = fate
        self._let_follow(ended)

    def _failed(self, call: _Call, why: str, code: str, request_id: str | None) -> None:
        """Nothing of a call is known to be durable."""
        writer = self._writer
        writer.concurrency.give_back(None, throttled=why in _CONGESTED)
        if why == "refused":
            self._refused(call, code, request_id)
            return
        attempt = call.attempt + 1
        # The first retries of a throttled table are daily business; what lasts, or needs a person, is said.
        if why in ("permission", "credentials", "missing") or attempt % 5 == 0:
            writer.log_retried(
                **writer.target,
                reason=why,
                code=code,
                request_id=request_id,
                attempt=attempt,
                missing=f"{writer.service}:{writer.operation}" if why == "permission" else None,
            )
        self._try_again(_Call(call.indices, attempt), why)

    def _refused(self, call: _Call, code: str, request_id: str | None) -> None:
        """Find the item at fault by halving, so that its companions are stored."""
        writer, indices = self._writer, call.indices
        if len(indices) == 1:
            writer.log_refused(
                **writer.target,
                code=code,
                request_id=request_id,
                bytes=len(self._items[indices[0]].body),
            )
            self.fates[indices[0]] = Fate.REFUSED
            self._let_follow(indices)
            return
        middle = len(indices) // 2
        writer.metrics.retried("refused")
        self._ready.extendleft((_Call(indices[middle:], 0), _Call(indices[:middle], 0)))

    def _let_follow(self, ended: Sequence[int]) -> None:
        """Send what waited for these."""
        if self._after and (free := [self._after.pop(i) for i in ended if i in self._after]):
            self._ready.extend(self._calls(free))

    def _calls(self, indices: Sequence[int]) -> list[_Call]:
        chunks = chunked(self._items, indices, self._writer.most_items, self._writer.most_bytes)
        return [_Call(chunk, 0) for chunk in chunks]

    def _try_again(self, call: _Call, why: str) -> None:
        self._writer.metrics.retried(why)
        delay = jittered(backoff(call.attempt, BACKOFF_FIRST_SECONDS, BACKOFF_LIMIT_SECONDS))
        heapq.heappush(self._later, (time.monotonic() + delay, call.indices[0], call))


def _reason(error: Exception) -> str:
    if isinstance(error, TransportError):
        return "service" if isinstance(error, BadResponse) else "unreachable"
    return aws.reason(error)
