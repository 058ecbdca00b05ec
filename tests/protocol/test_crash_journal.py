"""Redactors that kill their process or hang: each record is tried, and none can stop the shard for ever."""

import os
import queue
import threading
from pathlib import Path
from typing import Any, Self

import pytest

from consumer.pipeline.crash_journal import note_overdue
from consumer.worker.events import Event, PipelineExited, ShardStuck
from consumer.worker.watchdog import Watchdog, stacks
from tests.kits.daemon import SECONDS, record

MODULE = """
import json, os, re, time
from redaction.plugin import Released

class Deadly:
    name, version, digest = "deadly", "1", "d"

    def __init__(self, trace):
        self._trace = trace

    def redact(self, payloads):
        users = [json.loads(payload)["user_id"] for payload in payloads]
        with open(self._trace, "a") as trace:
            trace.write(json.dumps(users) + "\\n")
        for user in users:
            if user.startswith("exits"):
                os._exit(7)
            if user.startswith("hangs"):
                time.sleep(1000)
            if user.startswith("holds"):  # the interpreter, too: backtracking without an end
                re.match("(a*)*b", "a" * 1000)
        return [Released({"user_id": user, "timestamp": "t"}, b"{}") for user in users]

def make(options):
    return Deadly(options["trace"])
"""


@pytest.fixture
def deadly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_worker: Any) -> Any:
    """A worker with the plug-in, as a user would install it."""
    (tmp_path / "deadly.py").write_text(MODULE)
    metadata = tmp_path / "deadly-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: deadly\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[kinesis_sanitizer.redactors]\ndeadly = deadly:make\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return own_worker(redaction={"plugin": "deadly", "options": {"trace": str(tmp_path / "trace")}})


def batch(*kinds: str) -> list[dict[str, Any]]:
    return [record(number, user_id=f"{kind}-{number}") for number, kind in enumerate(kinds, start=1)]


def deliver(worker: Any, shard: str, records: list[dict[str, Any]]) -> bool:
    """Deliver a batch as a new daemon would, to a new process if the last one died; tell whether it was settled."""
    if worker.process.wait(0) is not None:
        worker.start_process()
    child = worker.child(shard, daemon=1 + len(worker.children)).initialize()
    child.send("processRecords", records=records, millisBehindLatest=0)
    while True:
        answer = child.receive()
        if answer is None:
            worker.wait_for(PipelineExited)
            return False
        if answer["action"] == "status":
            child.hang_up()
            return True
        child.send(**(answer | {"error": None}))


class Keeper:
    """Does what the supervisor does when its watchdog sees a redactor overdue: after a tenth of a second, here."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._over = threading.Event()
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._watchdog = Watchdog(worker.folder.journal, 0.1, 1000, self._events.put)
        self._thread = threading.Thread(target=self._run)
        self.stacks: list[str] = []

    def _run(self) -> None:
        while not self._over.wait(0.02):
            self._watchdog.look(0.02)
            while not self._events.empty():
                stuck = self._events.get()
                assert isinstance(stuck, ShardStuck)
                process = self._worker.process
                if stuck.reading.pid == process.pid and process.wait(0) is None:
                    note_overdue(self._worker.folder.journal, stuck.shard)
                    process.ask_for_stacks()
                    self.stacks.append(stacks(self._worker.folder.path, 0))
                    process.kill()
                    process.wait(SECONDS)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(SECONDS)


def test_a_record_that_kills_its_process_is_quarantined_at_the_third_sight(deadly: Any, tmp_path: Path) -> None:
    records = batch("good", "exits", "good", "exits", "good")
    deaths = 0
    while not deliver(deadly, "shardId-000000000001", records):
        deaths += 1
        assert deaths < 10
    assert deaths == 3  # the batch, then each of the two alone
    trace = [eval(line) for line in (tmp_path / "trace").read_text().splitlines()]  # noqa: S307 - our own
    assert trace[0] == ["good-1", "exits-2", "good-3", "exits-4", "good-5"]
    assert all(len(users) == 1 for users in trace[1:])
    assert [users for users in trace if users[0].startswith("exits")] == [["exits-2"], ["exits-4"]]
    assert deadly.quarantined("shardId-000000000001") == {"2#0": "redactor_died", "4#0": "redactor_died"}
    assert set(deadly.documents("shardId-000000000001")) == {"good-1", "good-3", "good-5"}


@pytest.mark.parametrize("kind", ["hangs", "holds"])
def test_a_record_with_which_the_redactor_hangs_is_quarantined(deadly: Any, kind: str) -> None:
    shard, records = "shardId-000000000002", batch("good", kind)
    with Keeper(deadly) as keeper:
        for _ in range(2):
            assert not deliver(deadly, shard, records)
        assert deliver(deadly, shard, records)
    assert all("in redact" in each for each in keeper.stacks)
    assert len(keeper.stacks) == 2
    assert deadly.quarantined(shard) == {"2#0": "redactor_timed_out"}
    assert set(deadly.documents(shard)) == {"good-1"}


def test_a_record_that_was_only_near_is_stored(deadly: Any) -> None:
    shard, records = "shardId-000000000003", batch("good", "exits")
    assert not deliver(deadly, shard, records)
    assert deliver(deadly, shard, records[:1])
    assert set(deadly.documents(shard)) == {"good-1"}
    assert deadly.quarantined(shard) == {}
    assert os.listdir(deadly.folder.journal)  # noqa: PTH208 - the folder outlives the processes
