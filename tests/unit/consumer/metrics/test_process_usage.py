"""CPU and memory, from a /proc of the test's own and from the real one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.metrics.process_usage import PROC, Usage, Vitals

PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")


class Processes:
    """Stands for /proc, and for what the supervisor has started."""

    def __init__(self, proc: Path) -> None:
        self.proc = proc
        self.named: dict[str, int] = {}
        self.vitals = Vitals(lambda: self.named, proc)

    def run(self, pid: int, ticks: int, *, started: int = 1, of_children: int = 0, pss: int | None = None) -> None:
        """Let a process be, with its CPU time; `pss` in KiB. Its resident memory is 10 pages, 7 of which are shared."""
        folder = self.proc / str(pid)
        (folder / "task" / str(pid)).mkdir(parents=True, exist_ok=True)
        numbers = [0] * 45  # by their places after the name; see proc(5)
        numbers[11:14] = ticks - ticks // 3, ticks // 3, of_children
        numbers[19] = started
        (folder / "stat").write_text(f"{pid} (a) name (x) S {' '.join(map(str, numbers[1:]))}\n")
        (folder / "statm").write_text("100 10 7 0 0 0 0\n")
        (folder / "task" / str(pid) / "children").write_text("")
        if pss is not None:
            (folder / "smaps_rollup").write_text(
                f"0-1 ---p 0 0 0 [rollup]\nRss: 9 kB\nPss:   {pss} kB\nPss_Dirty: 1 kB\n"
            )

    def end(self, pid: int) -> None:
        for name in ("stat", "statm", "smaps_rollup"):
            (self.proc / str(pid) / name).unlink(missing_ok=True)

    def cpu(self, name: str) -> float:
        return self.vitals.read()[name].cpu_seconds * TICK


@pytest.fixture
def processes(tmp_path: Path) -> Processes:
    return Processes(tmp_path)


def test_memory_is_proportional_where_the_system_tells_it_and_resident_elsewhere(processes: Processes) -> None:
    processes.named = {"supervisor": 1, "pipeline-0": 2}
    processes.run(1, 300, pss=500)
    processes.run(2, 60)
    assert processes.vitals.read() == {
        "supervisor": Usage(300 / TICK, 500 * 1024),
        "pipeline-0": Usage(60 / TICK, 10 * PAGE),
    }


def test_the_cpu_time_of_the_dead_is_kept(processes: Processes) -> None:
    processes.named = {"daemon": 1}
    processes.run(1, 300)
    assert processes.cpu("daemon") == 300
    processes.end(1)
    assert processes.vitals.read()["daemon"] == Usage(300 / TICK, 0)
    processes.named = {}
    assert processes.cpu("daemon") == 300
    processes.named = {"daemon": 2}
    processes.run(2, 10)
    assert processes.cpu("daemon") == 310
    processes.run(2, 20)
    assert processes.cpu("daemon") == 320


def test_a_successor_with_the_pid_of_the_dead_is_another(processes: Processes) -> None:
    processes.named = {"daemon": 1}
    processes.run(1, 300, started=5)
    assert processes.cpu("daemon") == 300
    processes.run(1, 30, started=6)
    assert processes.cpu("daemon") == 330


def test_shims_are_the_daemons_children_and_those_that_ended_count(processes: Processes) -> None:
    processes.named = {"daemon": 1}
    processes.run(1, 300)
    processes.run(7, 5)
    processes.run(8, 6)
    children = processes.proc / "1" / "task" / "1" / "children"
    children.write_text("7 8 ")
    assert processes.vitals.read()["shims"] == Usage(11 / TICK, 2 * 3 * PAGE)
    children.write_text("8 ")
    processes.end(7)
    assert processes.cpu("shims") == 11  # until the daemon has taken note
    processes.run(1, 300, of_children=5)
    children.write_text("8 ")
    assert processes.cpu("shims") == 11
    processes.named = {"daemon": 2}
    processes.run(2, 1)
    assert processes.cpu("shims") == 11


def test_a_daemon_that_ends_while_it_is_read_has_no_shims(processes: Processes) -> None:
    processes.named = {"daemon": 1}
    processes.run(1, 300)
    shutil.rmtree(processes.proc / "1" / "task")
    assert processes.vitals.read()["shims"] == Usage(0, 0)


def test_where_there_is_no_proc_nothing_is_said(tmp_path: Path) -> None:
    assert Vitals(lambda: {"supervisor": os.getpid()}, tmp_path / "none").read() == {}


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc")
def test_a_real_process_is_read() -> None:
    """A parent, named as the daemon is, with a child that stands for a shim."""
    code = "import subprocess, sys; subprocess.run(['/bin/sh', '-c', 'echo; read _; exit 0'])"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()  # the child is there
        used = Vitals(lambda: {"daemon": parent.pid, "supervisor": os.getpid()}, PROC).read()
        parent.communicate(b"\n")
    assert used["supervisor"].cpu_seconds == pytest.approx(sum(os.times()[:2]), abs=1)
    assert 1 << 20 < used["daemon"].memory_bytes < used["supervisor"].memory_bytes
    assert 0 < used["shims"].memory_bytes < 2 << 20
