"""The brake: a stream is not drained into quarantine."""

import pytest

from consumer.errors import SessionBroken
from consumer.quarantine.circuit_breaker import QuarantineBreaker


def test_nothing_is_judged_before_enough_was_seen() -> None:
    pulled: list[float] = []
    brake = QuarantineBreaker(0.5, 1000, pulled.append)
    brake.check(999, 999)
    assert pulled == []
    with pytest.raises(SessionBroken, match="quarantine"):
        brake.check(1, 1)
    assert pulled == [1.0]


def test_once_pulled_it_holds_every_shard_and_says_so_once() -> None:
    pulled: list[float] = []
    brake = QuarantineBreaker(0.1, 10, pulled.append)
    for _ in range(3):
        with pytest.raises(SessionBroken):
            brake.check(10, 2)
    assert pulled == [0.2]


def test_a_share_below_the_limit_may_last() -> None:
    brake = QuarantineBreaker(0.5, 100, lambda _: pytest.fail("pulled"))
    for _ in range(1000):
        brake.check(10, 5)


def test_a_long_good_past_does_not_hide_a_bad_present() -> None:
    pulled: list[float] = []
    brake = QuarantineBreaker(0.5, 1000, pulled.append)
    for _ in range(10_000):
        brake.check(100, 0)

    def turn_bad() -> None:
        for _ in range(20):
            brake.check(100, 100)

    with pytest.raises(SessionBroken):
        turn_bad()
    assert pulled


def test_where_all_may_go_there_it_is_never_pulled() -> None:
    brake = QuarantineBreaker(1, 1, lambda _: pytest.fail("pulled"))
    brake.check(10_000, 10_000)
