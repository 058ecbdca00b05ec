"""What the pages tell of kept results: the worst, and each upgrade before its rollback."""

from pathlib import Path
from typing import Any

import pytest

from docs import fault_tables
from tests.faults.results import VARIABLE, Results


@pytest.fixture(autouse=True)
def _kept_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "results"))
    monkeypatch.setattr(fault_tables, "_RESULTS", tmp_path / "results")


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]


def test_the_slowest_shard_of_each_run_counts() -> None:
    recovery = Results("recovery")
    for fault in fault_tables._FAULTS:
        recovery.felt(fault.scenarios, {"a": 3.0, "b": 1.0})
    recovery.felt("kill pipeline, later", {"a": 9.0})
    recovery.felt("kill pipeline, later", {"a": 2.0, "b": 4.04})  # in the place of the first
    rows = cells(fault_tables.GUARANTEES["recovery"]())
    assert rows[2] == ["pipeline process killed", "2", "3.0 to 4.0", "10"]
    assert rows[3] == ["shim killed", "1", "3.0", "10"]


def test_an_upgrade_stands_before_its_rollback() -> None:
    for scenario in fault_tables._ROLLOUTS:
        Results("recovery").felt(scenario, {"a": 1.0}, late_for=0)
    ledger = {"put": 1200, "lost": 0, "wrong": 1, "leaks": 0}
    more: dict[str, Any] = {"failover_ms": 10_000, "late_for": 7, "ledger": ledger}
    for version in ("0.1.0", "0.2.0"):
        for way in ("upgrade", "rollback"):
            Results("upgrades").felt(f"{way}, {version}", {"a": 5.0, "b": 2.0}, **more)
    text = fault_tables.UPGRADING["upgrades"]()
    rows = cells(text)[-4:]
    names = ["upgrade from 0.1.0, 2 workers", "its rollback", "upgrade from 0.2.0, 2 workers", "its rollback"]
    assert rows == [[name, "10 s", "5.0", "2.0", "7"] for name in names]
    assert "Of 2,400 records" in text
    assert "lost 0, wrong 2, leaks 0" in text


def test_nothing_is_kept_where_no_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    Results("recovery").felt("kill", {"a": 1.0})
    assert not list(tmp_path.iterdir())
