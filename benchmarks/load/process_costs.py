"""CPU time and memory of a tree of processes, by kind, from Linux's /proc."""

import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PROC: Final = Path("/proc")

KIND_MARKS: Final = (
    ("MultiLangDaemon", "jvm"),
    ("sanitizer-shim", "shim"),
    ("shim.py", "shim"),
    ("sanitizer-pipeline", "pipeline"),
    ("consumer.worker.pipeline_process", "pipeline"),
    ("sanitizer-supervisor", "supervisor"),
    ("consumer.cli", "supervisor"),
)


def worker_kind(command_line: str) -> str:
    """Return the kind of one of the worker's processes, by its command line."""
    return next((kind for mark, kind in KIND_MARKS if mark in command_line), "other")


class _Stat:
    """The fields used of /proc/PID/stat (proc(5)); times in ticks."""

    def __init__(self, pid: int) -> None:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        self.parent = int(fields[1])
        self.used = int(fields[11]) + int(fields[12])
        self.used_by_reaped = int(fields[13]) + int(fields[14])
        self.started = int(fields[19])


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that one process has used.

    :raises OSError: there is no such process.
    """
    return _Stat(pid).used / _TICKS


def _thread_ticks(pid: int) -> Counter[str]:
    """Return the CPU time of a process's threads, in ticks, by their names without numbers.

    What threads used that have ended is nobody's. Linux keeps 15 characters of a name.
    """
    used: Counter[str] = Counter()
    for task in (_PROC / str(pid) / "task").iterdir():
        try:
            head, _, fields = (task / "stat").read_text(errors="replace").rpartition(") ")
        except OSError:
            continue  # it has ended
        used[re.sub(r"[\W_\d]+$", "", head.partition("(")[2])] += sum(map(int, fields.split()[11:13]))
    return used


class ProcessTree:
    """A process and all that descends from it, those that have ended included.

    :param root: its pid.
    :param kind_of: names the kind of a process by its command line.
    """

    def __init__(self, root: int, kind_of: Callable[[str], str] = worker_kind) -> None:
        self._root = root
        self._kind_of = kind_of
        self._used: dict[tuple[int, int], tuple[str, int]] = {}

    def cpu(self) -> dict[str, float]:
        """Return the core-seconds used until now, by kind.

        A process that has ended counts as it was last seen; what it used after that, and processes that nobody saw,
        are `ended`.
        """
        live = self._live()
        for pid, stat in live.items():
            if kind := self._kind(pid):
                self._used[pid, stat.started] = kind, stat.used
        totals: Counter[str] = Counter()
        for kind, ticks in self._used.values():
            totals[kind] += ticks
        known = {(pid, stat.started) for pid, stat in live.items()}
        gone = sum(ticks for key, (_, ticks) in self._used.items() if key not in known)
        totals["ended"] = max(0, sum(stat.used_by_reaped for stat in live.values()) - gone)
        return {kind: ticks / _TICKS for kind, ticks in totals.items()}

    def threads(self, kind: str) -> dict[str, float]:
        """Return the core-seconds that the live threads of the processes of a kind have used, by their names."""
        used: Counter[str] = Counter()
        for pid in self._live():
            if self._kind(pid) == kind:
                used += _thread_ticks(pid)
        return {name: ticks / _TICKS for name, ticks in used.items()}

    def pss(self) -> dict[str, int]:
        """Return the proportional set size in bytes, by kind: shared pages are counted once in all."""
        totals: Counter[str] = Counter()
        for pid in self._live():
            try:
                lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
            except OSError:
                continue  # it has ended
            kind = self._kind(pid)
            totals[kind or "other"] += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
        return dict(totals)

    def _kind(self, pid: int) -> str | None:
        try:
            return self._kind_of((_PROC / str(pid) / "cmdline").read_text(errors="replace").replace("\0", " "))
        except OSError:
            return None

    def _live(self) -> dict[int, _Stat]:
        found: dict[int, _Stat] = {}
        for entry in _PROC.iterdir():
            if entry.name.isdecimal():
                try:
                    found[int(entry.name)] = _Stat(int(entry.name))
                except OSError:
                    continue
        tree: dict[int, _Stat] = {}
        rest = [self._root]
        children: dict[int, list[int]] = {}
        for pid, stat in found.items():
            children.setdefault(stat.parent, []).append(pid)
        while rest:
            pid = rest.pop()
            if pid in found:
                tree[pid] = found[pid]
                rest += children.get(pid, ())
        return tree
