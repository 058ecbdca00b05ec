"""The sinks `kinesis` and `jsonl` with the real daemon: all is there, in order, though a process is killed."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import orjson
import pytest

from .conftest import wait_for

pytestmark = pytest.mark.integration

CARD = "4111 1111 1111 1111"
RECORDS = 400
USERS = 20


def documents() -> list[dict[str, Any]]:
    time = "2024-03-15T10:30:00Z"
    return [
        {"user_id": f"user-{n * n % USERS}", "timestamp": time, "revision": n, "credit_card": CARD}
        for n in range(RECORDS)
    ]


def go_through(lab: Any, read: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Put documents, kill a pipeline process on the way, and return what there is once all are there."""
    lab.start(2)
    made = [(orjson.dumps(each), each["user_id"]) for each in documents()]
    lab.put(made[: RECORDS // 2])
    wait_for(read, "some are there")
    lab.kill("sanitizer-pipeline")
    lab.put(made[RECORDS // 2 :])
    wait_for(lambda: len({each["revision"] for each in read()}) == RECORDS, "all are there", 60)
    return read()


def assert_right(lab: Any, found: list[dict[str, Any]]) -> None:
    """Each record once, but for those that say by their metadata that they are repeated; in order; nothing raw."""
    first: dict[tuple[str, str, int], dict[str, Any]] = {}
    for each in found:
        added = each["_sanitizer"]
        assert added["stream"] == lab.name
        before = first.setdefault((added["shard"], added["sequence"], added["sub"]), each)
        assert before == each
    assert sorted(each["revision"] for each in first.values()) == list(range(RECORDS))
    for user in {each["user_id"] for each in found}:
        mine = [each["revision"] for each in first.values() if each["user_id"] == user]
        assert mine == sorted(mine)
    assert CARD not in json.dumps(found)
    lab.assert_books_balance()
    assert CARD not in lab.metrics_text()
    assert lab.stop() == 0
    assert CARD not in lab.log.read_text(encoding="utf-8")


@pytest.mark.smoke
def test_a_sanitised_stream(lab: Any) -> None:
    clean = f"{lab.name}-clean"
    kinesis = boto3.client("kinesis")
    kinesis.create_stream(StreamName=clean, ShardCount=3)
    lab.set_up(sinks=[{"plugin": "kinesis", "options": {"stream": clean}}])

    def read() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for shard in kinesis.list_shards(StreamName=clean)["Shards"]:
            iterator = kinesis.get_shard_iterator(
                StreamName=clean, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while records := (answer := kinesis.get_records(ShardIterator=iterator))["Records"]:
                found += [orjson.loads(record["Data"]) for record in records]
                iterator = answer["NextShardIterator"]
        return found

    assert_right(lab, go_through(lab, read))
    # The stream has no key of its own: it is the document's.
    assert lab.settings.output.table not in boto3.client("dynamodb").list_tables()["TableNames"]


def test_lines(lab: Any) -> None:
    file = lab.folder / "documents.jsonl"
    table = {"plugin": "dynamodb"}
    lab.set_up(sinks=[{"plugin": "jsonl", "options": {"path": str(file)}}, table])

    def read() -> list[dict[str, Any]]:
        text = file.read_bytes() if file.exists() else b""
        return [orjson.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]

    found = go_through(lab, read)
    lab.wait_until_found()  # in the table, which is the second sink
    assert_right(lab, found)
    assert file.read_bytes().endswith(b"\n")
