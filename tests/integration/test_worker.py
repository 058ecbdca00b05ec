"""The worker with the real daemon: good and bad input, a clean stop, a start that goes on where it stopped."""

import hashlib
import json
import subprocess
import sys
import time
from decimal import Decimal
from typing import Any

import pytest

from consumer.local.transactions import CANONICAL

from .conftest import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.smoke]

GOOD: dict[bytes, dict[str, Any]] = {
    CANONICAL: {"credit_card": "****-****-****-9012", "amount": Decimal("149.99")},
    b'{"user_id":"u","timestamp":"t","n":12345678901234567890123456789012345678}': {
        "n": 12345678901234567890123456789012345678
    },
    b'{"user_id":"u","timestamp":"t","n":0.1234567890123456789012345678901234567}': {
        "n": Decimal("0.1234567890123456789012345678901234567")
    },
    b'{"user_id":"u","timestamp":"t","n":[1.50,1E5,-0.0,1e-130],"e":"","o":{},"l":[],"z":null,"b":true}': {
        "n": [Decimal("1.5"), 100000, 0, Decimal("1e-130")],
        "b": True,
        "z": None,
        "e": "",
    },
    '{"user_id":"ü","timestamp":"t","text":"naïve \\u0000 \U0001f381 ABCD"}'.encode(): {
        "text": "naïve \0 \U0001f381 ABCD"
    },
}
"""Records that must be stored, and some of what their documents hold."""

BAD: dict[bytes, str] = {
    b"": "empty",
    b"no json": "invalid_json",
    b"[1,2]": "not_an_object",
    b'"text"': "not_an_object",
    b'{"user_id":"u","timestamp":"t","x":"\xff"}': "invalid_utf8",
    b'{"user_id":"u","timestamp":"t"': "invalid_json",
    b'{"user_id":"u","user_id":"v","timestamp":"t"}': "duplicate_key",
    b'{"user_id":"u","timestamp":"t","x":NaN}': "number_unsupported",
    b'{"user_id":"u","timestamp":"t","x":Infinity}': "number_unsupported",
    b'{"user_id":"u","timestamp":"t","x":' + b"1" * 50 + b"}": "number_digits",
    b'{"user_id":"u","timestamp":"t","x":1e126}': "number_range",
    b'{"user_id":"u","timestamp":"t","x":1e-131}': "number_range",
    b'{"user_id":"u","timestamp":"t","x":"\\ud800"}': "invalid_unicode",
    b'{"user_id":"u","timestamp":"t","x":' + b"[" * 10_000 + b"]" * 10_000 + b"}": "too_deep",
    b'{"user_id":"","timestamp":"t"}': "key_empty",
    b'{"timestamp":"t"}': "key_missing",
    b'{"user_id":{"a":1},"timestamp":"t"}': "key_not_scalar",
    b'{"user_id":"' + b"u" * 2049 + b'","timestamp":"t"}': "key_too_long",
    b'{"user_id":"u","timestamp":"t","x":"' + b"x" * 409_560 + b'"}': "item_too_large",
    b'{"user_id":"u","timestamp":"t","x":"' + b"x" * 1_048_000 + b'"}': "item_too_large",
    b'{"user_id":"u","timestamp":"t","_sanitizer":1}': "reserved_attribute",
    b'{"user_id":"u","timestamp":"t","_sanitizer_pk":"x"}': "reserved_attribute",
    b'{"user_id":"u","timestamp":"t","":1}': "attribute_name_empty",
}
"""Records that must be quarantined, and the code."""


def aggregated(payloads: list[bytes], key: str) -> bytes:
    """Pack records as the Kinesis Producer Library does (its aggregation format: magic, protobuf, MD5)."""

    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2]) + varint(len(content)) + content

    def varint(number: int) -> bytes:
        return (bytes([number & 127 | 128]) + varint(number >> 7)) if number > 127 else bytes([number])

    body = field(1, key.encode()) + b"".join(field(3, b"\x08\x00" + field(3, payload)) for payload in payloads)
    return b"\xf3\x89\x9a\xc2" + body + hashlib.md5(body, usedforsecurity=False).digest()


def sanitizer(lab: Any, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "consumer.cli", *arguments, "--config", str(lab.config)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False)


def test_each_record_is_stored_or_quarantined_with_its_reason_and_a_restart_goes_on(lab: Any) -> None:
    lab.set_up(shards=2)
    lab.start()
    lab.put([(data, f"key-{index}") for index, data in enumerate([*GOOD, *BAD])])
    findings = lab.wait_until_found()
    assert (findings.stored, findings.quarantined) == (len(GOOD), len(BAD))

    codes = lab.quarantine_codes()
    places = list(lab.ledger.places())[len(GOOD) :]
    found = {data: codes[place.shard, place.sequence] for data, place in zip(BAD, places, strict=True)}
    assert found == BAD

    printed = (
        sanitizer(lab, "get", "u").stdout + sanitizer(lab, "get", "12345").stdout + sanitizer(lab, "get", "ü").stdout
    )
    documents = [json.loads(line, parse_float=Decimal) for line in printed.splitlines()]
    assert len(documents) == len(GOOD)
    for expected in GOOD.values():
        assert any(expected.items() <= document.items() for document in documents), expected

    lab.put_raw(aggregated([CANONICAL, b"broken", CANONICAL], "key-0"), "key-0")
    wait_for(lambda: len(lab.cloud.table(lab.settings.output.table)) == len(GOOD) + 2, "the aggregated records")
    added = [item["_sanitizer"]["M"] for item in lab.cloud.table(lab.settings.output.table)]
    assert sorted(entry["sub"]["N"] for entry in added if entry["sub"]["N"] != "0") == ["2"]
    wait_for(lambda: len(lab.quarantine_codes()) == len(BAD) + 1, "its broken one in quarantine")

    lab.assert_books_balance()
    metrics = lab.metrics()
    assert metrics["outcome:stored"] == len(GOOD) + 2
    assert metrics["outcome:quarantined"] == len(BAD) + 1
    assert metrics["sanitizer_record_latency_seconds_count"] == len(GOOD) + len(BAD) + 3
    lab.assert_no_leaks()

    status = json.loads(sanitizer(lab, "status", "--json").stdout)
    assert {row["owner"] for row in status} == {lab.events("worker.started")[0]["worker_id"]}

    began = time.monotonic()
    assert lab.stop() == 0
    assert time.monotonic() - began < 15
    assert lab.events("worker.stopped")[-1]["status"] == "clean"
    assert lab.events("leases.handed_over")[-1]["count"] == 2
    assert {row["owner"] for row in json.loads(sanitizer(lab, "status", "--json").stdout)} == {None}

    lab.put_transactions(200)
    lab.start()
    lab.wait_until_found()
    # Everything before the stop was checkpointed: only what is new was delivered.
    lab.assert_books_balance()
    assert lab.metrics()["sanitizer_records_received_total"] == 200


def test_a_redactor_that_raises_leads_to_quarantine_and_never_to_an_acknowledged_loss(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = lab.folder / "plugin"
    (package / "raising_redactor-1.dist-info").mkdir(parents=True)
    (package / "raising_redactor-1.dist-info" / "METADATA").write_text("Name: raising-redactor\nVersion: 1\n")
    (package / "raising_redactor-1.dist-info" / "entry_points.txt").write_text(
        "[kinesis_sanitizer.redactors]\nraising = raising_redactor:make\n"
    )
    (package / "raising_redactor.py").write_text(
        "class Raising:\n"
        "    name, version, digest = 'raising', '1', 'x'\n"
        "    def redact(self, payloads):\n"
        "        raise ValueError(payloads[0].decode())\n"
        "def make(options):\n"
        "    return Raising()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(package))
    monkeypatch.syspath_prepend(str(package))
    lab.set_up(shards=1, redaction={"plugin": "raising", "options": {}})
    lab.start(shards=1)
    lab.put_transactions(120)
    findings = lab.wait_until_found()
    assert findings.quarantined == 120
    assert set(lab.quarantine_codes().values()) == {"redactor_raised"}
    lab.assert_books_balance()
    assert lab.metrics()["outcome:quarantined"] == 120
    lab.assert_no_leaks()


def test_resharding_under_load_loses_nothing(lab: Any) -> None:
    from consumer import aws  # noqa: PLC0415

    lab.set_up(shards=2)
    lab.start()
    kinesis = aws.client("kinesis")
    lab.put_transactions(300, seed=1)
    kinesis.split_shard(StreamName=lab.name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**126))
    lab.put_transactions(300, seed=2)
    children = [s["ShardId"] for s in kinesis.list_shards(StreamName=lab.name)["Shards"] if "ParentShardId" in s]
    kinesis.merge_shards(StreamName=lab.name, ShardToMerge=children[0], AdjacentShardToMerge=children[1])
    lab.put_transactions(300, seed=3)
    findings = lab.wait_until_found(timeout=110)
    assert findings.stored + findings.quarantined == 900
    lab.assert_books_balance()
    assert not lab.events("daemon.restarts")
