"""A stop in the first moments ends as a later one does, and leaves nothing behind, whenever it comes."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.kits.started import Started

linux = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")


@pytest.fixture(params=[signal.SIGTERM, signal.SIGINT])
def number(request: pytest.FixtureRequest) -> signal.Signals:
    return signal.Signals(request.param)


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
        for seconds in (1.0, 30.0):  # the first asks it to end what it is at, the second not to wait for that
            started.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                started.process.wait(seconds)
    assert started.process.returncode == 1
    assert started.left == []
