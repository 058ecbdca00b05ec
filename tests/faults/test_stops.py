"""SIGTERM at any moment, again and again, under load; and what a new worker needs until the records go on."""

import os
import random
import signal
import time
from functools import partial

import pytest

from tests.faults.actions import Hold
from tests.faults.catalogue import is_checkpoint
from tests.faults.lab import FaultLab, now
from tests.faults.load import Load
from tests.faults.proxy import Rule
from tests.faults.results import Results
from tests.lab.watched import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

MOMENTS = 3
STOP_SECONDS = 20.0
"""FAST_KCL's grace of 8 s, and what comes after it."""


def terminate(lab: FaultLab) -> None:
    """SIGTERM the first worker; it must end in time and cleanly."""
    assert lab.worker is not None
    os.kill(lab.worker.pid, signal.SIGTERM)
    began = time.monotonic()
    status = lab.worker.close()
    assert time.monotonic() - began < STOP_SECONDS
    assert status == 0


def _has_started_again(lab: FaultLab, before: int) -> bool:
    return len(lab.events("worker.started")) > before


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[pytest.mark.sample] * (seed == 1)) for seed in range(1, 11)]
)
def test_sigterm_at_random_moments(lab: FaultLab, seed: int) -> None:
    """Three moments for each seed: within the start, or while records flow."""
    rng = random.Random(seed)  # noqa: S311 - repeatable by design
    lab.set_up(shards=2)
    with Load(lab, 100, seed=seed) as load:
        for _ in range(MOMENTS):
            started = len(lab.events("worker.started"))
            lab.launch()
            # Before that, Python itself decides what a SIGTERM does; nothing of ours has begun.
            wait_for(partial(_has_started_again, lab, started), "the worker's start")
            if rng.random() < 0.5:
                load.wait_for(rng.randrange(1, 700))
            else:
                lab.wait_until_owned(2)
                load.wait_for(rng.randrange(1, 250))
            terminate(lab)
            lab.assert_no_leaks()
        lab.start()
        load.wait_for(50)
    lab.settle()


@pytest.mark.parametrize("step", ["write", "checkpoint"])
def test_sigterm_while_a_request_is_under_way(lab: FaultLab, step: str) -> None:
    lab.set_up(shards=2)
    lab.start()
    assert lab.worker is not None
    hold = Hold("before")
    with Load(lab, 100) as load:
        load.wait_for(100)
        rule = (
            Rule(hold, operation="BatchWriteItem", table="-output$")
            if step == "write"
            else Rule(hold, operation="UpdateItem", table="-app$", where=is_checkpoint)
        )
        lab.dynamodb.rules.add(rule)
        hold.wait()
        os.kill(lab.worker.pid, signal.SIGTERM)
        wait_for(lambda: lab.events("signal.received"), "the signal's arrival")
        lab.dynamodb.rules.remove(rule)
        hold.release()
        terminate(lab)
        lab.start()
        load.wait_for(50)
    lab.settle()


def test_a_stop_while_dynamodb_is_away_ends_in_time_and_loses_nothing(lab: FaultLab) -> None:
    lab.set_up(shards=2)
    lab.start()
    assert lab.worker is not None
    with Load(lab, 100) as load:
        load.wait_for(100)
        lab.dynamodb.wire.refuse()
        load.wait_for(50)
        began = time.monotonic()
        lab.worker.close()
        assert time.monotonic() - began < STOP_SECONDS + 10
        lab.dynamodb.wire.accept()
        lab.start()
        load.wait_for(50)
    lab.settle(timeout=150)


def test_hand_over_to_another_worker(lab: FaultLab, recovery: Results) -> None:
    """A rolling deployment: the new one is up before the old one is told to go."""
    lab.set_up(shards=2)
    lab.start()
    second = lab.another()
    with Load(lab, 100) as load:
        load.wait_for(100)
        lab.launch(second)
        wait_for(lambda: second.metrics().get("sanitizer_shards_owned", 0) > 0, "the second one has a shard", 60)
        shards = [shard for shard, owner in lab.owners().items() if owner == lab.worker_id(lab)]
        gone_at = now()
        terminate(lab)
        recovery.felt("SIGTERM, another worker takes over", lab.recovered(load, gone_at, shards, timeout=60))
        load.wait_for(50)
    lab.settle()
    assert second.stop() == 0
