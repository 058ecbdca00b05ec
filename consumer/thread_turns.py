"""One thread of a process works at a time, and the others wait their turn without getting in its way.

Python runs one thread at a time in any case, but lets go of the interpreter in every call that may take long: a match,
a hash, a send. With many threads at work each of these is a change of threads, which costs more than the call
(docs/decisions/0005). So a shard's thread works a batch through, and lets the next one in where it really waits: for
the daemon's next message, for an answer, for a slot. In the order of asking, so that no shard starves.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final


class _Turn:
    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[tuple[threading.Lock, int]] = deque()
        self.holder = 0

    def take(self) -> None:
        me = threading.get_ident()
        with self._mutex:
            if not self.holder:
                self.holder = me
                return
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append((gate, me))
        gate.acquire()

    def give(self) -> None:
        with self._mutex:
            self.holder = 0
            if self._waiting:
                gate, self.holder = self._waiting.popleft()
                gate.release()


_TURN: Final = _Turn()


@contextmanager
def working() -> Iterator[None]:
    """Wait for this thread's turn; it ends with the block."""
    _TURN.take()
    try:
        yield
    finally:
        _TURN.give()


class _Waiting:
    def __enter__(self) -> None:
        _TURN.give()

    def __exit__(self, *_: object) -> None:
        _TURN.take()


_WAITING: Final = _Waiting()
_NOTHING: Final = nullcontext()


LARGE_BYTES: Final = 512 * 1024
"""A record above this may take longer to redact (50 ms for each 400 KB) than other shards shall wait for it."""

_LONG: Final = threading.Lock()


@contextmanager
def beside() -> Iterator[None]:
    """Work for long without a turn, while others have theirs; one thread of the process at a time.

    Python changes between the two every few milliseconds, so that the others are slowed down and do not stand still.
    With more than one they would be slowed down by each. For a thread that is not at work this changes nothing.
    """
    if _TURN.holder != threading.get_ident():
        yield
        return
    with _WAITING, _LONG:
        yield


def waiting() -> AbstractContextManager[None]:
    """Let others work while the block waits. For a thread that is not at work this changes nothing."""
    return _WAITING if _TURN.holder == threading.get_ident() else _NOTHING
