"""How many records the daemon fetches: fewer after its memory was full, more when more fits, never none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import ServiceError
from consumer.kcl.fetch_sample import FetchSample
from consumer.metrics import Metrics
from consumer.worker.fetch_size import QUIET_SECONDS, Bounds, FetchSize
from tests.kits.log import RecordingLog

BOUNDS = Bounds(most=500, least=250, heap_mib=400, shards=8)
KB = 1000


class Stream:
    """What a sample finds."""

    def __init__(self, metrics: Metrics, remembered: int | None = None, bounds: Bounds = BOUNDS) -> None:
        self.now = 0.0
        self.waiting: FetchSample | None = None
        self.error: ServiceError | None = None
        self.remembered: list[int] = []
        self.log = RecordingLog()
        self.fetch = FetchSize(
            bounds, remembered, self._sample, self.remembered.append, metrics, self.log, lambda: self.now
        )

    def _sample(self, limit: int) -> FetchSample | None:
        if self.error:
            raise self.error
        found = self.waiting
        return found and FetchSample(min(limit, found.records), found.size * min(limit, found.records) // found.records)

    def holds(self, records: int, record_bytes: int) -> None:
        self.waiting = FetchSample(records, records * record_bytes)


@pytest.fixture
def stream(metrics: Metrics) -> Stream:
    return Stream(metrics)


def test_a_quarter_of_what_the_last_fetch_held_and_not_of_the_setting(stream: Stream) -> None:
    stream.holds(33, 300 * KB)
    stream.fetch.ran_out()
    assert (stream.fetch.records, stream.remembered) == (8, [8])
    assert stream.fetch.is_reduced


def test_fewer_if_even_that_does_not_fit(stream: Stream) -> None:
    stream.holds(500, 300 * KB)
    stream.fetch.ran_out()
    assert stream.fetch.records == BOUNDS.fitting(300 * KB)


def test_without_a_sample_a_quarter_and_at_least_one(stream: Stream) -> None:
    stream.error = ServiceError("out of reach")
    seen = []
    for _ in range(6):
        stream.fetch.ran_out()
        seen.append(stream.fetch.records)
    assert seen == [125, 31, 7, 1, 1, 1]
    assert len(stream.log.named("fetch.not_sampled")) == 6


def test_what_was_remembered_holds_from_the_start(metrics: Metrics) -> None:
    assert Stream(metrics, remembered=20).fetch.records == 20
    assert Stream(metrics, remembered=9000).fetch.records == 500


def test_it_is_raised_when_what_waits_fits_and_not_at_once(stream: Stream) -> None:
    stream.holds(33, 300 * KB)
    stream.fetch.ran_out()
    stream.now = 59.0
    stream.holds(10_000, 100)
    assert stream.fetch.larger() is None
    stream.now = 60.0
    assert stream.fetch.larger() == 500
    stream.holds(33, 300 * KB)
    assert stream.fetch.larger() is None


def test_it_is_raised_when_nothing_waits_for_long(stream: Stream) -> None:
    stream.fetch.ran_out()
    stream.now = QUIET_SECONDS - 1
    assert stream.fetch.larger() is None
    stream.now = QUIET_SECONDS
    assert stream.fetch.larger() == 500
    stream.fetch.raise_to(500)
    assert not stream.fetch.is_reduced
    assert stream.remembered == [125, 500]
    assert stream.fetch.larger() is None


def test_each_relapse_waits_twice_as_long(stream: Stream) -> None:
    stream.holds(400, 20 * KB)
    for _ in range(3):
        stream.fetch.ran_out()
    stream.holds(10_000, 100)
    stream.now = 239.0
    assert stream.fetch.larger() is None
    stream.now = 240.0
    assert stream.fetch.larger() == 500
    stream.fetch.raise_to(500)  # and it was wrong
    stream.fetch.ran_out()
    stream.now += 479.0
    assert stream.fetch.larger() is None
    stream.now += 1.0
    assert stream.fetch.larger() is not None


def test_nearly_idle_shards_say_nothing_of_what_filled_the_heap(stream: Stream) -> None:
    stream.holds(3, 1 * KB)
    stream.fetch.ran_out()
    assert stream.fetch.records == 125


def test_with_many_shards_usual_records_are_still_kept_up_with() -> None:
    assert Bounds(500, 250, 400, 8).usual == 500
    assert 250 <= Bounds(500, 250, 400, 50).usual < 500
    assert Bounds(500, 250, 400, 10_000).usual == 250
    assert Bounds(20, 250, 400, 1).usual == 20


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 10 << 20)), max_size=12), st.integers(1, 200))
def test_it_is_never_none_and_never_more_than_the_setting(found: list[tuple[int, int]], shards: int) -> None:
    bounds = Bounds(500, 250, 400, shards)
    stream = Stream(Metrics(), bounds=bounds)
    for records, size in found:
        stream.waiting = FetchSample(records, records * size) if records else None
        before = stream.fetch.records
        stream.fetch.ran_out()
        assert 1 <= stream.fetch.records <= max(1, before // 4)


def test_once_it_is_raised_a_worker_with_fewer_shards_is_not_held_back(metrics: Metrics) -> None:
    many = Stream(metrics, bounds=Bounds(500, 250, 352, 50))
    many.fetch.ran_out()
    many.now = QUIET_SECONDS
    records = many.fetch.larger()
    assert records is not None
    many.fetch.raise_to(records)
    assert records < many.remembered[-1] == 500
