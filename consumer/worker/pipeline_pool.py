"""The pipeline processes of one worker, one in each slot: started, told, and ended together."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Final, assert_never

from consumer.logs import Logger
from consumer.worker import control, events
from consumer.worker.control import EXIT_SECONDS, Begin, DaemonGone, Exit, GiveUp, MessageError, Order, SetLogLevel
from consumer.worker.events import Post


class PipelineProcess:
    """One pipeline process.

    Posts `PipelineReady`, `SessionFailed`, `Flooding`, and at last `PipelineExited`.

    :param process: runs `consumer.worker.pipeline_process`; see `start`.
    :param connection: the supervisor's end of the control socket.
    :ivar sessions: how many shards it serves now.
    """

    def __init__(
        self, slot: int, process: subprocess.Popen[bytes], connection: socket.socket, post: Post, log: Logger
    ) -> None:
        self.slot = slot
        self.pid = process.pid
        self.is_ready = False
        self.started_at = time.monotonic()
        self.sessions = 0
        self._process = process
        self._control = control.supervisors_end(connection)
        self._post = post
        self._log = log
        threading.Thread(target=self._listen, name=f"control-{slot}", daemon=True).start()

    @classmethod
    def start(cls, slot: int, listener: socket.socket, begin: Begin, post: Post, log: Logger) -> "PipelineProcess":
        """Start one.

        :param listener: where the shims connect.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603
                [
                    sys.executable,
                    "-m",
                    "consumer.worker.pipeline_process",
                    str(theirs.fileno()),
                    str(listener.fileno()),
                    str(slot),
                ],
                pass_fds=(theirs.fileno(), listener.fileno()),
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # a terminal's Ctrl-C is for the supervisor alone
            )
        made = cls(slot, process, ours, post, log)
        made.tell(begin)
        return made

    def _listen(self) -> None:
        try:
            for report in self._control:
                match report:
                    case control.Ready():
                        self._post(events.PipelineReady(self.slot, self.pid))
                    case control.Sessions(count):
                        self.sessions = count
                    case control.SessionFailed(shard, daemon):
                        self._post(events.SessionFailed(self.slot, shard, daemon))
                    case control.Flooding(share):
                        self._post(events.Flooding(self.slot, share))
                    case _:
                        assert_never(report)
        except MessageError as error:
            self._log.error("pipeline.defect", slot=self.slot, exc_info=error)
            self.kill()
        status = self._process.wait()
        self._control.close()
        self._post(events.PipelineExited(self.slot, self.pid, status))

    def tell(self, order: Order) -> None:
        """Send it a message; if it is dead, that is found by whoever listens."""
        self._control.send(order)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def ask_for_stacks(self) -> None:
        """Have it write where its threads stand into its file; see `consumer.worker.pipeline_process`."""
        self._process.send_signal(signal.SIGUSR1)

    def wait(self, timeout: float) -> int | None:
        """Wait for its end; return its status, or None if it lives on."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None


READY_SECONDS: Final = 30.0
"""What a process may take until it is ready."""


class PipelinePool:
    """Used by the supervisor's main thread; `all_ready`, `sessions` and `pids` by any.

    :param slots: how many there are.
    :param start: starts the process of a slot.
    """

    def __init__(self, slots: int, start: Callable[[int], PipelineProcess], log: Logger) -> None:
        self._slots = slots
        self._start = start
        self._log = log
        self._log_level: str | None = None
        self._living: dict[int, PipelineProcess] = {}

    def __len__(self) -> int:
        """Return how many slots there are."""
        return self._slots

    @property
    def all_ready(self) -> bool:
        """Whether there is a process in each slot, and each is ready."""
        living = list(self._living.values())
        return len(living) == len(self) and all(each.is_ready for each in living)

    @property
    def sessions(self) -> int:
        """How many shards they serve."""
        return sum(each.sessions for each in list(self._living.values()))

    def pids(self) -> dict[str, int]:
        """Return their process ids by their names in the metrics."""
        return {f"pipeline-{each.slot}": each.pid for each in list(self._living.values())}

    def find(self, slot: int, pid: int) -> PipelineProcess | None:
        """Return the process of a slot, unless another has taken its place."""
        process = self._living.get(slot)
        return process if process and process.pid == pid else None

    def start_missing(self) -> None:
        """Fill the empty slots; kill what takes too long to become ready."""
        for slot in range(len(self)):
            process = self._living.get(slot)
            if process is None:
                self._fill(slot)
            elif not process.is_ready and time.monotonic() - process.started_at > READY_SECONDS:
                process.kill()

    def _fill(self, slot: int) -> None:
        process = self._living[slot] = self._start(slot)
        if self._log_level is not None:
            process.tell(SetLogLevel(self._log_level))
        self._log.info("pipeline.started", slot=slot, pid=process.pid)

    def ready(self, slot: int, pid: int) -> None:
        """Note that the process of a slot takes sessions, unless another has taken its place."""
        if process := self.find(slot, pid):
            process.is_ready = True

    def forget(self, process: PipelineProcess) -> None:
        """Take a dead process out of its slot."""
        del self._living[process.slot]

    def set_log_level(self, level: str) -> None:
        """Switch those that live, and those that are started from now on."""
        self._log_level = level
        self._tell(SetLogLevel(level))

    def end_sessions(self, daemon: int) -> None:
        """Have the sessions of a daemon that is gone end, and those of its predecessors."""
        self._tell(DaemonGone(daemon))

    def give_up_in(self, seconds: float) -> None:
        """Have whatever is unfinished after so many seconds given up."""
        self._tell(GiveUp(seconds))

    def _tell(self, order: Order) -> None:
        for process in self._living.values():
            process.tell(order)

    def end(self) -> bool:
        """Have them end, and kill what does not; return whether all ended by themselves."""
        self._tell(Exit())
        deadline = time.monotonic() + EXIT_SECONDS
        in_time = True
        for process in self._living.values():
            if process.wait(max(0.0, deadline - time.monotonic())) is None:
                self._log.error("pipeline.killed", slot=process.slot)
                process.kill()
                in_time = False
        return in_time

    def kill(self) -> None:
        """Leave none behind, whatever happened."""
        for process in self._living.values():
            if process.wait(0) is None:
                process.kill()
                process.wait(READY_SECONDS)
