"""Recall, precision and false alarms of the default policy on labelled sets made by others.

    python -m benchmarks.accuracy [--data FOLDER] [--baselines --baseline-python PATH] [--report FILE] [--json FILE]

The sets (JSON lines) are no part of this repository; without them only the payloads are measured, which are. The other
tools are searched for in the environment of `--baseline-python`, so that this project's own needs none of them:

    python -m venv other && other/bin/pip install presidio-analyzer scrubadub datafog
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.accuracy import baselines, measure, payload_set, report
from benchmarks.accuracy.data import SPAN_SETS, VALUE_SETS
from benchmarks.accuracy.engine import Engine
from benchmarks.accuracy.random_numbers import of_random_numbers

ENVIRONMENT = "SANITIZER_PII_DATA"
_BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "pii"


def data_folder() -> Path:
    """Where the sets are looked for if nothing else is said."""
    return Path(os.environ.get(ENVIRONMENT) or _BESIDE)


def missing(folder: Path) -> str | None:
    """Say what is not there; None: all is."""
    absent = [name for name in (*SPAN_SETS, *VALUE_SETS) if not (folder / f"{name}.jsonl").is_file()]
    if not absent:
        return None
    return f"the labelled set {absent[0]}.jsonl is not in the folder (name one with {ENVIRONMENT})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=data_folder(), help=f"folder of the sets; also {ENVIRONMENT}")
    parser.add_argument("--texts", type=int, default=20_000, help="made-up clean texts")
    parser.add_argument("--numbers", type=int, default=100_000, help="random numbers of each form")
    parser.add_argument("--baselines", action="store_true", help="other tools as well")
    parser.add_argument("--baseline-python", type=Path, default=Path(sys.executable), help="where they are installed")
    parser.add_argument("--report", type=Path, help="write the tables there, with date and versions")
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()
    payloads = payload_set.payload_set()
    judged = {name: payload_set.judge(name, payloads) for name in payload_set.POLICIES}
    skipped = []
    if arguments.baselines:
        for tool, answer in payload_set.judge_tools(arguments.baseline_python, payloads):
            if isinstance(answer, str):
                skipped.append(f"{tool}: skipped: {answer}")
            else:
                judged[tool] = answer
    tables = report.of_payloads(judged, skipped)
    absent = missing(arguments.data)
    if absent:
        print(f"skipped but for the payloads: {absent}")
    else:
        tables = [*_of_sets(arguments), *tables]
    print(report.markdown(tables), end="")
    if arguments.report:
        options = ["--data FOLDER", *(["--baselines --baseline-python PYTHON"] if arguments.baselines else [])]
        arguments.report.write_text(report.document(tables, [*options, f"--report {arguments.report}"]))
    if arguments.json:
        arguments.json.write_text(json.dumps(report.as_json(tables), indent=1, ensure_ascii=False) + "\n")


def _of_sets(arguments: argparse.Namespace) -> Iterator[report.Table]:
    engine = Engine()
    yield from report.of_spans({name: measure.of_spans(engine, arguments.data, name) for name in SPAN_SETS})
    yield from report.of_values({name: measure.of_values(engine, arguments.data, name) for name in VALUE_SETS})
    yield report.of_embeddings(measure.of_embeddings(engine, arguments.data))
    yield report.of_clean_texts(measure.of_clean_texts(engine, arguments.texts))
    yield report.of_random_numbers(of_random_numbers(engine, arguments.numbers))
    if arguments.baselines:
        yield report.of_baselines(*baselines.compare(engine, arguments.data, arguments.baseline_python))


if __name__ == "__main__":
    main()
