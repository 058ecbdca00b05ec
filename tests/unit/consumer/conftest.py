"""What the worker's unit tests share: metrics of their own, a log that remembers, the command."""

import io
import os
import signal
import sys
from collections.abc import Iterator

import pytest

from consumer import cli
from consumer.local.cloud.process import Cloud
from consumer.metrics import Metrics
from consumer.redactors import field_labels
from tests.kits.cli import Ran, Run
from tests.kits.log import RecordingLog
from tests.kits.metrics import metrics_in


@pytest.fixture
def log() -> RecordingLog:
    return RecordingLog()


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SANITIZER_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metrics]:
    """Metrics in a folder of their own; prometheus_client keeps its storage class in a global, which is put back."""
    yield from metrics_in(tmp_path_factory.mktemp("metrics"))


@pytest.fixture
def names_recur_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show a name of a sender's the first time it comes."""
    monkeypatch.setattr(field_labels, "PERIODS", 1)
    monkeypatch.setattr(field_labels, "TIMES", 1)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process."""

    def run(*arguments: object, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "argv", ["sanitizer", *map(str, arguments)])
        handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            with pytest.raises(SystemExit) as ended:
                cli.main()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        return Ran(ended.value.code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """One for all tests of a process: whatever a test makes in it has a name of its own."""
    with Cloud(region="eu-central-1") as cloud:
        yield cloud


@pytest.fixture
def _in_the_cloud(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
