"""The same texts before other tools: what of the labelled values they overlap, and how fast they are."""

import json
import subprocess
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.accuracy import baseline_worker
from benchmarks.accuracy.clean import clean_texts
from benchmarks.accuracy.data import SPAN_SETS, VALUE_SETS, texts, values
from benchmarks.accuracy.embeddings import sentence
from benchmarks.accuracy.engine import Engine
from benchmarks.accuracy.measure import Score
from benchmarks.accuracy.transactions import SHAPES, payloads

_CLEAN = 2200
_TIMED = 1000
_SECONDS = 2.0  # ours are too quick to be timed once
_SHORTENED = 400  # of value sets, a kind's values
_KINDS = frozenset({"card", "ssn", "iban", "email", "phone", "ip"})


class Task(NamedTuple):
    """One text, and where the value is that is to be found; without one, the text is clean."""

    row: str
    text: str
    span: tuple[int, int] | None


class Compared(NamedTuple):
    """One tool. `scores`: found, of clean texts those that were not left alone, by row."""

    name: str
    scores: dict[str, Score]
    rate: float


def tasks(folder: Path) -> list[Task]:
    listed: list[Task] = []
    for name in SPAN_SETS[:2]:
        rows = texts(folder, name)
        labelled = [(row.text, label) for row in rows for label in row.labels if label.kind in _KINDS]
        listed += [Task(f"{name}: {each.kind}", text, (each.start, each.end)) for text, each in labelled]
        listed += [Task(f"{name}: texts without label, changed", row.text, None) for row in rows if row.negative]
    for name in VALUE_SETS:
        counts: dict[str, int] = defaultdict(int)
        for one in values(folder, name):
            row = f"{name}: {one.kind}{f', {one.source}' if one.source else ''}"
            if one.kind in _KINDS and one.valid and not one.group and counts[row] < _SHORTENED:
                counts[row] += 1
                text = sentence(one.kind, one.value)
                first = text.index(one.value)
                listed.append(Task(f"{row}, alone", one.value, (0, len(one.value))))
                listed.append(Task(f"{row}, in a sentence", text, (first, first + len(one.value))))
    listed += [Task("made-up clean texts of all kinds, changed", str(each.value), None) for each in clean_texts(_CLEAN)]
    return listed


def compare(engine: Engine, folder: Path, python: Path) -> tuple[list[Compared], list[str]]:
    """Give the tools that are installed for `python`, ours first, and why others are left out."""
    listed = tasks(folder)
    timed = [payload.decode() for payload in payloads(next(iter(SHAPES)), _TIMED)]
    ours = [[(start, end) for start, end, _ in engine.findings(task.text)] for task in listed]
    compared = [Compared("ours", _scores(listed, ours), _rate(engine, timed))]
    skipped = []
    for tool in baseline_worker.TOOLS:
        answer = ask(python, tool, [task.text for task in listed], timed)
        if isinstance(answer, str):
            skipped.append(f"{tool}: skipped: {answer}")
        else:
            compared.append(
                Compared(
                    f"{tool} {answer['version']}", _scores(listed, answer["spans"]), len(timed) / answer["seconds"]
                )
            )
    return compared, skipped


def _rate(engine: Engine, timed: Sequence[str]) -> float:
    batches = [[text.encode() for text in timed[first : first + 500]] for first in range(0, len(timed), 500)]
    done, start = 0, time.process_time()
    while time.process_time() - start < _SECONDS:
        for batch in batches:
            engine.redactor.redact(batch)
            done += len(batch)
    return done / (time.process_time() - start)


def ask(python: Path, tool: str, of_texts: Sequence[str], timed: Sequence[str]) -> dict[str, Any] | str:
    """Give what `baseline_worker` says of the texts, or why there is no answer."""
    task = json.dumps({"texts": of_texts, "timed": timed})
    try:
        done = subprocess.run(
            [python, baseline_worker.__file__, tool],
            input=task,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        return "not installed there" if last.startswith("ModuleNotFoundError") else last[:100]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _scores(listed: Sequence[Task], spans: Sequence[Sequence[Sequence[int]]]) -> dict[str, Score]:
    hits: dict[str, list[bool]] = defaultdict(list)
    for task, found in zip(listed, spans, strict=True):
        if task.span is None:
            hits[task.row].append(bool(found))
        else:
            first, last = task.span
            hits[task.row].append(any(start < last and first < end for start, end in found))
    return {row: Score(sum(of_row), len(of_row)) for row, of_row in hits.items()}
