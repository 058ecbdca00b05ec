"""The processes of an application's workers on this machine, for `sanitizer status`; Linux only."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

PROC: Final = Path("/proc")
SUPERVISOR: Final = "sanitizer-supervisor"
_SHIM: Final = "sanitizer-shim"


class Process(NamedTuple):
    """One process, by the name that `ps` shows."""

    pid: int
    name: str


def processes(application: str, proc: Path = PROC) -> list[Process]:
    """Return the supervisors, each before its pipeline processes and its daemon; not the shims, one for each shard."""
    named = {int(folder.name): _title(folder) for folder in proc.glob("[0-9]*")}
    supervisors = [pid for pid, title in sorted(named.items()) if title == f"{SUPERVISOR} {application}"]
    return [
        Process(pid, name)
        for supervisor in supervisors
        for pid in (supervisor, *_children(proc, supervisor))
        if (name := _name(named.get(pid, ""))) and name != _SHIM
    ]


def _name(title: str) -> str:
    """Return the name: what has given itself one writes it there, of others it is the program's."""
    return title if title.startswith("sanitizer-") else Path(title.partition(" ")[0]).name


def _title(folder: Path) -> str:
    return _text(folder / "cmdline").replace("\0", " ").strip()


def _children(proc: Path, pid: int) -> Iterator[int]:
    task = proc / str(pid) / "task"
    try:
        threads = sorted(task.iterdir())
    except OSError:  # it has ended
        return
    for thread in threads:
        yield from sorted(map(int, _text(thread / "children").split()))


def _text(path: Path) -> str:
    """Return a file of a process; empty: it has ended, or is another user's."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
