"""SIGHUP: switches the level of all processes of a worker, and is a stop where its terminal has gone."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.protocol.test_supervisor import DRIVER, drive

TAKE_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"


def test_the_level_is_switched_in_all_processes_and_in_those_that_come_later(tmp_path: Path) -> None:
    seen = drive("level is switched", tmp_path)
    assert seen["status"] == 0
    changes = [(line["process"], line["level"]) for line in seen["log"] if line["event"] == "log.level_changed"]
    assert [level for process, level in changes if process == "supervisor"] == ["debug", "info"]
    # The second process, started meanwhile, is told too; the first may have been killed before it had said anything.
    assert [level for process, level in changes if process == "pipeline-0"][-2:] == ["debug", "info"]
    assert not [line for line in seen["log"] if line["event"] == "signal.received" and line["signal"] == "SIGHUP"]


def test_a_worker_whose_terminal_goes_stops_in_order(tmp_path: Path) -> None:
    """It would go on unseen otherwise, with its leases."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", TAKE_TERMINAL + DRIVER, "terminal goes", str(tmp_path)],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as worker:
        os.close(theirs)
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"started\n"
        os.close(ours)
        out, log = worker.communicate(timeout=60)
    seen = json.loads(out)
    assert (seen["status"], seen["handed_over"]) == (0, 1)
    signals = [line["signal"] for line in map(json.loads, log.splitlines()) if line["event"] == "signal.received"]
    assert signals == ["SIGHUP"]
