"""What a worker is put under, and what came of it."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.kinds import CLEAN


@dataclass(frozen=True)
class Load:
    """What the worker is put under; rate and backlog are per shard, latency in ms, capacity in items a second."""

    shards: int = 10
    rate: float = 1000
    backlog: int = 0
    kind: str = CLEAN
    seconds: float = 60
    warm_up: float = 15
    drain: float = 60
    latency: float = 0
    throttled: float = 0
    capacity: float | None = None


@dataclass(frozen=True)
class ServiceCost:
    """What a service beside the worker cost in the window."""

    core_seconds: float
    calls: int
    microseconds_per_call: float


@dataclass(frozen=True)
class Result:
    """What came of it.

    :ivar seconds: of the window that was measured; `records` were written in it.
    :ivar core_seconds_per_million: by kind; `python` is all of it that is Python, `all` the whole worker.
    :ivar jvm_threads_per_million: the ten dearest names of the JVM's threads.
    :ivar pss_mib: the highest sum that was seen, by kind, and `all`; `pss_mib_first` and `pss_mib_last`: means of the
        sums in the first and last third of the window.
    :ivar latency_ms: p50, p99, max; None for a backlog, which has none.
    :ivar put: records in the stream, without those `taken_back`; `lost` of them were never written, `rewritten` is how
        many were written again; `items` are the writes by table, quarantine included.
    """

    load: Load
    seconds: float
    records: int
    records_per_second: float
    records_per_core: float
    core_seconds: dict[str, float]
    core_seconds_per_million: dict[str, float]
    jvm_threads_per_million: dict[str, float]
    pss_mib: dict[str, float]
    pss_mib_first: float
    pss_mib_last: float
    latency_ms: dict[str, float] | None
    first_write_seconds: float
    put: int
    taken_back: int
    delivered: int
    written: int
    rewritten: int
    lost: int
    items: dict[str, int]
    exit_status: int
    services: dict[str, ServiceCost]

    def to_json(self) -> str:
        return json.dumps(_rounded(asdict(self)), indent=2)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return value
