"""The laboratory of the integration tests: the embedded cloud, a real worker, and a ledger of every record."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.local.cloud.process import Cloud
from tests.lab.lab import FAST_KCL, Lab
from tests.lab.watched import descendants, wait_for

__all__ = ["FAST_KCL", "Lab", "descendants", "wait_for"]


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with Cloud() as running:
        yield running


@pytest.fixture
def lab(cloud: Cloud, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    for name in [name for name in os.environ if name.startswith(("AWS_", "SANITIZER_"))]:
        monkeypatch.delenv(name)
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    made = Lab(cloud, tmp_path, "t-" + "".join(c if c.isalnum() else "-" for c in request.node.name)[:60])
    try:
        yield made
    finally:
        if made.worker is not None:
            made.worker.close()
        if request.session.testsfailed and made.log.exists():
            sys.stderr.write(made.log.read_text(encoding="utf-8")[-4000:])
