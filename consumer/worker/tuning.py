"""How a process on the record's path is run."""

import gc
import os
from typing import Final

GC_OBJECTS: Final = 10_000
"""Containers made since the last collection when the next one begins; Python's default is 700."""


def collect_seldom() -> None:
    """Spare the collector of cycles its work: a batch makes many objects, which it would look at again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_OBJECTS)


def cores() -> int:
    """Return the cores that this process may use, where the system tells (Linux), else those that there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def stay_on_one_core(slot: int) -> None:
    """Bind this process to one of the cores it may use, siblings to others, where the system knows how to."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        # Begin anywhere: workers that share a machine must not all take its first cores.
        os.sched_setaffinity(0, {cores[(os.getppid() + slot) % len(cores)]})
