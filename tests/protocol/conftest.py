"""Real pipeline processes against the embedded cloud, driven by a daemon of the tests' own."""

import os
import queue
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest

from consumer import tables
from consumer.dynamodb.attribute_values import decode_document
from consumer.dynamodb.item import decode_item
from consumer.local.cloud.process import Cloud
from consumer.metrics.collector import WorkerCollector
from consumer.settings import Settings
from consumer.worker.control import Begin, Exit
from consumer.worker.events import Event, PipelineExited, PipelineReady
from consumer.worker.pipeline_pool import PipelineProcess
from consumer.worker.runtime_folder import RuntimeFolder
from tests.kits.daemon import CARD, SECONDS, SSN, Child
from tests.kits.log import RecordingLog

NUMBERS = count()
E = TypeVar("E", bound=Event)


class Worker:
    """A pipeline process as the supervisor makes it, and what can be seen of it."""

    def __init__(self, folder: Path, **sections: Any) -> None:
        number = next(NUMBERS)
        own = {
            "stream": {"name": "orders"},
            "kcl": {"application": f"app-{number}"},
            "output": {"table": f"out-{number}"},
            "quarantine": {"table": f"quarantine-{number}"},
            "pipeline": {"checkpoint_seconds": 0.0},
        }
        self.settings = Settings.model_validate(own | sections)
        tables.create(self.settings)
        self.dynamodb: Any = boto3.client("dynamodb")
        self.folder = RuntimeFolder(folder / "runtime folder")
        self.listener = self.folder.listen(0)
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.log_of_supervisor = RecordingLog()
        self.children: list[Child] = []
        self.written = ""
        self._log = folder / "stderr"
        self._shards = count()
        sent = self.settings.model_dump(mode="json", exclude={"quarantine": {"fingerprint_key"}})
        self._begin = Begin(sent, self.folder.path, b"k" * 32, None)
        self.start_process()

    def start_process(self) -> None:
        """Start the pipeline process, for the first time or after its death."""
        sys.stderr.flush()
        terminal = os.dup(2)
        with self._log.open("ab") as log:
            os.dup2(log.fileno(), 2)
            try:
                self.process = PipelineProcess.start(
                    0, self.listener, self._begin, self.events.put, self.log_of_supervisor
                )
            finally:
                os.dup2(terminal, 2)
                os.close(terminal)
        self.wait_for(PipelineReady)

    def child(self, shard: str | None = None, daemon: int = 1) -> Child:
        """Start a child; without a shard, it gets one of its own."""
        child = Child(self.folder.path, shard or f"shardId-{next(self._shards):012d}", daemon)
        self.children.append(child)
        return child

    def wait_for(self, kind: type[E]) -> E:
        event = self.events.get(timeout=SECONDS)
        assert isinstance(event, kind)
        return event

    @property
    def log(self) -> str:
        return self._log.read_text()

    def documents(self, shard: str) -> dict[str, dict[str, Any]]:
        """Return the stored documents of a shard by user."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.settings.output.table, ConsistentRead=True)
        items = [item for page in pages for item in page["Items"]]
        pairs = (decode_item(item, self.settings.output) for item in items)
        return {document["user_id"]: document for document, added in pairs if added["shard"] == shard}

    def quarantined(self, shard: str) -> dict[str, str]:
        """Return the codes in the quarantine by position."""
        items = self.dynamodb.scan(TableName=self.settings.quarantine.table, ConsistentRead=True)["Items"]
        entries = (decode_document(item) for item in items)
        return {entry["position"]: entry["code"] for entry in entries if entry["shard"] == shard}

    def outcomes(self, shard: str) -> dict[str, int]:
        policy = {"name": "", "version": "", "digest": ""}
        families = {family.name: family for family in WorkerCollector(self.folder.metrics, policy).collect()}
        samples = (s for s in families["sanitizer_records"].samples if s.labels["shard"] == shard and s.value)
        return {sample.labels["outcome"]: int(sample.value) for sample in samples}

    def close(self) -> None:
        """End it in order, and look for content in all that its processes wrote."""
        written = [child.close() for child in self.children]
        self.process.tell(Exit())
        status = self.process.wait(SECONDS)
        if status is None:
            self.process.kill()
        while not isinstance(self.events.get(timeout=SECONDS), PipelineExited):
            pass
        self.listener.close()
        self.folder.worker_id.lock.close()
        self.folder.close()
        for secret in (CARD, SSN, CARD.replace("-", ""), "credit_card", "NDUzMi0xMjM0"):
            assert secret not in self.log + "".join(written)
        assert "Traceback" not in self.log


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with Cloud(region="eu-central-1") as cloud:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in cloud.environment().items():
                patch.setenv(name, value)
            boto3.client("kinesis").create_stream(StreamName="orders", ShardCount=1)  # whose shards are asked for
        yield cloud


@pytest.fixture(scope="module")  # its environment must not outlive this folder's tests
def start(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Worker]]:
    """Start a worker; the caller closes it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment().items():
            patch.setenv(name, value)
        yield lambda **sections: Worker(tmp_path_factory.mktemp("worker"), **sections)


@pytest.fixture(autouse=True)
def _in_the_cloud(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, _nobodys_credentials: None) -> None:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def worker(start: Callable[..., Worker]) -> Iterator[Worker]:
    """One for all tests of a module; each takes a shard of its own."""
    with ExitStack() as stack:
        worker = start()
        stack.callback(worker.close)
        yield worker


@pytest.fixture
def own_worker(start: Callable[..., Worker]) -> Iterator[Callable[..., Worker]]:
    """Workers with settings of the test's own."""
    with ExitStack() as stack:

        def make(**sections: Any) -> Worker:
            worker = start(**sections)
            stack.callback(worker.close)
            return worker

        yield make
