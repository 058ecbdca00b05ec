"""Metrics in a folder of their own, and what Prometheus says of an exposition."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import values

from consumer.metrics import Metrics
from tests.kits.needs import needs


def metrics_in(folder: Path) -> Iterator[Metrics]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "ValueClass", values.ValueClass)
        patch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
        yield Metrics(folder, "test")
        values.ValueClass.close_all_files()


def assert_promtool_accepts(exposed: str) -> None:
    promtool = needs("promtool", "prometheus")
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=exposed, capture_output=True, text=True, check=False, timeout=30
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
