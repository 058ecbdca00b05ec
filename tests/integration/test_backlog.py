"""Backlogs of what other people's producers send: they stopped the daemon for ever, out of memory."""

import json
from typing import Any

import boto3
import pytest

from tests.kits.kpl import Part, aggregate
from tests.lab.watched import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

HEAP_MB = 64  # a fifth of the default, and so a fifth of what it takes to fill it


def body(number: int, size: int) -> bytes:
    document = {"user_id": f"u{number}", "timestamp": "2026-01-01T00:00:00Z", "text": ""}
    return json.dumps(document | {"text": "x" * (size - len(json.dumps(document)))}).encode()


def wait_until_stored(lab: Any, records: int) -> None:
    """Wait for rows: metrics count a record again that a daemon out of memory had left, and that is delivered again."""
    stored = 0

    def all_stored() -> bool:
        nonlocal stored
        stored = len(lab.cloud.table(lab.settings.output.table))
        return stored >= records

    wait_for(all_stored, f"{records} records are stored", 200)
    assert stored == records
    lab.assert_books_balance()


def test_large_records_that_wait_are_fetched_as_the_heap_allows(lab: Any) -> None:
    lab.set_up(shards=2, kcl={"heap_mb": HEAP_MB})
    kinesis = boto3.client("kinesis")
    for first in range(0, 1200, 100):
        records: list[Any] = [{"Data": body(n, 20_000), "PartitionKey": f"k{n}"} for n in range(first, first + 100)]
        assert kinesis.put_records(StreamName=lab.name, Records=records)["FailedRecordCount"] == 0
    lab.start()
    wait_until_stored(lab, 1200)
    reduced = [event["records"] for event in lab.events("fetch.reduced")]
    assert 1 <= len(reduced) <= 3
    assert lab.metrics()["sanitizer_fetch_records"] == reduced[-1] < 500
    assert lab.stop() == 0
    lab.start()  # a new daemon, and as good as a new container: it is remembered beside the leases
    [started] = lab.events("worker.started")[-1:]
    assert started["fetch_records"] == reduced[-1]
    assert lab.stop() == 0


def test_aggregates_of_many_small_documents_stay_within_the_budget(lab: Any) -> None:
    lab.set_up(shards=1, kcl={"heap_mb": HEAP_MB}, pipeline={"processes": 1, "max_bytes_in_flight": 1 << 20})
    parts = 6_000
    kinesis = boto3.client("kinesis")
    for first in range(0, 3 * parts, parts):
        data = aggregate([Part(body(n, 130)) for n in range(first, first + parts)])
        kinesis.put_record(StreamName=lab.name, PartitionKey="key", Data=data)
    lab.start(1)
    wait_until_stored(lab, 3 * parts)
    assert len(lab.events("fetch.reduced")) <= 3
    found = [line for line in lab.metrics_text().splitlines() if 'memory_bytes{process="pipeline-0"}' in line]
    assert float(found[0].rsplit(" ", 1)[1]) < 160 << 20
    assert lab.stop() == 0
