"""Lag, age and churn of a real pipeline process, as Prometheus sees them: also while it hangs."""

import os
import signal
import time
from typing import Any

from consumer.metrics import SessionEvent
from consumer.metrics.collector import WorkerCollector
from tests.kits.daemon import record
from tests.lab.watched import wait_for


def scraped(worker: Any, name: str, **labels: str) -> float | None:
    """Return a sample's value; None: there is none."""
    families = WorkerCollector(worker.folder.metrics, {"name": "", "version": "", "digest": ""}).collect()
    samples = (sample for family in families for sample in family.samples)
    return next((each.value for each in samples if each.name == name and each.labels == labels), None)


def lag(worker: Any, shard: str) -> float:
    found = scraped(worker, "sanitizer_behind_latest_seconds", shard=shard)
    assert found is not None
    return found


def arrived(sequence: int, ago: float) -> dict[str, Any]:
    return record(sequence) | {"approximateArrivalTimestamp": int((time.time() - ago) * 1000)}


def test_the_lag_is_near_zero_from_the_start_and_while_nothing_arrives(worker: Any) -> None:
    child = worker.child().initialize()
    assert lag(worker, child.shard) < 5
    child.process_records()
    assert lag(worker, child.shard) < 5
    child.say("processRecords", records=[], millisBehindLatest=90_000)
    assert 90 <= lag(worker, child.shard) < 95
    child.process_records()
    assert lag(worker, child.shard) < 5
    assert scraped(worker, "sanitizer_in_flight_age_seconds", shard=child.shard) == 0
    child.hang_up()
    wait_for(lambda: scraped(worker, "sanitizer_behind_latest_seconds", shard=child.shard) is None, "it is gone", 15)


def test_the_lag_grows_while_a_batch_hangs_in_flight(worker: Any) -> None:
    child = worker.child().initialize()
    child.send("processRecords", records=[arrived(1, 300), arrived(2, 200)], millisBehindLatest=0)
    answer = child.receive()  # its thread waits for the answer to the checkpoint, for ever
    assert answer is not None
    before = lag(worker, child.shard)
    assert 200 <= before < 220  # all are stored: KCL may have more that wait behind the newest
    wait_for(lambda: lag(worker, child.shard) >= before + 0.5, "a lag that grows", 15)
    wait_for(lambda: (scraped(worker, "sanitizer_in_flight_age_seconds", shard=child.shard) or 0) > 0.5, "an age", 15)
    child.send(**(answer | {"error": None}))
    child.settle("processRecords")
    child.process_records()
    assert lag(worker, child.shard) < 5
    child.hang_up()


def test_the_lag_grows_while_the_whole_process_hangs(worker: Any) -> None:
    child = worker.child().initialize()
    child.process_records()
    os.kill(worker.process.pid, signal.SIGSTOP)
    try:
        child.send("processRecords", records=[], millisBehindLatest=0)
        wait_for(lambda: lag(worker, child.shard) >= 2, "a lag that grows", 15)
    finally:
        os.kill(worker.process.pid, signal.SIGCONT)
    child.settle("processRecords")
    assert lag(worker, child.shard) < 2
    child.hang_up()


def test_sessions_are_counted_by_how_they_end(worker: Any) -> None:
    def counts() -> dict[str, int]:
        return {
            event.value: int(scraped(worker, "sanitizer_sessions_total", event=event.value) or 0)
            for event in SessionEvent
        }

    def added() -> dict[str, int]:
        return {event: count - before[event] for event, count in counts().items() if count > before[event]}

    for messages, ending in (
        (("shutdownRequested", "leaseLost"), "handed_over"),
        (("leaseLost",), "lease_lost"),
        (("shardEnded",), "shard_ended"),
        ((), "broken"),  # the daemon is gone
    ):
        before = counts()
        child = worker.child().initialize()
        for message in messages:
            child.say(message)
        child.hang_up()
        wait_for(lambda ending=ending: added() == {"began": 1, ending: 1}, f"{ending}: {added()}", 15)  # type: ignore[misc]


def test_the_quarantine_is_counted_by_code(worker: Any) -> None:
    child = worker.child().initialize()
    before = scraped(worker, "sanitizer_quarantined_total", code="invalid_json") or 0
    child.process_records(record(1, data=b"{"), record(2, data=b"["), record(3))
    assert scraped(worker, "sanitizer_quarantined_total", code="invalid_json") == before + 2
    child.hang_up()
