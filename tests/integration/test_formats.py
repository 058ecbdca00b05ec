"""Records of many documents with the real daemon: every document counted by its identity, whatever is killed."""

import gzip
from functools import partial
from typing import Any

import boto3
import orjson
import pytest

from consumer.dynamodb.attribute_values import decode_document
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
