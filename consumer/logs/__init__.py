"""The log, content-free by construction: structured, rate-limited, for scripts or for a person at a terminal."""

from consumer.frames import frames_of, frames_of_stacks
from consumer.logs.structured import (
    Logger,
    batch_began,
    configure,
    count_suppressed,
    flush,
    get_logger,
    set_level,
)

__all__ = [
    "Logger",
    "batch_began",
    "configure",
    "count_suppressed",
    "flush",
    "frames_of",
    "frames_of_stacks",
    "get_logger",
    "set_level",
]
