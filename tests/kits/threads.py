"""For tests of threads: waiting for what another one does, and not for ever."""

import time
from collections.abc import Callable
from typing import Final

SECONDS: Final = 10.0


def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds; fail if it does not."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.001)
