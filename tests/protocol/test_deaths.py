"""What dies, hangs up or is told to stop, and what is acknowledged then: never more than is durable."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from consumer.metrics.collector import open_deliveries
from consumer.pipeline.crash_journal import Stage, sights
from consumer.worker.control import EXIT_SECONDS, DaemonGone, Exit, GiveUp
from consumer.worker.events import PipelineExited, SessionFailed
from tests.kits.daemon import SECONDS, Child, record
from tests.kits.descriptors import open_nothing_more
from tests.kits.threads import until


def without_its_table(worker: Any) -> Child:
    """Return a child whose batch cannot be written: DynamoDB says that the table is missing."""
    worker.dynamodb.delete_table(TableName=worker.settings.output.table)
    child: Child = worker.child().initialize()
    child.send("processRecords", records=[record(1), record(2)], millisBehindLatest=0)
    deadline = time.monotonic() + SECONDS
    while "dynamodb.write_retried" not in worker.log and time.monotonic() < deadline:
        time.sleep(0.01)
    return child


def test_signals_are_for_the_supervisor_and_the_daemon_alone(worker: Any) -> None:
    child = worker.child().initialize()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(child.process.pid, number)
        os.kill(worker.process.pid, number)
    assert child.process_records(record(1)) == [("1", 0)]
    assert child.say("shutdownRequested") == []
    assert child.hang_up() == 0


def test_a_killed_shim_is_noticed_and_nothing_more_is_acknowledged_for_its_shard(worker: Any) -> None:
    child = worker.child().initialize()
    assert child.process_records(record(1)) == [("1", 0)]
    child.process.kill()
    assert worker.wait_for(SessionFailed) == SessionFailed(0, child.shard, 1)
    assert child.process_records(record(2)) == []
    assert "user-2-0" not in worker.documents(child.shard)
    child.hang_up()  # as the daemon's end does
    assert worker.outcomes(child.shard) == {"stored": 1, "abandoned": 1}


def test_a_clean_hang_up_without_a_word_is_no_failure(worker: Any) -> None:
    child = worker.child().initialize()
    assert child.hang_up() == 0
    assert worker.events.empty()


def test_a_batch_that_cannot_be_written_is_not_answered_and_then_given_up(own_worker: Any) -> None:
    worker = own_worker()
    child = without_its_table(worker)
    assert child._lines.empty()
    worker.process.tell(GiveUp(0.1))
    assert child.settle("processRecords") == []  # answered, and nothing of it checkpointed
    assert worker.outcomes(child.shard) == {"abandoned": 2}
    assert child.say("shutdownRequested") == []
    assert child.hang_up() == 0


def test_a_shard_whose_records_were_given_up_does_not_end(own_worker: Any) -> None:
    worker = own_worker()
    child = without_its_table(worker)
    worker.process.tell(DaemonGone(1))
    child.settle("processRecords")
    child.send("shardEnded")
    assert child.receive() is None
    assert worker.wait_for(SessionFailed) == SessionFailed(0, child.shard, 1)


def test_a_killed_pipeline_hangs_up_and_leaves_its_deliveries_to_be_closed(own_worker: Any) -> None:
    worker = own_worker()
    child = without_its_table(worker)
    os.kill(worker.process.pid, signal.SIGKILL)
    assert child.receive() is None
    ended = PipelineExited(0, worker.process.pid, -signal.SIGKILL)
    assert worker.wait_for(PipelineExited) == ended
    worker.events.put(ended)  # for the closing, which waits for it
    assert child.process.wait(SECONDS) == 0
    assert open_deliveries(worker.folder.metrics, "pipeline-0", "supervisor") == {child.shard: 2}


def test_a_pipeline_does_not_outlive_its_supervisor(own_worker: Any) -> None:
    worker = own_worker()
    child = worker.child().initialize()
    worker.process._control.close()  # what the death of the supervisor looks like
    assert child.receive() is None
    assert worker.process.wait(SECONDS) == 1
    assert "supervisor.gone" in worker.log


def test_the_end_of_the_worker_ends_what_is_in_flight(own_worker: Any) -> None:
    worker = own_worker()
    child = without_its_table(worker)
    worker.process.tell(Exit())
    assert child.settle("processRecords") == []
    assert child.receive() is None or child.process.wait(SECONDS) == 0
    assert worker.process.wait(SECONDS) == 0


def test_an_order_that_is_none_is_a_defect_and_ends_the_process(own_worker: Any) -> None:
    """Both ends run the same code: what cannot be understood was never meant, and must not go unseen."""
    worker = own_worker()
    worker.process._control._connection.sendall(b'{"kind": "exti"}\n')
    assert worker.process.wait(SECONDS) == 1
    [said] = [line for line in map(json.loads, worker.log.splitlines()) if line["event"] == "pipeline.defect"]
    assert said["error"] == "MessageError"


SLOW = """
import time

class Slow:
    name, version, digest = "slow", "1", "d"

    def redact(self, payloads):
        while True:
            time.sleep(1)

def make(options):
    return Slow()
"""


def test_many_sessions_that_do_not_end_leave_time_for_what_is_written_after_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_worker: Any
) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    metadata = tmp_path / "slow-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: slow\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[kinesis_sanitizer.redactors]\nslow = slow:make\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    worker = own_worker(redaction={"plugin": "slow"})
    for _ in range(4):
        worker.child().initialize().send("processRecords", records=[record(1)], millisBehindLatest=0)
    until(lambda: [each.stage for each in sights(worker.folder.journal).values()] == [Stage.REDACTING] * 4)
    worker.process.tell(Exit())
    assert worker.process.wait(EXIT_SECONDS) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_process_that_has_no_room_for_a_shims_pipes_ends_and_says_why(own_worker: Any) -> None:
    """The daemon would be replaced for it again and again: its shim was only hung up on."""
    worker = own_worker()
    open_nothing_more(worker.process.pid)
    worker.child().send("initialize", shardId="shardId-000000000000", sequenceNumber="LATEST", subSequenceNumber=0)
    assert worker.wait_for(PipelineExited).status == 1
    assert "descriptors.exhausted" in worker.log
    worker.start_process()
    assert worker.child(daemon=2).initialize().process_records(record(1)) == [("1", 0)]
