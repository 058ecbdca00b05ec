"""Where items go: the protocol between the pipeline and what writes for it."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, wait
from enum import Enum
from typing import Protocol

from consumer.record import Item


class Fate(Enum):
    """What became of one item."""

    PENDING = "pending"
    DURABLE = "durable"
    REFUSED = "refused"


class Writing:
    """A write under way.

    :ivar fates: one for each item, in order; set by the sink's threads, only ever from PENDING to something else.
    :ivar durable_at: epoch seconds when the item became durable, in order; 0 before.
    """

    def __init__(self, count: int) -> None:
        self.fates = [Fate.PENDING] * count
        self.durable_at = [0.0] * count
        self.futures: list[Future[None]] = []

    def wait(self, timeout: float) -> bool:
        """Wait for the end of the write, at most `timeout` seconds.

        :return: whether it has ended.
        :raises Exception: what a sink's thread raised, which is a defect.
        """
        done, pending = wait(self.futures, timeout)
        for future in done:
            future.result()
        return not pending


class Sink(Protocol):
    """Writes items; equal items twice are one."""

    def start(self, items: Sequence[Item], stop: threading.Event) -> Writing:
        """Begin to write `items`, whose keys all differ.

        Retries until each item is durable or refused, or until `stop` is set; then the rest stays pending.
        """
        ...
