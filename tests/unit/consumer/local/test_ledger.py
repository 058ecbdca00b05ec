import json
from collections.abc import Iterable
from typing import Any

import pytest

from consumer.dynamodb.item import item_encoder
from consumer.kinesis.producer import Placed
from consumer.local.ledger import Ledger
from consumer.record import Record
from consumer.settings import Settings, load_settings
from redaction.engine import PolicyRedactor, from_options
from redaction.plugin import Released

SHARD = "shardId-000000000000"


@pytest.fixture
def settings() -> Settings:
    return load_settings(None)


@pytest.fixture
def redactor() -> PolicyRedactor:
    return from_options({})


def entered(ledger: Ledger, documents: Iterable[Any]) -> list[bytes]:
    payloads = [json.dumps(document).encode() for document in documents]
    ledger.enter(payloads, [Placed(SHARD, str(number), 0.0) for number in range(len(payloads))])
    return payloads


def test_what_is_in_quarantine_is_told_by_code_and_number(settings: Settings, redactor: PolicyRedactor) -> None:
    ledger = Ledger(settings, redactor)
    sound = {"user_id": "a", "timestamp": "t"}
    payloads = entered(ledger, [sound, {"timestamp": "t"}, [1], {"id": 2}])
    (verdict,) = redactor.redact(payloads[:1])
    assert isinstance(verdict, Released)
    encoder = item_encoder(settings, SHARD, "", "")
    item = encoder.encode(verdict.document, Record("0", 0, 0, payloads[0], "")).attributes
    held = [
        {"shard": SHARD, "sequence": sequence, "sub": 0, "code": code}
        for sequence, code in (("1", "key_missing"), ("2", "not_an_object"), ("3", "key_missing"))
    ]
    findings = ledger.find([item], held)
    assert (findings.stored, findings.quarantined, findings.lost, findings.wrong) == (1, 3, [], [])
    assert findings.codes == {"key_missing": [2, 4], "not_an_object": [3]}


def test_a_word_that_the_policy_releases_in_another_record_is_no_leak(
    settings: Settings, redactor: PolicyRedactor
) -> None:
    ledger = Ledger(settings, redactor)
    rows = [{"password": "Authorization"}, {"note": "Authorization of a payment"}, {"password": "never-to-be-seen"}]
    entered(ledger, [{"user_id": "a", "timestamp": "t"} | row for row in rows])
    channels = {"log": ["an Authorization header"], "documents": ['{"x": "never-to-be-seen"}']}
    assert ledger.leaks(channels) == {"log": 0, "documents": 1}
