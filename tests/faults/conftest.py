"""Fixtures of the fault laboratory: one cloud and one set of proxy threads for all, a stream for each."""

import os
import re
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from consumer.local.cloud.process import Cloud
from tests.faults.lab import FaultLab
from tests.faults.loop import Loop
from tests.faults.results import Results

_NUMBERS = count()


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with Cloud() as running:
        yield running


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    with Loop() as running:
        yield running


@pytest.fixture(scope="session")
def recovery() -> Results:
    return Results("recovery")


@pytest.fixture(scope="session")
def latencies() -> Results:
    return Results("applications")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and {"latencies", "recovery"} & set(item.fixturenames):
            item.add_marker("measured")


@pytest.fixture(autouse=True)
def _at_the_cloud(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, _nobodys_credentials: None) -> None:
    """The test itself goes to the cloud directly."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "SANITIZER_"))]:
        monkeypatch.delenv(name)
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def lab(
    cloud: Cloud, loop: Loop, tmp_path: Path, request: pytest.FixtureRequest, _at_the_cloud: None
) -> Iterator[FaultLab]:
    name = re.sub(r"\W+|_", "-", request.node.name)[:50].strip("-")
    made = FaultLab(cloud, tmp_path, f"f{next(_NUMBERS)}-{name}", loop)  # what is cut off may be all that differs
    try:
        yield made
    finally:
        made.close()
        if request.session.testsfailed:
            sys.stderr.writelines(made.log_tails())


@pytest.fixture(scope="module")
def running(
    cloud: Cloud, loop: Loop, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[FaultLab]:
    """A worker that serves all scenarios of a module, one after the other."""
    name = request.node.path.stem.removeprefix("test_").replace("_", "-")
    with pytest.MonkeyPatch.context() as patch:
        for variable in [variable for variable in os.environ if variable.startswith(("AWS_", "SANITIZER_"))]:
            patch.delenv(variable)
        for variable, value in cloud.environment().items():
            patch.setenv(variable, value)
        made = FaultLab(cloud, tmp_path_factory.mktemp(name), f"f-{name}", loop)
        try:
            # Of the worker's own time-outs, short ones: a scenario must not take a minute.
            made.set_up(shards=2, output={"timeout_seconds": 2.0})
            made.start()
            yield made
        finally:
            made.close()
            if request.session.testsfailed:
                sys.stderr.writelines(made.log_tails())
