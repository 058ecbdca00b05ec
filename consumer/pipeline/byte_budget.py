"""How many bytes of records a process works on at once, over all of its shards."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from consumer.thread_turns import waiting

_TURN_SECONDS: Final = 0.5


class ByteBudget:
    """A bound on what is in flight; what does not fit waits, in the order of asking.

    A batch that is larger than the whole budget goes alone.

    :param limit: bytes of record data.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._lock = threading.Lock()
        self._queue: deque[tuple[int, threading.Event]] = deque()

    @contextmanager
    def hold(self, size: int, stop: threading.Event) -> Iterator[None]:
        """Wait until `size` bytes fit, and hold them for the time of the block; a stop ends the wait."""
        granted = threading.Event()
        request = (size, granted)
        with self._lock:
            self._queue.append(request)
            self._grant()
        if not granted.is_set():
            with waiting():
                while not granted.wait(_TURN_SECONDS) and not stop.is_set():
                    pass
        try:
            yield
        finally:
            with self._lock:
                if granted.is_set():
                    self._held -= size
                else:
                    self._queue.remove(request)
                self._grant()

    def _grant(self) -> None:
        while self._queue and (not self._held or self._held + self._queue[0][0] <= self._limit):
            size, granted = self._queue.popleft()
            self._held += size
            granted.set()
