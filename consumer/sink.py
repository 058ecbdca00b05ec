"""Where items go: the protocol between the pipeline and what writes for it."""

import threading
from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from consumer.record import Item


class Fate(Enum):
    """What became of one item."""

    PENDING = "pending"
    DURABLE = "durable"
    SUPERSEDED = "superseded"
    """A newer document stands in its place, and is durable."""
    REFUSED = "refused"


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
