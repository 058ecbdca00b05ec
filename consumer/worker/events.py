"""What the supervisor is told, by whatever thread."""

import signal
from collections.abc import Callable
from dataclasses import dataclass

from consumer.kcl.log import Phase
from consumer.pipeline.crash_journal import JournalReading


@dataclass(frozen=True, slots=True)
class SignalReceived:
    """The supervisor's process got a signal."""

    number: signal.Signals


@dataclass(frozen=True, slots=True)
class PipelineReady:
    """A pipeline process takes sessions from now on."""

    slot: int
    pid: int


@dataclass(frozen=True, slots=True)
class PipelineExited:
    """A pipeline process has ended; the last that is told of it."""

    slot: int
    pid: int
    status: int


@dataclass(frozen=True, slots=True)
class ShardStuck:
    """A shard has stood still for too long.

    :ivar reading: what stood in its crash journal all the while.
    """

    shard: str
    reading: JournalReading


@dataclass(frozen=True, slots=True)
class Flooding:
    """Too many of a pipeline process's records went to quarantine.

    :ivar share: how many, from 0 to 1.
    """

    slot: int
    share: float


@dataclass(frozen=True, slots=True)
class SessionFailed:
    """A shard's session did not end in order.

    :ivar daemon: number of the daemon that it spoke with.
    """

    slot: int
    shard: str
    daemon: int


@dataclass(frozen=True, slots=True)
class DaemonPhase:
    """A daemon's log says how far it has come."""

    daemon: int
    phase: Phase


@dataclass(frozen=True, slots=True)
class MoreFits:
    """The daemon may fetch more records at once."""

    records: int


@dataclass(frozen=True, slots=True)
class DaemonExited:
    """A daemon has ended; the last that is told of it."""

    daemon: int
    status: int


Event = (
    SignalReceived
    | PipelineReady
    | PipelineExited
    | ShardStuck
    | Flooding
    | SessionFailed
    | DaemonPhase
    | DaemonExited
    | MoreFits
)

Post = Callable[[Event], None]
"""Puts an event into the supervisor's queue; may be called by any thread."""
