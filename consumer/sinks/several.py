"""Several sinks at once: a record is stored when it is durable in all, and quarantined when one refuses it."""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final

from consumer.errors import UsageError
from consumer.record import Item, Record
from consumer.sink import DocumentSink, Encoder, Fate, Writing

# Of the fates of one record in all sinks, the first of these that is among them is the record's.
_WEIGHT: Final = (Fate.PENDING, Fate.REFUSED, Fate.DURABLE, Fate.SUPERSEDED)


class _Items(Item):
    """One record's items, one for each sink; as an item itself it is the first one."""

    parts: tuple[Item, ...]


class _Encoders:
    has_unique_keys = True

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        self._encoders = encoders

    def encode(self, document: Mapping[str, object], record: Record) -> Item:
        """See `Encoder.encode`: the first sink that cannot hold it says why."""
        parts = tuple([encoder.encode(document, record) for encoder in self._encoders])
        items = _Items(*parts[0])
        items.parts = parts
        return items


class _Writings(Writing):
    def __init__(self, count: int, writings: Sequence[Writing]) -> None:
        super().__init__(count)
        self._writings = writings

    def wait(self, timeout: float) -> bool:
        """See `Writing.wait`. All are waited for: an answer that nobody reads holds a slot."""
        until = time.monotonic() + timeout
        ended = [writing.wait(max(0.001, until - time.monotonic())) for writing in self._writings]
        for i, fate in enumerate(self.fates):
            if fate is Fate.PENDING:
                fates = {writing.fates[i] for writing in self._writings}
                self.fates[i] = next(each for each in _WEIGHT if each in fates)
                if self.fates[i] in (Fate.DURABLE, Fate.SUPERSEDED):
                    self.durable_at[i] = max(writing.durable_at[i] for writing in self._writings)
        return all(ended)


SHARED_ITEMS: Final = (
    "Several sinks take every record, but the keys of one let records share an item, of which only the newest is "
    "written: give each record an item of its own, as output.sort_key does by default, or run a second application "
    "with a sink of its own."
)


class FanOut:
    """Writes to all of them.

    :raises UsageError: in `encoder`, where records can share an item of one of the sinks: of those only the newest
        would be written, and the other sinks would miss the rest.
    """

    def __init__(self, sinks: Sequence[DocumentSink]) -> None:
        self._sinks = sinks
        self.encoder("")

    def encoder(self, shard: str) -> Encoder:
        """See `DocumentSink.encoder`."""
        encoders = [sink.encoder(shard) for sink in self._sinks]
        if not all(encoder.has_unique_keys for encoder in encoders):
            raise UsageError(SHARED_ITEMS)
        return _Encoders(encoders)

    def start(self, items: Sequence[Item], stop: threading.Event) -> Writing:
        """See `Sink.start`."""
        parts = [item.parts for item in items if isinstance(item, _Items)]
        writings = [sink.start([part[number] for part in parts], stop) for number, sink in enumerate(self._sinks)]
        return _Writings(len(items), writings)

    def close(self) -> None:
        """See `DocumentSink.close`."""
        for sink in self._sinks:
            sink.close()
