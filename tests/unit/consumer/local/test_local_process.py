import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.errors import StartError
from consumer.local.local_process import LocalProcess
from consumer.local.worker_process import WorkerProcess
from tests.lab.watched import lives, wait_for

SLEEPER = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"]


def test_it_runs_until_it_is_closed_and_its_words_are_kept(tmp_path: Path) -> None:
    process = LocalProcess(SLEEPER, tmp_path / "log")
    wait_for(lambda: process.tail() == "here", "its word", 10)
    assert process.exit_status is None
    assert process.close() == process.close() == -signal.SIGTERM
    process.restart()
    assert process.starts == 2
    wait_for(lambda: process.tail() == "here\nhere", "its word again", 10)
    process.close()


def test_it_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, signal\n"
        "from consumer.local.local_process import LocalProcess\n"
        f"print(LocalProcess({SLEEPER}, pathlib.Path({str(tmp_path / 'log')!r})).pid, flush=True)\n"
        "while not pathlib.Path('log').read_bytes(): pass\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    starter = subprocess.run(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        check=False,
        timeout=30,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[4])},
    )
    assert starter.returncode == -signal.SIGKILL
    wait_for(lambda: not lives(int(starter.stdout)), "its end", 10)


def test_a_worker_that_ends_by_itself_is_not_started_again(tmp_path: Path) -> None:
    worker = WorkerProcess(tmp_path / "missing.yaml", tmp_path / "log")
    wait_for(lambda: worker.exit_status is not None, "its end", 30)
    with pytest.raises(StartError, match=r"exit status 2(.|\n)*cannot be read"):
        worker.revive()
    assert worker.starts == 1


def test_a_worker_that_was_killed_is_started_again(tmp_path: Path) -> None:
    worker = WorkerProcess(tmp_path / "missing.yaml", tmp_path / "log")
    os.kill(worker.pid, signal.SIGKILL)
    wait_for(lambda: worker.exit_status is not None, "its end", 10)
    worker.revive()
    assert worker.starts == 2
    worker.close()
