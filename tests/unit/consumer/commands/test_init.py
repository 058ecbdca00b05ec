"""`sanitizer init`: what it writes holds by the commands that it names."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from consumer.settings import Settings, load_settings
from consumer.settings.commented import commented
from tests.kits.cli import Run

FILES = ("settings.yaml", "policy.yaml", "policy.test.yaml", "sample.jsonl")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "of" / "mine, all"


def test_what_it_writes_is_valid_passes_and_redacts(run: Run, folder: Path) -> None:
    ran = run("init", folder)
    assert (ran.status, ran.err) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    config = folder / "settings.yaml"
    assert run("config", "check", "--config", config).out.startswith("The settings are valid; redactor mine@1, digest ")
    tested = run("policy", "test", folder / "policy.yaml")
    assert (tested.status, tested.err) == (0, "")
    sample = (folder / "sample.jsonl").read_bytes()
    redacted = run("redact", "--config", config, stdin=sample)
    assert (redacted.status, redacted.err) == (0, "3 released, 1 dropped, 0 rejected\n")
    documents = [json.loads(line) for line in redacted.out.splitlines()]
    assert documents[0] == {
        "user_id": "12345",
        "timestamp": "2024-03-15T10:30:00Z",
        "credit_card": "****-****-****-9012",
        "amount": 149.99,
        "merchant": "Amazon",
    }
    assert documents[1]["loyalty_card"] == "****-****-5678"
    for secret in ("Jane", "jane@", "123-45-6789", "202-555", "GB82"):
        assert secret in sample.decode()
        assert secret not in redacted.out


def test_the_commands_that_it_names_are_its_own(run: Run, folder: Path) -> None:
    named = re.findall(r"^    sanitizer (.*?)(?: < (.*))?$", run("init", folder).out, re.MULTILINE)
    assert len(named) == 3
    for arguments, source in named:
        stdin = Path(*shlex.split(source)).read_bytes() if source else b""
        assert run(*shlex.split(arguments), stdin=stdin).status == 0


def test_the_current_folder_is_meant_if_none_is(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    assert run("init").status == 0
    assert run("config", "check", "--config", "settings.yaml").status == 0


@pytest.mark.parametrize(("names", "verb"), [(["policy.yaml"], "is"), (["settings.yaml", "sample.jsonl"], "are")])
def test_nothing_is_overwritten(run: Run, folder: Path, names: list[str], verb: str) -> None:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("mine")
    ran = run("init", folder)
    there = " and ".join(str(folder / name) for name in names)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == f"sanitizer: {there} {verb} there already: nothing was written.\n"
    assert {path.name: path.read_text() for path in folder.iterdir()} == dict.fromkeys(names, "mine")


def test_where_nothing_can_be_written_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = run("init", tmp_path / "file")
    assert (ran.status, ran.err) == (2, f"sanitizer: {tmp_path}/file cannot be written to: File exists.\n")


def test_the_settings_file_has_every_setting_at_its_default(tmp_path: Path) -> None:
    """And so with every # taken away it is still valid, and says the same."""
    text = commented({})
    assert yaml.safe_load(text) is None
    file = tmp_path / "settings.yaml"
    file.write_text(re.sub(r"^( *)#(?![ \n])", r"\1", text, flags=re.MULTILINE))
    assert load_settings(file) == Settings()
    written = yaml.safe_load(file.read_text())
    assert written == Settings().model_dump(mode="json")


def test_what_each_setting_means_stands_before_it() -> None:
    text = commented({"http": {"port": 1}})
    assert yaml.safe_load(text) == {"http": {"port": 1}}
    assert "  # Port to listen on; 0 takes a free one.\n  port: 1\n" in text
    assert max(map(len, text.splitlines())) <= 120
