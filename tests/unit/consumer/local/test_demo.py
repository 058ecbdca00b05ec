"""What `sanitizer demo` refuses before anything is started; tests/integration/test_demo.py runs it."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from consumer.local import demo
from consumer.local.stack import Stack
from tests.kits.cli import Run


@pytest.mark.parametrize("content", [b'[{"id": 1},\n {"id": 2}]\n', b'[{"id": 1}]', b'{\n  "id": 1\n}\n'])
def test_a_file_that_is_no_lines_is_told_so(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.json").write_bytes(content)
    ran = run("demo", "--input", tmp_path / "mine.json")
    assert ran.status == 2
    assert "is one JSON value, not one a line" in ran.err


def test_templates_are_checked(run: Run) -> None:
    ran = run("demo", "--partition-key", "user_id")
    assert ran.status == 2
    assert ran.err.startswith("sanitizer: --partition-key: the key template 'user_id' holds no placeholder")
    assert run("demo", "--sort-key", "{a").err.startswith("sanitizer: --sort-key: the key template")


def test_a_record_is_shown_only_of_ones_own(run: Run) -> None:
    ran = run("demo", "--show")
    assert ran.status == 2
    assert "--input" in ran.err


def test_keys_of_a_secret_cannot_be_had(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text(json.dumps({"redaction": {"keys": "secretsmanager:keys"}}))
    ran = run("demo", "--config", config)
    assert ran.status == 2
    assert "key file" in ran.err


def test_a_format_of_one_document_takes_no_number_of_them(run: Run) -> None:
    ran = run("demo", "--format", "dms", "--documents", "5")
    assert ran.status == 2
    assert ran.err.startswith("sanitizer: A record of the format dms holds one document")


def test_an_empty_file_is_told_so_before_anything_is_started(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    ran = run("demo", "--input", tmp_path / "empty.jsonl")
    assert ran.status == 2
    assert ran.err.endswith("empty.jsonl is empty: there is nothing to show.\n")


@pytest.mark.parametrize(("named", "is_a_file"), [("pci-dss", False), ("mine.yaml", True), ("./default", True)])
def test_a_policy_may_be_a_built_in_one(
    named: str, *, is_a_file: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert demo._policy(named) == (str(tmp_path / named) if is_a_file else named)


@pytest.mark.parametrize("is_good", [True, False])
def test_a_verdict_that_is_not_good_leaves_the_logs(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_good: bool
) -> None:
    def judged(self: demo.Demo, _records: Sequence[Any]) -> Any:
        self._stack.log.write_text("why")
        return SimpleNamespace(is_good=is_good)

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(demo.Demo, "run", judged)
    monkeypatch.setattr(demo, "interrupt_by_signals", lambda: None)
    monkeypatch.setattr(Stack, "close", lambda _: 0)
    ran = run("demo")
    logs = list(tmp_path.rglob("worker.log"))
    if is_good:
        assert (ran.status, ran.err, logs) == (0, "", [])
    else:
        (log,) = logs
        assert (ran.status, log.read_text()) == (1, "why")
        assert ran.err == f"The logs are kept: {log.parent}/*.log\n"
