"""Workers in three states, each with an hour behind it: what the status page is tried with, and its pictures show."""

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

from prometheus_client import Metric

from consumer.metrics.declared import Declarations, Declared
from consumer.quarantine.codes import ADVICE
from consumer.web.health import FAILURES_UNHEALTHY, Condition
from consumer.web.history import SAMPLE_SECONDS, History
from consumer.web.page import Shown
from consumer.worker.daemon_runner import RESTART_REASONS
from tests.kits.log import RecordingLog
from tests.kits.page import WELL

NOW: Final = 1_773_570_600.0
"""15 March 2026, 10:30 UTC."""

HOURS: Final = 31.0
"""For which the workers have been up."""

SHARDS: Final = tuple(f"shardId-{number:012}" for number in range(4))
SHOWN: Final = Shown(
    {
        "stream": "transactions",
        "application": "kinesis-sanitizer",
        "worker": "ip-10-0-3-17-5f0c2ad1",
        "kcl": "3.4.2",
        "python": "3.13.9",
        "java": "21.0.8",
    },
    lambda: {"supervisor": 7, "daemon": 58, "pipeline-0": 21, "pipeline-1": 22},
)

_RULES: Final = {("card", "mask"): 0.97, ("ssn", "remove"): 0.55, ("email", "mask"): 0.31, ("iban", "token"): 0.08}
_BROKEN: Final = {"invalid_json": 0.0007, "too_large": 0.0002}
_READER: Final = "software.amazon.kinesis.retrieval.polling.PrefetchRecordsPublisher"
_RENEWER: Final = "software.amazon.kinesis.leases.dynamodb.DynamoDBLeaseRenewer"


_PROCESSES: Final = (
    ("supervisor", 0.01, 61.0),
    ("daemon", 0.21, 402.0),
    ("pipeline-0", 0.38, 96.0),
    ("pipeline-1", 0.44, 98.0),
    ("shims", 0.0, 0.4),
)
"""Their share of a core, and MiB."""


class Scene(NamedTuple):
    """A worker.

    :ivar stopped_for: for how long nothing has come, in seconds, and nothing has been stored.
    :ivar condition: what its supervisor knows.
    """

    condition: Condition
    stopped_for: float = 0.0
    is_lost: bool = False
    is_failing: bool = False


SCENES: Final = {
    "healthy": Scene(replace(WELL, in_flight={SHARDS[1]: 0.08}, leased=SHARDS)),
    "degraded": Scene(
        replace(
            WELL,
            leased=SHARDS,
            unread_for=41.0,
            leased_for=41.0,
            unanswered=dict.fromkeys(SHARDS, 118.0),
            leases_seen_ago=117.0,
        ),
        stopped_for=118.0,
        is_lost=True,
    ),
    "down": Scene(
        replace(
            WELL,
            is_serving=False,
            is_steady=False,
            failures=FAILURES_UNHEALTHY,
            failed_for="daemon_exit",
            leased=SHARDS,
        ),
        stopped_for=372.0,
        is_failing=True,
    ),
}


def history_of(scene: Scene, seconds: float = 3600.0) -> History:
    """Return what such a worker has watched for so long, up to `NOW`."""
    worker = _Worker(scene)
    made = History(worker.collect, RecordingLog(), lambda: worker.at)
    steps = int(seconds / SAMPLE_SECONDS)
    for step in range(steps, -1, -1):
        worker.go_on(NOW - step * SAMPLE_SECONDS)
        made.look(worker.at)
    return made


class _Worker:
    """Its metrics, by their declarations."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._random = random.Random(15)  # noqa: S311 - the same numbers again, each time
        self.at = NOW - 3600 - SAMPLE_SECONDS
        self._values: dict[Declared[Any], dict[tuple[str, ...], float]] = {}
        self._latencies = dict.fromkeys((*Declarations.latency.buckets, math.inf), 0.0)
        self._writes = dict.fromkeys((*Declarations.write_seconds.buckets, math.inf), 0.0)
        for code in ADVICE:
            self._add(Declarations.quarantined, (code,), 0.0)
        for reason in RESTART_REASONS:
            self._add(Declarations.daemon_restarts, (reason,), 0.0)
        for event in ("began", "handed_over", "lease_lost", "shard_ended", "broken"):
            self._add(Declarations.sessions, (event,), 4.0 if event == "began" else 0.0)
        for logger, level, count in ((_READER, "WARN", 3.0), (_RENEWER, "WARN", 1.0), (_READER, "INFO", 4_000.0)):
            self._add(Declarations.daemon_log_lines, (logger, level), count)
        before = HOURS * 3600 - 3600
        for shard in SHARDS:
            self._deliver(shard, 180 * before, before)

    def go_on(self, at: float) -> None:
        """Let the time pass until then."""
        stopped_at = NOW - self._scene.stopped_for if self._scene.stopped_for else math.inf
        passed, self.at = at - self.at, at
        wave = 1 + 0.25 * math.sin(2 * math.pi * (NOW - at) / 2700)
        for number, shard in enumerate(SHARDS):
            if at < stopped_at:
                rate = 185 * wave * (1 + 0.12 * number) * self._random.uniform(0.94, 1.06)
                self._deliver(shard, round(rate * passed), passed)
            self._set(Declarations.behind, (shard,), max(self._random.uniform(0.12, 0.41), at - stopped_at))
            self._set(Declarations.in_flight, (shard,), float(self._random.randrange(20, 90)) * (at < stopped_at))
            self._set(Declarations.in_flight_age, (shard,), self._random.uniform(0.02, 0.2) * (at < stopped_at))
            self._set(Declarations.checkpoint_age, (shard,), max(self._random.uniform(0.1, 2.0), at - stopped_at))
        for process, share, mib in _PROCESSES:
            self._add(Declarations.cpu, (process,), share * passed * (1.0 if at < stopped_at else 0.1))
            self._set(Declarations.memory, (process,), mib * 2.0**20)
        self._fail(at - stopped_at)

    def _fail(self, stopped_for: float) -> None:
        served = len(SHARDS)
        if self._scene.is_lost and stopped_for >= 20:
            self._set(Declarations.daemon_log_lines, (_READER, "ERROR"), round((stopped_for - 15) / 2.6))
            self._set(Declarations.daemon_log_lines, (_RENEWER, "ERROR"), round((stopped_for - 15) / 6))
        if self._scene.is_lost and stopped_for >= 60:
            self._set(Declarations.sessions, ("lease_lost",), float(served))
            served = 0
        if self._scene.is_failing and stopped_for >= 0:
            served = 0
            self._set(Declarations.daemon_restarts, ("daemon_exit",), 1.0 + stopped_for // 75)
            self._set(Declarations.sessions, ("broken",), float(len(SHARDS)))
            self._set(Declarations.daemon_log_lines, ("stderr", "UNKNOWN"), 3.0 * (1 + stopped_for // 75))
        self._set(Declarations.shards_owned, (), float(served))

    def _deliver(self, shard: str, count: float, passed: float) -> None:
        broken = {code: round(count * share * self._random.uniform(0, 2)) for code, share in _BROKEN.items()}
        stored = count - sum(broken.values())
        for declared in (Declarations.received, Declarations.kinesis_records, Declarations.documents_received):
            self._add(declared, (shard,), count)
        self._add(Declarations.bytes_received, (shard,), 612 * count)
        self._add(Declarations.stream_seconds, (shard,), passed)
        for declared in (Declarations.outcomes, Declarations.documents):
            self._add(declared, (shard, "stored"), stored)
            self._add(declared, (shard, "quarantined"), sum(broken.values()))
        for code, some in broken.items():
            self._add(Declarations.quarantined, (code,), some)
        for (rule, action), share in _RULES.items():
            self._add(Declarations.redactions, (rule, action), round(stored * share))
        self._add(Declarations.candidate_records, ("same",), round(stored * 0.996))
        self._add(Declarations.candidate_records, ("different",), stored - round(stored * 0.996))
        slow = self._random.uniform(0.9, 1.3)
        for histogram, median, calls in (
            (self._latencies, 0.16 * slow, stored),
            (self._writes, 0.008 * slow, math.ceil(stored / 24)),
        ):
            for bound in histogram:
                # Half are faster than the median, and one in a hundred takes more than three times as long.
                histogram[bound] += calls * (1 - 0.5 ** ((bound / median) ** 1.65)) if bound < math.inf else calls

    def _add(self, declared: Declared[Any], labels: tuple[str, ...], value: float) -> None:
        values = self._values.setdefault(declared, {})
        values[labels] = values.get(labels, 0.0) + value

    def _set(self, declared: Declared[Any], labels: tuple[str, ...], value: float) -> None:
        self._values.setdefault(declared, {})[labels] = value

    def collect(self) -> Iterator[Metric]:
        """Yield them."""
        policy = ("shop", "3", "0a3279e5dee83e06")
        fixed: dict[Declared[Any], dict[tuple[str, ...], float]] = {
            Declarations.open_shards: {(): float(len(SHARDS))},
            Declarations.application_workers: {(): 1.0},
            Declarations.application_leases: {
                ("owned",): float(len(SHARDS)),
                ("unowned",): 0.0,
                ("expired",): 0.0,
                ("finished",): 0.0,
            },
            Declarations.write_concurrency: {(): 16.0},
            Declarations.start_time: {(): NOW - HOURS * 3600},
            Declarations.build_info: {("0.2.0",): 1.0},
            Declarations.policy_info: {policy: 1.0},
            Declarations.candidate_policy_info: {("payments", "3", "5d1fb0c49e7a2218"): 1.0},
        }
        for declared, values in (self._values | fixed).items():
            family = declared.empty()
            for labels, value in values.items():
                family.add_sample(declared.name, dict(zip(declared.labels, labels, strict=True)), value)
            yield family
        for histogram, buckets in ((Declarations.latency, self._latencies), (Declarations.write_seconds, self._writes)):
            family = histogram.empty()
            for bound, count in buckets.items():
                family.add_sample(f"{histogram.name}_bucket", {"le": str(bound).replace("inf", "+Inf")}, count)
            yield family
        items = Declarations.write_items.empty()
        items.add_sample(f"{items.name}_count", {}, self._writes[math.inf])
        items.add_sample(f"{items.name}_sum", {}, 23.6 * self._writes[math.inf])
        yield items
