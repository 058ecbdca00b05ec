"""Fuzzing: FUZZ_SECONDS for all of it, 60 unless told; FUZZ_SEED repeats a run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from consumer.metrics import Metrics
from tests.fuzz.kit import SECONDS, SEED, Fuzz
from tests.kits.log import RecordingLog
from tests.kits.metrics import metrics_in

_PATIENCE_SECONDS: Final = 120
_TRIED: Final = pytest.StashKey[dict[str, int]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.fuzz)
            item.add_marker(pytest.mark.timeout(SECONDS + _PATIENCE_SECONDS))


@pytest.fixture
def fuzz(request: pytest.FixtureRequest) -> Iterator[Fuzz]:
    """This test's share of the time."""
    tests = sum(item.get_closest_marker("fuzz") is not None for item in request.session.items)
    source = Fuzz(request.node.name, SECONDS / tests)
    yield source
    request.config.stash.setdefault(_TRIED, {})[request.node.name] = source.tried


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name, tried in config.stash.get(_TRIED, {}).items():
        terminalreporter.write_line(f"{tried:>9,} inputs  {name}")
    if _TRIED in config.stash:
        terminalreporter.write_line(f"Repeat with FUZZ_SEED={SEED} FUZZ_SECONDS={SECONDS:g}")


@pytest.fixture
def log() -> RecordingLog:
    return RecordingLog()


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Metrics]:
    yield from metrics_in(tmp_path_factory.mktemp("metrics"))
