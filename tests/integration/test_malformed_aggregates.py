"""Aggregates that KCL could not take apart: all of them is accounted for, and nothing of them gets into a log."""

from typing import Any

import boto3
import pytest

from tests.kits.kpl import Part, aggregate
from tests.lab.watched import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.smoke, pytest.mark.timeout(120)]

CANARY = "4242424242424242"
IN_BASE64 = "NDI0MjQyNDI0MjQyNDI0M"


def body(user: str) -> bytes:
    return b'{"user_id": "%b", "timestamp": "t", "card": "%b"}' % (user.encode(), CANARY.encode())


def test_a_malformed_aggregate_does_not_stop_its_shard(lab: Any) -> None:
    lab.set_up(shards=1)
    lab.start(1)
    kinesis = boto3.client("kinesis")
    malformed = aggregate([Part(body("before")), Part(body("broken"), key=7), Part(body("behind"))])
    for data in (body("first"), malformed, body("last")):
        kinesis.put_record(StreamName=lab.name, PartitionKey=CANARY, Data=data)

    def users() -> set[str]:
        return {item["user_id"]["S"] for item in lab.cloud.table(lab.settings.output.table)}

    wait_for(lambda: "last" in users(), "the shard goes on")
    # KCL would lose all from the damage on.
    assert users() == {"first", "before", "last"}
    assert len(lab.cloud.table(lab.settings.quarantine.table)) == 1
    assert not lab.events("daemon.restarts")
    lab.assert_books_balance()
    assert lab.stop() == 0
    log = lab.log.read_text(encoding="utf-8")
    assert CANARY not in log
    assert IN_BASE64 not in log
