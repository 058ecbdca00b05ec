"""The worker's runtime folder: the daemon's files, the sockets, the metrics, the worker id."""

import os
import shutil
import socket
import stat
import tempfile
import time
from pathlib import Path
from typing import Final

from consumer.errors import StartError
from consumer.worker.shim import socket_path
from consumer.worker.worker_id import WorkerId

JOURNAL: Final = "journal"
STACKS: Final = "stacks"
"""Names in the folder; of the second, beginnings."""

_LOCK_SECONDS = 15.0
_REMOVALS = 10
_BACKLOG = 256


def refuse_if_others_write(folder: Path) -> None:
    """Refuse a folder of others: the daemon executes a file of it, and the shims hand records over by its sockets.

    :raises StartError: others may write there.
    """
    found = folder.stat()
    if found.st_mode & 0o022 or found.st_uid not in (os.geteuid(), 0):
        msg = (
            f"The runtime folder {folder} can be written by others: let runtime_dir name a folder inside of it, "
            "which the worker makes for itself alone, or take the permission away."
        )
        raise StartError(msg)


def _take_from_others(folder: Path) -> None:
    """Take away what others may do with what an earlier worker left: it may have run under another umask."""
    for entry in folder.iterdir():
        found = entry.lstat()
        if found.st_uid == os.geteuid() and found.st_mode & 0o077 and not stat.S_ISLNK(found.st_mode):
            entry.chmod(found.st_mode & 0o700)


class RuntimeFolder:
    """The folder, for one supervisor at a time.

    :param configured: kept over restarts; None makes a temporary one that goes with the supervisor.
    :raises StartError: it cannot be written, or another worker lives in it.
    """

    def __init__(self, configured: Path | None) -> None:
        self._is_temporary = configured is None
        try:
            if configured is None:
                self.path = Path(tempfile.mkdtemp(prefix="sanitizer-"))
            else:
                self.path = configured.absolute()
                self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
                refuse_if_others_write(self.path)
            self.worker_id = self._lock()
            _take_from_others(self.path)
            self.metrics = self.path / "metrics"
            shutil.rmtree(self.metrics, ignore_errors=True)
            self.metrics.mkdir(mode=0o700)
            self.journal = self.path / JOURNAL  # what it says of the dead still holds
            self.journal.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            place = configured or tempfile.gettempdir()
            msg = f"The runtime folder {place} cannot be used ({error.strerror}): set runtime_dir."
            raise StartError(msg) from None

    def _lock(self) -> WorkerId:
        # After a kill -9 of the supervisor its daemon needs a moment to die, and holds the lock until then.
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                return WorkerId(self.path)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    msg = f"Another worker lives in the runtime folder {self.path}: give each its own runtime_dir."
                    raise StartError(msg) from None
                time.sleep(0.1)

    def listen(self, slot: int) -> socket.socket:
        """Return the listening socket of a pipeline process.

        The supervisor holds it, so that shims are not turned away while a pipeline process starts again.
        """
        listener = socket.socket(socket.AF_UNIX)
        before = Path.cwd()
        os.chdir(self.path)  # a socket's path holds about 100 characters, a folder's may be longer
        try:
            Path(socket_path(".", slot)).unlink(missing_ok=True)
            listener.bind(socket_path(".", slot))
        finally:
            os.chdir(before)
        listener.listen(_BACKLOG)
        return listener

    def close(self) -> None:
        """Let go of the worker id, and remove the folder, if it is a temporary one."""
        self.worker_id.lock.close()
        if not self._is_temporary:
            return
        # A process that was killed a moment ago may make a file in it while it goes.
        for _ in range(_REMOVALS):
            shutil.rmtree(self.path, ignore_errors=True)
            if not self.path.exists():
                return
            time.sleep(0.1)
