"""A sink of another package and the test of it, as its type checker sees them. Checked by mypy, run by nobody."""

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any, assert_type

from consumer.errors import EncodeError
from consumer.record import Item, Position, Record
from consumer.sink import DocumentSink, Encoder, Fate, Sink, SinkContext, Writing
from consumer.sink_testing import CHECKS, Log, Place, SinkCheck, Stored, durable_is_stored


class ListEncoder:
    has_unique_keys = True

    def encode(self, document: Mapping[str, object], record: Record) -> Item:
        assert_type(record.position, Position)
        assert_type(record.data, bytes)
        if not document:
            raise EncodeError("empty")
        return Item((record.sequence, str(record.sub)), json.dumps(document).encode())


class ListSink:
    def __init__(self, written: list[Item]) -> None:
        self._written = written

    def encoder(self, _shard: str) -> ListEncoder:
        return ListEncoder()

    def start(self, items: Sequence[Item], stop: threading.Event) -> Writing:
        writing = Writing(len(items))
        assert_type(writing.fates, list[Fate])
        assert_type(writing.durable_at, list[float])
        if not stop.is_set():
            self._written += items
            writing.fates = [Fate.DURABLE] * len(items)
        assert_type(writing.wait(0.0), bool)
        return writing

    def close(self) -> None:
        return


def make(options: Mapping[str, Any], context: SinkContext) -> DocumentSink:
    assert_type(context.policy, str)
    assert_type(context.digest, str)
    context.log.info("mine.opened", count=len(options))
    context.policy = "other@1"  # type: ignore[misc]  # what a sink is told is not the sink's to change
    return ListSink([])


class ListPlace:
    def __init__(self) -> None:
        self.log = Log()
        self.has_order = True
        self.written: list[Item] = []

    def open(self) -> DocumentSink:
        return ListSink(self.written)

    def stored(self) -> Sequence[Stored]:
        return [Stored("shardId-000000000000", item.key[0], int(item.key[1])) for item in self.written]

    def fail(self) -> None: ...

    def mend(self) -> None: ...


class Unclosed:
    def encoder(self, _shard: str) -> ListEncoder:
        return ListEncoder()

    def start(self, items: Sequence[Item], _stop: threading.Event) -> Writing:
        return Writing(len(items))


place: Place = ListPlace()
encoder: Encoder = ListEncoder()
sink: Sink = Unclosed()
document_sink: DocumentSink = Unclosed()  # type: ignore[assignment]  # it has no `close`
check: SinkCheck = durable_is_stored
assert_type(CHECKS, tuple[SinkCheck, ...])
for each in CHECKS:
    each(place)
    each(document_sink)  # type: ignore[arg-type]
