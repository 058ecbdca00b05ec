"""The processes that the supervisor starts, each with what it needs to be started again."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from consumer.worker.control import Control

Post = Callable[[tuple[Any, ...]], None]
"""Puts an event into the supervisor's queue; may be called by any thread."""

DAEMON_VARIABLE = "SANITIZER_DAEMON"


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


class DaemonProcess:
    """The KCL daemon. Posts ``("daemon_exit", daemon, status)``.

    :param command: its command line, run in `folder`.
    :param number: how many daemons there have been; sessions carry it, so that those of an older daemon are told apart.
    :param lock: descriptor of the worker id's lock, which must outlive the supervisor if the daemon does.
    :param on_line: takes each line that it writes.
    """

    def __init__(
        self,
        command: list[str],
        folder: Path,
        number: int,
        lock: int,
        on_line: Callable[[bytes], None],
        post: Post,
    ) -> None:
        self.number = number
        tether = Path(__file__).with_name("tethered.py")
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", "-E", str(tether), str(os.getpid()), *command],
            cwd=folder,
            env=os.environ | {DAEMON_VARIABLE: str(number)},
            pass_fds=(lock,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.pid = self._process.pid
        threading.Thread(target=self._read, args=(on_line, post), name="daemon-log", daemon=True).start()

    def _read(self, on_line: Callable[[bytes], None], post: Post) -> None:
        # Children of the daemon do not inherit this pipe (Java gives them pipes of their own), so it ends with it.
        assert self._process.stdout is not None  # noqa: S101
        try:
            with self._process.stdout as lines:
                for line in lines:
                    on_line(line)
        finally:
            post(("daemon_exit", self, self._process.wait()))

    def terminate(self) -> None:
        """Ask it to drain and end."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def wait(self, timeout: float) -> int | None:
        """Wait for its end; return its status, or None if it lives on."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
