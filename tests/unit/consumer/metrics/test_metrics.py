"""Counting over processes and deaths. Each process is a real one: the storage class of prometheus_client is global."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics import exposition as openmetrics

from consumer.errors import StartError
from consumer.metrics import Metrics, observe_many, recorded, set_up
from consumer.metrics.collector import WorkerCollector, forget_gauges, open_deliveries
from consumer.metrics.declared import CANDIDATE, DECLARED, Declarations
from consumer.metrics.process_usage import Usage
from consumer.metrics.recorded import agrees_with_observe

POLICY = {"name": "default", "version": "1", "digest": "abc"}
PREAMBLE = """
import os, signal, sys, time
from pathlib import Path
from consumer.metrics import Metrics, set_up
from consumer.record import Outcome
folder, slot = Path(sys.argv[1]), sys.argv[2]
set_up(folder, slot)
metrics = Metrics()
books = metrics.shard("s-1")
def die():
    os.kill(os.getpid(), signal.SIGKILL)
"""
BATCH = """
books.owned(now=1000.0)
books.batch_began(1001.0)
books.delivered(2.5, 0.0, now=time.time())
books.received(10, 1000)
"""
CLOSE_BOOKS = """
from consumer.metrics.collector import forget_gauges, open_deliveries
forget_gauges(folder, "pipeline-0")
for shard, count in open_deliveries(folder, "pipeline-0", slot).items():
    metrics.outcomes.labels(shard, "abandoned").inc(count)
"""


def process(folder: Path, slot: str, code: str, status: int = 0) -> None:
    run = subprocess.run([sys.executable, "-c", PREAMBLE + code, str(folder), slot], check=False)
    assert run.returncode == status


def scraped(folder: Path) -> dict[str, float]:
    """Return every sample, by name and labels as Prometheus writes them."""
    registry = CollectorRegistry()
    registry.register(WorkerCollector(folder, POLICY))
    lines = generate_latest(registry).decode().splitlines()
    return {key: float(value) for key, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def outcome(name: str, shard: str = "s-1") -> str:
    return f'sanitizer_records_total{{outcome="{name}",shard="{shard}"}}'


RECEIVED = 'sanitizer_records_received_total{shard="s-1"}'
BEHIND = 'sanitizer_behind_latest_seconds{shard="s-1"}'
IN_FLIGHT_AGE = 'sanitizer_in_flight_age_seconds{shard="s-1"}'
IN_FLIGHT = 'sanitizer_records_in_flight{shard="s-1"}'


def is_balanced(samples: dict[str, float]) -> bool:
    ended = sum(value for name, value in samples.items() if name.startswith("sanitizer_records_total{"))
    return samples[RECEIVED] == ended + samples[IN_FLIGHT]


def test_counters_of_two_processes_are_one(tmp_path: Path) -> None:
    process(tmp_path, "pipeline-0", BATCH + "books.ended(Outcome.STORED, 7)")
    process(tmp_path, "pipeline-1", "metrics.shard('s-1').received(5, 1); metrics.shard('s-2').received(2, 20)")
    samples = scraped(tmp_path)
    assert samples[RECEIVED] == 15
    assert samples['sanitizer_records_received_total{shard="s-2"}'] == 2
    assert samples['sanitizer_record_bytes_received_total{shard="s-1"}'] == 1001
    assert samples[outcome("stored")] == 7
    assert samples[IN_FLIGHT] == 8
    assert samples["sanitizer_shards_owned"] == 1
    assert 2.5 <= samples[BEHIND] < 60
    assert samples['sanitizer_checkpoint_age_seconds{shard="s-1"}'] > 1e6
    assert samples['sanitizer_policy_info{digest="abc",name="default",version="1"}'] == 1
    assert not any("internal" in name for name in samples)


def test_the_candidate_is_named_where_there_is_one(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    registry.register(WorkerCollector(tmp_path, POLICY, POLICY | {"digest": "other"}))
    shown = generate_latest(registry).decode()
    assert 'sanitizer_candidate_policy_info{digest="other",name="default",version="1"} 1.0' in shown.splitlines()
    assert not any("candidate" in name for name in scraped(tmp_path))


LAGS = """
now = time.time()
books.owned(now=now - 1000)
"""


@pytest.mark.parametrize(
    ("then", "lag"),
    [
        ("", 1000),  # nothing was delivered: since the session began
        ("books.delivered(0.0, 0.0, now=now)", 0),  # a heartbeat at the tip
        ("books.delivered(0.0, 0.0, now=now - 70)", 70),  # KCL has gone silent
        ("books.delivered(30.0, 0.0, now=now - 70)", 100),  # so it has, while it was behind
        ("books.delivered(0.0, now - 200, now=now)", 200),  # what was delivered had waited
        ("books.delivered(300.0, now - 200, now=now)", 300),  # a shard that was read past a gap
        ("books.delivered(0.0, now - 200, now=now - 70); books.unfinished_since(now - 150)", 150),
        ("books.delivered(5.0, now - 200, now=now - 70); books.unfinished_since(now - 20)", 75),
        ("books.delivered(0.0, now - 200, now=now - 70); books.delivered(0.0, 0.0, now=now)", 0),
        ("books.delivered(0.0, now + 200, now=now)", 0),  # a clock that is wrong
    ],
)
def test_the_lag_is_the_larger_of_what_kcl_and_the_records_say(tmp_path: Path, then: str, lag: float) -> None:
    process(tmp_path, "pipeline-0", LAGS + then)
    assert lag <= scraped(tmp_path)[BEHIND] < lag + 15


def test_a_new_session_has_nothing_of_the_lag_of_an_older_one(tmp_path: Path) -> None:
    process(tmp_path, "pipeline-0", LAGS + "books.released(); metrics.shard('s-1').owned(now=now)")
    samples = scraped(tmp_path)
    assert samples[BEHIND] < 15
    assert samples[IN_FLIGHT_AGE] == 0


def test_the_age_of_what_is_in_flight_grows_until_it_ends(tmp_path: Path) -> None:
    process(tmp_path, "pipeline-0", LAGS + "books.batch_began(now - 50)")
    assert 50 <= scraped(tmp_path)[IN_FLIGHT_AGE] < 65
    process(tmp_path, "pipeline-0", LAGS + "books.batch_ended()")
    assert scraped(tmp_path)[IN_FLIGHT_AGE] == 0
    assert WorkerCollector(tmp_path, POLICY).batch_ages() == {}


def test_every_declared_name_is_shown_from_the_start(tmp_path: Path) -> None:
    process(tmp_path, "pipeline-0", "")
    shown = {family.name for family in WorkerCollector(tmp_path, POLICY).collect()}
    assert shown == {each.family for each in DECLARED if each.condition != CANDIDATE}
    shown = {family.name for family in WorkerCollector(tmp_path, POLICY, POLICY).collect()}
    assert shown == {each.family for each in DECLARED}


def test_what_a_process_counts_is_declared_and_what_is_declared_somebody_counts(metrics: Metrics) -> None:
    counted = {metric._name: metric for metric in vars(metrics).values()}
    stored = {each.family: each for each in DECLARED if not each.derived}
    assert set(stored) == {name for name in counted if "internal" not in name}
    for name, each in stored.items():
        assert counted[name]._labelnames == tuple(each.labels)
        assert counted[name]._type == each.type


EVERYTHING = """
import random
random.seed(slot)
for child in (metrics.shard(f"s-{n}") for n in range(3)):
    child.owned(now=1.0)
    child.received(random.randrange(9), random.randrange(999))
    child.ended(Outcome.STORED, 1)
for n in range(20):
    metrics.latency.observe(random.uniform(0, 9)); metrics.write_items.observe(random.randrange(40))
metrics.write_concurrency.set(random.randrange(1, 9))
metrics.field_drift.labels("a.b").set(random.randrange(2))
metrics.field_values.labels("a \\" b", "released").inc(0.5)
metrics.application_leases.labels("owned").set(random.randrange(9))
metrics.open_shards.set(7)
"""


def test_what_is_merged_is_what_prometheus_clients_own_collector_makes_of_it(tmp_path: Path) -> None:
    for slot in ("pipeline-0", "pipeline-1", "supervisor"):
        process(tmp_path, slot, EVERYTHING)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(tmp_path))  # type: ignore[no-untyped-call]
    theirs = generate_latest(registry).decode().splitlines()
    shown = {key: float(value) for key, value in (line.rsplit(" ", 1) for line in theirs if line[0] != "#")}
    ours = scraped(tmp_path)
    derived = {each.name for each in DECLARED if each.derived}
    assert {name: value for name, value in ours.items() if name.partition("{")[0] not in derived} == {
        name: pytest.approx(value) for name, value in shown.items() if "internal" not in name
    }


def test_gauges_of_the_dead_may_go_while_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process(tmp_path, "pipeline-0", BATCH)
    collector = WorkerCollector(tmp_path, POLICY)
    files = sorted(tmp_path.glob("*.db"))
    monkeypatch.setattr(Path, "glob", lambda *_: iter(files))
    forget_gauges(tmp_path, "pipeline-0")
    shown = {sample.name: sample.value for family in collector.collect() for sample in family.samples}
    assert shown["sanitizer_shards_owned"] == 0
    assert shown["sanitizer_records_received_total"] == 10


def test_openmetrics_has_the_same_metrics(tmp_path: Path) -> None:
    process(tmp_path, "pipeline-0", BATCH)
    registry = CollectorRegistry()
    registry.register(WorkerCollector(tmp_path, POLICY, vitals=lambda: {"daemon": Usage(1.5, 2048)}))
    lines = openmetrics.generate_latest(registry).decode().splitlines()  # type: ignore[no-untyped-call]
    assert lines[-1] == "# EOF"
    shown = {line.partition(" ")[0] for line in lines if line[0] != "#"}
    assert RECEIVED in shown
    assert 'sanitizer_process_cpu_seconds_total{process="daemon"}' in shown


def test_what_each_process_uses_is_shown_by_its_name(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    registry.register(WorkerCollector(tmp_path, POLICY, vitals=lambda: {"daemon": Usage(1.5, 2048)}))
    shown = generate_latest(registry).decode().splitlines()
    assert 'sanitizer_process_cpu_seconds_total{process="daemon"} 1.5' in shown
    assert 'sanitizer_process_memory_bytes{process="daemon"} 2048.0' in shown


def test_a_drift_lasts_as_long_as_a_live_process_sees_it(tmp_path: Path) -> None:
    process(tmp_path, "pipeline-0", "metrics.field_drift.labels('card').set(1)")
    process(tmp_path, "pipeline-1", "metrics.field_drift.labels('card').set(0)")
    assert scraped(tmp_path)['sanitizer_field_drift{path="card"}'] == 1
    forget_gauges(tmp_path, "pipeline-0")
    assert scraped(tmp_path)['sanitizer_field_drift{path="card"}'] == 0


def test_what_may_be_under_way_is_the_sum_over_the_live_processes(tmp_path: Path) -> None:
    process(tmp_path, "pipeline-0", "metrics.write_concurrency.set(8)")
    process(tmp_path, "pipeline-1", "metrics.write_concurrency.set(2)")
    assert scraped(tmp_path)["sanitizer_write_concurrency"] == 10
    forget_gauges(tmp_path, "pipeline-0")
    assert scraped(tmp_path)["sanitizer_write_concurrency"] == 2


def test_a_successor_goes_on_in_its_predecessors_files(tmp_path: Path) -> None:
    for round_ in range(1, 4):
        process(tmp_path, "pipeline-0", "books.received(10, 100); books.ended(Outcome.STORED, 10)")
        assert scraped(tmp_path)[RECEIVED] == 10 * round_
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "counter_pipeline-0.db",
        "gauge_livemostrecent_pipeline-0.db",
        "gauge_livesum_pipeline-0.db",
        "histogram_pipeline-0.db",
    ]


def test_a_shard_that_ended_is_not_owned_and_has_no_lag(tmp_path: Path) -> None:
    process(tmp_path, "pipeline-0", BATCH + "books.ended(Outcome.STORED, 10); books.batch_ended(); books.released()")
    samples = scraped(tmp_path)
    assert samples["sanitizer_shards_owned"] == 0
    assert BEHIND not in samples
    assert IN_FLIGHT_AGE not in samples
    assert samples[IN_FLIGHT] == 0


def test_a_batch_in_flight_has_an_age_while_its_process_lives(tmp_path: Path) -> None:
    process(tmp_path, "pipeline-0", BATCH)
    collector = WorkerCollector(tmp_path, POLICY)
    assert collector.batch_ages()["s-1"] > 1e6
    forget_gauges(tmp_path, "pipeline-0")
    assert collector.batch_ages() == {}
    assert scraped(tmp_path)["sanitizer_shards_owned"] == 0


def test_the_lag_of_a_shard_goes_on_while_its_lease_stays_and_nothing_answers(tmp_path: Path) -> None:
    """KCL loses a lease that it cannot renew, and ends the session; nobody else has the shard."""
    leased = {"s-1"}
    collector = WorkerCollector(tmp_path, POLICY, leased=lambda: leased)

    def lag() -> float | None:
        shown = {sample.name: sample.value for family in collector.collect() for sample in family.samples}
        return shown.get("sanitizer_behind_latest_seconds")

    process(tmp_path, "pipeline-0", BATCH)
    assert lag()
    assert collector.unanswered() == {}  # a batch is in flight: it is not the stream that is silent
    process(tmp_path, "pipeline-0", BATCH + "books.ended(Outcome.STORED, 10); books.batch_ended(); books.released()")
    first = lag()
    assert first
    assert (lag() or 0) > first
    assert collector.unanswered()["s-1"] > 0
    leased.clear()  # it is another worker's
    assert (lag(), collector.unanswered()) == (None, {})
    leased.add("s-1")  # and comes back, without a session yet: what is known of it is old
    assert (lag(), collector.unanswered()) == (None, {})


def test_the_books_of_a_killed_process_are_closed_exactly(tmp_path: Path) -> None:
    process(tmp_path, "pipeline-0", BATCH + "books.ended(Outcome.STORED, 4)\ndie()", -signal.SIGKILL)
    before = scraped(tmp_path)
    assert before[IN_FLIGHT] == 6
    assert open_deliveries(tmp_path, "pipeline-0", "supervisor") == {"s-1": 6}
    process(tmp_path, "supervisor", CLOSE_BOOKS)
    after = scraped(tmp_path)
    assert after[IN_FLIGHT] == 0
    assert after[outcome("abandoned")] == 6
    assert after[RECEIVED] == before[RECEIVED] == 10
    assert is_balanced(after)


def test_a_second_death_is_counted_for_itself(tmp_path: Path) -> None:
    process(tmp_path, "pipeline-0", BATCH + "die()", -signal.SIGKILL)
    process(tmp_path, "supervisor", CLOSE_BOOKS)
    process(tmp_path, "pipeline-0", BATCH + "books.ended(Outcome.STORED, 9)\ndie()", -signal.SIGKILL)
    assert scraped(tmp_path)[IN_FLIGHT] == 1
    process(tmp_path, "supervisor", CLOSE_BOOKS)
    process(tmp_path, "supervisor", CLOSE_BOOKS)  # again: nothing is left to close
    samples = scraped(tmp_path)
    assert samples[outcome("abandoned")] == 11
    assert samples[IN_FLIGHT] == 0
    assert is_balanced(samples)


def test_a_session_that_abandoned_its_batch_itself_leaves_nothing_to_close(tmp_path: Path) -> None:
    process(tmp_path, "pipeline-0", BATCH + "books.ended(Outcome.ABANDONED, 10)\ndie()", -signal.SIGKILL)
    assert open_deliveries(tmp_path, "pipeline-0", "supervisor") == {}


def test_a_process_that_never_counted_has_nothing_open(tmp_path: Path) -> None:
    assert open_deliveries(tmp_path, "pipeline-0", "supervisor") == {}


def histogram() -> Any:
    return Histogram("h", "text", registry=None, buckets=(0.1, 0.5, 1.0, 2.0))


@given(st.lists(st.floats(0, 5) | st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0]), max_size=50))
def test_many_observations_at_once_equal_one_after_another(observations: list[float]) -> None:
    one, other = histogram(), histogram()
    observe_many(one, observations)
    for observation in observations:
        other.observe(observation)
    assert [bucket.get() for bucket in one._buckets] == [bucket.get() for bucket in other._buckets]
    assert one._sum.get() == pytest.approx(other._sum.get())


class Doubled(Histogram):
    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        super().observe(2 * amount, exemplar)


class Renamed:
    def __init__(self, *_: Any, **__: Any) -> None:
        self.values: list[float] = []

    def observe(self, amount: float) -> None:
        self.values.append(amount)


@pytest.mark.parametrize("changed", [Doubled, Renamed])
def test_a_prometheus_client_that_counts_otherwise_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, changed: type
) -> None:
    assert agrees_with_observe()
    monkeypatch.setattr(recorded, "Histogram", changed)
    assert not agrees_with_observe()
    with pytest.raises(StartError, match=r"^Latencies would not be counted as prometheus_client [\d.]+ counts"):
        set_up()


def test_what_is_derived_is_counted_by_nobody(metrics: Metrics) -> None:
    assert isinstance(metrics.received, Counter)
    assert Declarations.received.name == "sanitizer_records_received_total"
    with pytest.raises(AttributeError, match="sanitizer_records_in_flight"):
        _ = metrics.in_flight


def test_two_of_one_process_count_for_themselves_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "/nonexistent")  # of another program, from the environment
    set_up()
    one, other = Metrics(), Metrics()
    one.received.labels("s").inc()
    assert one.received.labels("s")._value.get() == 1
    assert other.received.labels("s")._value.get() == 0


def test_every_outcome_of_a_shard_is_shown_from_the_start(metrics: Metrics) -> None:
    metrics.shard("fresh")
    (family,) = metrics.outcomes.collect()
    shown = {sample.labels["outcome"] for sample in family.samples if sample.labels["shard"] == "fresh"}
    assert shown == {"stored", "quarantined", "dropped", "duplicate", "abandoned"}
