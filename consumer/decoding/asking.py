"""While a decoder waits for what it asks, its thread has no record in hand: a slow answer is no hanging decoder.

Else the watchdog would end the process for it, and the record would end in quarantine for a registry's fault.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

Aside = Callable[[], AbstractContextManager[None]]


class _Here(threading.local):
    aside: Aside = nullcontext


_HERE: Final = _Here()


def asking() -> AbstractContextManager[None]:
    """Wait for an answer while the block lasts."""
    return _HERE.aside()


@contextmanager
def told_of_asking(aside: Aside) -> Iterator[None]:
    """Have `aside` around each wait of this thread while the block lasts."""
    before, _HERE.aside = _HERE.aside, aside
    try:
        yield
    finally:
        _HERE.aside = before
