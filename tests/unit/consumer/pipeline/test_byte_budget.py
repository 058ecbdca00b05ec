"""The bound on bytes in flight."""

import threading

import pytest

from consumer.pipeline.byte_budget import ByteBudget
from tests.kits.threads import SECONDS, until


class Holder:
    """A thread that holds some bytes until it is told to let go."""

    def __init__(self, budget: ByteBudget, size: int) -> None:
        self.holds, self.let_go, self.stop = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(budget, size), daemon=True)
        self._thread.start()

    def _run(self, budget: ByteBudget, size: int) -> None:
        with budget.hold(size, self.stop):
            self.holds.set()
            assert self.let_go.wait(SECONDS)

    def end(self) -> None:
        self.let_go.set()
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()


def test_what_does_not_fit_waits_and_nobody_overtakes() -> None:
    budget = ByteBudget(100)
    first = Holder(budget, 60)
    assert first.holds.wait(SECONDS)
    second = Holder(budget, 50)
    until(lambda: budget._queue)
    third = Holder(budget, 10)  # would fit, but the second came first
    until(lambda: len(budget._queue) == 2)
    assert not second.holds.is_set()
    assert not third.holds.is_set()
    first.end()
    assert second.holds.wait(SECONDS)
    assert third.holds.wait(SECONDS)
    second.end()
    third.end()
    assert budget._held == 0


def test_what_is_larger_than_all_of_it_goes_alone() -> None:
    budget = ByteBudget(100)
    large = Holder(budget, 1000)
    assert large.holds.wait(SECONDS)
    small = Holder(budget, 1)
    until(lambda: budget._queue)
    assert not small.holds.is_set()
    large.end()
    assert small.holds.wait(SECONDS)
    small.end()


def test_a_stop_ends_the_wait_and_nothing_is_held_for_it() -> None:
    budget = ByteBudget(10)
    first = Holder(budget, 10)
    assert first.holds.wait(SECONDS)
    second = Holder(budget, 10)
    second.stop.set()
    assert second.holds.wait(SECONDS)  # it goes on, to find that it is stopped
    second.end()
    assert budget._held == 10
    first.end()
    assert budget._held == 0


def test_an_error_gives_the_bytes_back() -> None:
    budget = ByteBudget(10)
    with pytest.raises(ZeroDivisionError), budget.hold(10, threading.Event()):
        raise ZeroDivisionError
    assert budget._held == 0
