"""How memory is divided: what there is, what the worker's processes take, what is left for the daemon's heap."""

import os
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import Final, NamedTuple

from consumer.settings import Settings
from consumer.worker.tuning import cores

CGROUP: Final = Path("/sys/fs/cgroup")
_LIMITS: Final = ("memory.max", "memory/memory.limit_in_bytes")  # cgroup v2, v1
_MIB: Final = 1 << 20

# Measured (docs/performance.md), in MiB.
_JVM_MIB: Final = 190  # beside its heap
_SUPERVISOR_MIB: Final = 90
_SHARD_MIB: Final = 1.7  # a shim, and what a session holds beside the budget
_PIPELINE_MIB: Final = 110  # beside what it has in flight; names of fields are a tenth of it
_IN_FLIGHT_FACTOR: Final = 5
"""What a byte of `pipeline.max_bytes_in_flight` takes."""

MANY_SHARDS: Final = 50
"""With so many is reckoned where nobody has asked the stream."""

_LEAST_HEAP_MIB: Final = 128
_MOST_HEAP_MIB: Final = 272
"""What the daemon's heap is where nothing is said and there is room: the daemon fetches no more than fits into it."""


class Memory(NamedTuple):
    """In MiB.

    :ivar limit: what there is.
    :ivar heap: the daemon's heap, at most.
    :ivar worker: what the whole worker may take.
    :ivar processes: of the pipeline.
    """

    limit: int
    heap: int
    worker: int
    processes: int


def divide(settings: Settings, limit: int, shards: int = MANY_SHARDS) -> Memory:
    """Divide `limit` MiB as the settings say, and else so that all has its place.

    :param shards: that the worker may have to serve alone.
    """
    processes = settings.pipeline.processes or cores()
    in_flight = -(-settings.pipeline.max_bytes_in_flight * _IN_FLIGHT_FACTOR // _MIB)
    others = _JVM_MIB + _SUPERVISOR_MIB + ceil(_SHARD_MIB * shards) + processes * (_PIPELINE_MIB + in_flight)
    heap = settings.kcl.heap_mb or min(_MOST_HEAP_MIB, max(_LEAST_HEAP_MIB, limit - others))
    return Memory(limit, heap, others + heap, processes)


def limit_mib() -> int:
    """Return the MiB that the container may take, else those of the machine."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in _LIMITS:
        with suppress(OSError, ValueError):  # ValueError: `max`
            found = min(found, int((CGROUP / name).read_text(encoding="ascii")))
    return found // _MIB
