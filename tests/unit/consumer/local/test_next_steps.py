"""What a demo says at its end can be typed as it stands."""

import re
from pathlib import Path

import pytest

from consumer.local import next_steps
from tests.kits.cli import Run


def commands(text: str) -> list[list[str]]:
    return [line.split() for line in re.findall(r"^  (\S.*?)  ", text, re.MULTILINE)]


def test_paths_are_relative_to_where_it_is_typed(tmp_path: Path) -> None:
    here = next_steps.next_steps(None, next_steps.SAMPLE.parents[1])
    assert " policy try examples/transactions.jsonl " in here
    assert here.endswith(": docs/tutorial.md")
    assert f" policy try {next_steps.SAMPLE} " in next_steps.next_steps(None, tmp_path)
    assert " policy try mine.jsonl " in next_steps.next_steps(Path("mine.jsonl"), tmp_path)


def test_an_install_has_no_sample(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SAMPLE", "TUTORIAL"):
        monkeypatch.setattr(next_steps, name, tmp_path / "none")
    text = next_steps.next_steps(None, tmp_path)
    assert " policy try FILE " in text
    assert "none" not in text


def test_each_is_a_command_with_options_that_there_are(run: Run, tmp_path: Path) -> None:
    for _, *words in commands(next_steps.next_steps(None, tmp_path)):
        helped = run(*words[: 1 if words[0] == "demo" else 2], "--help")
        assert helped.status == 0
        assert all(word in helped.out for word in words if word.startswith("--"))


def test_the_sample_can_be_tried(run: Run, tmp_path: Path) -> None:
    (_, _, (_, *words)) = sorted(commands(next_steps.next_steps(None, tmp_path)), key=lambda each: "policy" in each)
    assert run(*words).status == 0
