"""kill -9 of each kind of process while records flow: the worker recovers by itself, and nothing is lost."""

import os
import signal
import threading
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from .conftest import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.smoke, pytest.mark.timeout(240)]

BATCHES = 12
BATCH = 100


class Feeding:
    """Feeds in the background, and tells how far it is."""

    def __init__(self, lab: Any) -> None:
        self._lab = lab
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._go_on = threading.Semaphore(0)
        self._thread.start()

    def _feed(self) -> None:
        for seed in range(BATCHES):
            self._go_on.acquire()
            self._lab.put_transactions(BATCH, seed=seed)

    def release(self, batches: int) -> None:
        self._go_on.release(batches)

    def finish(self) -> None:
        self._go_on.release(BATCHES)
        self._thread.join()


@pytest.mark.parametrize(
    ("victim", "reason"),
    [("MultiLangDaemon", "daemon_exit"), ("sanitizer-pipeline", "pipeline_died"), ("sanitizer-shim", "session_failed")],
)
def test_death_of_a_process(lab: Any, victim: str, reason: str) -> None:
    lab.set_up(shards=2)
    lab.start()
    feeding = Feeding(lab)
    feeding.release(BATCHES // 2)
    wait_for(lambda: lab.metrics().get("sanitizer_records_received_total", 0) > 0, "records flow")
    before = lab.metrics()
    lab.kill(victim)
    feeding.finish()
    findings = lab.wait_until_found(timeout=120)
    assert findings.stored + findings.quarantined == BATCHES * BATCH
    restarts = lab.events("daemon.restarts")
    assert restarts[0]["reason"] == reason
    lab.assert_books_balance()
    after = lab.metrics()  # nothing of it ever went backwards
    assert after["sanitizer_records_received_total"] >= max(before["sanitizer_records_received_total"], BATCHES * BATCH)
    assert after.get("sanitizer_process_cpu_seconds_total", 0) >= before.get("sanitizer_process_cpu_seconds_total", 0)
    wait_for(lambda: _sessions_open(lab) == 2, f"as many sessions as shards: {_sessions_open(lab)}")
    lab.assert_no_leaks()
    assert lab.stop() == 0


def test_death_of_the_supervisor_takes_its_processes_along_and_a_new_one_goes_on(lab: Any) -> None:
    from .conftest import descendants  # noqa: PLC0415

    lab.set_up(shards=2)
    lab.start()
    assert lab.worker is not None
    feeding = Feeding(lab)
    feeding.release(BATCHES // 2)
    wait_for(lambda: lab.metrics().get("sanitizer_records_received_total", 0) > 0, "records flow")
    old = set(descendants(lab.worker.pid))
    assert len(old) >= 5  # daemon, two pipelines, two shims
    os.kill(lab.worker.pid, signal.SIGKILL)
    lab.worker.restart()
    feeding.finish()
    findings = lab.wait_until_found(timeout=150)
    assert findings.stored + findings.quarantined == BATCHES * BATCH
    wait_for(lambda: not any(_lives(pid) for pid in old), "the old processes are gone")
    ids = {event["worker_id"] for event in lab.events("worker.started")}
    assert len(ids) == 1  # the same worker id, so that the leases are its own at once
    lab.assert_books_balance()
    assert lab.stop() == 0


def _sessions_open(lab: Any) -> float:
    """Return how many sessions began and have not ended; those of a dead process are entered by the supervisor."""
    families = {family.name: family for family in text_string_to_metric_families(lab.metrics_text())}
    counts = {sample.labels["event"]: sample.value for sample in families["sanitizer_sessions"].samples}
    return counts.pop("began") - sum(counts.values())


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
