"""CPU and memory of the worker's processes, as Linux tells them in /proc; elsewhere nothing is known. See proc(5)."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

PROC: Final = Path("/proc")
DAEMON: Final = "daemon"
SHIMS: Final = "shims"


class Usage(NamedTuple):
    """What the processes of one name use: CPU time since the worker's start, memory now."""

    cpu_seconds: float
    memory_bytes: float


class _Stat(NamedTuple):
    """One process; `started` tells it from another that got its pid.

    :ivar cpu: of itself, in clock ticks.
    :ivar cpu_of_children: of those that have ended.
    """

    started: str
    cpu: int
    cpu_of_children: int


class Vitals:
    """Reads them. CPU time never goes back: a dead process's is kept, as it was last read. Thread-safe.

    :param processes: pids of the worker's processes by name; that of the daemon leads to the shims, its children.
    """

    def __init__(self, processes: Callable[[], Mapping[str, int]], proc: Path = PROC) -> None:
        self._processes = processes
        self._proc = proc
        self._tick = os.sysconf("SC_CLK_TCK")
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._of_the_dead: dict[str, int] = {}
        self._last: dict[str, tuple[str, int]] = {}
        self._lock = threading.Lock()

    def read(self) -> dict[str, Usage]:
        """Return what each uses, by name: a process that is dead just now uses no memory."""
        with self._lock:
            memory: dict[str, float] = {}
            for name, pid in self._processes().items():
                stat = self._stat(pid)
                if stat is None:
                    continue
                self._note(name, f"{pid} {stat.started}", stat.cpu)
                memory[name] = self._memory(pid)
                if name == DAEMON:
                    cpu, memory[SHIMS] = self._shims(pid)
                    self._note(SHIMS, f"{pid} {stat.started}", cpu + stat.cpu_of_children)
            return {
                name: Usage((self._of_the_dead.get(name, 0) + ticks) / self._tick, memory.get(name, 0.0))
                for name, (_, ticks) in self._last.items()
            }

    def _note(self, name: str, who: str, ticks: int) -> None:
        before, last = self._last.get(name, (who, 0))
        if before != who:
            self._of_the_dead[name] = self._of_the_dead.get(name, 0) + last
            last = 0
        self._last[name] = who, max(ticks, last)

    def _stat(self, pid: int) -> _Stat | None:
        # The name, in parentheses, may hold anything. After it: state, ppid, ...
        fields = self._text(pid, "stat").rpartition(")")[2].split()
        if not fields:
            return None
        return _Stat(fields[19], int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14]))

    def _memory(self, pid: int) -> float:
        for line in self._text(pid, "smaps_rollup").splitlines():
            if line.startswith("Pss:"):
                return float(line.split()[1]) * 1024
        return float(self._resident(pid)[0])

    def _resident(self, pid: int) -> tuple[int, int]:
        """Return the resident memory in bytes, and how much of it has a file behind it or is shared."""
        pages = self._text(pid, "statm").split()
        return (int(pages[1]) * self._page, int(pages[2]) * self._page) if pages else (0, 0)

    def _shims(self, daemon: int) -> tuple[int, float]:
        """Return the CPU ticks and the memory of the daemon's children, of whom there may be many: at little cost."""
        ticks, memory = 0, 0
        for pid in self._children(daemon):
            stat = self._stat(pid)
            ticks += stat.cpu if stat else 0
            resident, shared = self._resident(pid)
            memory += resident - shared
        return ticks, float(memory)

    def _children(self, pid: int) -> Iterator[int]:
        try:
            threads = list((self._proc / str(pid) / "task").iterdir())
        except OSError:  # it has ended
            return
        for thread in threads:
            yield from map(int, self._text(pid, f"task/{thread.name}/children").split())

    def _text(self, pid: int, name: str) -> str:
        """Return a file of a process; empty: it has ended, or there is none."""
        try:
            return (self._proc / str(pid) / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
