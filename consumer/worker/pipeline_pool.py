"""The pipeline processes of one worker, one in each slot: started, told, and ended together."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, Final

from consumer.logs import Logger
from consumer.worker.control import Control
from consumer.worker.events import Post


class PipelineProcess:
    """One pipeline process.

    Posts ``("ready", process)``, ``("session_failed", slot, shard, daemon)``, ``("flooding", slot, share)``,
    ``("pipeline_exit", process, status)``.

    :ivar sessions: how many shards it serves now.

    :param first_message: settings, folder and key, sent over the control socket and so on no disk and no command line.
    """

    def __init__(self, slot: int, listener: socket.socket, first_message: dict[str, Any], post: Post) -> None:
        self.slot = slot
        self.is_ready = False
        self.started_at = time.monotonic()
        self.sessions = 0
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
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
        self.pid = self._process.pid
        self.control = Control(ours)
        self.control.send(**first_message)
        threading.Thread(target=self._listen, args=(post,), name=f"control-{slot}", daemon=True).start()

    def _listen(self, post: Post) -> None:
        for message in self.control:
            match message:
                case {"ready": True}:
                    post(("ready", self))
                case {"sessions": count}:
                    self.sessions = count
                case {"session_failed": shard, "daemon": number}:
                    post(("session_failed", self.slot, shard, number))
                case {"flooding": share}:
                    post(("flooding", self.slot, share))
        status = self._process.wait()
        self.control.close()
        post(("pipeline_exit", self, status))

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

EXIT_SECONDS: Final = 5.0
"""What they may take to end, all of them."""


class PipelinePool:
    """Used by the supervisor's main thread; `pids` by any.

    :param listeners: where the shims connect, one for each slot.
    :param first_message: what each process is told first.
    :param post: where their events go; see `PipelineProcess`.
    """

    def __init__(
        self, listeners: Sequence[socket.socket], first_message: dict[str, Any], post: Post, log: Logger
    ) -> None:
        self._listeners = listeners
        self._first_message = first_message
        self._post = post
        self._log = log
        self._log_level: str | None = None
        self._living: dict[int, PipelineProcess] = {}

    def __len__(self) -> int:
        """Return how many slots there are."""
        return len(self._listeners)

    @property
    def all_ready(self) -> bool:
        """Whether there is a process in each slot, and each is ready."""
        living = list(self._living.values())
        return len(living) == len(self) and all(each.is_ready for each in living)

    @property
    def sessions(self) -> int:
        """How many shards they serve."""
        return sum(each.sessions for each in self._living.values())

    def pids(self) -> dict[str, int]:
        """Return their process ids by their names in the metrics."""
        return {f"pipeline-{each.slot}": each.pid for each in list(self._living.values())}

    def in_slot(self, slot: int) -> PipelineProcess | None:
        """Return the process of a slot, if there is one."""
        return self._living.get(slot)

    def start_missing(self) -> None:
        """Fill the empty slots; kill what takes too long to become ready."""
        for slot in range(len(self)):
            process = self._living.get(slot)
            if process is None:
                self._start(slot)
            elif not process.is_ready and time.monotonic() - process.started_at > READY_SECONDS:
                process.kill()

    def _start(self, slot: int) -> None:
        process = PipelineProcess(slot, self._listeners[slot], self._first_message, self._post)
        self._living[slot] = process
        if self._log_level is not None:
            process.control.send(log_level=self._log_level)
        self._log.info("pipeline.started", slot=slot, pid=process.pid)

    def forget(self, process: PipelineProcess) -> None:
        """Take a dead process out of its slot."""
        del self._living[process.slot]

    def tell(self, **message: Any) -> None:
        """Send a message to all of them."""
        for process in self._living.values():
            process.control.send(**message)

    def set_log_level(self, level: str) -> None:
        """Switch those that live, and those that are started from now on."""
        self._log_level = level
        self.tell(log_level=level)

    def end(self) -> bool:
        """Have them end, and kill what does not; return whether all ended by themselves."""
        self.tell(exit=True)
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
