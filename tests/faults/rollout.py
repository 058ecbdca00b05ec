"""Workers of several versions on one stream, replaced as ECS replaces tasks; and what readers felt of it."""

import os
import signal
import statistics
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import orjson
import yaml
from prometheus_client.parser import text_string_to_metric_families

from consumer.local.worker_process import WorkerProcess
from tests.faults.lab import FaultLab
from tests.faults.load import Load
from tests.faults.messages import Answer, Call
from tests.faults.proxy import Rule
from tests.faults.releases import Release
from tests.lab.watched import Watched, wait_for

START_SECONDS: Final = 90.0
STOP_SECONDS: Final = 40.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy


class Writes:
    """Counts at the output table's door: how often each identity was written, and under which policies."""

    def __init__(self) -> None:
        self.times: Counter[tuple[str, str]] = Counter()
        self.policies: Counter[tuple[str, str]] = Counter()

    async def __call__(self, call: Call) -> Answer:
        answer = await call.go_on()
        if answer.status == 200:
            for requests in orjson.loads(call.request.body)["RequestItems"].values():
                for request in requests:
                    added = request["PutRequest"]["Item"]["_sanitizer"]["M"]
                    self.times[added["shard"]["S"], added["sequence"]["S"]] += 1
                    self.policies[added["policy"]["S"], added["digest"]["S"]] += 1
        return answer


@dataclass
class Felt:
    """What a reader of the documents felt, in seconds.

    :ivar pauses: by shard, the longest time without any record becoming durable.
    :ivar typical_lag: from put to durable, the median.
    :ivar worst_lag: the longest.
    :ivar late_for: seconds in which records were put that took longer than a second.
    :ivar written_again: identities that were written more than once.
    """

    records: int
    pauses: dict[str, float] = field(default_factory=dict)
    typical_lag: float = 0.0
    worst_lag: float = 0.0
    late_for: int = 0
    written_again: int = 0

    def __str__(self) -> str:
        return (
            f"{self.records} records; longest pause of a shard {max(self.pauses.values()):.1f} s, of the others "
            f"{', '.join(f'{pause:.1f}' for pause in sorted(self.pauses.values())[:-1]) or '-'}; lag: median "
            f"{self.typical_lag:.2f} s, worst {self.worst_lag:.1f} s, above 1 s for {self.late_for} s; "
            f"written more than once: {self.written_again}"
        )


class Rollout:
    """The tasks of one service.

    :param lab: set up, without workers of its own.
    """

    def __init__(self, lab: FaultLab) -> None:
        self.lab = lab
        self.writes = Writes()
        lab.dynamodb.rules.add(Rule(self.writes, operation="BatchWriteItem", table="-output$"))

    def start(self, release: Release, **changes: Any) -> Watched:
        """Start a worker of a release, and do not wait for it.

        :param changes: sections of the settings, merged into the laboratory's.
        """
        worker = self.lab.another()
        values = yaml.safe_load(worker.config.read_text(encoding="utf-8"))
        for section, value in changes.items():
            values[section] = {**values.get(section, {}), **value}
        worker.config.write_text(yaml.safe_dump(values), encoding="utf-8")
        worker.worker = WorkerProcess(worker.config, worker.log, self.lab.environment() | release.environment())
        return worker

    def begin(self, release: Release, workers: int, **changes: Any) -> list[Watched]:
        """Start the first workers, and wait until they serve all shards between them."""
        started = [self.start(release, **changes) for _ in range(workers)]
        self.wait_until_healthy(started)
        self.wait_until_served(started)
        return started

    def wait_until_served(self, workers: Sequence[Watched]) -> None:
        """Wait until these workers serve all shards, some of them perhaps none: KCL balances later, and by load."""
        shards = len(self.lab.owners())

        def served() -> bool:
            return sum(worker.metrics().get("sanitizer_shards_owned", 0) for worker in workers) >= shards

        wait_for(served, "all shards served", START_SECONDS)

    def replace(self, old: Sequence[Watched], release: Release, **changes: Any) -> list[Watched]:
        """Roll as ECS does with 100 % and 200 %: as many new ones; when all are healthy, SIGTERM for the old ones."""
        new = [self.start(release, **changes) for _ in old]
        self.wait_until_healthy(new)
        self.stop(old)
        self.wait_until_served(new)
        return new

    def wait_until_healthy(self, workers: Iterable[Watched], timeout: float = START_SECONDS) -> None:
        """Wait for what the container's health check asks for."""
        for worker in workers:
            wait_for(lambda worker=worker: status(worker, "/healthz") == 200, "a new worker healthy", timeout)  # type: ignore[misc]

    def stop(self, workers: Sequence[Watched]) -> None:
        """SIGTERM at once for all; each must end in order."""
        processes = [worker.worker for worker in workers if worker.worker is not None]
        for process in processes:
            os.kill(process.pid, signal.SIGTERM)
        for process in processes:
            assert wait_until_ended(process, STOP_SECONDS) == 0

    def felt(self, load: Load, since: float, until: float) -> Felt:
        """Tell of the records that were put from one moment (epoch seconds) to another; all must be durable."""
        durable = self.lab.cloud.durable_times()
        put: dict[str, list[tuple[float, float]]] = {}
        for placed in load.put_after(since):
            at = durable.get(placed.name)
            if placed.put_at <= until and at is not None:  # what went to quarantine is none
                put.setdefault(placed.shard, []).append((placed.put_at, at / 1000))
        lags = [(put_at, at - put_at) for pairs in put.values() for put_at, at in pairs]
        return Felt(
            len(lags),
            {shard: _longest_gap([since, *(at for _, at in pairs)]) for shard, pairs in put.items()},
            statistics.median(lag for _, lag in lags),
            max(lag for _, lag in lags),
            len({int(put_at) for put_at, lag in lags if lag > 1}),
            sum(times > 1 for times in self.writes.times.values()),
        )


def _longest_gap(moments: Iterable[float]) -> float:
    ordered = sorted(moments)
    return max(after - before for before, after in pairwise(ordered))


def wait_until_ended(process: WorkerProcess, timeout: float) -> int:
    """Wait until a worker ends by itself, and return its exit status."""
    wait_for(lambda: process.exit_status is not None, "a worker's end", timeout)
    status = process.exit_status
    assert status is not None
    return status


def status(worker: Watched, path: str) -> int:
    """Return the status of a page; 0: nobody answers."""
    port = worker.port()
    if port is None:
        return 0
    try:
        with _DIRECT.open(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def labels(worker: Watched, metric: str) -> list[dict[str, str]]:
    """Return the labels of each sample of a metric; none while the worker does not answer."""
    if worker.port() is None:
        return []
    try:
        families = text_string_to_metric_families(worker.metrics_text())
    except OSError:
        return []
    return [sample.labels for family in families for sample in family.samples if sample.name == metric]


def now() -> float:
    return time.time()
