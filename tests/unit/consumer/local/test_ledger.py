import json
from collections.abc import Iterable
from typing import Any

import pytest

from consumer.decoder import Decoded
from consumer.decoding.documents import documents_of
from consumer.dynamodb.attribute_values import decode_document
from consumer.dynamodb.item import item_encoder
from consumer.kinesis.producer import Placed
from consumer.local.ledger import Documents, Ledger
from consumer.producing.formats import format_named
from consumer.quarantine.entry import QuarantineEncoder
from consumer.record import AttributeValue, Record
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


class Stream:
    """Records in a format, and what a worker would make of them."""

    def __init__(self, redactor: PolicyRedactor, *records: list[bytes], format_: str = "ndjson") -> None:
        form = format_named(format_)
        self.settings = Settings.model_validate({"stream": {"format": form.setting}})
        self.ledger = Ledger(self.settings, redactor)
        self.items: list[dict[str, AttributeValue]] = []
        self.held: list[dict[str, Any]] = []
        data = [form.write(documents) for documents in records]
        places = [Placed(SHARD, str(number), 7.0) for number in range(len(data))]
        self.ledger.enter(data, places, None, [tuple(documents) for documents in records])
        encoder = item_encoder(self.settings, SHARD, "", "")
        quarantine = QuarantineEncoder("s", SHARD, "", "", b"key")
        for place, (documents, put) in enumerate(zip(records, data, strict=True)):
            record = Record(str(place), 0, 0, put)
            for each in documents_of(record, [Decoded(document) for document in documents]):
                (verdict,) = redactor.redact([each.record.data])
                if isinstance(verdict, Released):
                    self.items.append(encoder.encode(verdict.document, each.record).attributes)
                else:
                    self.held.append(decode_document(quarantine.encode(each.record, "bad", None, 0).attributes))

    def find(self) -> Any:
        return self.ledger.find(self.items, self.held)


def document(user: str, **more: Any) -> bytes:
    return json.dumps({"user_id": user, "timestamp": "t"} | more).encode()


@pytest.fixture
def several(redactor: PolicyRedactor) -> Stream:
    return Stream(
        redactor,
        [document("a"), document("b", pan="4111 1111 1111 1111"), document("c")],
        [document("d"), b"{broken", document("e")],
    )


def test_documents_are_counted_beside_the_records_and_both_add_up(several: Stream) -> None:
    found = several.find()
    assert (found.stored, found.quarantined, found.lost, found.wrong) == (1, 1, [], [])
    assert found.documents == Documents(produced=6, stored=5, quarantined=1)
    assert found.codes == {"bad": [5]}
    assert len(several.ledger) == 2
    assert [name for name, _ in several.ledger.documents()] == [
        f"{SHARD}/{place}" for place in ("0/0", "0/0+1", "0/0+2", "1/0", "1/0+1", "1/0+2")
    ]


@pytest.mark.parametrize("missing", range(5))
def test_a_document_whose_item_is_missing_is_lost_and_its_record_with_it(several: Stream, missing: int) -> None:
    del several.items[missing]
    found = several.find()
    assert found.lost == [(SHARD, "0" if missing < 3 else "1", 0)]
    assert (found.documents.stored, found.documents.lost) == (4, 1)


def test_a_document_missing_in_quarantine_is_lost(several: Stream) -> None:
    several.held.clear()
    found = several.find()
    assert (found.lost, found.documents.quarantined, found.documents.lost) == ([(SHARD, "1", 0)], 0, 1)


def test_a_document_with_the_content_of_its_neighbour_is_wrong(several: Stream) -> None:
    several.items[0]["timestamp"] = {"S": "another"}
    found = several.find()
    assert (found.lost, found.wrong, found.documents.lost) == ([], [(SHARD, "0", 0)], 1)


def test_a_document_in_two_places_is_wrong(several: Stream) -> None:
    several.held.append(several.held[0] | {"sequence": "0", "part": 2})
    found = several.find()
    assert (found.wrong, found.documents.lost) == ([(SHARD, "0", 0)], 1)


def test_a_document_that_the_decoders_left_out_is_noticed(redactor: PolicyRedactor) -> None:
    stream = Stream(redactor, [document("a"), document("b")])
    ledger = Ledger(stream.settings, redactor)
    data = format_named("ndjson").write([document("a")])
    ledger.enter([data], [Placed(SHARD, "0", 7.0)], None, [(document("a"), document("b"))])
    assert ledger.find(stream.items[:1], []).wrong == [(SHARD, "0", 0)]
    ledger = Ledger(stream.settings, redactor)
    ledger.enter([data], [Placed(SHARD, "0", 7.0)], None, [(document("b"),)])
    assert ledger.find(stream.items[:1], []).wrong == [(SHARD, "0", 0)]


def test_of_two_documents_of_a_record_with_one_key_the_later_one_counts(redactor: PolicyRedactor) -> None:
    keys = {"partition_key": "{user_id}", "sort_key": "{timestamp}"}
    settings = Settings.model_validate({"stream": {"format": ["ndjson"]}, "output": keys})
    ledger = Ledger(settings, redactor)
    documents = [document("a", n=1), document("a", n=2)]
    ledger.enter([format_named("ndjson").write(documents)], [Placed(SHARD, "0", 7.0)], None, [tuple(documents)])
    encoder = item_encoder(settings, SHARD, "", "")
    record = Record("0", 0, 0, documents[1], part=1)
    item = encoder.encode(json.loads(documents[1]), record).attributes
    found = ledger.find([item], [])
    assert found.documents == Documents(produced=2, stored=1, duplicates=1)
    assert (found.stored, found.duplicates) == (1, 0)


def test_raw_values_of_each_document_are_looked_for(several: Stream) -> None:
    assert several.ledger.leaks({"log": ["pan 4111 1111 1111 1111"]}) == {"log": 1}
    assert several.ledger.leaks({"log": ["pan ****1111"]}) == {"log": 0}


def test_what_a_record_holds_is_known_without_its_producer(redactor: PolicyRedactor, settings: Settings) -> None:
    ledger = Ledger(settings, redactor)
    ledger.enter([document("a") + b"\n" + document("b")], [Placed(SHARD, "0", 0.0)])
    found = ledger.find([], [])
    assert (found.documents.produced, len(found.lost)) == (2, 1)
