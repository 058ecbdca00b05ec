"""Pauses between tries: how they grow, where they end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.backoff import backoff, jittered


def test_the_first_pause_is_the_first_and_each_is_a_multiple_of_the_one_before() -> None:
    assert [backoff(attempt, 0.5, 100) for attempt in range(4)] == [0.5, 1, 2, 4]
    assert [backoff(attempt, 0.5, 100, factor=4) for attempt in range(4)] == [0.5, 2, 8, 32]


@given(st.integers(0, 10**9), st.floats(0.001, 10), st.floats(10, 1000), st.floats(1, 10))
def test_it_grows_to_its_limit_however_many_have_failed(
    attempt: int, first: float, limit: float, factor: float
) -> None:
    pause = backoff(attempt, first, limit, factor=factor)
    assert first <= pause <= limit
    assert pause <= backoff(attempt + 1, first, limit, factor=factor)


def test_those_who_failed_together_do_not_try_again_together() -> None:
    pauses = [jittered(8.0) for _ in range(1000)]
    assert all(4 <= pause <= 8 for pause in pauses)
    assert min(pauses) == pytest.approx(4, abs=0.5)
    assert max(pauses) == pytest.approx(8, abs=0.5)
    assert jittered(0.0) == 0
