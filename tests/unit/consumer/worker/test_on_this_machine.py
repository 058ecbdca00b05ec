"""Which processes are a worker's, as real ones name themselves."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.worker.on_this_machine import Process, processes

APPLICATION = "on-this-machine"
_SUPERVISOR = f"""
import subprocess, sys
from setproctitle import setproctitle
setproctitle("sanitizer-supervisor {APPLICATION}")
child = "from setproctitle import setproctitle; setproctitle('sanitizer-pipeline 0'); print(flush=True); input()"
pipeline = subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
pipeline.stdout.readline()
daemon = subprocess.Popen(["/bin/sh", "-c", "read _; exit 0"], stdin=subprocess.PIPE)
print(pipeline.pid, daemon.pid, flush=True)
input()
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")


@pytest.fixture
def worker() -> Iterator[tuple[int, int, int]]:
    """Pids of a stand-in for a worker: its supervisor, its pipeline process, its daemon."""
    with subprocess.Popen(
        [sys.executable, "-c", _SUPERVISOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        pipeline, daemon = map(int, process.stdout.readline().split())
        yield process.pid, pipeline, daemon
        process.communicate(b"\n")


def test_the_processes_of_a_worker_are_found_by_its_application(worker: tuple[int, int, int]) -> None:
    supervisor, pipeline, daemon = worker
    assert processes(APPLICATION) == [
        Process(supervisor, f"sanitizer-supervisor {APPLICATION}"),
        Process(pipeline, "sanitizer-pipeline 0"),
        Process(daemon, "sh"),
    ]
    assert processes(f"{APPLICATION}-2") == []
    assert processes(APPLICATION[:-1]) == []


def test_elsewhere_nothing_is_known(tmp_path: Path) -> None:
    assert processes(APPLICATION, tmp_path / "none") == []
