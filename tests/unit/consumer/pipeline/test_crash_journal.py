"""The crash journal: what is known of the records that a dead process had in hand."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from consumer.errors import SessionBroken
from consumer.pipeline.crash_journal import DIED, TIMED_OUT, CrashJournal, JournalReading, Stage, note_overdue, sights
from consumer.record import Record

SHARD = "shardId-000000000007"
LARGE = 10**55


def record(number: int, sub: int = 0) -> Record:
    return Record(str(LARGE + number), sub, 0, b"")


def die_redacting(folder: Path, first: Record, last: Record, *, alone: bool = False) -> None:
    """Leave what a killed process leaves: the block never ends."""
    block = CrashJournal(folder, SHARD).redacting(first, last, alone=alone)
    block.__enter__()
    ENDLESS.append(block)


ENDLESS: list[object] = []


@pytest.fixture(autouse=True)
def _let_go() -> Iterator[None]:
    yield
    ENDLESS.clear()


def test_nothing_is_held_against_records_that_were_settled(tmp_path: Path) -> None:
    journal = CrashJournal(tmp_path, SHARD)
    with journal.redacting(record(1), record(9)):
        pass
    journal.at(Stage.SETTLING)
    assert not CrashJournal(tmp_path, SHARD).is_wary


def test_an_exception_is_no_death(tmp_path: Path) -> None:
    journal = CrashJournal(tmp_path, SHARD)
    with pytest.raises(ValueError, match="x"), journal.redacting(record(1), record(9)):
        raise ValueError("x")
    assert not CrashJournal(tmp_path, SHARD).is_wary


def test_all_records_that_were_in_hand_are_suspects_and_no_others(tmp_path: Path) -> None:
    die_redacting(tmp_path, record(3, 1), record(5))
    for _ in range(2):  # it is remembered until they are past
        journal = CrashJournal(tmp_path, SHARD)
        assert journal.is_wary
        suspects = [journal.verdict_on(each) for each in (record(3), record(3, 1), record(4), record(5), record(5, 1))]
        assert suspects == [False, True, True, True, False]


@pytest.mark.parametrize(("overdue", "code"), [(False, DIED), (True, TIMED_OUT)])
def test_one_that_was_in_hand_alone_is_condemned(tmp_path: Path, overdue: bool, code: str) -> None:  # noqa: FBT001
    die_redacting(tmp_path, record(3), record(5))
    die_redacting(tmp_path, record(4), record(4), alone=True)
    if overdue:
        note_overdue(tmp_path, SHARD)
    for _ in range(2):
        journal = CrashJournal(tmp_path, SHARD)
        assert [journal.verdict_on(record(number)) for number in (3, 4, 5)] == [True, code, True]


def test_a_batch_that_took_too_long_is_no_more_than_suspect(tmp_path: Path) -> None:
    die_redacting(tmp_path, record(3), record(5))
    note_overdue(tmp_path, SHARD)
    assert CrashJournal(tmp_path, SHARD).verdict_on(record(4)) is True


def test_what_lies_before_a_checkpoint_is_forgotten(tmp_path: Path) -> None:
    die_redacting(tmp_path, record(1), record(2))
    die_redacting(tmp_path, record(2), record(2), alone=True)
    die_redacting(tmp_path, record(7), record(8))
    CrashJournal(tmp_path, SHARD).forget_before(record(2))
    assert CrashJournal(tmp_path, SHARD).verdict_on(record(2)) == DIED
    CrashJournal(tmp_path, SHARD).forget_before(record(3))
    journal = CrashJournal(tmp_path, SHARD)
    assert [journal.verdict_on(record(number)) for number in (1, 2, 7)] == [False, False, True]
    journal.forget_before(record(9))
    assert not CrashJournal(tmp_path, SHARD).is_wary


def test_the_supervisor_sees_what_each_shard_is_at(tmp_path: Path) -> None:
    journal = CrashJournal(tmp_path, SHARD)
    other = CrashJournal(tmp_path, "other")
    waiting = JournalReading(Stage.WAITING, os.getpid(), 1)
    assert sights(tmp_path) == {SHARD: waiting, "other": waiting}
    with journal.redacting(record(1), record(1), alone=True):
        assert sights(tmp_path)[SHARD].stage is Stage.REDACTING_ALONE
        before = sights(tmp_path)[SHARD]
    other.at(Stage.SETTLING)
    other.at(Stage.SETTLING)
    assert sights(tmp_path) == {
        SHARD: JournalReading(Stage.SETTLING, os.getpid(), before.tick + 1),
        "other": JournalReading(Stage.SETTLING, os.getpid(), 3),
    }
    journal.close()
    journal.close()
    assert sights(tmp_path)[SHARD].stage is Stage.WAITING


@pytest.mark.parametrize(
    "known",
    [
        "{",
        "[]",
        "{}",
        '{"suspects":[],"condemned":[["1",0]]}',
        '{"suspects":[],"condemned":[["1",null,"redactor_died"]]}',
        '{"suspects":[],"condemned":[["1",0,"4111111111111111"]]}',
        '{"suspects":[],"condemned":[["1",0,7]]}',
        '{"suspects":[["1",0]],"condemned":[]}',
    ],
)
def test_what_is_broken_is_said_without_a_guess(tmp_path: Path, known: str) -> None:
    (tmp_path / f"{SHARD}.known").write_text(known)
    with pytest.raises(SessionBroken, match="crash journal of shardId-000000000007") as raised:
        CrashJournal(tmp_path, SHARD)
    assert "4111" not in str(raised.value)


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(SessionBroken, match=os.strerror(2)):
        CrashJournal(tmp_path / "missing", SHARD)


def test_the_files_hold_positions_only_and_are_nobody_elses(tmp_path: Path) -> None:
    die_redacting(tmp_path, Record("1", 0, 0, b"4111111111111111"), record(5))
    CrashJournal(tmp_path, SHARD)
    for file in tmp_path.iterdir():
        assert b"4111111111111111" not in file.read_bytes()
    assert (tmp_path / f"{SHARD}.now").stat().st_mode & 0o077 == 0


def test_what_0_2_0_left_is_read_and_what_it_can_know_is_left_as_it_reads_it(tmp_path: Path) -> None:
    die_redacting(tmp_path, record(3, 1), record(5, 2))
    now = tmp_path / f"{SHARD}.now"
    head, places = struct.Struct("<BBxxIQ"), struct.Struct("<136sQ136sQ")  # as there
    expected = (str(LARGE + 3).encode().ljust(136, b"\0"), 1, str(LARGE + 5).encode().ljust(136, b"\0"), 2)
    assert places.unpack_from(now.read_bytes(), head.size) == expected
    now.write_bytes((head.pack(Stage.REDACTING, 0, 1, 1) + places.pack(*expected)).ljust(4096, b"\0"))
    journal = CrashJournal(tmp_path, SHARD)
    assert [journal.verdict_on(each) for each in (record(3), record(3, 1), record(5, 2))] == [False, True, True]
    known = orjson.loads((tmp_path / f"{SHARD}.known").read_bytes())
    assert known == {"suspects": [[[str(LARGE + 3), 1], [str(LARGE + 5), 2]]], "condemned": []}
