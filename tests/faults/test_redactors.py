"""Redactors that die, hang, or eat memory, among good records and under load: the culprit alone is quarantined."""

from typing import Any

import orjson
import pytest

from consumer.dynamodb.attribute_values import decode_document
from consumer.kinesis.producer import Producer, Put
from tests.faults.lab import FaultLab
from tests.faults.load import Load
from tests.lab.watched import wait_for

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

MODULE = """
import os, signal, time
from redaction.engine import from_options

class Odd:
    def __init__(self):
        self.policy = from_options({})
        self.name, self.version, self.digest = "odd", "1", self.policy.digest

    def redact(self, payloads):
        for payload in payloads:
            if b'"do":"die"' in payload:
                os._exit(9)
            if b'"do":"be killed"' in payload:
                os.kill(os.getpid(), signal.SIGKILL)
            if b'"do":"hang"' in payload:
                time.sleep(1000)
            if b'"do":"burn"' in payload:
                while True:
                    pass
            if b'"do":"eat"' in payload:
                bytearray(1 << 40)
            if b'"do":"raise"' in payload:
                raise ValueError(payload.decode())
            if b'"do":"lie"' in payload:
                return [payload]
        return self.policy.redact(payloads)

def make(options):
    return Odd()
"""

CODES = {
    "die": "redactor_died",
    "be killed": "redactor_died",
    "hang": "redactor_timed_out",
    "burn": "redactor_timed_out",
    "eat": "redactor_raised",
    "raise": "redactor_raised",
    "lie": "redactor_invalid_verdict",
}


@pytest.mark.parametrize("kind", CODES)
def test_one_record_among_many(lab: FaultLab, kind: str) -> None:
    plugin = lab.folder / "plugin"
    metadata = plugin / "odd_redactor-1.dist-info"
    metadata.mkdir(parents=True)
    (plugin / "odd_redactor.py").write_text(MODULE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-redactor\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[kinesis_sanitizer.redactors]\nodd = odd_redactor:make\n")
    lab.variables = {"PYTHONPATH": str(plugin)}
    # The ledger expects what the policy makes of a record, which is what this redactor does with the others.
    lab.set_up(shards=2)
    lab.configure(redaction={"plugin": "odd", "options": {}, "timeout_seconds": 2.0})
    lab.start()
    culprit = orjson.dumps({"user_id": "culprit", "timestamp": "t", "do": kind, "pan": "4242 4242 4242 4242"})
    with Load(lab, 60) as load:
        load.wait_for(60)
        placed = Producer(lab.name).put([Put(culprit, "key")])[0]
        place = (placed.shard, placed.sequence)
        wait_for(lambda: place in lab.quarantine_codes(), "the culprit in quarantine", 120)
        load.wait_for(60)
    lab.settle(timeout=120)
    assert lab.quarantine_codes()[place] == CODES[kind]
    others: list[dict[str, Any]] = [decode_document(item) for item in lab.cloud.table(lab.settings.quarantine.table)]
    assert [entry["sequence"] for entry in others if "redactor" in entry["code"]] == [placed.sequence]
    assert lab.stop() == 0
