"""Where items go: the protocol between the pipeline and what writes for it. All that an author of a sink imports."""

import threading
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple, Protocol, runtime_checkable

from consumer.errors import EncodeError
from consumer.logs import Logger
from consumer.record import Item, Record
from redaction.plugin import Released

__all__ = ["BatchEncoder", "DocumentSink", "Encoder", "Fate", "Sink", "SinkContext", "SinkMetrics", "Writing"]


class Fate(Enum):
    """What became of one item."""

    PENDING = "pending"
    """Nothing is known of it yet."""
    DURABLE = "durable"
    """It is written, and survives whatever the sink survives."""
    SUPERSEDED = "superseded"
    """A newer document stands in its place, and is durable."""
    REFUSED = "refused"
    """The sink will never take it: its record goes to quarantine."""


class Writing:
    """A write under way, which goes on while somebody waits for it; this one has nothing to wait for.

    :ivar fates: one for each item, in order; only ever from PENDING to something else.
    :ivar durable_at: epoch seconds when the item, or what supersedes it, was known durable, in order; 0 before.
    """

    def __init__(self, count: int) -> None:
        self.fates = [Fate.PENDING] * count
        self.durable_at = [0.0] * count

    def wait(self, timeout: float) -> bool:  # noqa: ARG002 - see above
        """Go on with the write, for at most `timeout` seconds.

        :return: whether it has ended: nothing of it is under way, and nothing will be.
        """
        return True


class Sink(Protocol):
    """Writes items; equal items twice are one, and so are an item and one that supersedes it."""

    def start(self, items: Sequence[Item], stop: threading.Event) -> Writing:
        """Begin to write `items`, whose keys all differ.

        Retries until each item is durable, superseded or refused, or until `stop` is set; then the rest stays pending.
        """
        ...


class Encoder(Protocol):
    """Makes the items of one shard. Used by one thread.

    :ivar has_unique_keys: whether no two records can share a key; else the pipeline writes only the newest of each.
    """

    has_unique_keys: bool

    def encode(self, document: Mapping[str, object], record: Record) -> Item:
        """Return the item of a released document.

        :raises EncodeError: the sink cannot hold it; the record goes to quarantine with the error's code.
        """
        ...


@runtime_checkable
class BatchEncoder(Encoder, Protocol):
    """One that makes many items at once, from what was released."""

    def encode_all(self, released: Sequence[Released], records: Sequence[Record]) -> list[Item | EncodeError]:
        """Return each item, or why there is none."""
        ...


class DocumentSink(Sink, Protocol):
    """Where documents go; shared by the threads of a process."""

    def encoder(self, shard: str) -> Encoder:
        """Return what makes the items of a shard."""
        ...

    def close(self) -> None:
        """Let go of connections and files; nothing is written after it."""
        ...


class SinkMetrics(Protocol):
    """What a sink tells of its writes. Thread-safe."""

    def wrote(self, items: int, seconds: float) -> None:
        """Enter a request that was answered: how many items it held, and how long it took."""
        ...

    def retried(self, reason: str) -> None:
        """Enter a request, or what was left of it, that is to be sent again.

        :param reason: one of few words, such as ``throttled`` or ``unreachable``.
        """
        ...

    def may_send(self, requests: int) -> None:
        """Enter how many requests may be under way at once, from now on."""
        ...


class SinkContext(NamedTuple):
    """What a sink is told.

    :ivar stream: the name of the stream whose documents it gets.
    :ivar policy: name and version of the redactor, ``name@version``.
    :ivar digest: the redactor's.
    :ivar reserved_attribute: where what the service adds to a document stands; no field of a document has this name.
    :ivar timeout_seconds: of one request.
    :ivar concurrency: requests that one process may have under way.
    :ivar metrics: to be told of its writes.
    :ivar log: a structured logger: fields of fixed names (docs/logs.md), never content.
    """

    stream: str
    policy: str
    digest: str
    reserved_attribute: str
    timeout_seconds: float
    concurrency: int
    metrics: SinkMetrics
    log: Logger
