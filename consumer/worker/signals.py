"""SIGINT and SIGTERM as an event, for commands that end what they are at before they stop; the supervisor's signals."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Set the event at the first signal; a second one does what it did before. For the main thread."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tell_of_signals(tell: Callable[[signal.Signals], None]) -> None:
    """Have `tell` called with each SIGTERM, SIGINT and SIGHUP, but for a SIGHUP that is ignored, as nohup leaves it."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda signum, _: tell(signal.Signals(signum)))


class Terminal:
    """The controlling terminal that this process has when this is made, if it has one."""

    def __init__(self) -> None:
        self._was_there = _has_terminal()

    def has_gone(self) -> bool:
        """Tell whether it was closed, which is one of the things that a SIGHUP means."""
        return self._was_there and not _has_terminal()


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
