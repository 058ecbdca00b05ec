"""Bounds how often the same thing is logged: a flood tells nothing more, costs money, and hides the rest."""

import contextlib
import threading
import time
from collections.abc import Callable, Hashable
from typing import Final

MAX_KEYS: Final = 4096
"""Keys that are remembered; beyond it, those whose window is over are forgotten."""


class _Window:
    def __init__(self, ends: float) -> None:
        self.ends = ends
        self.lines = 0
        self.left_out = 0


class RateLimit:
    """Admits the first lines of a key's window and counts the rest. Thread-safe.

    :param most: lines of one key in a window.
    :param seconds: length of a window.
    :param report: told of a key whose lines were left out, and of how many, soon after its window's end.
    """

    def __init__(self, most: int, seconds: float, report: Callable[[Hashable, int], None]) -> None:
        self._most = most
        self._seconds = seconds
        self._report = report
        self._windows: dict[Hashable, _Window] = {}
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def admits(self, key: Hashable) -> bool:
        """Count a line; return whether it may be written."""
        now = time.monotonic()
        with self._lock:
            window = self._windows.get(key)
            if window is None or (now >= window.ends and not window.left_out):
                if len(self._windows) >= MAX_KEYS:
                    self._windows = {k: w for k, w in self._windows.items() if w.left_out or w.ends > now}
                window = self._windows[key] = _Window(now + self._seconds)
            window.lines += 1
            if window.lines <= self._most:
                return True
            window.left_out += 1
            self._wake_at(window.ends)
            return False

    def flush(self) -> None:
        """Report now what has not been reported."""
        self._sum_up(by=float("inf"))

    def _wake_at(self, ends: float) -> None:
        if self._timer is None:
            timer = threading.Timer(max(0.0, ends - time.monotonic()), self._on_time)
            timer.daemon = True
            with contextlib.suppress(RuntimeError):  # the interpreter is about to end
                timer.start()
                self._timer = timer

    def _on_time(self) -> None:
        with self._lock:
            self._timer = None
        self._sum_up(by=time.monotonic())
        with self._lock:
            waiting = [window.ends for window in self._windows.values() if window.left_out]
            if waiting:
                self._wake_at(min(waiting))

    def _sum_up(self, by: float) -> None:
        with self._lock:
            due = {key: window for key, window in self._windows.items() if window.left_out and window.ends <= by}
            for key in due:
                del self._windows[key]
        for key, window in due.items():
            self._report(key, window.left_out)
