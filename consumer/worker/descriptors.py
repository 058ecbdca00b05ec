"""File descriptors: a process that has none left does no work, and nothing but its own end mends it."""

import errno
import os
from typing import Final

ADVICE: Final = (
    "no file descriptor is left to this process, which ends: raise its limit (in ECS the container's ulimits, nofile), "
    "or look for a plug-in that does not close what it opens"
)

_RESERVED: Final = 16


class Reserve:
    """Descriptors that are kept to end in order with: to hand leases over takes some."""

    def __init__(self) -> None:
        self._held = [os.open(os.devnull, os.O_RDONLY) for _ in range(_RESERVED)]

    def release(self) -> None:
        """Give them back."""
        while self._held:
            os.close(self._held.pop())


def check() -> None:
    """Find out whether this process can still open something.

    :raises OSError: it cannot; see `are_lacking`.
    """
    os.close(os.open(os.devnull, os.O_RDONLY))


def are_lacking(error: OSError) -> bool:
    """Tell whether an error means that this process has none left; a whole system without is not its fault."""
    return error.errno == errno.EMFILE
