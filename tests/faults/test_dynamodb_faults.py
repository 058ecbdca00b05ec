"""Whatever may happen between the worker and DynamoDB, under load: nothing is lost, nothing is stored wrongly."""

import pytest

from tests.faults import actions
from tests.faults.catalogue import WIRE, WRITES, mend
from tests.faults.lab import FaultLab
from tests.faults.load import Load
from tests.faults.proxy import Rule
from tests.lab.watched import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

RATE = 120.0
HITS = 8
"""How often each fault must have happened before it is lifted."""


@pytest.mark.parametrize(
    "fault",
    [pytest.param(name, marks=[pytest.mark.sample, pytest.mark.smoke] * (name == "answer_lost")) for name in WRITES],
)
def test_writes_fail_under_load(running: FaultLab, fault: str) -> None:
    make, options = WRITES[fault]
    rule = Rule(make(), operation="BatchWriteItem", **options)
    with Load(running, RATE, seed=_seed(fault)) as load:
        load.wait_for(30)
        with running.dynamodb.rules.applied(rule):
            wait_for(lambda: rule.met >= HITS, f"{fault} {HITS} times", 60)
        load.wait_for(30)
    running.settle()
    assert not running.events("item_refused")


def _seed(name: str) -> int:
    return sum(name.encode())


def test_a_table_with_little_capacity_slows_the_worker_and_loses_nothing(running: FaultLab) -> None:
    capacity = actions.Capacity(40)
    rule = Rule(capacity, operation="BatchWriteItem", table="-output$")
    with running.dynamodb.rules.applied(rule), Load(running, 80, seed=901) as load:
        load.wait_for(300)
        load.stop()
        running.wait_until_found()
    assert capacity.turned_away > 0
    running.settle()


def test_refused_items_are_quarantined_and_their_companions_are_stored(running: FaultLab) -> None:
    mark = b"refuse-me"
    rule = Rule(actions.refusing(mark), operation="BatchWriteItem", table="-output$")
    good = running.settle()
    with running.dynamodb.rules.applied(rule):
        running.feed(20, seed=902)
        for number in range(5):
            running.put_raw(b'{"user_id":"refuse-me","timestamp":"%d"}' % number, str(number))
        running.feed(20, seed=903)
        wait_for(lambda: list(running.quarantine_codes().values()).count("item_refused") == 5, "five refused items", 30)
        running.wait_until_found()
    after = running.settle()
    assert after.stored + after.quarantined == good.stored + good.quarantined + 40


@pytest.mark.parametrize("seconds", [8.0, 60.0])
def test_an_outage_is_waited_out(running: FaultLab, seconds: float) -> None:
    """Of output and quarantine only: KCL keeps its leases. The worker does not restart for it."""
    restarts = len(running.events("daemon.restarts"))
    down = Rule(actions.lost_request(), operation="BatchWriteItem")
    with Load(running, RATE, seed=904) as load:
        load.wait_for(30)
        with running.dynamodb.rules.applied(down):
            load.wait_for(int(RATE * seconds))
        load.wait_for(30)
    running.settle()
    assert len(running.events("daemon.restarts")) == restarts


def test_dynamodb_is_out_of_reach_for_the_leases_too(running: FaultLab) -> None:
    """Longer than a lease lasts without renewal."""
    with Load(running, RATE, seed=905) as load:
        load.wait_for(30)
        running.dynamodb.wire.refuse()
        load.wait_for(int(RATE * 6))
        running.dynamodb.wire.accept()
        load.wait_for(30)
    running.settle(timeout=120)


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "InternalServerError"])
def test_the_lease_table_fails_and_the_records_go_on(running: FaultLab, code: str) -> None:
    failing = Rule(actions.error(400 if "Through" in code else 500, code), table="-app", share=0.4, seed=5)
    with Load(running, RATE, seed=906 + len(code)) as load:
        load.wait_for(30)
        with running.dynamodb.rules.applied(failing):
            load.wait_for(int(RATE * 5))
        load.wait_for(30)
    assert failing.met > 0
    running.settle(timeout=120)


@pytest.mark.parametrize("fault", WIRE)
def test_the_wire_to_dynamodb_is_bad(running: FaultLab, fault: str) -> None:
    wire = running.dynamodb.wire
    with Load(running, RATE, seed=_seed(fault)) as load:
        load.wait_for(30)
        for _ in range(3):
            WIRE[fault](wire)
            load.wait_for(int(RATE))
            mend(wire)
            load.wait_for(20)
    running.settle(timeout=120)
