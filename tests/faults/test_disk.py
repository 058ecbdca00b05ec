"""No room where the worker writes: its runtime folder. Nothing is lost, and with room again it goes on by itself."""

import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.lab import FaultLab
from tests.faults.load import Load
from tests.kits.needs import lacks
from tests.lab.watched import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]


@pytest.fixture
def small_disk(lab: FaultLab) -> Iterator[Path]:
    """A file system of 8 MiB for the runtime folder."""
    run = lab.folder / "run"
    run.mkdir(mode=0o700)
    mounting = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", str(run)], check=False)
    if mounting.returncode != 0:
        lacks("a file system cannot be mounted here: run as root, with CAP_SYS_ADMIN")
    try:
        yield run
    finally:
        lab.close()  # nobody may have a file open there
        subprocess.run(["umount", "-l", str(run)], check=True)


def fill(folder: Path) -> Path:
    """Leave no byte free."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 12)):
                pass
        except OSError:
            return ballast
    raise AssertionError("the disk did not get full")


@pytest.mark.parametrize("victim", [None, "sanitizer-pipeline", "MultiLangDaemon"])
def test_the_disk_is_full(small_disk: Path, lab: FaultLab, victim: str | None) -> None:
    """Under load, and then for a process that starts anew, too."""
    lab.set_up(shards=2)
    lab.start()
    with Load(lab, 100) as load:
        load.wait_for(100)
        ballast = fill(small_disk)
        if victim:
            lab.kill(victim)
        load.wait_for(300)
        ballast.unlink()
        if lab.worker and lab.worker.exit_status is not None:
            lab.worker.restart()  # as the container would be
        load.wait_for(50)
    lab.settle(timeout=120)


def test_no_file_may_grow(lab: FaultLab) -> None:
    """RLIMIT_FSIZE for all of the worker's processes, its log included; it holds where nothing can be mounted."""
    lab.set_up(shards=2)
    lab.start()
    assert lab.worker is not None
    with Load(lab, 100) as load:
        load.wait_for(100)
        limits = resource.prlimit(lab.worker.pid, resource.RLIMIT_FSIZE)
        pids = [lab.worker.pid, *lab.pids("sanitizer-pipeline")]
        for pid in pids:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1024, limits[1]))
        load.wait_for(300)
        for pid in pids:
            if Path(f"/proc/{pid}").exists():
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
        load.wait_for(50)
        if lab.worker.exit_status is not None:
            lab.worker.restart()
    lab.settle(timeout=120)


def test_a_worker_does_not_start_without_room_and_says_why(small_disk: Path, lab: FaultLab) -> None:
    lab.set_up(shards=1)
    ballast = fill(small_disk)
    lab.launch()
    assert lab.worker is not None
    wait_for(lambda: lab.worker and lab.worker.exit_status is not None, "its end", 30)
    assert lab.worker.exit_status == 1
    assert "runtime" in lab.log.read_text()
    ballast.unlink()
    lab.worker.restart()
    lab.feed(50)
    lab.settle()
    assert list(small_disk.iterdir())
