"""The embedded cloud, a real worker, and a ledger of every record."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from consumer import aws, tables
from consumer.dynamodb.attribute_values import decode_document
from consumer.kinesis.producer import Producer, Put, calls
from consumer.local.cloud.process import Cloud
from consumer.local.ledger import Findings, Ledger
from consumer.local.transactions import transactions
from consumer.local.worker_process import WorkerProcess
from consumer.redactors.loading import load_plugin
from consumer.settings import Settings, load_settings
from tests.lab.watched import Watched, wait_for

FAST_KCL = {"failover_ms": 2000, "lease_assignment_ms": 1000, "shard_sync_ms": 1000, "shutdown_grace_ms": 8000}


class Lab(Watched):
    """One stream with its tables, a worker and a ledger."""

    def __init__(self, cloud: Cloud, folder: Path, name: str) -> None:
        super().__init__(folder)
        self.cloud = cloud
        self.name = name
        self.settings: Settings
        self.ledger: Ledger

    def values(self, folder: Path, **sections: Any) -> dict[str, Any]:
        """Return the settings of a worker whose files are in `folder`."""
        return {
            "stream": {"name": self.name},
            "kcl": {"application": f"{self.name}-app"} | FAST_KCL | sections.pop("kcl", {}),
            "output": {"table": f"{self.name}-output"} | sections.pop("output", {}),
            "quarantine": {"table": f"{self.name}-quarantine"} | sections.pop("quarantine", {}),
            "pipeline": {"processes": 2, "checkpoint_seconds": 0.5} | sections.pop("pipeline", {}),
            "http": {"host": "127.0.0.1", "port": 0},
            "runtime_dir": str(folder / "run"),
        } | sections

    def set_up(self, shards: int = 2, **sections: Any) -> None:
        """Make stream and tables, and write the settings."""
        self.config.write_text(yaml.safe_dump(self.values(self.folder, **sections)), encoding="utf-8")
        self.settings = load_settings(self.config)
        self.ledger = Ledger(self.settings, load_plugin(self.settings))
        aws.client("kinesis").create_stream(StreamName=self.name, ShardCount=shards)
        tables.create(self.settings)
        tables.seed_leases(self.settings)

    def start(self, shards: int = 2) -> None:
        """Start the worker and wait until it serves the shards."""
        self.worker = WorkerProcess(self.config, self.log)
        wait_for(lambda: self.metrics().get("sanitizer_shards_owned", 0) >= shards, f"{shards} shards owned", 90)

    def put(self, payloads: Sequence[tuple[bytes, str]]) -> None:
        """Put records and enter them into the ledger."""
        producer = Producer(self.name)
        for call in calls((Put(*payload) for payload in payloads), limit=100):
            self.ledger.enter([put.data for put in call], producer.put(call), [put.partition_key for put in call])

    def put_raw(self, data: bytes, partition_key: str) -> None:
        """Put a record that the ledger does not know."""
        Producer(self.name).put([Put(data, partition_key)])

    def put_transactions(self, count: int, seed: int = 1) -> None:
        self.put([(made.data, made.partition_key) for made in transactions(seed, count)])

    def look(self) -> Findings:
        output = self.cloud.table(self.settings.output.table)
        return self.ledger.find(output, map(decode_document, self.cloud.table(self.settings.quarantine.table)))

    def wait_until_found(self, timeout: float = 90.0) -> Findings:
        """Wait until every record of the ledger is found, and see that it is where it belongs."""
        wait_for(lambda: not self.look().lost, f"all records found; {len(self.look().lost)} are missing", timeout)
        findings = self.look()
        assert not findings.wrong
        return findings

    def quarantine_codes(self) -> dict[tuple[str, str], str]:
        """Return the code of each quarantined record by shard and sequence number."""
        entries = map(decode_document, self.cloud.table(self.settings.quarantine.table))
        return {(entry["shard"], entry["sequence"]): entry["code"] for entry in entries}

    def assert_no_leaks(self) -> None:
        tables_ = [self.settings.output.table, self.settings.quarantine.table]
        channels = {table: [str(item) for item in self.cloud.table(table)] for table in tables_}
        channels["log"] = [self.log.read_text(encoding="utf-8")]
        channels["metrics"] = [self.metrics_text()]
        assert not any(self.ledger.leaks(channels).values())
