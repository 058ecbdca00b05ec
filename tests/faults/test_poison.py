"""Records that cannot be stored, in every place of a batch, alone and aggregated: they cost nobody else anything."""

from itertools import islice

import pytest

from consumer.kinesis.producer import Producer
from tests.faults.canaries import samples
from tests.faults.lab import FaultLab
from tests.integration.test_worker import BAD
from tests.lab.watched import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

BATCH = 4
SMALL_BAD = {data: code for data, code in BAD.items() if len(data) < 100_000}


def test_each_kind_of_poison_in_each_place_of_a_batch(lab: FaultLab) -> None:
    """All records are there before the worker starts, and a fetch takes one batch: the places are as they are put."""
    lab.set_up(shards=1, kcl={"max_records": BATCH, "idle_between_reads_ms": 200})
    good = samples(1, broken_share=0)
    expected: list[str] = []
    for data, code in SMALL_BAD.items():
        for place in range(BATCH):
            companions = list(islice(good, BATCH - 1))
            lab.canaries.enter(canary for sample in companions for canary in sample.canaries)
            batch = [sample.data for sample in companions]
            batch.insert(place, data)
            lab.put([(each, "key") for each in batch])
            expected += [code if i == place else "" for i in range(BATCH)]
    lab.start(shards=1)
    findings = lab.settle(timeout=120)
    assert findings.quarantined == len(SMALL_BAD) * BATCH
    assert findings.stored == len(SMALL_BAD) * BATCH * (BATCH - 1)
    codes = lab.quarantine_codes()
    assert [codes.get((place.shard, place.sequence), "") for place in lab.ledger.places()] == expected
    assert lab.events("daemon.restarts") == []


@pytest.mark.parametrize("victim", [None, "MultiLangDaemon", "sanitizer-pipeline"])
def test_aggregated_records(lab: FaultLab, victim: str | None) -> None:
    """Each is known by its sub-sequence number, the broken ones among them too, whoever dies meanwhile."""
    lab.set_up(shards=1)
    lab.start(shards=1)
    made = list(islice(samples(2, broken_share=0.2), 400))
    producer = Producer(lab.name)
    for start in range(0, len(made), 20):
        lab.put_samples(producer, made[start : start + 20], together=20)
        if victim and start == 200:
            wait_for(lambda: len(lab.look().lost) < 200, "the first records")
            lab.kill(victim)
    findings = lab.settle()
    assert findings.quarantined > 0
    assert findings.stored + findings.quarantined == len(made)
    assert lab.stop() == 0
