# ruff: noqa: T201 - prints its table
"""Deliberately broken versions of the worker: each must make a test fail.

    python -m tests.faults.mutants

Each mutation is one exact replacement of text in a copy of the source tree, in which the named tests then run. First
they run in an unchanged copy, where they must pass. Exit status 1: a mutant survived, or a text was not found.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
COPIED: Final = ("consumer", "redaction", "tests", "docs", "examples", "kinesis_sanitizer.py", "pyproject.toml")
TIMEOUT_SECONDS: Final = 300

WRITER = "tests/unit/consumer/sinks/test_table_writers.py"
PIPELINE = "tests/unit/consumer/pipeline/test_flow.py"
LAWS = "tests/unit/consumer/pipeline/test_laws.py"
DOCUMENTS = "tests/unit/consumer/pipeline/test_documents.py"
GUARD = "tests/unit/redaction/test_guard.py"
SESSION = "tests/protocol/test_session.py"


class Mutant(NamedTuple):
    """A broken version: in `file`, `old` (which is there exactly once) becomes `new`; `tests` must notice."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTANTS: Final = (
    Mutant(
        "checkpoint before the write",
        "consumer/pipeline/batch.py",
        "            self._contiguous = self.outcomes.index(None, self._contiguous)\n",
        "            self._contiguous = len(self.records)\n",
        (PIPELINE, LAWS),
    ),
    Mutant(
        "pass the original on a redactor's error",
        "redaction/guard.py",
        "        return Rejected(REDACTOR_RAISED)\n    try:\n",
        '        return [Released(__import__("json").loads(payload), payload) for payload in payloads]\n    try:\n',
        (GUARD, PIPELINE),
    ),
    Mutant(
        "skip the retry of unprocessed items",
        "consumer/sinks/table_writers.py",
        "        if not requests:\n            return []\n",
        "        if not requests or requests:\n            return []\n",
        (WRITER,),
    ),
    Mutant(
        "ignore the loss of a lease",
        "consumer/kcl/processor.py",
        "                raise LeaseLost(msg) from None\n",
        "                return\n",
        (SESSION,),
    ),
    Mutant(
        "write on after a lease was lost",
        "consumer/pipeline/flow.py",
        "        except BaseException:\n            self._halted = True\n            self._stop.set()\n",
        "        except BaseException:\n",
        (PIPELINE, SESSION),
    ),
    Mutant(
        "take a lost answer for a success",
        "consumer/sinks/service_writer.py",
        "        except TransportError as error:\n"
        "            self._failed(call, _reason(error), type(error).__name__, None)\n"
        "            return\n",
        "        except TransportError:\n            status, headers, body = 200, {}, b'{\"UnprocessedItems\":{}}'\n",
        (WRITER,),
    ),
    Mutant(
        "compare positions as texts",
        "consumer/pipeline/flow.py",
        "batch.records[index].position <= last:",
        "str(batch.records[index].position) <= str(last):",
        (PIPELINE, LAWS),
    ),
    Mutant(
        "know duplicates by their sequence number alone",
        "consumer/pipeline/flow.py",
        "batch.records[index].position <= last:",
        "batch.records[index].position.sequence <= last.sequence:",
        (PIPELINE, LAWS),
    ),
    Mutant(
        "count as stored what is not yet durable",
        "consumer/pipeline/batch.py",
        "        counts[Outcome.ABANDONED] += self.outcomes.count(None)\n",
        "        counts[Outcome.STORED] += self.outcomes.count(None)\n",
        (PIPELINE, LAWS),
    ),
    Mutant(
        "checkpoint within a record of several documents",
        "consumer/pipeline/batch.py",
        "            while index >= 0 and not self.ends[index]:\n",
        "            while False:\n",
        (DOCUMENTS, LAWS),
    ),
    Mutant(
        "take what a decoder refused for a document",
        "consumer/decoding/documents.py",
        '        known, data, schema = _VERDICTS[type(part)](part[0]), b"", None\n',
        '        known, data, schema = None, b"", None\n',
        (DOCUMENTS,),
    ),
    Mutant(
        "end a shard that is not settled",
        "consumer/pipeline/flow.py",
        '        if self._halted:\n            msg = "the shard ended',
        '        if False:\n            msg = "the shard ended',
        (PIPELINE, LAWS, "tests/protocol/test_deaths.py"),
    ),
)


def main() -> int:
    """Try all mutants, or those whose names hold a text."""
    parser = argparse.ArgumentParser(prog="mutants", description="Broken versions that the tests must catch.")
    parser.add_argument("--only", default="", help="part of the names")
    chosen = [mutant for mutant in MUTANTS if parser.parse_args().only in mutant.name]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        whole = _copy(Path(folder) / "whole")
        needed = sorted({test for mutant in chosen for test in mutant.tests})
        failed, output = _failures(whole, needed)
        if failed or " passed" not in output:
            print(output[-4000:], "\nThe tests fail without any mutation.", sep="")
            return 1
        survived = sum(not _is_caught(mutant, Path(folder) / str(i)) for i, mutant in enumerate(chosen))
    print(f"{len(chosen) - survived} of {len(chosen)} mutants were caught.")
    return 1 if survived else 0


def _is_caught(mutant: Mutant, folder: Path) -> bool:
    copy = _copy(folder)
    file = copy / mutant.file
    text = file.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        print(f"{mutant.name}: its text is there {text.count(mutant.old)} times in {mutant.file}; correct the mutant.")
        return False
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    failed, output = _failures(copy, mutant.tests)
    shutil.rmtree(folder)
    if not failed:
        print(f"{mutant.name}: SURVIVED {', '.join(mutant.tests)}\n{output[-1500:]}", flush=True)
        return False
    print(f"{mutant.name}: caught by {len(failed)}", *failed[:4], *["..."][: len(failed) > 4], sep="\n    ", flush=True)
    return True


def _failures(copy: Path, tests: tuple[str, ...] | list[str]) -> tuple[list[str], str]:
    """Run tests in a copy; return the names of those that failed, and what pytest said."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=20", "-rfE", *tests]
    environment = os.environ | {"PYTHONPATH": str(copy), "CI": "1", "HYPOTHESIS_PROFILE": "full"}
    try:
        ran = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return ["(the tests did not end in time)"], ""
    return re.findall(r"^(?:FAILED|ERROR) (\S+)", ran.stdout, re.MULTILINE), ran.stdout + ran.stderr


def _copy(folder: Path) -> Path:
    folder.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    found = subprocess.run(
        [sys.executable, "-c", "import consumer, redaction; print(consumer.__file__, redaction.__file__)"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert all(Path(file).is_relative_to(folder) for file in found), "the copy is not what is imported"
    return folder


if __name__ == "__main__":
    sys.exit(main())
