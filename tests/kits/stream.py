"""A stream in the embedded cloud with its tables, and the worker's way of storing and quarantining, in this process."""

import json
from itertools import chain as chained
from pathlib import Path
from typing import Any

import boto3
import yaml

from consumer import tables
from consumer.decoding.documents import judged
from consumer.decoding.loading import open_chain
from consumer.dynamodb.attribute_values import decode_document
from consumer.dynamodb.item import item_encoder
from consumer.errors import EncodeError
from consumer.kinesis.reader import ShardReader, Start
from consumer.kinesis.shards import kinesis_client, list_shards, shards_of
from consumer.local.cloud.process import Cloud
from consumer.quarantine.entry import QuarantineEncoder
from consumer.record import Record
from consumer.redactors.loading import load_plugin
from consumer.settings import Settings, load_settings
from redaction.plugin import Dropped, Released, identity
from tests.kits.log import RecordingLog
from tests.kits.pipeline import KeptOut

KEY = "correct horse battery staple, or so"
LAX = "name: lax\nversion: '2'\nextends: default\nlimits: {max_depth: 30}"
STRICT = "name: strict\nversion: '1'\nextends: default\nlimits: {max_depth: 2}"
DROPPING = LAX + "\ndrop_records: [{id: tests, field: kind, equals: test}]"
DEEP = {"user_id": "u", "timestamp": "t", "a": {"b": {"c": [1.5, {"ssn": "078-05-1120"}]}}}
"""A record that `STRICT` rejects as too deep, and `LAX` releases."""


class World:
    """One stream with what stands around it."""

    def __init__(self, cloud: Cloud, folder: Path, name: str, shards: int = 1, **sections: Any) -> None:
        self.cloud = cloud
        self.config = folder / "settings.yaml"
        self.policy = folder / "policy.yaml"
        self.name = name
        self.use(STRICT)
        values = {
            "stream": {"name": name} | sections.pop("stream", {}),
            "kcl": {"application": f"{name}-app"},
            "output": {"table": f"{name}-out"} | sections.pop("output", {}),
            "quarantine": {"table": f"{name}-quarantine"} | sections.pop("quarantine", {}),
            "redaction": {"options": {"policy": str(self.policy)}},
            **sections,
        }
        self.settings: Settings
        self.configure(values)
        self.kinesis = boto3.client("kinesis")
        self.dynamodb = boto3.client("dynamodb")
        self.kinesis.create_stream(StreamName=name, ShardCount=shards)
        tables.create(self.settings)
        tables.seed_leases(self.settings)

    def configure(self, values: dict[str, Any]) -> None:
        """Write the settings."""
        self.values = values
        self.config.write_text(yaml.safe_dump(values))
        self.settings = load_settings(self.config)

    def use(self, policy: str) -> None:
        self.policy.write_text(policy)

    def put(self, *payloads: Any, key: str = "key", explicit: int | None = None) -> list[str]:
        """Put records, bytes or documents; return their sequence numbers."""
        entry: Any = {"PartitionKey": key} | ({"ExplicitHashKey": str(explicit)} if explicit is not None else {})
        return [
            self.kinesis.put_record(
                StreamName=self.name,
                Data=payload if isinstance(payload, bytes) else json.dumps(payload).encode(),
                **entry,
            )["SequenceNumber"]
            for payload in payloads
        ]

    def work(self, shard: str = "shardId-000000000000", at: float = 1e9) -> dict[str, int]:
        """Do what the worker does with all records of a shard; `at`: epoch seconds of what goes to quarantine."""
        redactor = load_plugin(self.settings)
        names = shard, identity(redactor), redactor.digest
        encoder = item_encoder(self.settings, *names)
        quarantine = self.settings.quarantine
        key = quarantine.fingerprint_key.get_secret_value().encode() if quarantine.fingerprint_key else b"random"
        entries = QuarantineEncoder(self.name, *names, key, quarantine.ttl_days)
        counts = {"stored": 0, "quarantined": 0, "dropped": 0}
        chain = open_chain(self.settings, KeptOut(), RecordingLog())
        for record, verdict in chained.from_iterable(judged(chain, redactor, self.records(shard))):
            table, outcome = quarantine.table, "quarantined"
            if isinstance(verdict, Dropped):
                counts["dropped"] += 1
                continue
            try:
                assert isinstance(verdict, Released)
                item = encoder.encode(verdict.document, record)
                table, outcome = self.settings.output.table, "stored"
            except EncodeError as error:
                item = entries.encode(record, error.code, None, at)
            except AssertionError:
                item = entries.encode(record, verdict.code, verdict.rule, at)  # type: ignore[union-attr]
            self.dynamodb.put_item(TableName=table, Item=item.attributes)
            counts[outcome] += 1
        return counts

    def records(self, shard: str) -> list[Record]:
        client = kinesis_client()
        hash_range = shards_of(list_shards(client, self.name))[shard].hash_range
        page = ShardReader(client, self.name, shard, Start()).read()
        return [record for raw in page.records for record in raw.taken_apart(hash_range)[0]]

    def stored(self) -> list[dict[str, Any]]:
        """Return the items of the output table in DynamoDB's form."""
        return sorted(self.cloud.table(self.settings.output.table), key=lambda item: str(item["_sanitizer_sk"]))

    def quarantined(self) -> list[dict[str, Any]]:
        entries = map(decode_document, self.cloud.table(self.settings.quarantine.table))
        return sorted(
            entries, key=lambda entry: (entry["shard"], entry["sequence"], entry["sub"], entry.get("part", 0))
        )

    def leases(self, application: str) -> dict[str, dict[str, Any]]:
        """Return the rows of a lease table by shard: attributes without their types."""
        rows = self.cloud.table(application)
        plain = [{name: next(iter(value.values())) for name, value in row.items()} for row in rows]
        return {row["leaseKey"]: row for row in plain}
