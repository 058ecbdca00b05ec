"""Who may redact beside whom: all together, or one alone.

A suspect is tried while no other shard of the process redacts: if the process dies, it is known whose fault it was.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from consumer.thread_turns import waiting


class Isolation:
    """One for each process."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._together = 0
        self._one_alone = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Beside others."""
        with self._changed:
            free = not self._one_alone
            if free:
                self._together += 1
        if not free:
            with waiting(), self._changed:
                self._changed.wait_for(lambda: not self._one_alone)
                self._together += 1
        try:
            yield
        finally:
            with self._changed:
                self._together -= 1
                self._changed.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Beside nobody."""
        with waiting(), self._changed:
            self._changed.wait_for(lambda: not self._one_alone and not self._together)
            self._one_alone = True
        try:
            yield
        finally:
            with self._changed:
                self._one_alone = False
                self._changed.notify_all()
