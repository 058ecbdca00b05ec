"""What the container gives its processes, too little or too freely: file descriptors, a umask, a folder."""

import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from consumer.worker.daemon_runner import BACKOFF_LIMIT_SECONDS
from consumer.worker.runtime_folder import RuntimeFolder
from tests.kits.descriptors import open_nothing_more
from tests.kits.started import Started

if sys.platform != "linux":
    pytest.skip("asks /proc", allow_module_level=True)


def test_nothing_in_the_runtime_folder_is_open_to_others_whatever_the_umask(tmp_path: Path, config: Path) -> None:
    place = tmp_path / "run"
    place.mkdir()
    place.chmod(0o755)
    (place / "journal").mkdir()
    (place / "journal").chmod(0o777)
    for name in ("shim.sh", "worker-id", "stacks-0"):  # left by a worker that had such a umask
        (place / name).touch()
        (place / name).chmod(0o777)
    started = Started(tmp_path, "run", "--config", str(config), umask=0, SANITIZER_RUNTIME_DIR=str(place))
    started.wait_until(lambda: started.said("daemon.started"))
    found = {str(each.relative_to(place)): each.lstat().st_mode for each in place.rglob("*")}
    assert started.end(signal.SIGTERM) == 0
    assert {"pipeline-0.sock", "journal", "metrics", "worker-id", "stacks-0"} < set(found)
    assert any(stat.S_ISSOCK(mode) for mode in found.values())
    assert {name: oct(mode) for name, mode in found.items() if mode & 0o077} == {}


def test_what_others_could_write_is_taken_from_them_and_no_link_is_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    elsewhere.chmod(0o666)
    place = tmp_path / "run"
    place.mkdir(mode=0o755)
    (place / "link").symlink_to(elsewhere)
    (place / "file").touch()
    (place / "file").chmod(0o766)
    RuntimeFolder(place).close()
    assert elsewhere.stat().st_mode & 0o777 == 0o666
    assert (place / "file").stat().st_mode & 0o777 == 0o700


def test_a_pipeline_process_without_descriptors_is_the_one_that_is_replaced(tmp_path: Path, config: Path) -> None:
    started = Started(tmp_path, "run", "--config", str(config))
    started.wait_until(lambda: started.said("daemon.started"))
    (first,) = started.said("pipeline.started")
    open_nothing_more(first["pid"])
    started.wait_until(lambda: len(started.said("daemon.started")) == 2)
    (exhausted,) = started.said("descriptors.exhausted")
    assert exhausted["process"] == "pipeline-0"
    assert "ulimits, nofile" in exhausted["action"]
    (died,) = started.said("pipeline.died")
    assert died["pid"] == first["pid"]
    (restart,) = started.said("daemon.restarts")
    assert restart["reason"] == "pipeline_died"
    assert restart["delay_seconds"] < BACKOFF_LIMIT_SECONDS
    assert started.said("pipeline.started")[1]["pid"] != first["pid"]
    assert started.end(signal.SIGTERM) == 0


def test_a_supervisor_without_descriptors_says_so_and_stops_in_order(tmp_path: Path, config: Path) -> None:
    started = Started(tmp_path, "run", "--config", str(config))
    started.wait_until(lambda: started.said("daemon.started"))
    open_nothing_more(started.process.pid)
    os.kill(started.said("pipeline.started")[0]["pid"], signal.SIGKILL)  # it cannot be started again
    assert started.process.wait(60) == 1
    (exhausted,) = started.said("descriptors.exhausted")
    assert exhausted["process"] == "supervisor"
    assert started.said("leases.handed_over")
    (stopped,) = started.said("worker.stopped")
    assert stopped["status"] == "failed"
    assert started.left == []
