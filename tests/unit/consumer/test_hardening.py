"""What a defect or a library says of a record: nothing; and what a process leaves behind: no core file."""

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from consumer.kcl import daemon
from consumer.kcl import properties as kcl_properties
from consumer.settings import Settings

CANARY: Final = "4111 1111 1111 1111"


def ran(code: str, status: int) -> str:
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == status, run.stderr
    assert CANARY not in run.stdout + run.stderr
    return run.stderr


def test_a_defect_of_a_command_is_told_without_its_message() -> None:
    code = f"""
import sys
from consumer import cli
from consumer.commands import config
def fail(**_):
    raise RuntimeError({CANARY!r}) from ValueError({CANARY!r})
config.config_schema.callback = fail
sys.argv = ["sanitizer", "config", "schema"]
cli.main()
"""
    (line,) = ran(code, 1).splitlines()
    assert line.startswith("sanitizer: A defect, RuntimeError at ")


def test_a_defect_of_a_process_that_logs_is_a_line_of_the_log() -> None:
    code = f"""
import sys
from consumer import cli, logs
from consumer.commands import config
def fail(**_):
    logs.configure("info", "test")
    raise RuntimeError({CANARY!r})
config.config_schema.callback = fail
sys.argv = ["sanitizer", "config", "schema"]
cli.main()
"""
    (line,) = map(json.loads, ran(code, 1).splitlines())
    assert (line["event"], line["error"]) == ("process.uncaught_exception", "RuntimeError")


def test_a_warning_of_a_library_is_told_without_its_text() -> None:
    code = f"""
import warnings
from consumer import logs
logs.configure("info", "test")
warnings.warn({CANARY!r} + " is odd")
"""
    (line,) = map(json.loads, ran(code, 0).splitlines())
    assert (line["event"], line["logger"], line["template"]) == ("library.log", "py.warnings", "<withheld>")


def test_no_secret_is_on_the_disk_or_on_the_daemons_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID"):
        monkeypatch.setenv(name, CANARY)
    settings = Settings.model_validate({"quarantine": {"fingerprint_key": CANARY * 2}})
    made = kcl_properties.properties(settings, "worker")
    daemon.write_files(tmp_path, made, Path("shim.py"), 2)
    shown = [file.read_text("latin-1") for file in tmp_path.iterdir()]
    assert any("streamName=" in text for text in shown)
    assert CANARY not in "".join([*shown, *daemon.command(Path("/bin/java"), 256, made), str(settings)])


def test_no_command_leaves_a_core_file() -> None:
    code = """
import resource, sys
from consumer import cli
from consumer.commands import config
config.config_schema.callback = lambda **_: print(resource.getrlimit(resource.RLIMIT_CORE))
sys.argv = ["sanitizer", "config", "schema"]
cli.main()
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2),
    )
    assert run.stdout.strip() == "(0, 0)"
