"""Whatever may happen between the daemon and Kinesis, under load: nothing is lost."""

import pytest

from tests.faults import actions
from tests.faults.catalogue import READS, WIRE, mend
from tests.faults.lab import FaultLab
from tests.faults.load import Load
from tests.faults.proxy import Rule
from tests.lab.watched import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

RATE = 120.0
SECONDS = 4


@pytest.mark.parametrize("fault", READS)
def test_reads_are_refused(running: FaultLab, fault: str) -> None:
    make, options = READS[fault]
    rule = Rule(make(), operation="GetRecords", **options)
    with Load(running, RATE, seed=sum(fault.encode())) as load:
        load.wait_for(30)
        with running.kinesis.rules.applied(rule):
            load.wait_for(int(RATE * SECONDS))
            wait_for(lambda: rule.met >= 3, f"{fault} 3 times", 30)
        load.wait_for(30)
    running.settle(timeout=120)


@pytest.mark.parametrize(
    "fault", [pytest.param(name, marks=[pytest.mark.sample, pytest.mark.smoke] * (name == "reset")) for name in WIRE]
)
def test_the_wire_to_kinesis_is_bad(running: FaultLab, fault: str) -> None:
    wire = running.kinesis.wire
    with Load(running, RATE, seed=500 + sum(fault.encode())) as load:
        load.wait_for(30)
        for _ in range(2):
            WIRE[fault](wire)
            load.wait_for(int(RATE * 2))
            mend(wire)
            load.wait_for(30)
    running.settle(timeout=120)


def test_the_shards_cannot_be_listed(running: FaultLab) -> None:
    rule = Rule(actions.error(400, "LimitExceededException"), operation="ListShards|DescribeStream.*")
    with running.kinesis.rules.applied(rule), Load(running, RATE, seed=777) as load:
        load.wait_for(int(RATE * 5))
    running.settle()


@pytest.mark.sample
def test_the_shards_cannot_be_listed_when_the_first_records_come(lab: FaultLab) -> None:
    """KCL asks for them then, and skips what it has fetched if it is not told."""
    lab.set_up(shards=2)
    lab.feed(400)
    rule = Rule(
        actions.error(500, "InternalFailure"),
        operation="ListShards",
        where=lambda request: "aws-sdk-java" in request.headers.get("user-agent", ""),
    )
    with lab.kinesis.rules.applied(rule):
        lab.launch()
        wait_for(lambda: lab.events("daemon.restarts"), "a daemon that could not hand over ends", 60)
    lab.settle()
    assert lab.events("daemon.restarts")[0]["reason"] == "delivery_failed"
