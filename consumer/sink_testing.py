"""The conformance kit of sinks: what each has to do, wherever it writes.

    from consumer.sink_testing import CHECKS, Log

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_my_sink_conforms(check, place):
        check(place)

A check raises AssertionError; its message names the law that was broken and holds no content. Each wants a `Place` of
its own, to which nothing was written yet.
"""

import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from consumer.errors import EncodeError
from consumer.record import Item, Record
from consumer.sink import DocumentSink, Fate, Writing
from redaction.testing.laws import law, require

__all__ = [
    "CANARY",
    "CHECKS",
    "PATIENCE_SECONDS",
    "SHARD",
    "Log",
    "NoMetrics",
    "Place",
    "SinkCheck",
    "Stored",
    "a_stop_leaves_the_rest",
    "durable_is_stored",
    "encoders_refuse_with_a_code",
    "order_is_kept",
    "redelivery_is_known",
    "retries_until_it_succeeds",
    "says_no_content",
    "threads_share_it",
]

CANARY: Final = "4111111111111111"
"""Stands in each document, as what a record holds: in no log line and in no error."""

SHARD: Final = "shardId-000000000000"
"""Of which documents are written, where one will do."""

PATIENCE_SECONDS: Final = 30.0
"""What a write may take."""

_TRIED_SECONDS: Final = 0.5
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Stored(NamedTuple):
    """A document as it stands in the sink: of which record it is.

    :ivar shard, sequence, sub: the record's identity.
    """

    shard: str
    sequence: str
    sub: int


class Log:
    """A logger that remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def bind(self, **_: Any) -> "Log":
        return self

    def _say(self, event: str, **fields: Any) -> None:
        self.said.append(f"{event} {fields}")

    debug = info = warning = error = _say


class NoMetrics:
    """`consumer.sink.SinkMetrics` that nobody reads."""

    def wrote(self, items: int, seconds: float) -> None:
        """See `SinkMetrics.wrote`."""

    def retried(self, reason: str) -> None:
        """See `SinkMetrics.retried`."""

    def may_send(self, requests: int) -> None:
        """See `SinkMetrics.may_send`."""


class Place(Protocol):
    """What the kit has to know of where a sink writes.

    :ivar log: the one that the sink's context has.
    :ivar has_order: whether those who read there see documents in the order in which they were written.
    """

    log: Log
    has_order: bool

    def open(self) -> DocumentSink:
        """Return a new sink that writes there."""
        ...

    def stored(self) -> Sequence[Stored]:
        """Return what stands there, in its order, duplicates included."""
        ...

    def fail(self) -> None:
        """From now on every write fails, in a way that passes."""
        ...

    def mend(self) -> None:
        """Writes succeed again."""
        ...


SinkCheck: TypeAlias = Callable[[Place], None]
"""A law that a sink has to keep; raises AssertionError where it does not."""


@law
def durable_is_stored(place: Place) -> None:
    """Require that each document ends durable, and that what is called durable is there."""
    sink = place.open()
    began = time.time()
    writing = sink.start(_items(sink, range(60)), threading.Event())
    _finish(writing)
    require(set(writing.fates) == {Fate.DURABLE}, "every document is durable in the end")
    require(all(began - 1 <= at <= time.time() + 1 for at in writing.durable_at), "durable_at is when it became so")
    require(_numbers(place) == set(range(60)), "what is called durable is there, and nothing else")
    _finish(sink.start([], threading.Event()))
    sink.close()


@law
def redelivery_is_known(place: Place) -> None:
    """Require that what is written twice, also by another process, is either one document or known to be the same."""
    for span in (range(20), range(10, 30)):
        sink = place.open()
        _finish(sink.start(_items(sink, span), threading.Event()))
        sink.close()
    require(_numbers(place) == set(range(30)), "a redelivery stores no other documents")
    sink = place.open()
    require(_items(sink, range(5)) == _items(sink, range(5)), "one record gives equal items")
    sink.close()


@law
def order_is_kept(place: Place) -> None:
    """Require, of each key, the order of the stream: its documents first stand there as they were given."""
    sink = place.open()
    for span in (range(90), range(90, 120)):
        _finish(sink.start(_items(sink, span), threading.Event()))
    sink.close()
    require(_numbers(place) == set(range(120)), "all documents are there")
    if place.has_order:
        first = list(dict.fromkeys(int(each.sequence) for each in place.stored()))
        for user in range(_USERS):
            mine = [number for number in first if _user(number) == user]
            require(mine == sorted(mine), "documents of one key stand in the order of the stream")


@law
def retries_until_it_succeeds(place: Place) -> None:
    """Require that a failure that passes loses nothing, and that nothing is called durable meanwhile."""
    sink = place.open()
    place.fail()
    writing = sink.start(_items(sink, range(30)), threading.Event())
    require(not _wait(writing, _TRIED_SECONDS), "a write that fails goes on being tried")
    require(set(writing.fates) == {Fate.PENDING}, "nothing is called durable, or refused, while writes fail")
    place.mend()
    _finish(writing)
    require(set(writing.fates) == {Fate.DURABLE}, "every document is durable once writes succeed")
    require(_numbers(place) == set(range(30)), "every document is there once writes succeed")
    sink.close()


@law
def a_stop_leaves_the_rest(place: Place) -> None:
    """Require that a stop ends a write that fails, soon, and that nothing is sent after it."""
    sink = place.open()
    place.fail()
    stop = threading.Event()
    writing = sink.start(_items(sink, range(30)), stop)
    _wait(writing, _TRIED_SECONDS)
    stop.set()
    _finish(writing)
    require(set(writing.fates) == {Fate.PENDING}, "what was not written when it was stopped stays pending")
    place.mend()
    require(_wait(writing, 1.0), "a write that has ended stays so")
    require(not place.stored(), "nothing is written after the stop")
    writing = sink.start(_items(sink, range(30)), threading.Event())
    _finish(writing)
    require(_numbers(place) == set(range(30)), "a stop is the end of one write, not of the sink")
    sink.close()


@law
def threads_share_it(place: Place) -> None:
    """Require that several shards' threads write at once, each its own."""
    sink = place.open()
    shards = [f"shardId-{number:012d}" for number in range(4)]
    failed: list[str] = []

    def write(shard: str) -> None:
        try:
            for begin in range(0, 60, 20):
                items = _items(sink, range(begin, begin + 20), shard)
                writing = sink.start(items, threading.Event())
                _finish(writing)
                require(set(writing.fates) == {Fate.DURABLE}, "every document is durable")
        except BaseException as error:  # noqa: BLE001 - shown by its class
            failed.append(type(error).__name__)

    threads = [threading.Thread(target=write, args=(shard,)) for shard in shards]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.close()
    require(not failed, "several threads may write at once")
    wanted = {(shard, number) for shard in shards for number in range(60)}
    require(
        {(each.shard, int(each.sequence)) for each in place.stored()} == wanted, "each thread's documents are there"
    )


@law
def encoders_refuse_with_a_code(place: Place) -> None:
    """Require an item, or an EncodeError with a code and no content, for whatever a redactor may release."""
    sink = place.open()
    encoder = sink.encoder(SHARD)
    released: list[dict[str, object]] = [
        {},
        {"user_id": ""},
        {"user_id": CANARY * 1000},
        {"user_id": "u", "timestamp": "t", "large": CANARY * 700_000},
        {"user_id": "u", "timestamp": "t", CANARY: object()},
        {"user_id": "u", "timestamp": "t", "surrogate": "\ud800" + CANARY},
        {"user_id": "u", "timestamp": "t", "number": 10**400},
    ]
    for document in released:
        try:
            item: object = encoder.encode(document, _record(1))
        except EncodeError as error:
            require(_CODE.fullmatch(error.code), "a code is lower snake case")
            require(CANARY not in str(error), "an error holds no content")
        else:
            require(isinstance(item, Item), "what fits becomes an item")
    require(isinstance(encoder.has_unique_keys, bool), "an encoder says whether its keys are unique")
    sink.close()


@law
def says_no_content(place: Place) -> None:
    """Require that what it logs, also of failures, holds nothing of a document."""
    sink = place.open()
    place.fail()
    stop = threading.Event()
    writing = sink.start(_items(sink, range(10)), stop)
    _wait(writing, 2 * _TRIED_SECONDS)
    place.mend()
    _finish(writing)
    sink.close()
    require(not any(CANARY in said for said in place.log.said), "no log line holds content")


CHECKS: Final[tuple[SinkCheck, ...]] = (
    durable_is_stored,
    redelivery_is_known,
    order_is_kept,
    retries_until_it_succeeds,
    a_stop_leaves_the_rest,
    threads_share_it,
    encoders_refuse_with_a_code,
    says_no_content,
)
"""All laws that a sink has to keep, to be tried one by one."""

_USERS: Final = 7


def _user(number: int) -> int:
    return number * number % _USERS


def _record(number: int) -> Record:
    return Record(str(number), 0, 1_700_000_000_000 + number, b"{}")


def _items(sink: DocumentSink, numbers: range, shard: str = SHARD) -> list[Item]:
    encoder = sink.encoder(shard)
    return [
        encoder.encode(
            {"user_id": f"user-{_user(number)}", "timestamp": "2024-03-15T10:30:00Z", "text": CANARY}, _record(number)
        )
        for number in numbers
    ]


def _wait(writing: Writing, seconds: float) -> bool:
    """Wait as the pipeline does, in steps; return whether it has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if writing.wait(min(0.1, seconds)):
            return True
    return False


def _finish(writing: Writing) -> None:
    require(_wait(writing, PATIENCE_SECONDS), f"a write ends within {PATIENCE_SECONDS:g} seconds")


def _numbers(place: Place) -> set[int]:
    return {int(each.sequence) for each in place.stored()}
