"""The log, content-free by construction: structured, rate-limited, for scripts or for a person at a terminal."""

from consumer.frames import frames_of, frames_of_stacks
from consumer.logs.embedded import EmbeddedMetrics, Measured
from consumer.logs.structured import (
    Logger,
    batch_began,
    configure,
    count_suppressed,
    flush,
    get_logger,
    publish,
    set_level,
)

__all__ = [
    "EmbeddedMetrics",
    "Logger",
    "Measured",
    "batch_began",
    "configure",
    "count_suppressed",
    "flush",
    "frames_of",
    "frames_of_stacks",
    "get_logger",
    "publish",
    "set_level",
]
