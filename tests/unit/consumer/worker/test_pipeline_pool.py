"""A pipeline process as the supervisor sees it: what it reports, and what becomes of one that talks nonsense."""

import queue
import signal
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from consumer.worker import control, events
from consumer.worker.control import Control, Order, Report, SetLogLevel, pipelines_end
from consumer.worker.events import Event, PipelineExited, PipelineReady
from consumer.worker.pipeline_pool import PipelineProcess
from tests.kits.threads import SECONDS, until


class Rig:
    """Another process in the place of a pipeline process, and the end of the line that it would have."""

    def __init__(self, log: Any) -> None:
        ours, self.theirs = socket.socketpair()
        self.posted: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.child = subprocess.Popen(["/bin/sleep", "60"])
        self.line: Control[Report, Order] = pipelines_end(self.theirs)
        self.process = PipelineProcess(3, self.child, ours, self.posted.put, log)

    def next(self) -> Event:
        return self.posted.get(timeout=SECONDS)

    def close(self) -> None:
        self.child.kill()
        self.line.close()
        self.child.wait(SECONDS)


@pytest.fixture
def rig(log: Any) -> Iterator[Rig]:
    rig = Rig(log)
    yield rig
    rig.close()


def test_its_reports_are_events_of_its_slot(rig: Rig) -> None:
    rig.line.send(control.Sessions(4))
    rig.line.send(control.Ready())
    rig.line.send(control.SessionFailed("shardId-0", 7))
    rig.line.send(control.Flooding(0.5))
    assert rig.next() == PipelineReady(3, rig.child.pid)
    assert rig.next() == events.SessionFailed(3, "shardId-0", 7)
    assert rig.next() == events.Flooding(3, 0.5)
    assert rig.process.sessions == 4
    rig.process.tell(SetLogLevel("debug"))
    assert next(iter(rig.line)) == SetLogLevel("debug")


def test_its_end_is_told_after_all_that_it_said(rig: Rig) -> None:
    rig.line.send(control.Ready())
    rig.child.kill()
    rig.line.close()
    assert rig.next() == PipelineReady(3, rig.child.pid)
    assert rig.next() == PipelineExited(3, rig.child.pid, -signal.SIGKILL)


@pytest.mark.parametrize("line", [b'{"kind": "redy"}\n', b'{"kind": "sessions"}\n', b'{"kind": "exit"}\n', b"4111\n"])
def test_one_that_says_what_is_no_report_is_a_defect_and_is_ended(rig: Rig, log: Any, line: bytes) -> None:
    rig.theirs.sendall(line)
    assert rig.next() == PipelineExited(3, rig.child.pid, -signal.SIGKILL)
    until(lambda: log.events)
    [(severity, event, fields)] = log.events
    assert (severity, event, fields["slot"]) == ("error", "pipeline.defect", 3)
    assert str(fields["exc_info"]) == ""
