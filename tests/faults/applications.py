"""Several applications on one stream, each a laboratory with its own leases, tables, policy and ledger."""

import os
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from consumer import tables
from consumer.kinesis.producer import Placed, Producer
from consumer.local.ledger import Ledger
from consumer.redactors.loading import load_plugin
from consumer.settings import load_settings
from tests.faults.canaries import Sample
from tests.faults.lab import FaultLab
from tests.faults.load import put_samples
from tests.lab.watched import Watched, descendants, wait_for

_BUCKET = re.compile(r'^sanitizer_record_latency_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)


class Application(FaultLab):
    """Another application on the stream of `lab`."""

    def __init__(self, lab: FaultLab, name: str, folder: Path, loop: Any) -> None:
        folder.mkdir()
        super().__init__(lab.cloud, folder, lab.name, loop)
        self._suffix = name

    def values(self, folder: Path, **sections: Any) -> dict[str, Any]:
        own = f"{self.name}-{self._suffix}"
        names = {
            "kcl": {"application": own} | sections.pop("kcl", {}),
            "output": {"table": f"{own}-output"} | sections.pop("output", {}),
            "quarantine": {"table": f"{own}-quarantine"} | sections.pop("quarantine", {}),
        }
        return super().values(folder, **names, **sections)

    def set_up(self, shards: int = 2, **sections: Any) -> None:
        """Make its tables; the stream is there."""
        del shards
        self._sections = sections
        self.config.write_text(yaml.safe_dump(self.values(self.folder, **sections)), encoding="utf-8")
        self.settings = load_settings(self.config)
        self.ledger = Ledger(self.settings, load_plugin(self.settings))
        tables.create(self.settings)
        tables.seed_leases(self.settings)


class Together:
    """All applications, for `tests.faults.load.Load`: each record is put once, and entered for each of them."""

    def __init__(self, applications: Sequence[FaultLab]) -> None:
        self.name = applications[0].name
        self._applications = applications

    def put_samples(self, producer: Producer, made: Sequence[Sample], together: int = 1) -> list[Placed]:
        for each in self._applications:
            each.canaries.enter(canary for sample in made for canary in sample.canaries)
        placed = put_samples(producer, made, together)
        for each in self._applications:
            with each._lock:
                each.ledger.enter([one.data for one in made], placed, [one.partition_key for one in made])
        return placed


def has_settled(application: FaultLab, count: int, timeout: float = 20.0) -> None:
    """Wait until an application, of which no process died, has settled so many records."""
    wait_for(
        lambda: application.metrics().get("sanitizer_records_total", 0) >= count,
        f"{count} records settled by {application.settings.kcl.application}",
        timeout,
    )


@contextmanager
def stalled(worker: Watched) -> Iterator[None]:
    """All of a worker's processes, frozen for a while."""
    assert worker.worker is not None
    pids = [worker.worker.pid, *descendants(worker.worker.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


class Latencies:
    """Latencies of an application from here on, as its own histogram has them (arrival to durable, in seconds)."""

    def __init__(self, application: FaultLab) -> None:
        self._application = application
        self._before = self._counts()

    def quantiles(self) -> dict[str, float]:
        """Return p50 and p99, by linear interpolation in their buckets, and how many records."""
        counts = {bound: count - self._before.get(bound, 0) for bound, count in self._counts().items()}
        return {name: _quantile(counts, share) for name, share in (("p50", 0.5), ("p99", 0.99))} | {
            "records": counts.get(float("inf"), 0)
        }

    def _counts(self) -> dict[float, float]:
        text = self._application.metrics_text()
        return {float(bound.replace("+Inf", "inf")): float(count) for bound, count in _BUCKET.findall(text)}


def _quantile(counts: dict[float, float], share: float) -> float:
    wanted = share * counts.get(float("inf"), 0)
    low, below = 0.0, 0.0
    for bound, count in sorted(counts.items()):
        if count >= wanted > below:
            return round(low + (min(bound, 2 * low + 1) - low) * (wanted - below) / (count - below), 3)
        low, below = bound, count
    return 0.0
