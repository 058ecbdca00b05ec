"""What a demo says at its end can be typed as it stands."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from consumer.local import next_steps
from consumer.terminal.parts import show
from tests.kits.cli import Run


def steps(own: Path | None, folder: Path, tried: str | None = None, **given: str) -> str:
    asked = {f"--{option}": value for option, value in given.items()}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        show(*next_steps.next_steps(own, folder, asked, tried))
    return out.getvalue().rstrip("\n")


def commands(text: str) -> list[list[str]]:
    return [shlex.split(line) for line in re.findall(r"^  (\S.*?)  ", text, re.MULTILINE)]


def test_paths_are_relative_to_where_it_is_typed(tmp_path: Path) -> None:
    here = steps(None, next_steps.SAMPLE.parents[1])
    assert " policy try examples/transactions.jsonl " in here
    assert here.endswith(": docs/tutorial.md")
    assert f" policy try {next_steps.SAMPLE} " in steps(None, tmp_path)
    assert " policy try mine.jsonl " in steps(Path("mine.jsonl"), tmp_path)


def test_an_install_has_no_sample(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SAMPLE", "TUTORIAL"):
        monkeypatch.setattr(next_steps, name, tmp_path / "none")
    text = steps(None, tmp_path)
    assert " policy try FILE " in text
    assert "none" not in text


def test_each_is_a_command_with_options_that_there_are(run: Run, tmp_path: Path) -> None:
    for _, *words in commands(steps(None, tmp_path)):
        helped = run(*words[: 1 if words[0] == "demo" else 2], "--help")
        assert helped.status == 0
        assert all(word in helped.out for word in words if word.startswith("--"))


def test_the_sample_can_be_tried(run: Run, tmp_path: Path) -> None:
    (_, _, (_, *words)) = sorted(commands(steps(None, tmp_path)), key=lambda each: "policy" in each)
    assert run(*words).status == 0


def test_the_policy_and_the_settings_of_the_demo_are_carried_on(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "of mine"
    folder.mkdir()
    own = folder / "lines.jsonl"
    own.write_bytes(next_steps.SAMPLE.read_bytes())
    config = str(folder / "settings.yaml")
    demo, try_ = commands(steps(own, tmp_path, "pci-dss", policy="pci-dss", config=config))
    assert demo[1:] == ["demo", "--keep-running", "--input", str(own), "--policy", "pci-dss", "--config", config]
    assert try_[1:] == ["policy", "try", str(own), "--policy", "pci-dss"]
    ran = run(*try_[1:])
    assert ran.status == 0
    assert "pci-dss" in ran.out
    *_, again = commands(steps(None, tmp_path, config, config=config))
    assert again[1:2] + again[3:] == ["demo", str(next_steps.SAMPLE), "--show", "--config", config]
