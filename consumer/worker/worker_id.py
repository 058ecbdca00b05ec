"""The KCL worker id: stable over restarts of the JVM, unique among all workers that live."""

import fcntl
import json
import os
import urllib.request
import uuid
from pathlib import Path
from typing import IO, Final

_METADATA_VARIABLE = "ECS_CONTAINER_METADATA_URI_V4"

FILE: Final = "worker-id"
"""Its name in the runtime folder; whoever holds its lock lives there."""


class WorkerId:
    """An id and the lock that makes it this worker's own.

    The id is kept in the runtime folder, so that a supervisor that was killed and started again finds its leases: with
    a new id they would lie idle until they expire. The lock is inherited by the daemon, so the id cannot be taken
    while an older daemon with this id still runs.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / FILE
        self.lock: IO[str] = path.open("a+", encoding="ascii")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.lock.close()
            raise
        self.lock.seek(0)
        self.value = self.lock.read().strip()
        if not self.value:
            self.value = _new_id()
            self.lock.truncate(0)
            self.lock.write(self.value)
            self.lock.flush()


def _new_id() -> str:
    """Return a random id, with the ECS task in front where there is one."""
    uri = os.environ.get(_METADATA_VARIABLE)
    if uri and uri.startswith("http://169.254."):  # AWS: the task metadata endpoint is link-local
        try:
            with urllib.request.urlopen(uri, timeout=2) as answer:  # noqa: S310 - checked above
                metadata = json.load(answer)
            task = metadata["Labels"]["com.amazonaws.ecs.task-arn"].rpartition("/")[2]
            # Two containers of a task, or two workers in one, must differ; the file keeps it over restarts.
            return f"{task}-{uuid.uuid4().hex[:12]}"
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # unique is what matters; the task is a convenience
    return str(uuid.uuid4())
