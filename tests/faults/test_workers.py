"""Two workers and three: they join, leave, die and freeze under load."""

import os
import signal
import time

import pytest

from tests.faults.lab import FaultLab, now
from tests.faults.load import Load
from tests.faults.results import Results
from tests.lab.watched import Watched, descendants, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

RATE = 100.0


def everything(worker: Watched) -> list[int]:
    """The pids of all of a worker's processes."""
    assert worker.worker is not None
    return [worker.worker.pid, *descendants(worker.worker.pid)]


def owned_by(lab: FaultLab, worker: Watched) -> list[str]:
    return [shard for shard, owner in lab.owners().items() if owner == lab.worker_id(worker)]


def join(lab: FaultLab, *, shards: int) -> Watched:
    """Start another worker, and wait until it has got so many shards."""
    worker = lab.launch(lab.another())
    wait_for(lambda: worker.metrics().get("sanitizer_shards_owned", 0) >= shards, f"{shards} shards handed over", 90)
    return worker


def leader(lab: FaultLab) -> str | None:
    rows = {row["key"]["S"]: row for row in lab.cloud.table(f"{lab.name}-app-CoordinatorState") if "key" in row}
    return rows["Leader"]["ownerName"]["S"] if "Leader" in rows else None


def test_workers_join_and_leave(lab: FaultLab) -> None:
    lab.set_up(shards=4)
    lab.start(shards=4)
    with Load(lab, RATE) as load:
        load.wait_for(50)
        second = join(lab, shards=2)
        third = join(lab, shards=1)
        load.wait_for(100)
        assert lab.stop() == 0
        lab.wait_until_owned(4, [second, third])
        load.wait_for(100)
        assert third.stop() == 0
        lab.wait_until_owned(4, [second])
        load.wait_for(100)
    lab.settle()
    assert second.stop() == 0


@pytest.mark.parametrize(("of", "failover_ms"), [("leader", 2000), ("other", 2000), ("leader", 10_000)])
def test_a_whole_worker_is_killed_while_another_lives(
    lab: FaultLab, recovery: Results, of: str, failover_ms: int
) -> None:
    lab.set_up(shards=2, kcl={"failover_ms": failover_ms})
    lab.start()
    with Load(lab, RATE) as load:
        second = join(lab, shards=1)
        first_leads = leader(lab) == lab.worker_id(lab)
        victim, survivor = (lab, second) if first_leads == (of == "leader") else (second, lab)
        shards = owned_by(lab, victim)
        assert shards
        load.wait_for(50)
        killed_at = now()
        for pid in everything(victim):
            os.kill(pid, signal.SIGKILL)
        assert victim.worker is not None
        wait_for(lambda: victim.worker and victim.worker.exit_status is not None, "its end")
        recovery.felt(f"kill {of} {failover_ms}", lab.recovered(load, killed_at, shards, timeout=150))
        load.wait_for(50)
    lab.settle()
    assert survivor.stop() == 0


@pytest.mark.parametrize("of", ["leader", "other"])
def test_a_worker_is_frozen_past_its_leases_and_woken(lab: FaultLab, of: str) -> None:
    """It wakes in the middle of what it was doing, and others have gone on with its shards."""
    lab.set_up(shards=2)
    lab.start()
    with Load(lab, RATE) as load:
        second = join(lab, shards=1)
        load.wait_for(50)
        first_leads = leader(lab) == lab.worker_id(lab)
        frozen, other = (lab, second) if first_leads == (of == "leader") else (second, lab)
        shards = owned_by(lab, frozen)
        assert shards
        pids = everything(frozen)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        try:
            wait_for(
                lambda: set(shards) <= set(owned_by(lab, other)), "its shards are the other's", timeout=150, every=0.5
            )
            load.wait_for(100)
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        assert time.monotonic() - began > lab.settings.kcl.failover_ms / 1000
        load.wait_for(int(RATE * 5))
    lab.settle()
    owners = set(lab.owners().values())
    assert owners <= {lab.worker_id(frozen), lab.worker_id(other)}
    for worker in (lab, second):
        worker.stop()
    assert not lab.wait_until_found().lost
