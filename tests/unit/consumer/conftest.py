"""What the worker's unit tests share: metrics of their own, a log that remembers, the command."""

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import values

from consumer import cli
from consumer.local.cloud_process import Cloud
from consumer.metrics import Metrics
from tests.unit.consumer.cli_kit import Ran, Run


class RecordingLog:
    """Takes events as a structlog logger does."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, Any]]] = []

    def bind(self, **_: Any) -> "RecordingLog":
        return self

    def __getattr__(self, level: str) -> Any:
        if level not in ("debug", "info", "warning", "error"):
            raise AttributeError(level)
        return lambda event, **fields: self.events.append((level, event, fields))

    def named(self, name: str) -> list[dict[str, Any]]:
        return [fields for _, event, fields in self.events if event == name]


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
    yield from _metrics(tmp_path_factory.mktemp("metrics"))


def _metrics(folder: Path) -> Iterator[Metrics]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "ValueClass", values.ValueClass)
        patch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
        yield Metrics(folder, "test")
        values.ValueClass.close_all_files()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process."""

    def run(*arguments: object, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "argv", ["sanitizer", *map(str, arguments)])
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            with pytest.raises(SystemExit) as ended:
                cli.main()
        return Ran(ended.value.code, *capfd.readouterr())

    return run


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud(region="eu-central-1") as cloud:
        yield cloud


@pytest.fixture
def _in_the_cloud(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
