"""kill -9 of each kind of process at each step of a batch: no step is a wrong moment to die."""

import os
import signal

import pytest

from tests.faults.actions import Hold
from tests.faults.catalogue import is_checkpoint
from tests.faults.lab import FaultLab, now
from tests.faults.load import Load
from tests.faults.proxy import Rule
from tests.faults.results import Results
from tests.lab.watched import descendants, lives, wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

VICTIMS = {
    "jvm": "MultiLangDaemon",
    "pipeline": "sanitizer-pipeline",
    "shim": "sanitizer-shim",
    "supervisor": "",
}


def held(step: str, hold: Hold) -> Rule:
    if "write" in step:
        return Rule(hold, operation="BatchWriteItem", table="-output$")
    return Rule(hold, operation="UpdateItem", table="-app$", where=is_checkpoint)


STEPS = {
    "before_the_write": "before",
    "after_the_write": "after",
    "before_the_checkpoint": "before",
    "after_the_checkpoint": "after",
}
SAMPLE = {("pipeline", "after_the_write"), ("jvm", "before_the_checkpoint")}
CASES = [
    pytest.param(victim, step, marks=[pytest.mark.sample, pytest.mark.smoke] * ((victim, step) in SAMPLE))
    for victim in VICTIMS
    for step in STEPS
]


@pytest.mark.parametrize(("victim", "step"), CASES)
def test_a_process_is_killed_at_a_step_of_a_batch(lab: FaultLab, recovery: Results, victim: str, step: str) -> None:
    lab.set_up(shards=2)
    lab.start()
    assert lab.worker is not None
    with Load(lab, 120) as load:
        load.wait_for(150)
        hold = Hold("before" if STEPS[step] == "before" else "after")
        rule = lab.dynamodb.rules.add(held(step, hold))
        hold.wait()
        old = descendants(lab.worker.pid)
        pids = [pid for pid, args in old.items() if VICTIMS[victim] in args] if VICTIMS[victim] else [lab.worker.pid]
        killed_at = now()
        os.kill(pids[0], signal.SIGKILL)
        lab.dynamodb.rules.remove(rule)
        hold.drop()
        if victim == "supervisor":
            lab.worker.restart()
        recovery.felt(f"kill {victim} {step}", lab.recovered(load, killed_at, lab.owners(), timeout=90))
        load.wait_for(100)
    lab.settle()
    if victim == "supervisor":
        wait_for(lambda: not any(map(lives, old)), "what the dead supervisor had started is gone")
    assert lab.stop() == 0
