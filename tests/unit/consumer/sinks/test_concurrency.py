"""The laws of the slots, by a clock of the test's own."""

import queue
import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.sinks.concurrency import EASE, FIRST, FORGET_SECONDS, PAUSE_SECONDS, SHRINK, Concurrency

FAST = 0.005


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def fill(slots: Concurrency) -> int:
    """Take all slots there are."""
    taken = 0
    while slots.take(0):
        taken += 1
    return taken


def round_(slots: Concurrency, seconds: float | None = FAST, *, throttled: bool = False) -> None:
    """There is enough to send, there are as many answers as slots, and they are all alike."""
    under_way = fill(slots)
    for _ in range(under_way):
        slots.give_back(seconds, throttled=throttled)
        under_way += fill(slots) - 1
    for _ in range(under_way):
        slots.give_back(None, throttled=False)


def grown(most: int, clock: Clock, report: Callable[[int], None] = lambda _: None) -> Concurrency:
    slots = Concurrency(most, report, clock)
    while slots.slots < most:
        round_(slots)
    return slots


@pytest.mark.parametrize("most", [1, 2, FIRST, 64])
def test_it_begins_small(most: int, clock: Clock) -> None:
    slots = Concurrency(most, clock=clock)
    assert fill(slots) == slots.slots == min(FIRST, most)
    assert not slots.take(0)


def test_it_grows_by_one_a_round_up_to_the_most(clock: Clock) -> None:
    slots, seen = Concurrency(FIRST + 8, clock=clock), []
    for _ in range(20):
        seen.append(slots.slots)
        round_(slots)
    assert seen[0] == FIRST
    assert all(after - before in (0, 1) for before, after in pairwise(seen))
    assert seen[10] >= FIRST + 7
    assert slots.slots == fill(slots) == FIRST + 8


def test_it_does_not_grow_while_slots_are_free(clock: Clock) -> None:
    slots = Concurrency(64, clock=clock)
    for _ in range(100):
        for _ in range(FIRST - 1):
            assert slots.take(0)
        for _ in range(FIRST - 1):
            slots.give_back(FAST, throttled=False)
    assert slots.slots == FIRST


def test_a_call_without_an_answer_says_nothing_about_the_table(clock: Clock) -> None:
    slots = Concurrency(64, clock=clock)
    for _ in range(100):
        round_(slots, None)
    assert slots.slots == FIRST


def test_throttling_halves_it_once_a_pause_down_to_one(clock: Clock) -> None:
    slots, seen = grown(64, clock), []
    for _ in range(8):
        clock.now += PAUSE_SECONDS
        for _ in range(3):  # of these rounds only the first counts
            round_(slots, None, throttled=True)
            clock.now += PAUSE_SECONDS / 8
        seen.append(slots.slots)
    assert seen == [32, 16, 8, 4, 2, 1, 1, 1]
    assert fill(slots) == 1


def test_what_is_under_way_beyond_the_limit_ends_before_more_is_sent(clock: Clock) -> None:
    slots = grown(8, clock)
    assert fill(slots) == 8
    clock.now += PAUSE_SECONDS
    slots.give_back(None, throttled=True)
    for _ in range(3):
        assert not slots.take(0)
        slots.give_back(FAST, throttled=False)
    assert slots.slots == 4
    assert not slots.take(0)
    slots.give_back(FAST, throttled=False)
    assert slots.take(0)


def test_a_table_that_becomes_slow_is_eased(clock: Clock) -> None:
    slots = grown(64, clock)
    for _ in range(3):
        clock.now += PAUSE_SECONDS
        round_(slots, 1.0)
    assert 64 * EASE**3 - 1 <= slots.slots <= 64 * EASE**2


def test_a_table_that_is_as_slow_as_ever_is_not_eased(clock: Clock) -> None:
    slots = Concurrency(64, clock=clock)
    for _ in range(100):
        clock.now += PAUSE_SECONDS
        round_(slots, 1.0)
    assert slots.slots == 64


def test_one_slow_answer_in_many_is_no_slow_table(clock: Clock) -> None:
    slots = grown(64, clock)
    for _ in range(20):
        clock.now += PAUSE_SECONDS
        assert slots.take(0)
        slots.give_back(0.2, throttled=False)
        round_(slots)
    assert slots.slots == 64


def test_a_table_that_stays_slow_is_not_asked_less_for_ever(clock: Clock) -> None:
    slots = grown(64, clock)
    for _ in range(int(3 * FORGET_SECONDS)):  # the least latency is forgotten within two periods
        clock.now += 1.0
        round_(slots, 1.0)
    before = slots.slots
    for _ in range(200):
        clock.now += 1.0
        round_(slots, 1.0)
    assert slots.slots > before


def test_it_recovers(clock: Clock) -> None:
    slots = grown(16, clock)
    for _ in range(5):
        clock.now += PAUSE_SECONDS
        round_(slots, None, throttled=True)
    assert slots.slots == 1
    for _ in range(25):
        round_(slots)
    assert slots.slots == 16


def test_changes_are_reported(clock: Clock) -> None:
    told: list[int] = []
    most = FIRST + 4
    slots = grown(most, clock, told.append)
    clock.now += PAUSE_SECONDS
    round_(slots, None, throttled=True)
    round_(slots, None, throttled=True)
    assert told == [*range(FIRST, most + 1), most // 2]


def test_who_waits_gets_the_slot_that_is_freed(clock: Clock) -> None:
    slots = Concurrency(1, clock=clock)
    assert slots.take(0)
    got: queue.Queue[bool] = queue.Queue()
    waiting = [threading.Thread(target=lambda: got.put(slots.take(10.0))) for _ in range(3)]
    for thread in waiting:
        thread.start()
    for _ in waiting:
        slots.give_back(None, throttled=False)
        assert got.get(timeout=5.0)
        assert not slots.take(0)
    for thread in waiting:
        thread.join()
    assert got.empty()


def test_who_waits_in_vain_is_told(clock: Clock) -> None:
    slots = Concurrency(1, clock=clock)
    assert slots.take(0)
    assert not slots.take(0.01)
    slots.give_back(None, throttled=False)
    assert slots.take(0)


Answered = tuple[float | None, bool, float]
answers: st.SearchStrategy[Answered] = st.tuples(
    st.none() | st.sampled_from([FAST, 0.1, 5.0]) | st.floats(0, 10),
    st.booleans(),
    st.sampled_from([0.0, 0.05, 0.3, 70.0]),
)


@given(st.integers(1, 40), st.lists(st.none() | answers, max_size=300))
def test_laws(most: int, steps: list[Answered | None]) -> None:
    """None takes a slot, the rest gives one back."""
    clock, under_way, told = Clock(), 0, list[int]()
    slots = Concurrency(most, told.append, clock)
    decreased_at = clock.now
    for step in steps:
        before = slots.slots
        if step is None:
            assert slots.take(0) == (under_way < before)
            under_way += under_way < before
        elif under_way:
            seconds, throttled, passed = step
            clock.now += passed
            slots.give_back(seconds, throttled=throttled)
            was_full, under_way = under_way >= before, under_way - 1
            if slots.slots < before:
                assert clock.now - decreased_at >= PAUSE_SECONDS
                decreased_at = clock.now
                assert throttled or seconds is not None
                assert slots.slots >= int(before * (SHRINK if throttled else EASE))
            elif slots.slots > before:
                assert slots.slots == before + 1
                assert was_full
                assert seconds is not None
                assert not throttled
        assert 1 <= slots.slots <= most
        assert told[-1] == slots.slots
