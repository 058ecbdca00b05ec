"""The Lambda function makes of the same records what the worker makes of them."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer import logs, tables
from consumer.functions.environment import Environment
from consumer.functions.kinesis import KinesisFunction
from consumer.settings import load_settings
from tests.integration.conftest import Lab, wait_for
from tests.kits.functions import Handler, Mapping, read_shard
from tests.kits.kpl import Part, aggregate

pytestmark = pytest.mark.integration

KEY = "correct horse battery staple, or so"
POLICY = "name: dropping\nversion: '1'\nextends: default\ndrop_records: [{id: tests, field: kind, equals: test}]"
TIMES = ("quarantined_at", "expires_at")
CARD: dict[str, Any] = {
    "user_id": "12345",
    "credit_card": "4532-1234-5678-9012",
    "ssn": "123-45-6789",
    "amount": 149.99,
}


def comparable(items: list[dict[str, Any]]) -> list[str]:
    return sorted(
        json.dumps({name: value for name, value in item.items() if name not in TIMES}, sort_keys=True) for item in items
    )


@pytest.mark.parametrize(
    "output",
    [
        pytest.param({}, id="unique", marks=pytest.mark.smoke),
        pytest.param({"partition_key": "{user_id}", "sort_key": "{day}"}, id="shared"),
    ],
)
def test_the_same_items_and_entries(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: dict[str, str]
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    common = {"redaction": {"options": {"policy": str(policy)}}}
    lab.set_up(shards=2, output=output, quarantine={"fingerprint_key": KEY}, **common)
    for number in range(60):
        document = CARD | {"user_id": f"u{number % 7}", "timestamp": f"2024-03-15T10:30:{number:02d}Z", "day": "15"}
        payload = json.dumps(document | ({"kind": "test"} if number % 10 == 0 else {})).encode()
        lab.put_raw(payload if number % 9 else b"no JSON 4111111111111111", document["user_id"])
        parts = [Part(payload), Part(b'{"no": "key"}'), Part(json.dumps(document | {"amount": number}).encode())]
        if number % 5 == 0:
            lab.put_raw(aggregate(parts, keys=(document["user_id"],)), document["user_id"])
    lab.start(shards=2)
    raws = {shard: read_shard(lab.name, shard) for shard in ("shardId-000000000000", "shardId-000000000001")}
    assert all(raws.values())
    total = 60 + 12 * 3
    wait_for(lambda: lab.metrics().get("sanitizer_records_total", 0) >= total, f"{total} records settled", 60)
    worker = [comparable(lab.cloud.table(name)) for name in (lab.settings.output.table, lab.settings.quarantine.table)]

    mine = lab.values(tmp_path, output=output, quarantine={"fingerprint_key": KEY}, **common)
    mine["output"]["table"] += "-2"
    mine["quarantine"]["table"] += "-2"
    config = tmp_path / "function.yaml"
    config.write_text(yaml.safe_dump(mine))
    monkeypatch.setenv("SANITIZER_CONFIG", str(config))
    tables.create(load_settings(config))
    with _function(tmp_path, monkeypatch) as handler:
        for shard, records in raws.items():
            Mapping(lab.name, shard, handler).deliver(records, 10)
    function = [comparable(lab.cloud.table(mine[section]["table"])) for section in ("output", "quarantine")]
    assert function == worker
    assert all(worker)


@contextmanager
def _function(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Handler]:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(logs, "configure", lambda *_: None)
    environment = Environment()
    yield KinesisFunction(environment).handle
    environment.outputs.close()
