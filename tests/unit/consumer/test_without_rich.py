"""rich is loaded by what writes tables, and by nothing else: it costs 70 ms and 5 MB of each process."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from pkgutil import walk_packages

import pytest

import consumer

ROOT = Path(__file__).parents[3]


def loaded(program: str) -> set[str]:
    """Return which of rich's packages a program has loaded at its end."""
    ends = "\nimport sys\nprint('\\n' + ' '.join({name.partition('.')[0] for name in sys.modules}))"
    ran = subprocess.run(
        [sys.executable, "-c", program + ends],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=ROOT,
        input="",
    )
    return {"rich", "pygments"} & set(ran.stdout.split("\n")[-2].split())


@pytest.mark.parametrize("name", ["consumer.worker.assembly", "consumer.commands.run", "consumer.functions.kinesis"])
def test_what_runs_for_long_does_without_it(name: str) -> None:
    assert loaded(f"import {name}") == set()


@pytest.mark.parametrize("words", ["--help", "--version", "redact", "policy check default", "status --help"])
def test_and_so_do_commands_that_answer_in_lines(words: str) -> None:
    assert loaded(f"from consumer.cli import cli\ncli({words.split()}, standalone_mode=False)") == set()


def test_that_it_would_be_noticed() -> None:
    assert "rich" in loaded("from consumer.terminal.parts import Styled, show\nshow(Styled('a', 'bold'))")


def test_whoever_has_loaded_it_keeps_it() -> None:
    assert loaded("import rich\nimport consumer.logs\nimport sys\nassert sys.modules['rich'] is rich") == {"rich"}


def test_all_of_the_functions_package_can_be_imported_where_it_is_not() -> None:
    source = (ROOT / "deploy" / "lambda" / "package.py").read_text(encoding="utf-8")
    (left_out,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "NOT_OF_THE_FUNCTIONS" and node.value
    )
    names = [
        module.name
        for module in walk_packages(consumer.__path__, "consumer.")
        if module.name.split(".")[1] not in {*left_out, "cli"}  # the command needs click
    ]
    assert len(names) > 100
    program = (
        "import importlib, json, sys\nsys.modules['rich'] = sys.modules['click'] = None\n"
        "for name in json.load(sys.stdin): importlib.import_module(name)"
    )
    subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(names), text=True, check=True, timeout=60, cwd=ROOT
    )
