"""Metrics in a folder of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import values

from consumer.metrics import Metrics


def metrics_in(folder: Path, slot: str = "test") -> Iterator[Metrics]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "ValueClass", values.ValueClass)
        patch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
        yield Metrics(folder, slot)
        values.ValueClass.close_all_files()
