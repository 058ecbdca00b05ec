"""Processes that are named as a worker's are, and do nothing."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

_SUPERVISOR: Final = """
import subprocess, sys
from setproctitle import setproctitle
setproctitle(f"sanitizer-supervisor {sys.argv[1]}")
child = "from setproctitle import setproctitle; setproctitle('sanitizer-pipeline 0'); print(flush=True); input()"
pipeline = subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
pipeline.stdout.readline()
daemon = subprocess.Popen(["/bin/sh", "-c", "read _; exit 0"], stdin=subprocess.PIPE)
print(pipeline.pid, daemon.pid, flush=True)
input()
"""


class StandIn(NamedTuple):
    """Their pids. The daemon is a shell."""

    supervisor: int
    pipeline: int
    daemon: int


@contextmanager
def stand_in(application: str) -> Iterator[StandIn]:
    """Run them."""
    command = [sys.executable, "-c", _SUPERVISOR, application]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        pipeline, daemon = map(int, process.stdout.readline().split())
        try:
            yield StandIn(process.pid, pipeline, daemon)
        finally:
            process.communicate(b"\n")
