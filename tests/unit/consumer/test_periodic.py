"""Rounds in a thread: when they begin, what ends them, and what is told of those that fail."""

import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from consumer.periodic import Periodic
from tests.kits.threads import SECONDS, until

FOREVER = 1000.0


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "rounds"]


class Rounds:
    """Work that can be waited for."""

    def __init__(self, seconds: float) -> None:
        self.passed: queue.SimpleQueue[float] = queue.SimpleQueue()
        self.periodic = Periodic("rounds", seconds, self.passed.put)

    def next(self) -> float:
        return self.passed.get(timeout=SECONDS)


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> Iterator[Rounds]:
    made = Rounds(getattr(request, "param", FOREVER))
    yield made
    made.periodic.stop()
    until(lambda: not threads())


@pytest.mark.parametrize("rounds", [0.02], indirect=True)
def test_it_begins_with_a_pause_and_goes_on(rounds: Rounds) -> None:
    rounds.periodic.start()
    passed = [rounds.next() for _ in range(5)]
    assert all(0.02 <= each <= 0.04 for each in passed)
    [thread] = threads()
    assert thread.daemon  # does not keep a process alive


def test_it_may_begin_at_once_and_be_woken(rounds: Rounds) -> None:
    rounds.periodic.start(at_once=True)
    assert rounds.next() < 1
    rounds.periodic.wake()
    assert rounds.next() < SECONDS


def test_time_in_which_nobody_could_look_does_not_count() -> None:
    """A worker that was stopped, or a machine that slept, saw nothing of what it watches."""
    passed: queue.SimpleQueue[float] = queue.SimpleQueue()
    slept = threading.Event()

    def work(seconds: float) -> None:
        passed.put(seconds)
        slept.wait(0.2)

    periodic = Periodic("rounds", 0.01, work)
    periodic.start()
    passed.get(timeout=SECONDS)
    assert passed.get(timeout=SECONDS) == 0.02
    periodic.stop()
    slept.set()
    until(lambda: not threads())


def test_it_ends_at_once(rounds: Rounds) -> None:
    rounds.periodic.start()
    [thread] = threads()
    rounds.periodic.stop()
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert rounds.passed.empty()


def test_the_first_failure_of_a_row_is_told() -> None:
    fails = iter([OSError("1"), OSError("2"), None, OSError("3")])
    told: list[str] = []

    def work(_passed: float) -> None:
        if error := next(fails):
            raise error

    periodic = Periodic("rounds", FOREVER, work, errors=(OSError,), failed=lambda error: told.append(str(error)))
    for _ in range(4):
        periodic.round(0.0)
    assert told == ["1", "3"]


def test_what_is_no_expected_error_ends_the_thread_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: queue.SimpleQueue[Any] = queue.SimpleQueue()
    monkeypatch.setattr(threading, "excepthook", lambda thrown: ended.put(thrown.exc_type))

    def work(_passed: float) -> None:
        raise ZeroDivisionError

    Periodic("rounds", FOREVER, work, errors=(OSError,)).start(at_once=True)
    assert ended.get(timeout=SECONDS) is ZeroDivisionError
