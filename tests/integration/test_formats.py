"""Records of many documents with the real daemon: every document counted by its identity, whatever is killed."""

import gzip
import json
import urllib.request
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import boto3
import orjson
import pytest

from consumer.dynamodb.attribute_values import decode_document
from tests.kits.schema_registry import SchemaRegistry
from tests.kits.schemas import avro_bytes, confluent_record, glue_record, varint
from tests.lab.watched import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

RECORDS = 4
MANY = 1000
CARD = "4242424242424242"


def lines(record: int, count: int = MANY) -> list[bytes]:
    return [
        orjson.dumps({"user_id": f"u{record}", "timestamp": f"{number:05d}", "card": CARD}) for number in range(count)
    ]


def put(lab: Any, data: bytes) -> None:
    boto3.client("kinesis").put_record(StreamName=lab.name, PartitionKey="k", Data=data)


def stored(lab: Any) -> list[tuple[str, str, int]]:
    """Return user, timestamp and part of each stored document."""
    items = map(decode_document, lab.cloud.table(lab.settings.output.table))
    return [(item["user_id"], item["timestamp"], int(item["_sanitizer"].get("part", 0))) for item in items]


def has_stored(lab: Any, count: int) -> bool:
    return len(stored(lab)) > count


@pytest.mark.smoke
def test_kills_in_the_middle_of_records_of_a_thousand_documents(lab: Any) -> None:
    lab.set_up(shards=1, output={"concurrency": 1})
    lab.start(1)
    for record in range(RECORDS):
        put(lab, gzip.compress(b"\n".join(lines(record))))
    for killed_at in (150, MANY + 400, 2 * MANY + 700):
        wait_for(partial(has_stored, lab, killed_at), f"{killed_at} documents are stored", 60)
        lab.kill("sanitizer-pipeline")
    wait_for(lambda: len(stored(lab)) == RECORDS * MANY, "all documents are stored", 120)
    assert sorted(stored(lab)) == [(f"u{r}", f"{n:05d}", n) for r in range(RECORDS) for n in range(MANY)]
    assert not lab.cloud.table(lab.settings.quarantine.table)
    lab.assert_books_balance()
    assert lab.metrics()["sanitizer_documents_total"] >= RECORDS * MANY
    assert lab.stop() == 0
    assert CARD not in lab.log.read_text(encoding="utf-8")


def test_a_bad_line_is_quarantined_alone_and_what_cannot_be_read_as_a_whole(lab: Any) -> None:
    lab.set_up(shards=1)
    lab.start(1)
    good = lines(0, 3)
    put(lab, gzip.compress(b"\n".join([good[0], b'{"card": "' + CARD.encode(), good[1], b"", good[2]])))
    put(lab, gzip.compress(b"\n".join(lines(1, 50)))[:-20])
    put(lab, b"[" + b",".join(lines(2, 2)) + b"]")
    put(lab, b"[" + b",".join([*lines(3, 2), b"7"]) + b"]")
    put(lab, gzip.compress(bytes(40 << 20)))
    put(lab, lines(4, 1)[0])
    wait_for(lambda: ("u4", "00000", 0) in stored(lab), "the shard goes on")
    assert sorted(stored(lab)) == [
        ("u0", "00000", 0),
        ("u0", "00001", 2),
        ("u0", "00002", 3),
        ("u2", "00000", 0),
        ("u2", "00001", 1),
        ("u4", "00000", 0),
    ]
    entries = [decode_document(item) for item in lab.cloud.table(lab.settings.quarantine.table)]
    entries.sort(key=lambda entry: entry["sequence"])
    assert [(entry["code"], entry.get("part")) for entry in entries] == [
        ("invalid_json", 1),
        ("compression_damaged", None),
        ("not_an_object", None),
        ("decoded_too_large", None),
    ]
    lab.assert_books_balance()
    assert lab.stop() == 0
    assert CARD not in lab.log.read_text(encoding="utf-8")


ORDER = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "user_id", "type": "string"},
        {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
        {"name": "hint", "type": "string", "pii": "SECRET"},
        {"name": "note", "type": "string"},
    ],
}
TAGS = "name: tagged\nversion: '1'\nextends: default\ntags: {SECRET: drop}"
AT = datetime(2024, 3, 15, 10, 30, 0, 123000, tzinfo=UTC)


def order(user: str) -> dict[str, Any]:
    return {
        "user_id": user,
        "timestamp": AT,
        "amount": Decimal("149.90"),
        "hint": "maiden name",
        "note": f"paid with {CARD}",
    }


def health(lab: Any) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{lab.port()}/healthz", timeout=5) as answer:
        return str(answer.read())


def policy(lab: Any) -> dict[str, Any]:
    path = lab.folder / "policy.yaml"
    path.write_text(TAGS)
    return {"options": {"policy": str(path)}}


def assert_orders(lab: Any, name: str, version: str) -> None:
    """See that each stored order is what was put, redacted by detectors and tags, with its schema's name."""
    for item in map(decode_document, lab.cloud.table(lab.settings.output.table)):
        assert item["timestamp"] == "2024-03-15T10:30:00.123Z"
        assert item["amount"] == Decimal("149.90")
        assert "hint" not in item
        assert CARD not in item["note"]
        assert (item["_sanitizer"]["schema"], item["_sanitizer"]["schema_version"]) == (name, version)
    assert CARD not in lab.log.read_text(encoding="utf-8")
    assert "maiden" not in lab.log.read_text(encoding="utf-8")


def test_avro_with_the_glue_schema_registry(lab: Any) -> None:
    glue = boto3.client("glue")
    glue.create_registry(RegistryName="orders")
    made = glue.create_schema(
        RegistryId={"RegistryName": "orders"},
        SchemaName="order",
        DataFormat="AVRO",
        Compatibility="NONE",
        SchemaDefinition=json.dumps(ORDER),
    )
    lab.set_up(shards=1, stream={"name": lab.name, "format": ["glue"]}, redaction=policy(lab))
    lab.start(1)
    known = made["SchemaVersionId"]
    for number in range(40):
        put(lab, glue_record(known, avro_bytes(ORDER, order(f"u{number}")), is_compressed=bool(number % 2)))
    whole = avro_bytes(ORDER, order("v"))
    put(lab, glue_record(known, whole + b"\0"))
    put(lab, glue_record(known, whole[:-3]))
    put(lab, glue_record("00000000-0000-4000-8000-000000000000", whole))
    put(lab, b'{"user_id": "w", "timestamp": "t"}')
    wait_for(lambda: len(stored(lab)) + len(lab.quarantine_codes()) == 44, "all records are settled", 60)
    assert {user for user, _, _ in stored(lab)} == {f"u{number}" for number in range(40)}
    assert_orders(lab, "order", "1")
    assert sorted(lab.quarantine_codes().values()) == [
        "avro_invalid",
        "avro_trailing_bytes",
        "glue_header_invalid",
        "schema_unknown",
    ]
    lab.assert_books_balance()
    assert lab.stop() == 0


def test_a_registry_that_does_not_answer_holds_the_shard_and_health_says_so(lab: Any) -> None:
    with SchemaRegistry() as registry:
        registry.register(7, "orders-value", 3, ORDER)
        registry.answers = [(503, b"<html>no</html>")] * 1000
        lab.set_up(
            shards=1, stream={"name": lab.name, "format": [{"confluent": {"url": registry.url}}]}, redaction=policy(lab)
        )
        lab.start(1)
        for number in range(10):
            put(lab, confluent_record(7, avro_bytes(ORDER, order(f"u{number}"))))
        wait_for(lambda: "decoder_unavailable" in health(lab), "health says what holds the shard")
        assert not stored(lab)
        assert not lab.quarantine_codes()
        registry.answers = []
        wait_for(lambda: len(stored(lab)) == 10, "all records are stored", 60)
        wait_for(lambda: "decoder_unavailable" not in health(lab), "health is well again")
        assert_orders(lab, "orders-value", "3")
        assert not lab.quarantine_codes()
        lab.assert_books_balance()
        assert lab.stop() == 0
    assert lab.events("decoder.unavailable")


PAYMENT = """syntax = "proto3";
message Payment {
  string user_id = 1;
  string timestamp = 2;
  int64 cents = 3;
  string hint = 4 [(confluent.field_meta).tags = "SECRET"];
  repeated Line lines = 5;
}
message Line { string note = 1; }
"""
REFUND = {
    "type": "object",
    "properties": {
        "user_id": {"type": "string"},
        "timestamp": {"type": "string"},
        "hint": {"type": "string", "confluent:tags": ["SECRET"]},
    },
}


def text(number: int, value: bytes) -> bytes:
    """Write a field of Protobuf that holds a text, or a message."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def payment(user: str) -> bytes:
    line = text(1, f"paid with {CARD}".encode())
    unknown = text(99, b"4111111111111111")
    fields = [text(1, user.encode()), text(2, b"t"), varint(3 << 3) + varint(2**53 + 1), text(4, b"maiden name")]
    return b"".join([*fields, text(5, line), text(5, line), unknown])


def test_protobuf_and_json_with_a_schema(lab: Any) -> None:
    with SchemaRegistry() as registry:
        registry.register(1, "payment-value", 2, PAYMENT, "PROTOBUF")
        registry.register(2, "refund-value", 1, REFUND, "JSON")
        lab.set_up(
            shards=1,
            stream={"name": lab.name, "format": ["gzip", {"confluent": {"url": registry.url}}]},
            redaction=policy(lab),
        )
        lab.start(1)
        for number in range(20):
            put(lab, gzip.compress(confluent_record(1, payment(f"p{number}"), [0])))
            refund = {"user_id": f"r{number}", "timestamp": "t", "hint": "maiden name", "note": f"to {CARD}"}
            put(lab, gzip.compress(confluent_record(2, orjson.dumps(refund))))
        put(lab, gzip.compress(confluent_record(1, payment("q")[:-4], [0])))
        wait_for(lambda: len(stored(lab)) + len(lab.quarantine_codes()) == 41, "all records are settled", 60)
        assert set(lab.quarantine_codes().values()) == {"protobuf_invalid"}
        items = [decode_document(item) for item in lab.cloud.table(lab.settings.output.table)]
        assert {item["user_id"] for item in items} == {f"{kind}{number}" for kind in "pr" for number in range(20)}
        assert not any("hint" in item for item in items)
        assert not any(secret in str(item) for item in items for secret in (CARD, "4111111111111111", "maiden"))
        assert {str(item["cents"]) for item in items if "cents" in item} == {str(2**53 + 1)}
        assert lab.metrics()["sanitizer_unknown_fields_total"] >= 20
        lab.assert_books_balance()
        assert lab.stop() == 0
    assert CARD not in lab.log.read_text(encoding="utf-8")
