"""A process without file descriptors. Linux."""

import resource
import sys
from pathlib import Path


def open_nothing_more(pid: int) -> None:
    """Take from a process whatever descriptor it has left."""
    assert sys.platform == "linux"
    used = {int(each.name) for each in Path(f"/proc/{pid}/fd").iterdir()}
    free = next(number for number in range(1 << 20) if number not in used)
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, hard))
