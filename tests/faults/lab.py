"""The fault laboratory: the worker behind fault proxies, more workers than one, and every channel searched."""

import os
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import yaml

from consumer.kinesis.producer import Placed, Producer
from consumer.local.cloud.process import Cloud
from consumer.local.ledger import Findings
from consumer.local.worker_process import WorkerProcess
from consumer.settings import lease_tables
from tests.faults.canaries import Canaries, Sample, samples
from tests.faults.load import Load, put_samples, recovery_seconds
from tests.faults.loop import Loop
from tests.faults.proxy import DynamoDbProxy, KinesisProxy
from tests.lab.lab import Lab
from tests.lab.watched import Watched, wait_for

PAGES = ("/metrics", "/healthz", "/readyz", "/", "/nothing?of=that")
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy


class FaultLab(Lab):
    """One stream, its tables, its proxies, and one worker or several.

    :param loop: where the proxies run.
    :ivar variables: further ones of the workers' environment; `without` names those that they do not have.
    """

    def __init__(self, cloud: Cloud, folder: Path, name: str, loop: Loop) -> None:
        super().__init__(cloud, folder, name)
        self.dynamodb = DynamoDbProxy(loop, cloud.endpoint)
        self.kinesis = KinesisProxy(loop, cloud.endpoint)
        self.canaries = Canaries()
        self.others: list[Watched] = []
        self.variables: dict[str, str] = {}
        self.without: tuple[str, ...] = ()
        self._sections: dict[str, Any] = {}
        self._lock = threading.Lock()

    # Workers

    @property
    def workers(self) -> list[Watched]:
        """All that were started, dead or alive."""
        return [self, *self.others]

    def alive(self) -> list[Watched]:
        return [each for each in self.workers if each.worker is not None and each.worker.exit_status is None]

    def set_up(self, shards: int = 2, **sections: Any) -> None:
        self._sections = sections
        super().set_up(shards, **sections)

    def configure(self, **sections: Any) -> None:
        """Change settings of the workers that the ledger need not know."""
        self._sections |= sections
        self.config.write_text(yaml.safe_dump(self.values(self.folder, **self._sections)), encoding="utf-8")

    def environment(self) -> dict[str, str]:
        """The worker's: its way to the cloud leads through the proxies."""
        ways = {"AWS_ENDPOINT_URL_KINESIS": self.kinesis.url, "AWS_ENDPOINT_URL_DYNAMODB": self.dynamodb.url}
        whole = dict(os.environ) | self.cloud.environment() | ways | self.variables
        return {name: value for name, value in whole.items() if name not in self.without}

    def launch(self, worker: Watched | None = None) -> Watched:
        """Start a worker, the first one or another, and do not wait for it."""
        started = worker or self
        started.worker = WorkerProcess(started.config, started.log, self.environment())
        return started

    def another(self) -> Watched:
        """Return another worker of the same application, not yet started."""
        folder = self.folder / f"worker-{len(self.others) + 2}"
        folder.mkdir()
        made = Watched(folder)
        made.config.write_text(yaml.safe_dump(self.values(folder, **self._sections)), encoding="utf-8")
        self.others.append(made)
        return made

    def start(self, shards: int = 2) -> None:
        self.launch()
        self.wait_until_owned(shards)

    def wait_until_owned(self, shards: int, workers: Sequence[Watched] | None = None, timeout: float = 90.0) -> None:
        """Wait until these workers together serve so many shards, each at least one of them."""

        def owned() -> bool:
            each = [worker.metrics().get("sanitizer_shards_owned", 0) for worker in workers or self.alive()]
            return all(each) and sum(each) >= shards

        wait_for(owned, f"{shards} shards owned", timeout)

    def owners(self) -> dict[str, str | None]:
        """Return each shard's owner, by worker id, from the lease table."""
        rows = self.cloud.table(lease_tables(self.settings.kcl.application)[0])
        return {row["leaseKey"]["S"]: row.get("leaseOwner", {}).get("S") for row in rows if "checkpoint" in row}

    @staticmethod
    def worker_id(worker: Watched) -> str:
        return str(worker.events("worker.started")[-1]["worker_id"])

    # Records

    def put_samples(self, producer: Producer, made: Sequence[Sample], together: int = 1) -> list[Placed]:
        """Put records of `canaries` and enter them.

        :param together: how many are put as one aggregate.
        """
        self.canaries.enter(canary for sample in made for canary in sample.canaries)
        placed = put_samples(producer, made, together)
        with self._lock:
            self.ledger.enter([each.data for each in made], placed, [each.partition_key for each in made])
        return placed

    def feed(self, count: int, seed: int = 1) -> list[Placed]:
        """Put so many records now."""
        producer = Producer(self.name)
        made = list(islice(samples(seed), count))
        return [each for i in range(0, count, 100) for each in self.put_samples(producer, made[i : i + 100])]

    def look(self) -> Findings:
        with self._lock:
            return super().look()

    def wait_until_found(self, timeout: float = 90.0) -> Findings:
        """Wait until every record is found; then each must be where it belongs, as it must be."""
        found: list[Findings] = []

        def nothing_is_missing() -> bool:
            found[:] = [self.look()]
            return not found[0].lost

        try:
            wait_for(nothing_is_missing, "all records found", timeout, every=0.3)
        except AssertionError:
            lost = found[0].lost
            msg = f"{len(lost)} records are missing after {timeout} s, the first at {lost[0]}"
            raise AssertionError(msg) from None
        assert not found[0].wrong, f"{len(found[0].wrong)} records are wrong, the first at {found[0].wrong[0]}"
        return found[0]

    def recovered(self, load: Load, since: float, shards: Iterable[str], timeout: float) -> dict[str, float]:
        """Wait until each of `shards` has a durable record that was put after `since`; return the seconds by shard."""
        wanted = set(shards)
        last: list[dict[str, float]] = []

        def all_shards() -> bool:
            last[:] = [recovery_seconds(load, self.cloud.durable_times(), since, wanted)]
            return wanted <= set(last[0])

        wait_for(all_shards, f"records of {sorted(wanted)} durable again", timeout, every=0.2)
        return last[0]

    # What must hold

    def settle(self, timeout: float = 90.0) -> Findings:
        """Wait until every record is where it belongs, then see that the books balance and nothing leaked."""
        findings = self.wait_until_found(timeout)
        for worker in self.alive():
            worker.assert_books_balance()
        self.assert_no_leaks()
        return findings

    def channels(self) -> dict[str, list[bytes]]:
        """Whatever left the processes of the workers, by name."""
        tables = [self.settings.output.table, self.settings.quarantine.table]
        tables += lease_tables(self.settings.kcl.application)
        found = {f"table {name}": [orjson.dumps(item) for item in self._items(name)] for name in tables}
        for number, worker in enumerate(self.workers, start=1):
            if worker.log.exists():
                found[f"log {number}"] = [worker.log.read_bytes()]
            run = worker.folder / "run"
            found[f"files {number}"] = [p.read_bytes() for p in run.rglob("*") if p.is_file()] if run.exists() else []
        for worker in self.alive():
            for page in PAGES:
                found.setdefault(f"page {page}", []).append(_page(worker.port(), page))
        return found

    def leaks(self) -> dict[str, int]:
        """Count the raw values that are found again, by channel; empty: none."""
        channels = self.channels()
        found = self.canaries.found(channels)
        texts: Mapping[str, Iterable[str]] = {
            name: [text.decode("utf-8", "replace") for text in held] for name, held in channels.items()
        }
        with self._lock:
            others = self.ledger.leaks(texts)
        return {name: max(found.get(name, 0), count) for name, count in others.items() if count or name in found}

    def assert_no_leaks(self) -> None:
        assert self.leaks() == {}

    def _items(self, table: str) -> list[dict[str, Any]]:
        try:
            return self.cloud.table(table)
        except urllib.error.HTTPError:
            return []  # KCL has not made it yet

    def close(self) -> None:
        """End the workers and the proxies."""
        for worker in self.alive():
            assert worker.worker is not None
            os.kill(worker.worker.pid, 9)
        for worker in self.workers:
            if worker.worker is not None:
                worker.worker.close()
        self.dynamodb.close()
        self.kinesis.close()

    def log_tails(self) -> Iterator[str]:
        for worker in self.workers:
            if worker.log.exists():
                yield worker.log.read_text(encoding="utf-8", errors="replace")[-3000:]


def _page(port: int | None, path: str) -> bytes:
    try:
        with _DIRECT.open(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        return error.read()
    except OSError:
        return b""


def now() -> float:
    """Epoch seconds, as the producer and the cloud count them."""
    return time.time()
