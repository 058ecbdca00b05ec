"""docs/tutorial.md, from its first command to its last: what it shows is what is printed."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"
PORTS = ("4566", "9464", "9465")
NOT_HERE = ("make setup", 'export PATH="$PWD/.venv/bin:$PATH"', "mkdir -p build/tutorial && cd build/tutorial")
MARK = "=== command "


def free_ports(count: int) -> list[str]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    found = [str(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return found


def steps(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield ("file", name, content) and ("run", command, what it prints), in order."""
    blocks = re.finditer(r"(?:^`(?P<name>[\w.-]+)`\n\n)?(?P<block>(?:^    .*\n|^\n(?=    ))+)", text, re.MULTILINE)
    for found in blocks:
        block = textwrap.dedent(found["block"]).strip("\n")
        if found["name"]:
            content, _, block = block.partition("\n\n$ ")
            yield "file", found["name"], content + "\n"
            block = block and "$ " + block
        for command, printed in re.findall(r"^\$ (.*)\n?((?:(?!\$ ).*(?:\n|\Z))*)", block, re.MULTILINE):
            yield "run", command, printed.strip("\n")


@pytest.fixture
def own_group() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_the_tutorial(tmp_path: Path, own_group: list[subprocess.Popen[str]]) -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    for there, here in zip(PORTS, free_ports(len(PORTS)), strict=True):
        text = text.replace(there, here)
    script = ["set -u"]
    expected: list[tuple[str, str]] = []
    for kind, name, content in steps(text):
        if kind == "file":
            (tmp_path / name).write_text(content, encoding="utf-8")
        elif name not in NOT_HERE:
            script += [f"echo '{MARK}{len(expected)}'", name, "status=$?", '[ "$status" = 0 ] || echo "exit $status"']
            expected.append((name, content))
    assert len(expected) > 20
    programs = Path(sys.executable).parent
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SANITIZER_"))}
    process = subprocess.Popen(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env=environment | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    own_group.append(process)
    output, _ = process.communicate(timeout=200)
    printed = re.split(rf"^{MARK}\d+\n", output, flags=re.MULTILINE)[1:]
    assert len(printed) == len(expected), output
    wrong = []
    for (command, shown), found in zip(expected, printed, strict=True):
        pattern = ".*".join(re.escape(part) for part in shown.split("…"))
        if not re.fullmatch(pattern, found.strip("\n"), re.DOTALL):
            wrong.append(f"$ {command}\n{found}but the tutorial shows\n{shown}")
    assert not wrong, "\n\n".join(wrong)
