"""What CloudWatch is told each minute: of what was counted since the last line, as lines that it understands."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consumer.logs import EmbeddedMetrics
from consumer.metrics import Metrics, observe_many
from consumer.metrics.cloudwatch import PUBLISHED, CloudWatchMetrics
from consumer.metrics.collector import WorkerCollector
from consumer.metrics.merged import Values
from consumer.record import Outcome
from tests.kits.emf import Extracted, extracted
from tests.kits.metrics import metrics_in
from tests.kits.threads import until

POLICY = {"name": "default", "version": "1", "digest": "abc"}
QUIET = {
    "RecordsReceived": 0,
    "RecordsQuarantined": 0,
    "LeaksSuspected": 0,
    "WritesThrottled": 0,
    "FieldsDrifted": 0,
    "ShardsServed": 0,
    "ShardsWithoutOwner": 0,
}


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[Metrics]:
    yield from metrics_in(tmp_path)


@pytest.fixture
def lines() -> list[EmbeddedMetrics]:
    return []


@pytest.fixture
def minute(metrics: Metrics, tmp_path: Path, lines: list[EmbeddedMetrics]) -> Callable[[], Extracted]:  # noqa: ARG001
    """Let a minute end, and return what CloudWatch makes of its line."""
    published = CloudWatchMetrics("payments", WorkerCollector(tmp_path, POLICY).values, lines.append)

    def minute() -> Extracted:
        published.publish()
        return extracted(json.dumps(lines[-1].members()))

    return minute


def test_a_worker_without_a_shard_has_no_lag(minute: Callable[[], Extracted]) -> None:
    told = minute()
    assert told.values == QUIET
    assert (told.namespace, told.dimensions) == ("KinesisSanitizer", {"Application": "payments"})
    assert abs(told.at - 1000 * time.time()) < 60_000
    assert told.units == {name: PUBLISHED[name][0] for name in QUIET}


def test_the_lag_is_that_of_the_shard_that_lags_most(metrics: Metrics, minute: Callable[[], Extracted]) -> None:
    now = time.time()
    for shard, behind in (("s-1", 2.0), ("s-2", 300.0), ("s-3", 40.0)):
        books = metrics.shard(shard)
        books.owned(now=now)
        books.delivered(behind, 0.0, now=now)
    metrics.retention.set(3000)
    told = minute()
    assert told.values["RetentionUsed"] == told.values["LagSeconds"] / 30
    assert told.units["RetentionUsed"] == "Percent"
    assert 300 <= told.values["LagSeconds"] == told.values["ScalingLagSeconds"] < 330
    assert told.units["LagSeconds"] == told.units["ScalingLagSeconds"] == "Seconds"
    assert told.values["ShardsServed"] == 3
    assert told.values.keys() == PUBLISHED.keys()


def test_a_shard_that_nobody_has_is_told_though_it_has_no_lag(
    metrics: Metrics, minute: Callable[[], Extracted]
) -> None:
    for state, leases in (("owned", 5), ("unowned", 2), ("expired", 1), ("finished", 4)):
        metrics.application_leases.labels(state).set(leases)
    assert minute().values == QUIET | {"ShardsWithoutOwner": 3}


def test_counts_are_those_since_the_last_line_and_what_holds_now_is_told_each_time(
    metrics: Metrics, minute: Callable[[], Extracted]
) -> None:
    metrics.shard("s-1").received(10, 1)
    metrics.shard("s-2").received(5, 1)
    metrics.shard("s-1").ended(Outcome.QUARANTINED, 3)
    metrics.shard("s-1").ended(Outcome.STORED, 9)
    metrics.quarantined.labels("leak_suspected").inc(2)
    metrics.quarantined.labels("invalid_json").inc(1)
    metrics.write_retries.labels("unreachable").inc(7)
    metrics.field_drift.labels("card").set(1)
    metrics.field_drift.labels("ssn").set(1)
    metrics.field_drift.labels("cvv").set(0)
    counted = {"RecordsReceived": 15, "RecordsQuarantined": 3, "LeaksSuspected": 2, "FieldsDrifted": 2}
    assert minute().values == QUIET | counted
    metrics.shard("s-1").received(4, 1)
    assert minute().values == QUIET | {"RecordsReceived": 4, "FieldsDrifted": 2}
    metrics.field_drift.labels("card").set(0)
    assert minute().values == QUIET | {"FieldsDrifted": 1}


@pytest.mark.parametrize(
    ("writes", "throttled", "unprocessed", "rests"),
    [(0, 0, 0, False), (900, 0, 1, True), (0, 1, 0, True), (20000, 5, 5, False), (20000, 0, 30, True)],
)
def test_more_tasks_are_not_asked_for_while_the_table_is_the_limit(
    metrics: Metrics,
    minute: Callable[[], Extracted],
    writes: int,
    throttled: int,
    unprocessed: int,
    rests: bool,  # noqa: FBT001
) -> None:
    now = time.time()
    metrics.shard("s").owned(now=now)
    metrics.shard("s").delivered(900.0, 0.0, now=now)
    observe_many(metrics.write_items, [25.0] * writes)
    metrics.write_retries.labels("throttled").inc(throttled)
    metrics.write_retries.labels("unprocessed").inc(unprocessed)
    told = minute().values
    assert told["WritesThrottled"] == throttled + unprocessed
    assert told["LagSeconds"] >= 900
    assert (told["ScalingLagSeconds"] == 0) == rests
    assert minute().values["ScalingLagSeconds"] >= 900, "the next minute was quiet"


def test_what_cannot_be_read_is_told_a_minute_later() -> None:
    failures: list[Exception] = []
    lines: list[EmbeddedMetrics] = []

    def read() -> dict[str, Values]:
        if not failures:
            raise OSError
        return {"sanitizer_records_received_total": {("s",): 3.0}}

    published = CloudWatchMetrics("payments", read, lines.append, failures.append)
    published.publish()
    published.publish()
    assert [type(each) for each in failures] == [OSError]
    assert [line.metrics["RecordsReceived"].value for line in lines] == [3]


def test_a_line_comes_at_the_start_and_one_without_a_lag_at_the_end() -> None:
    lines: list[EmbeddedMetrics] = []
    lag: dict[str, Values] = {"sanitizer_behind_latest_seconds": {("s",): 3.0}}
    published = CloudWatchMetrics("payments", lambda: lag, lines.append)
    published.start()
    until(lambda: len(lines) == 1)
    published.close()
    assert [line.metrics.keys() - QUIET.keys() for line in lines] == [{"LagSeconds", "ScalingLagSeconds"}, set()]
