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
child = '''
import sys
from setproctitle import setproctitle
setproctitle("sanitizer-pipeline 0")
print(flush=True)
sys.stdin.read()
'''
daemon = ["/bin/sh", "-c", "echo; read _; exit 0"]
children = []
for command in [sys.executable, "-c", child], daemon:
    children.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    children[-1].stdout.readline()  # Linux knows the command line a moment after Popen has returned
print(*(child.pid for child in children), flush=True)
sys.stdin.read()
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
            process.communicate()
