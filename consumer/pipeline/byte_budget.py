"""How many bytes of records a process works on at once, over all of its shards."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from consumer.thread_turns import waiting

_TURN_SECONDS: Final = 0.5


class Held:
    """A place in the budget; none, if a stop has ended the wait for it."""

    def __init__(self, size: int, granted: threading.Event, give_back: Callable[[int], None]) -> None:
        self._size = size
        self._granted = granted
        self._give_back = give_back

    def shrink(self, size: int) -> None:
        """Hold no more than `size` bytes from now on."""
        if self._granted.is_set() and size < self._size:
            self._give_back(self._size - size)
            self._size = size


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
    def hold(self, size: int, stop: threading.Event) -> Iterator["Held"]:
        """Wait until `size` bytes fit, and hold them for the time of the block; a stop ends the wait."""
        granted = threading.Event()
        request = (size, granted)
        held = Held(size, granted, self._give_back)
        with self._lock:
            self._queue.append(request)
            self._grant()
        if not granted.is_set():
            with waiting():
                while not granted.wait(_TURN_SECONDS) and not stop.is_set():
                    pass
        try:
            yield held
        finally:
            with self._lock:
                if not granted.is_set():
                    self._queue.remove(request)
                    self._grant()
            held.shrink(0)

    def _give_back(self, size: int) -> None:
        with self._lock:
            self._held -= size
            self._grant()

    def _grant(self) -> None:
        while self._queue and (not self._held or self._held + self._queue[0][0] <= self._limit):
            size, granted = self._queue.popleft()
            self._held += size
            granted.set()
