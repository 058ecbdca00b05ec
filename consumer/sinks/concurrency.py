"""How many requests may be under way at once: additive increase, multiplicative decrease.

A table that throttles, or answers more and more slowly, is asked less, by all shards of the process together; one that
keeps up is asked more. As TCP does for a network (RFC 5681), since neither says how much it can take.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from consumer.thread_turns import waiting

FIRST: Final = 8
"""Requests under way at the start."""

SHRINK: Final = 0.5
EASE: Final = 0.9
"""Factors for a table that throttles, and for one that has become slow."""

PAUSE_SECONDS: Final = 0.2
"""Between two decreases: the answers of one round say the same thing many times."""

SLOW: Final = 4.0
SLOW_SECONDS: Final = 0.05
"""Slow is a mean latency above so many times the least one, and that much more."""

FORGET_SECONDS: Final = 60.0
"""For how long the least latency counts."""

_SMOOTHING: Final = 0.1


class Concurrency:
    """Slots for requests, shared by the threads of a process.

    :param most: slots that there may be; there is always one.
    :param report: is told the number of slots when it changes.
    """

    def __init__(
        self, most: int, report: Callable[[int], None] = lambda _: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = float(most)
        self._limit = min(float(FIRST), self._most)
        self._under_way = 0
        self._freed = threading.Condition()
        self._clock = clock
        self._report = report
        self._decreased_at = clock()
        self._mean: float | None = None
        self._least = (float("inf"), clock())
        self._least_before = float("inf")
        report(int(self._limit))

    @property
    def slots(self) -> int:
        """Requests that may be under way now."""
        return int(self._limit)

    def take(self, timeout: float) -> bool:
        """Wait for a slot, at most `timeout` seconds; return whether there was one."""
        if self._take(0):
            return True
        if timeout <= 0:
            return False
        with waiting():
            return self._take(timeout)

    def _take(self, timeout: float) -> bool:
        with self._freed:
            if not self._freed.wait_for(self._is_free, timeout):
                return False
            self._under_way += 1
            return True

    def give_back(self, seconds: float | None, *, throttled: bool) -> None:
        """Return a slot.

        :param seconds: the answer's latency; 0: it was there before anybody looked; None: there was no answer.
        :param throttled: the table took less than it was given, or failed under its load.
        """
        with self._freed:
            was_full = self._under_way >= int(self._limit)
            self._under_way -= 1
            before = int(self._limit)
            if throttled:
                self._decrease(SHRINK)
            elif seconds is not None:
                if seconds and self._is_slow(seconds):
                    self._decrease(EASE)
                elif was_full:
                    self._limit = min(self._most, self._limit + 1 / self._limit)
            if int(self._limit) != before:
                self._report(int(self._limit))
            # One slot was freed, and one may have been added.
            self._freed.notify(2)

    def _is_free(self) -> bool:
        return self._under_way < int(self._limit)

    def _decrease(self, factor: float) -> None:
        now = self._clock()
        if now - self._decreased_at >= PAUSE_SECONDS:
            self._decreased_at = now
            self._limit = max(1.0, self._limit * factor)

    def _is_slow(self, seconds: float) -> bool:
        now = self._clock()
        least, since = self._least
        if now - since > FORGET_SECONDS:
            self._least_before, self._least = least, (seconds, now)
        elif seconds < least:
            self._least = (seconds, since)
        self._mean = seconds if self._mean is None else self._mean + _SMOOTHING * (seconds - self._mean)
        return self._mean > SLOW * min(self._least[0], self._least_before) + SLOW_SECONDS
