"""Rates and quantiles of the last minutes."""

import threading
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric

from consumer.web import history as module
from consumer.web.history import KEPT, SAMPLE_SECONDS, History, Reading, quantile
from tests.kits.log import RecordingLog
from tests.kits.page import Figures, watched

BOUNDS = (0.1, 0.5, 1.0, 5.0, float("inf"))


def buckets(observed: Sequence[float]) -> tuple[tuple[float, float], ...]:
    return tuple((bound, float(sum(each <= bound for each in observed))) for bound in BOUNDS)


def test_a_reading_sums_by_label() -> None:
    reading = Reading(Figures(3).collect(), 1.0)
    assert reading.value("sanitizer_records_in_flight") == 36
    assert reading.by("sanitizer_records_in_flight", "shard")["shardId-000000000001",] == 12
    assert reading.value("sanitizer_nothing") is None
    assert reading.by("sanitizer_nothing", "shard") == {}
    assert [bound for bound, _ in reading.buckets("sanitizer_record_latency_seconds")] == [0.05, 0.1, float("inf")]


def test_rates_are_growth_over_time() -> None:
    [*_, window] = watched(Figures(2), 20).windows()
    assert window.rates(lambda sample: sample.received) == {f"shardId-{n:012}": pytest.approx(100) for n in range(2)}
    assert window.rates(lambda sample: sample.outcomes) == {"stored": pytest.approx(198), "dropped": pytest.approx(2)}
    assert window.quantile(0.5, lambda sample: sample.latency) == pytest.approx(0.05 * 0.5 / 0.9)
    assert window.last.lag == 90


def test_a_shard_that_is_new_has_a_rate_and_nothing_grows_backwards() -> None:
    figures = Figures(1)
    history = watched(figures, 1)
    figures.shards.append("shardId-new")
    history.look(figures.seconds)
    [window] = history.windows()
    assert window.rates(lambda sample: sample.received)["shardId-new"] == 100
    figures.seconds = 1.0
    history.look(100.0)
    assert all(rate >= 0 for rate in history.windows()[-1].rates(lambda sample: sample.received).values())


def test_the_memory_is_bounded() -> None:
    history = watched(Figures(1), KEPT + 10)
    windows = history.windows()
    assert len(windows) == KEPT - 1
    assert windows[-1].last.at - windows[0].first.at == (KEPT - 1) * SAMPLE_SECONDS


def test_nothing_is_known_before_the_first_sample() -> None:
    history = History(Figures(1).collect, RecordingLog())
    assert history.windows() == []
    assert history.reading.value("sanitizer_shards_owned") is None


def test_the_quantile_is_prometheus_estimate() -> None:
    """Within the bucket, linear; as in the documentation of `histogram_quantile`."""
    last = buckets([0.05] * 50 + [0.7] * 50)
    assert quantile(0.5, (), last) == pytest.approx(0.1)
    assert quantile(0.75, (), last) == pytest.approx(0.75)
    assert quantile(0.99, last, last) is None
    assert quantile(0.99, last, buckets([0.05] * 50 + [0.7] * 50 + [99.0])) == 5.0  # beyond the last bound


@given(st.lists(st.floats(0, 10)), st.lists(st.floats(0, 10), min_size=1), st.floats(0.01, 1))
def test_a_quantile_lies_in_the_bucket_of_what_was_observed_since(
    before: list[float], since: list[float], share: float
) -> None:
    estimate = quantile(share, buckets(before), buckets([*before, *since]))
    assert estimate is not None
    ordered = sorted(since)
    exact = ordered[max(0, -int(-share * len(ordered) // 1) - 1)]
    lower = max((bound for bound in (0.0, *BOUNDS) if bound < exact), default=0.0)
    upper = min(bound for bound in BOUNDS if bound >= exact)
    assert min(lower, 5.0) - 1e-9 <= estimate <= min(upper, 5.0) + 1e-9


def test_a_look_that_fails_is_logged_once_and_tried_again(log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLE_SECONDS", 0.001)
    figures, looks, done = Figures(1), iter(range(1000)), threading.Event()

    def collect() -> Iterable[Metric]:
        look = next(looks)
        if look < 3:
            raise FileNotFoundError
        if look > 4:
            done.set()
        return figures.collect()

    history = History(collect, log)
    history.start()
    assert done.wait(10)
    history.close()
    assert log.named("history.not_sampled") == [{"error": "FileNotFoundError"}]
    assert history.reading.value("sanitizer_shards_owned") == 1


def test_it_ends() -> None:
    before = set(threading.enumerate())
    history = History(Figures(1).collect, RecordingLog())
    history.start()
    [thread] = set(threading.enumerate()) - before
    history.close()
    thread.join(10)
    assert not thread.is_alive()
