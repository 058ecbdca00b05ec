"""Metrics in a folder of their own, and what Prometheus says of an exposition."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import values

from consumer.metrics import Metrics, set_up
from tests.kits.needs import needs


def metrics_in(folder: Path, slot: str = "test") -> Iterator[Metrics]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "ValueClass", values.ValueClass)
        patch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
        set_up(folder, slot)
        in_files: Any = values.ValueClass
        yield Metrics()
        in_files.close_all_files()


def assert_promtool_accepts(exposed: str) -> None:
    promtool = needs("promtool", "prometheus")
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=exposed, capture_output=True, text=True, check=False, timeout=30
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
