"""What `sanitizer demo` refuses before anything is started; tests/integration/test_demo.py runs it."""

import json
from pathlib import Path

import pytest

from consumer.local import demo
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
