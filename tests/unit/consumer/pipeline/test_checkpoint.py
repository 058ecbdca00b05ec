"""The high-water mark: when a checkpoint is written, what a refusal means."""

from typing import Any

import pytest

from consumer.errors import LeaseLost, SessionBroken
from consumer.pipeline import checkpoint
from consumer.pipeline.checkpoint import FINAL_ATTEMPTS, CheckpointRefused, HighWaterMark
from consumer.record import Position


class Clock:
    """Stands for the module `time`; sleeping moves it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Books:
    def __init__(self) -> None:
        self.at: list[float] = []

    def checkpointed(self, now: float) -> None:
        self.at.append(now)


class Checkpointer:
    """KCL's side: refuses as often as it is told."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.taken: list[Position | str] = []

    def at(self, position: Position) -> None:
        self._take(position)

    def at_end(self) -> None:
        self._take("end")

    def _take(self, what: Position | str) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.taken.append(what)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(checkpoint, "time", clock)
    return clock


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def mark(books: Any, log: Any) -> HighWaterMark:
    return HighWaterMark(2.0, books, log)


def test_a_checkpoint_is_written_at_most_once_in_an_interval(mark: HighWaterMark, clock: Clock, books: Books) -> None:
    kcl = Checkpointer()
    for sequence in range(1, 6):
        mark.advance(Position(sequence, 0))
        clock.now += 1.0
        mark.save_if_due(kcl)
    assert kcl.taken == [Position(2, 0), Position(4, 0)]
    assert books.at == [102.0, 104.0]


def test_without_progress_nothing_is_written(mark: HighWaterMark, clock: Clock) -> None:
    kcl = Checkpointer()
    clock.now += 10
    mark.save_if_due(kcl)
    mark.save_now(kcl)
    assert kcl.taken == []
    mark.advance(Position(1, 0))
    for _ in range(3):
        clock.now += 10
        mark.save_if_due(kcl)
    mark.save_now(kcl)
    assert kcl.taken == [Position(1, 0)]


def test_an_interval_of_zero_writes_at_once(books: Any, log: Any) -> None:
    kcl = Checkpointer()
    mark = HighWaterMark(0.0, books, log)
    mark.advance(Position(1, 7))
    mark.save_if_due(kcl)
    assert kcl.taken == [Position(1, 7)]


def test_a_refusal_is_left_for_the_next_time(mark: HighWaterMark, clock: Clock, books: Books, log: Any) -> None:
    kcl = Checkpointer(CheckpointRefused("ThrottlingException"))
    mark.advance(Position(1, 0))
    clock.now += 2
    mark.save_if_due(kcl)
    assert kcl.taken == []
    assert books.at == []
    assert log.named("checkpoint.refused") == [{"reason": "ThrottlingException"}]
    mark.save_if_due(kcl)  # not at once: KCL is throttled
    assert kcl.taken == []
    clock.now += 2
    mark.save_if_due(kcl)
    assert kcl.taken == [Position(1, 0)]


def test_the_mark_never_moves_back(mark: HighWaterMark) -> None:
    kcl = Checkpointer()
    for position in (Position(5, 2), Position(5, 1), Position(4, 9)):
        mark.advance(position)
    mark.save_now(kcl)
    assert kcl.taken == [Position(5, 2)]


@pytest.mark.parametrize("error", [LeaseLost(), SessionBroken()])
def test_what_is_no_refusal_is_raised(mark: HighWaterMark, clock: Clock, error: Exception) -> None:
    mark.advance(Position(1, 0))
    clock.now += 2
    with pytest.raises(type(error)):
        mark.save_if_due(Checkpointer(error))
    with pytest.raises(type(error)):
        mark.save_now(Checkpointer(error))


def test_the_last_chance_is_taken_with_a_few_attempts(mark: HighWaterMark, clock: Clock) -> None:
    kcl = Checkpointer(*[CheckpointRefused("x")] * (FINAL_ATTEMPTS - 1))
    mark.advance(Position(1, 0))
    mark.save_now(kcl)
    assert kcl.taken == [Position(1, 0)]
    assert len(clock.slept) == FINAL_ATTEMPTS - 1
    assert sum(clock.slept) < 2.0  # the margin that a stop keeps for it


def test_a_last_chance_that_is_refused_for_good_is_not_raised(mark: HighWaterMark, log: Any) -> None:
    kcl = Checkpointer(*[CheckpointRefused("x")] * 100)
    mark.advance(Position(1, 0))
    mark.save_now(kcl)
    assert kcl.taken == []
    assert [fields["attempt"] for fields in log.named("checkpoint.refused")] == [1, 2, 3, 4, 5]


def test_the_end_of_a_shard_is_tried_again_and_then_breaks_the_session(mark: HighWaterMark, books: Books) -> None:
    kcl = Checkpointer(CheckpointRefused("x"), CheckpointRefused("x"))
    mark.save_end(kcl)
    assert kcl.taken == ["end"]
    assert len(books.at) == 1
    with pytest.raises(SessionBroken):
        mark.save_end(Checkpointer(*[CheckpointRefused("x")] * 100))
