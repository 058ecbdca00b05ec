"""Rates and quantiles of the last minutes."""

import threading
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric

from consumer.web import history as module
from consumer.web.history import (
    HOUR_SECONDS,
    LATENCY,
    OUTCOMES,
    RATE_SECONDS,
    RECEIVED,
    SAMPLE_SECONDS,
    SPANS,
    History,
    Reading,
    quantile,
)
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
    window = watched(Figures(2), 20).view.now
    assert window
    assert window.rates(RECEIVED) == {(f"shardId-{n:012}",): pytest.approx(100) for n in range(2)}
    assert window.rates(OUTCOMES) == {("stored",): pytest.approx(198), ("dropped",): pytest.approx(2)}
    assert window.quantile(0.5, LATENCY) == pytest.approx(0.05 * 0.5 / 0.9)
    assert window.seconds == RATE_SECONDS


def test_a_shard_that_is_new_has_a_rate_and_nothing_grows_backwards() -> None:
    figures = Figures(1)
    history = watched(figures, 1)
    figures.shards.append("shardId-new")
    history.look(figures.seconds)
    assert history.view.now
    assert history.view.now.rates(RECEIVED)["shardId-new",] == 100
    figures.seconds = 1.0
    history.look(100.0)
    assert history.view.now
    assert all(rate >= 0 for rate in history.view.now.rates(RECEIVED).values())


def test_growth_is_that_of_the_last_1_5_and_15_minutes() -> None:
    spans = watched(Figures(1), 400).view.recent
    assert [window.total(RECEIVED) for window in spans] == [6_000, 30_000, 90_000]
    assert [window.seconds for window in spans] == list(SPANS)


@pytest.mark.parametrize(("samples", "seconds"), [(2, [5, 5, 5]), (14, [60, 65, 65]), (100, [60, 300, 495])])
def test_a_young_worker_has_spans_as_long_as_its_life(samples: int, seconds: list[float]) -> None:
    assert [window.seconds for window in watched(Figures(1), samples).view.recent] == seconds


def test_samples_that_come_a_little_late_count_all_the_same() -> None:
    figures = Figures(1)
    history = History(figures.collect, RecordingLog())
    for number in range(400):
        figures.seconds = 5.02 * number
        history.look(figures.seconds)
    assert [window.seconds for window in history.view.recent] == pytest.approx(list(SPANS), abs=SAMPLE_SECONDS)


def test_an_hour_is_kept_and_no_more() -> None:
    figures = Figures(1)
    history = History(figures.collect, RecordingLog(), lambda: 1e9 + figures.seconds)
    points = watched(figures, 800, history).view.points
    assert points[-1].at - points[0].at == HOUR_SECONDS
    assert tuple(points[-1]) == pytest.approx((1e9 + 799 * SAMPLE_SECONDS, 100, 0.095, 0))
    assert history._samples[-1].at - history._samples[0].at == SPANS[-1]


@pytest.mark.parametrize(
    ("step", "kept"), [(-60, 1), (600, 11), (HOUR_SECONDS - 20, 5), (8 * HOUR_SECONDS, 1)], ids=str
)
def test_points_are_of_the_last_hour_also_if_the_machine_slept_or_its_clock_was_set(step: float, kept: int) -> None:
    figures = Figures(1)
    steps = iter([*[0.0] * 11, step])
    history = History(figures.collect, RecordingLog(), lambda: 1e9 + figures.seconds + next(steps))
    points = watched(figures, 12, history).view.points
    assert len(points) == kept
    assert [point.at for point in points] == sorted(point.at for point in points)
    assert points[-1].at - points[0].at <= HOUR_SECONDS


def test_the_last_lag_is_known_while_there_is_none() -> None:
    figures = Figures(2)
    history = History(figures.collect, RecordingLog(), lambda: 1e9 + figures.seconds)
    watched(figures, 3, history)
    figures.shards = []
    last = watched(figures, 3, history).view.last_lag
    assert last
    assert (last.at, last.lag) == (1e9 + 2 * SAMPLE_SECONDS, 90)
    assert history.view.points[-1].lag is None


def test_nothing_is_known_before_the_first_sample_and_no_growth_before_the_second() -> None:
    history = History(Figures(1).collect, RecordingLog())
    assert history.view[1:] == (None, (), ())
    assert history.view.reading.value("sanitizer_shards_owned") is None
    assert history.view.last_lag is None
    history.look(0.0)
    assert history.view[1:] == (None, (), ())
    assert history.view.reading.value("sanitizer_shards_owned") == 1


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
    assert history.view.reading.value("sanitizer_shards_owned") == 1


def test_it_ends() -> None:
    before = set(threading.enumerate())
    history = History(Figures(1).collect, RecordingLog())
    history.start()
    [thread] = set(threading.enumerate()) - before
    history.close()
    thread.join(10)
    assert not thread.is_alive()
