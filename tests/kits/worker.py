"""Stand-ins for the processes of a worker: they do at once, and in the same thread, what the real ones do."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

from consumer.worker.control import Exit, Order
from consumer.worker.daemon_runner import DaemonProcess, OnLine
from consumer.worker.events import DaemonExited, PipelineExited, PipelineReady, Post
from consumer.worker.pipeline_pool import PipelineProcess


def phase_line() -> bytes:
    """Return the line of a daemon's log by which it is known to serve."""
    said = {
        "loggerName": "software.amazon.kinesis.coordinator.Scheduler",
        "level": "INFO",
        "message": "Initialization complete. Starting worker loop.",
    }
    return json.dumps(said).encode() + b"\n"


class Clock:
    """A clock that goes on when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class FakeDaemon(DaemonProcess):
    """Lives until it is asked to end, or killed.

    :param note: is told what it is made to do.
    :ivar drains_in: seconds that it takes to end when it is asked to.
    """

    def __init__(
        self, number: int, on_line: OnLine, post: Post, clock: Clock, note: Callable[[str], None] = lambda _: None
    ) -> None:
        self.number = number
        self.pid = 1000 + number
        self.on_line = on_line
        self.drains_in = 0.0
        self._post = post
        self._note = note
        self._clock = clock
        self._ends_at = float("inf")
        self._status: int | None = None

    def exit(self, status: int) -> None:
        self._status = status
        self._post(DaemonExited(self.number, status))

    def terminate(self) -> None:
        self._note("daemon drains")
        self._ends_at = self._clock.now + self.drains_in

    def kill(self) -> None:
        if self._status is None:
            self._note("daemon is killed")
            self.exit(-signal.SIGKILL)

    def wait(self, timeout: float) -> int | None:
        if self._status is None:
            self._clock.now = min(self._clock.now + timeout, max(self._clock.now, self._ends_at))
            if self._clock.now >= self._ends_at:
                self.exit(0)
        return self._status


class FakePipeline(PipelineProcess):
    """Ready at once, and ends when it is told to.

    :param folder: where its stacks are looked for.
    :param note: is told each order, and its end.
    :ivar is_deaf: does not end when it is told to.
    """

    def __init__(self, slot: int, pid: int, folder: Path, post: Post, note: Callable[[Order | str], None]) -> None:
        self.slot = slot
        self.pid = pid
        self.is_ready = False
        self.started_at = time.monotonic()
        self.sessions = 0
        self.is_deaf = False
        self._folder = folder
        self._post = post
        self._note = note
        self._status: int | None = None
        post(PipelineReady(slot, pid))

    def exit(self, status: int) -> None:
        self._status = status
        self._post(PipelineExited(self.slot, self.pid, status))

    def tell(self, order: Order) -> None:
        self._note(order)
        if order == Exit() and not self.is_deaf:
            self.exit(0)

    def kill(self) -> None:
        if self._status is None:
            self._note("pipeline is killed")
            self.exit(-signal.SIGKILL)

    def ask_for_stacks(self) -> None:
        text = 'Thread 1:\n  File "consumer/pipeline/flow.py", line 7 in process\n'
        (self._folder / f"stacks-{self.slot}").write_text(text)

    def wait(self, timeout: float) -> int | None:  # noqa: ARG002
        return self._status
