"""A stop in the first moments ends as a later one does, and leaves nothing behind, whenever it comes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import boto3
import pytest
import yaml

from consumer import tables
from consumer.local.cloud_process import Cloud
from consumer.settings import load_settings

SECONDS: Final = 60.0
linux = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")


class Started:
    """A command of its own process, whose temporary files lie in a folder of their own."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "consumer.cli", *arguments],
                stdout=log,
                stderr=log,
                env=os.environ | {"TMPDIR": str(self.temporary)} | environment,
            )

    def wait_until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def catches(self, number: signal.Signals) -> bool:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        (mask,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")]
        return bool(int(mask, 16) >> (number - 1) & 1)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        try:
            return self.process.wait(SECONDS)
        finally:
            self.process.kill()

    @property
    def left(self) -> list[str]:
        return sorted(each.name for each in self.temporary.iterdir())


@pytest.fixture(params=[signal.SIGTERM, signal.SIGINT])
def number(request: pytest.FixtureRequest) -> signal.Signals:
    return signal.Signals(request.param)


@pytest.fixture
def config(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\nexec sleep 1000\n")
    java.chmod(0o755)
    name = f"early-{abs(hash(tmp_path))}"
    file = tmp_path / "settings.yaml"
    file.write_text(
        yaml.safe_dump(
            {
                "stream": {"name": name},
                "kcl": {"application": f"{name}-app", "java": str(java)},
                "output": {"table": f"{name}-out"},
                "quarantine": {"table": f"{name}-q"},
                "http": {"host": "127.0.0.1", "port": 0},
                "pipeline": {"processes": 1},
                "logs": {"format": "json"},
            }
        )
    )
    boto3.client("kinesis").create_stream(StreamName=name, ShardCount=1)
    tables.create(load_settings(file))
    return file


@pytest.fixture
def silence() -> Iterator[socket.socket]:
    """A service that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def url(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}"


@linux
def test_a_worker_that_has_just_begun(tmp_path: Path, number: signal.Signals) -> None:
    started = Started(tmp_path, "run")
    started.wait_until(lambda: started.catches(signal.SIGTERM))
    started.wait_until(lambda: started.catches(signal.SIGINT))
    assert started.end(number) == 0
    assert started.left == []
    assert started.log.read_text() == ""


def test_a_worker_that_waits_for_an_answer(
    tmp_path: Path, config: Path, silence: socket.socket, number: signal.Signals
) -> None:
    started = Started(tmp_path, "run", "--config", str(config), AWS_ENDPOINT_URL_KINESIS=url(silence))
    connection, _ = silence.accept()
    with connection:
        assert started.end(number) == 0
    assert started.left == []


@pytest.mark.parametrize("moment", ["folder", "worker.started", "pipeline.started", "daemon.started"])
def test_a_worker_that_has_something_to_clear_away(tmp_path: Path, config: Path, moment: str) -> None:
    started = Started(tmp_path, "run", "--config", str(config))
    has_come = (lambda: started.left) if moment == "folder" else (lambda: f'"{moment}"' in started.log.read_text())
    started.wait_until(has_come)
    assert started.end(signal.SIGTERM) == 0, started.log.read_text()
    assert started.left == []
    assert '"event": "worker.stopped"' in started.log.read_text()


@linux
@pytest.mark.parametrize("command", ["backfill", "quarantine replay"])
def test_a_command_that_is_not_done_has_failed(
    tmp_path: Path, config: Path, silence: socket.socket, command: str
) -> None:
    more = ["--application", "again", "--from", "1h"] if command == "backfill" else []
    words = [*command.split(), "--config", str(config), *more]
    (tmp_path / "first").mkdir()
    started = Started(tmp_path / "first", *words)
    started.wait_until(lambda: started.catches(signal.SIGTERM))
    assert started.end(signal.SIGTERM) == 1
    assert started.left == []
    started = Started(tmp_path, *words, AWS_ENDPOINT_URL_KINESIS=url(silence))
    connection, _ = silence.accept()
    with connection:
        while started.process.poll() is None:  # the first asks it to end what it is at, the second not to wait for that
            started.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                started.process.wait(1.0)
    assert started.process.returncode == 1
    assert started.left == []
