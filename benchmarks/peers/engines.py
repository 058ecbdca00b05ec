"""Our engine beside others, on the same documents in the same run: how fast each is, and what it removes.

    python -m benchmarks.peers.engines [--kind charge] [--scale 1]

Each engine is a process of its own on one core that gets documents as JSON and gives them back as JSON; its CPU time
counts. The engines take turns over portions of documents that none has seen before; the first portion only warms up,
of the others the median counts. Datadog's scanner and Vector's VRL are small programs in `rust/`, which are built if
there is a cargo; Presidio comes from `requirements/peers.txt`. What cannot be had is left out, and the result says so.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final, Self

from benchmarks.kinds import CANONICAL, CARD_IN_TEXT, CHARGE, KINDS, MIX, PUBLIC, WEB_ORDER
from benchmarks.peers.environment import NotInstalled
from benchmarks.peers.environment import make as make_environment
from benchmarks.peers.our_engine import COMPILED
from benchmarks.peers.removal import examples, judge
from redaction.engine import PolicyRedactor
from redaction.policy import load_policy

ROOT: Final = Path(__file__).parents[2]
RUST: Final = Path(__file__).parent / "rust"
OURS: Final = "this engine, compiled"
OUR_PYTHON: Final = "this engine, Python"
DATADOG: Final = "Datadog's scanner"
VECTOR: Final = "Vector's VRL"
PRESIDIO: Final = "Presidio, patterns"
COMPARED: Final = (CANONICAL, CARD_IN_TEXT, WEB_ORDER, CHARGE, MIX, PUBLIC)
REPEATS: Final = 5
"""Portions of documents that count."""


_PORTION_BYTES: Final = 8_000_000
_PORTION: Final = 20_000
"""At most so many bytes and documents of a portion."""


@dataclass(frozen=True)
class Engine:
    """How to start one.

    :ivar share: of a portion that it is given: a slow one would take minutes.
    """

    command: tuple[str, ...]
    version: str
    share: float = 1.0


class EngineProcess:
    """A running engine; a context manager.

    :raises RuntimeError: it ended instead of answering.
    """

    def __init__(self, name: str, engine: Engine, documents: Path) -> None:
        self._name = name
        with _on_one_core():
            self._process = subprocess.Popen(
                [*engine.command, str(documents)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def opened(self) -> int:
        """Return how many documents it has read; to be asked first."""
        return int(self._answer()["documents"])

    def seconds(self, first: int, count: int) -> float:
        """Return the CPU time of so many documents."""
        self._tell(f"time {first} {count}")
        return float(self._answer()["seconds"])

    def write(self, count: int, file: Path) -> list[str]:
        """Return what is released of the first documents; empty where nothing is."""
        self._tell(f"write 0 {count} {file}")
        self._answer()
        return file.read_text(encoding="utf-8").split("\n")[:-1]

    def _tell(self, command: str) -> None:
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name} has ended; stderr says why.")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def _on_one_core() -> Iterator[None]:
    """Start processes that stay on one core, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def engines(folder: Path) -> tuple[dict[str, Engine], dict[str, str]]:
    """Return what can be had by name, ours first, and why others are left out.

    :param folder: where an environment may be made.
    """
    found, left_out = ours(), {}
    if OURS not in found:
        left_out[OURS] = "it was not built"
    for name, package, crate in ((DATADOG, "datadog", "dd-sensitive-data-scanner"), (VECTOR, "vector", "vrl")):
        try:
            found[name] = Engine((str(built(package)),), _crate_version(crate))
        except NotInstalled as error:
            left_out[name] = str(error)
    try:
        python = make_environment(folder / "environment")
    except NotInstalled as error:
        left_out[PRESIDIO] = str(error)
    else:
        found[PRESIDIO] = Engine(
            (str(python), "-m", "benchmarks.peers.presidio_engine"), _version(python, "presidio-analyzer"), share=0.01
        )
    return found, left_out


def ours() -> dict[str, Engine]:
    """Return our engine's ways, as far as they are there."""
    module = (sys.executable, "-m", "benchmarks.peers.our_engine")
    python = {OUR_PYTHON: Engine((*module, "python"), "", share=0.3)}
    if not PolicyRedactor(load_policy("default")).is_native:
        return python
    return {OURS: Engine((*module, COMPILED), "")} | python


def built(package: str) -> Path:
    """Build a program of `rust/`; return its file.

    :raises NotInstalled: there is no cargo, or the build fails.
    """
    cargo = shutil.which("cargo")
    if cargo is None:
        raise NotInstalled("cargo is missing")
    command = [cargo, "build", "--quiet", "--release", "--locked", "--package", package]
    done = subprocess.run(command, cwd=RUST, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise NotInstalled("its program could not be built; stderr says why")
    return RUST / "target" / "release" / package


def _crate_version(crate: str) -> str:
    packages = tomllib.loads((RUST / "Cargo.lock").read_text(encoding="utf-8"))["package"]
    return next(str(each["version"]) for each in packages if each["name"] == crate)


def _version(python: Path, package: str) -> str:
    code = f"import importlib.metadata; print(importlib.metadata.version({package!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def measure(scale: float = 1.0, kinds: Sequence[str] = COMPARED) -> dict[str, Any]:
    """Return what was measured, as JSON's types.

    :param scale: of the portions.
    """
    with tempfile.TemporaryDirectory(prefix="engines-") as name:
        folder = Path(name)
        found, left_out = engines(folder)
        return {
            "versions": {name: engine.version for name, engine in found.items()},
            "left_out": left_out,
            "kinds": [_speeds(kind, found, scale, folder) for kind in kinds if kind in KINDS],
            "removal": _removal(found, folder),
        }


def measure_ours(scale: float = 1.0, kinds: Sequence[str] = tuple(KINDS)) -> list[dict[str, Any]]:
    """Return the records of a second and core of our ways, by kind; `compiled` is None without a compiled part."""
    with tempfile.TemporaryDirectory(prefix="engines-") as name:
        found = [_speeds(kind, ours(), scale, Path(name)) for kind in kinds if kind in KINDS]
    return [
        {"kind": each["kind"], "bytes": each["bytes"], "documents": each["documents"]}
        | {
            way: each["engines"].get(engine, {}).get("records_per_second")
            for way, engine in (("compiled", OURS), ("python", OUR_PYTHON))
        }
        for each in found
    ]


def _speeds(kind: str, found: Mapping[str, Engine], scale: float, folder: Path) -> dict[str, Any]:
    portion = max(50, int(scale * min(_PORTION, _PORTION_BYTES // KINDS[kind].bytes)))
    documents = KINDS[kind].documents(portion * (REPEATS + 1))
    portion = len(documents) // (REPEATS + 1)  # of some kinds there are only so many
    file = _written(folder / "documents.jsonl", documents)
    speeds: dict[str, list[tuple[float, float]]] = {name: [] for name in found}
    with ExitStack() as stack:
        running = {name: stack.enter_context(EngineProcess(name, each, file)) for name, each in found.items()}
        for process in running.values():
            process.opened()
        for turn in range(REPEATS + 1):
            first = turn * portion
            for name, process in running.items():
                count = max(1, int(portion * found[name].share))
                seconds = process.seconds(first, count)
                size = sum(map(len, documents[first : first + count]))
                speeds[name].append((count / seconds, size / seconds / 1e6))
    medians = {name: [median(each) for each in zip(*turns[1:], strict=True)] for name, turns in speeds.items()}
    return {
        "kind": kind,
        "bytes": sum(map(len, documents)) / len(documents),
        "documents": portion,
        "engines": {
            name: {"records_per_second": records, "mb_per_second": mb} for name, (records, mb) in medians.items()
        },
    }


def _removal(found: Mapping[str, Engine], folder: Path) -> list[dict[str, Any]]:
    asked = examples()
    file = _written(folder / "examples.jsonl", [each.text.encode() for each in asked])
    judged = []
    for name, engine in found.items():
        with EngineProcess(name, engine, file) as process:
            process.opened()
            released = process.write(len(asked), folder / "released.jsonl")
        if not any(released):
            raise RuntimeError(f"{name} releases nothing; stderr says why.")
        judged.append({"engine": name} | judge(asked, released))
    return judged


def _written(file: Path, documents: Sequence[bytes]) -> Path:
    file.write_bytes(b"".join(document + b"\n" for document in documents))
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="may be given again")
    parser.add_argument("--scale", type=float, default=1.0, help="of the portions of documents")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.scale, arguments.kind or COMPARED), indent=1))


if __name__ == "__main__":
    main()
