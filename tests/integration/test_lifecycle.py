"""Quarantine, replay and backfill against the real daemon: they take aggregates apart as it does."""

import json
import subprocess
import sys
from typing import Any

import boto3
import pytest

from tests.kits.kpl import Part, aggregate, sealed
from tests.kits.stream import DEEP, LAX, STRICT
from tests.lab.watched import wait_for

pytestmark = pytest.mark.integration

LAST = str(2**128 - 1)


def sanitizer(lab: Any, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "consumer.cli", *arguments, "--config", str(lab.config)]
    return subprocess.run(command, capture_output=True, timeout=100, check=False)


def body(user: str, **more: Any) -> bytes:
    return json.dumps({"user_id": user, "timestamp": "t", "ssn": "078-05-1120"} | more).encode()


def by_key(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: str(item["_sanitizer_sk"]))


def test_replay_and_backfill_agree_with_the_daemon(lab: Any) -> None:  # noqa: PLR0915 - one story
    policy = lab.folder / "policy.yaml"
    policy.write_text(STRICT)
    key = "correct horse battery staple, or so"
    lab.set_up(
        shards=2,
        redaction={"options": {"policy": str(policy)}},
        quarantine={"table": f"{lab.name}-quarantine", "fingerprint_key": key, "max_share": 1.0},
    )
    lab.start()
    kinesis = boto3.client("kinesis")
    here = {"StreamName": lab.name, "PartitionKey": "outer", "ExplicitHashKey": "0"}
    records = [
        # One with a poison record, and two of which nothing is delivered.
        aggregate(
            [Part(body("a0"), 0, 0), Part(json.dumps(DEEP).encode(), 0, 0), Part(body("a2"), 0, 0)], explicit=["0"]
        ),
        aggregate([Part(body("c0"), 0, 0), Part(body("c1"), 0, 1)], explicit=["0", LAST]),
        aggregate([]),
        # No aggregates, but for those who do not look.
        sealed(b"\x0a\x7f"),
        aggregate([Part(body("d0"), 0, 0)], explicit=["0"])[:-1] + b"!",
        body("last"),
    ]
    numbers = [kinesis.put_record(Data=data, **here)["SequenceNumber"] for data in records]
    output, quarantine = lab.settings.output.table, lab.settings.quarantine.table
    wait_for(lambda: len(lab.cloud.table(output)) == 3 and len(lab.cloud.table(quarantine)) == 3, "what is delivered")
    stored = by_key(lab.cloud.table(output))
    assert [item["user_id"]["S"] for item in stored] == ["a0", "a2", "last"]
    places = {(entry["sequence"]["S"], entry["sub"]["N"]) for entry in lab.cloud.table(quarantine)}
    assert places == {(numbers[0], "1"), (numbers[3], "0"), (numbers[4], "0")}
    assert lab.metrics()["sanitizer_records_received_total"] == 6

    # A backfill reads the same records beside the worker, and stores the same items.
    name = f"{lab.name}-backfill"
    ran = sanitizer(lab, "backfill", "--application", name, "--from", "TRIM_HORIZON", "--dry-run", "--json")
    assert (ran.returncode, json.loads(ran.stdout)["equal"]) == (0, 3)
    ran = sanitizer(lab, "backfill", "--application", name, "--from", "TRIM_HORIZON", "--json")
    found = json.loads(ran.stdout)
    assert (ran.returncode, found["complete"]) == (0, True)
    assert (found["read"], found["stored"], found["quarantined"]) == (6, 3, 3)
    assert found["foreign"] == 2
    assert by_key(lab.cloud.table(output)) == stored
    assert {(entry["sequence"]["S"], entry["sub"]["N"]) for entry in lab.cloud.table(quarantine)} == places
    assert lab.metrics()["sanitizer_records_received_total"] == 6

    # The policy changes, and the poison record is replayed, fingerprint compared.
    policy.write_text(LAX)
    shard = stored[0]["_sanitizer"]["M"]["shard"]["S"]
    ran = sanitizer(lab, "quarantine", "show", shard, numbers[0], "1")
    assert b"too_deep" in ran.stdout
    ran = sanitizer(lab, "quarantine", "replay", shard, numbers[0], "1", "--json")
    assert (ran.returncode, json.loads(ran.stdout)["stored"]) == (0, 1)
    (added,) = [item for item in by_key(lab.cloud.table(output)) if item not in stored]
    metadata = added["_sanitizer"]["M"]
    assert (metadata["sequence"]["S"], metadata["sub"]["N"]) == (numbers[0], "1")
    # But for policy and digest, a worker of today would have added the same.
    assert metadata["arrival_ms"] == stored[0]["_sanitizer"]["M"]["arrival_ms"]
    ran = sanitizer(lab, "quarantine", "replay", "--json")
    assert ran.returncode == 1
    account = json.loads(ran.stdout)
    assert (account["skipped"], account["rejected"]) == (1, 2)
    assert lab.stop() == 0

    # Which a worker of another application shows: it reads all anew.
    lab.config.write_text(lab.config.read_text().replace(f"{lab.name}-app", f"{lab.name}-new"))
    before = by_key(lab.cloud.table(output))
    assert sanitizer(lab, "tables", "create").returncode == 0
    lab.start()
    wait_for(lambda: lab.metrics().get("sanitizer_records_total") == 6, "all read anew")
    wait_for(lambda: lab.metrics()["outcome:stored"] == 4, "four stored")
    after = by_key(lab.cloud.table(output))
    assert next(item for item in after if item["_sanitizer"] == added["_sanitizer"]) == added
    assert [item["_sanitizer_sk"] for item in after] == [item["_sanitizer_sk"] for item in before]
    text = str(after) + str(lab.cloud.table(quarantine)) + lab.log.read_text() + ran.stdout.decode()
    assert "078-05-1120" not in text
