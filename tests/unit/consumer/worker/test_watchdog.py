"""Who is found to be stuck: by what is seen of a shard, never by a clock that ran while nobody could work."""

import os
from pathlib import Path
from typing import Any

import pytest

from consumer.pipeline.crash_journal import CrashJournal, JournalReading, Stage
from consumer.record import Record
from consumer.worker.events import ShardStuck
from consumer.worker.watchdog import Watchdog, stacks

SHARD = "shardId-000000000001"
RECORD = Record("5", 0, 0, b"")


@pytest.fixture
def posted() -> list[Any]:
    return []


@pytest.fixture
def watchdog(tmp_path: Path, posted: list[Any]) -> Watchdog:
    return Watchdog(tmp_path, redaction_seconds=2, stuck_seconds=5, post=posted.append)


def look(watchdog: Watchdog, times: int) -> None:
    for _ in range(times):
        watchdog.look(0.5)


def test_a_redactor_may_take_its_time_and_no_more(tmp_path: Path, watchdog: Watchdog, posted: list[Any]) -> None:
    block = CrashJournal(tmp_path, SHARD).redacting(RECORD, RECORD, alone=True)
    block.__enter__()
    look(watchdog, 4)
    assert posted == []
    look(watchdog, 1)
    assert posted == [ShardStuck(SHARD, JournalReading(Stage.REDACTING_ALONE, os.getpid(), 2))]


def test_one_batch_after_another_is_not_stuck(tmp_path: Path, watchdog: Watchdog, posted: list[Any]) -> None:
    journal = CrashJournal(tmp_path, SHARD)
    for _ in range(20):
        with journal.redacting(RECORD, RECORD):
            look(watchdog, 3)
    assert posted == []


def test_a_slow_write_gives_signs_of_life(tmp_path: Path, watchdog: Watchdog, posted: list[Any]) -> None:
    journal = CrashJournal(tmp_path, SHARD)
    for _ in range(10):
        journal.at(Stage.SETTLING)
        look(watchdog, 9)
    assert posted == []
    look(watchdog, 2)
    assert posted == [ShardStuck(SHARD, JournalReading(Stage.SETTLING, os.getpid(), 11))]


def test_waiting_may_last(tmp_path: Path, watchdog: Watchdog, posted: list[Any]) -> None:
    CrashJournal(tmp_path, SHARD).at(Stage.WAITING)
    look(watchdog, 1000)
    assert posted == []


def test_stacks_are_read_once_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.worker.watchdog._STACKS_SECONDS", 0.3)
    (tmp_path / "stacks-3").write_text("")
    assert stacks(tmp_path, 3) == ""
    (tmp_path / "stacks-3").write_text("Thread 1:\n  File a.py, line 1 in b\n")
    assert stacks(tmp_path, 3).splitlines() == ["Thread 1:", "  File a.py, line 1 in b"]
