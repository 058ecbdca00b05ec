"""Where each value is from, as `sanitizer config show --origin` says it."""

import json
from pathlib import Path

import pytest

from tests.kits.cli import Run

SECRET = "correct horse battery staple, 4111"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.yaml"


def origins(run: Run, file: Path, content: str) -> dict[str, tuple[object, str]]:
    file.write_text(content, encoding="utf-8")
    found = json.loads(run("config", "show", "--origin", "--json", "--config", file).out)
    return {each["setting"]: (each["value"], each["origin"].replace(f"{file}:", "line ")) for each in found}


def test_each_value_has_its_origin(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANITIZER_HTTP__PORT", "1")
    monkeypatch.setenv("SANITIZER_QUARANTINE", '{"table": "of-a-section"}')
    monkeypatch.setenv("SANITIZER_REDACTION__OPTIONS__POLICY", "pci-dss")
    found = origins(
        run,
        file,
        "http:\n  host: 127.0.0.1\n  port: 2\nquarantine:\n  ttl_days: 3\n  table: of-the-file\n"
        "sinks:\n- plugin: dynamodb\n- plugin: jsonl\n  options:\n    folder: out\n"
        "stream:\n  format: [gzip, json]\n"
        "output:\n  sort_key: '{timestamp}#{shard}#{sequence}#{sub}'\n",
    )
    assert found["http.host"] == ("127.0.0.1", "line 2")
    assert found["http.port"] == (1, "SANITIZER_HTTP__PORT")
    assert found["quarantine.ttl_days"] == (3, "line 5")
    assert found["quarantine.table"] == ("of-a-section", "SANITIZER_QUARANTINE")
    assert found["quarantine.max_share"] == (0.5, "default")
    assert found["redaction.options.policy"] == ("pci-dss", "SANITIZER_REDACTION__OPTIONS__POLICY")
    assert found["sinks.1.plugin"] == ("jsonl", "line 9")
    assert found["sinks.1.options.folder"] == ("out", "line 11")
    assert found["sinks.0.options"] == ({}, "default")
    assert found["stream.format.1"] == ("json", "line 13")
    assert found["output.sort_key"][1] == "line 15"  # though it is what the default says
    assert found["output.index"] == (None, "default")
    assert found["runtime_dir"] == (None, "default")


def test_a_variables_list_takes_the_place_of_the_files(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANITIZER_SINKS", '[{"plugin": "dynamodb"}]')
    found = origins(run, file, "sinks:\n- plugin: dynamodb\n  options: {}\n")
    assert found["sinks.0.plugin"] == ("dynamodb", "SANITIZER_SINKS")
    assert found["sinks.0.options"] == ({}, "default")


def test_without_a_file_all_is_default(run: Run) -> None:
    lines = run("config", "show", "--origin").out.splitlines()
    assert 'stream.name: "transactions"  # default' in lines
    assert all(line.endswith("  # default") for line in lines)


def test_a_files_place_is_shown_as_file_and_line(run: Run, file: Path) -> None:
    file.write_text("stream:\n\n  name: orders\n")
    assert f'stream.name: "orders"  # {file}:3' in run("config", "show", "--origin", "--config", file).out.splitlines()


def test_secrets_stay_starred(run: Run, file: Path) -> None:
    file.write_text(
        f"quarantine: {{fingerprint_key: '{SECRET}'}}\n"
        f"redaction: {{plugin: other, options: {{password: '{SECRET}'}}}}\n"
    )
    shown = run("config", "show", "--origin", "--config", file)
    assert shown.status == 0
    assert f'redaction.options.password: "**********"  # {file}:2' in shown.out
    assert SECRET not in shown.out + shown.err
