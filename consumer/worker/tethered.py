"""Runs a command that ends with its parent: ``python -I -S -E tethered.py PARENT COMMAND...``.

A supervisor that is killed cannot stop its daemon, and a daemon without a supervisor must not go on. On Linux the
kernel does it; elsewhere the daemon ends when its children's pipes close.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Become `command`.

    :param parent: pid of the process that must live; checked after the tie is made, since it may have died before.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            raise SystemExit(1)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
