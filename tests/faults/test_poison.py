"""Records that cannot be stored, in every place of a batch, alone and aggregated: they cost nobody else anything."""

from itertools import islice
from typing import Any

import pytest

from consumer.dynamodb.attribute_values import decode_document
from consumer.dynamodb.item import decode_item, item_encoder
from consumer.errors import EncodeError
from consumer.kinesis.producer import Producer, Put
from consumer.record import Record
from consumer.redactors.loading import load_plugin
from redaction.guard import redact_guarded
from redaction.plugin import Released
from tests.faults.canaries import samples
from tests.faults.lab import FaultLab
from tests.integration.test_worker import BAD
from tests.kits.kpl import Part, aggregate
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
    lab.canaries.enter(canary for sample in made for canary in sample.canaries)
    producer = Producer(lab.name)
    expected: dict[tuple[str, int], bytes] = {}
    for start in range(0, len(made), 20):
        group = made[start : start + 20]
        packed = aggregate([Part(sample.data) for sample in group], keys=("key",))
        placed = producer.put([Put(packed, "key")])[0]
        expected |= {(placed.sequence, sub): sample.data for sub, sample in enumerate(group)}
        if victim and start == 200:
            wait_for(lambda: stored_and_quarantined(lab), "the first records")
            lab.kill(victim)
    wait_for(lambda: sum(map(len, stored_and_quarantined(lab))) >= len(made), "all sub-records", 90)
    stored, quarantined = stored_and_quarantined(lab)
    assert stored.isdisjoint(quarantined)
    assert stored | quarantined == set(expected)
    documents = {place: document_of(lab, data, *place) for place, data in expected.items()}
    assert quarantined == {place for place, document in documents.items() if document is None}
    for item in lab.cloud.table(lab.settings.output.table):
        document, added = decode_item(item, lab.settings.output)
        assert document == documents[added["sequence"], int(added["sub"])]
    lab.assert_books_balance()
    lab.assert_no_leaks()
    assert lab.stop() == 0


def document_of(lab: FaultLab, data: bytes, sequence: str, sub: int) -> dict[str, Any] | None:
    """Return the document that must be stored of a record, or None where it must be quarantined."""
    verdict = redact_guarded(load_plugin(lab.settings), [data])[0]
    if not isinstance(verdict, Released):
        return None
    try:
        encoder = item_encoder(lab.settings, "shardId-000000000000", "", "")
        item = encoder.encode(verdict.document, Record(sequence, sub, 0, data, "key"))
    except EncodeError:
        return None
    return decode_item(item.attributes, lab.settings.output)[0]


def stored_and_quarantined(lab: FaultLab) -> tuple[set[tuple[str, int]], set[tuple[str, int]]]:
    """Return sequence and sub-sequence numbers of what is in the two tables."""

    def places(rows: list[dict[str, Any]]) -> set[tuple[str, int]]:
        return {(row["sequence"], int(row["sub"])) for row in rows}

    items = [decode_document(item["_sanitizer"]["M"]) for item in lab.cloud.table(lab.settings.output.table)]
    entries = [decode_document(item) for item in lab.cloud.table(lab.settings.quarantine.table)]
    return places(items), places(entries)
