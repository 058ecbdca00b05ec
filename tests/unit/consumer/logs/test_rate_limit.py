"""The rate limit: the first lines of a window pass, the rest are counted, and each count is reported once."""

import threading
import time
from collections import Counter
from collections.abc import Hashable

import pytest

from consumer.logs import rate_limit
from consumer.logs.rate_limit import RateLimit


class Reports:
    def __init__(self) -> None:
        self.counts: Counter[Hashable] = Counter()
        self.came = threading.Event()

    def __call__(self, key: Hashable, count: int) -> None:
        self.counts[key] += count
        self.came.set()


def test_each_key_has_a_window_of_its_own() -> None:
    reports = Reports()
    limit = RateLimit(2, 3600.0, reports)
    assert [limit.admits("a") for _ in range(4)] == [True, True, False, False]
    assert limit.admits("b")
    limit.flush()
    assert reports.counts == {"a": 2}
    limit.flush()
    assert reports.counts == {"a": 2}


def test_a_window_that_ends_is_reported_though_nothing_follows() -> None:
    reports = Reports()
    limit = RateLimit(1, 0.05, reports)
    for key in ("a", "a", "b", "b", "b"):
        limit.admits(key)
    deadline = time.monotonic() + 10
    while len(reports.counts) < 2:
        assert time.monotonic() < deadline
        reports.came.wait(0.1)
    assert reports.counts == {"a": 1, "b": 2}
    assert limit.admits("a"), "a new window"


def test_nothing_is_reported_of_what_stayed_below(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    reports = Reports()
    limit = RateLimit(2, 10.0, reports)
    for now in (0.0, 9.0, 10.0, 19.0, 20.0):  # noqa: B007 - the clock's
        assert limit.admits("a")
    limit.flush()
    assert not reports.counts


def test_keys_that_are_over_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MAX_KEYS", 8)
    limit = RateLimit(1, 0.0, Reports())
    for key in range(1000):
        limit.admits(key)
    assert len(limit._windows) <= 8


def test_of_many_threads_no_line_is_lost_count_of() -> None:
    reports = Reports()
    limit = RateLimit(10, 3600.0, reports)
    admitted = Counter[str]()

    def flood() -> None:
        admitted.update("a" for _ in range(500) if limit.admits("a"))

    threads = [threading.Thread(target=flood) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    limit.flush()
    assert admitted["a"] == 10
    assert reports.counts["a"] == 8 * 500 - 10
