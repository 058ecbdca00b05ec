"""The runs whose calls the template's policies are held against: workers in all of their life, operators' commands."""

import base64
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import boto3
import pytest
from click.testing import CliRunner

from consumer import aws, logs
from consumer.cli import cli
from consumer.dynamodb.attribute_values import decode_document
from consumer.kinesis import reader
from consumer.kinesis.producer import Producer, Put
from consumer.local.cloud.process import Cloud
from consumer.redactors.key_provider import encryption_context
from consumer.settings import lease_tables
from tests.deploy.iam import Call
from tests.deploy.iam_recorder import Recorder
from tests.deploy.iam_template import arn
from tests.faults.canaries import samples
from tests.faults.lab import FaultLab
from tests.faults.load import Load
from tests.faults.loop import Loop
from tests.faults.proxy import DynamoDbProxy, KinesisProxy
from tests.faults.shards import has_ended, merge, open_shards, split
from tests.lab.watched import Watched, descendants, wait_for

NAME: Final = "iam"
MODES: Final = ("put", "newest")
FAN_OUT: Final = "fan-out"
CONSUMER: Final = arn("kinesis", f"stream/{NAME}/consumer/{NAME}-app:1700000000")

_NEWEST: Final = {"write_mode": "newest", "sort_key": "latest#{user_id}", "version_field": "timestamp"}
_KEY_NAME: Final = "customer"
_POLICY: Final = """
name: iam
version: "1"
extends: default
limits: {max_depth: %d}
fields:
  - {id: email_field, action: {tokenise: {key: customer, key_id: a}}, type: email}
"""
_WORKERS_DEPTH: Final = 10
_OPERATORS_DEPTH: Final = 30
_DEEP: Final = (
    b'{"user_id": "deep", "timestamp": "t", "email": "jane@example.com", "a": ' + b"[" * 15 + b"]" * 15 + b"}"
)
"""A record that is too deep for the workers' policy, and not for the operators'."""


@dataclass
class Recording:
    """What was called, by write mode; `worker` also has what another by fan-out calls.

    :ivar looker: of the operators' calls, those of commands that change nothing.
    :ivar secret: ARN of the redaction keys' secret; `wrapping_key`: of the KMS key under which they are in it.
    :ivar strange: requests that were not understood.
    """

    secret: str
    wrapping_key: str
    worker: dict[str, frozenset[Call]]
    operator: dict[str, frozenset[Call]]
    looker: dict[str, frozenset[Call]]
    strange: frozenset[str]


def record(folder: Path) -> Recording:
    """Make all runs."""
    with Cloud() as cloud, Loop() as loop, _environment(cloud):
        secret, wrapping_key = make_keys()
        runs = _Runs(cloud, loop, folder, secret)
        try:
            runs.workers()
            with runs.worker_by_fan_out():
                for mode in MODES:
                    runs.commands(mode)
        except BaseException:
            runs.tell()
            raise
        finally:
            runs.close()
    return Recording(
        secret,
        wrapping_key,
        {kind: frozenset(each.calls) for kind, each in runs.worker.items()},
        {mode: frozenset(each.calls) for mode, each in runs.operator.items()},
        runs.looker,
        frozenset().union(*(each.strange for each in (*runs.worker.values(), *runs.operator.values()))),
    )


@contextmanager
def _environment(cloud: Cloud) -> Iterator[None]:
    """This process goes to the cloud directly, but for the operators' commands."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "SANITIZER_"))]:
            patch.delenv(name)
        for name, value in (cloud.environment() | ways(cloud.endpoint, cloud.endpoint)).items():
            patch.setenv(name, value)
        yield


def ways(kinesis: str, others: str) -> dict[str, str]:
    """Return the variables that send calls to Kinesis one way, and all others another."""
    services = ("CLOUDWATCH", "DYNAMODB", "KMS", "SECRETS_MANAGER")
    return {"AWS_ENDPOINT_URL_KINESIS": kinesis} | {f"AWS_ENDPOINT_URL_{service}": others for service in services}


def make_keys() -> tuple[str, str]:
    """Put a key for tokens, encrypted, into Secrets Manager; return the ARNs of the secret and of the wrapping key."""
    kms: Any = boto3.client(cast("Any", "kms"))
    manager: Any = boto3.client(cast("Any", "secretsmanager"))
    key = kms.create_key()["KeyMetadata"]
    made = kms.generate_data_key_without_plaintext(
        KeyId=key["KeyId"], KeySpec="AES_256", EncryptionContext=encryption_context(_KEY_NAME, "a")
    )
    blob = base64.b64encode(made["CiphertextBlob"]).decode()
    text = f"{_KEY_NAME}: [{{id: a, encrypted: {blob}}}]\n"
    secret = manager.create_secret(Name=f"{NAME}-keys", SecretString=text)
    return secret["ARN"], key["Arn"]


class _Runs:
    """Each kind of worker has doors to the cloud with a recorder of its own, the operators of each mode a desk."""

    def __init__(self, cloud: Cloud, loop: Loop, folder: Path, secret: str) -> None:
        self.worker = {kind: Recorder() for kind in (*MODES, FAN_OUT)}
        self.operator = {mode: Recorder() for mode in MODES}
        self.looker: dict[str, frozenset[Call]] = {}
        self._policy = folder / "policy.yaml"
        self._late = datetime.now(UTC)
        self._lab = FaultLab(cloud, folder, NAME, loop)
        self._redaction = {"options": {"policy": str(self._policy)}, "keys": secret}
        # KCL's Kinesis client speaks HTTP/2, all others HTTP/1.1.
        self._doors = {
            kind: (KinesisProxy(loop, cloud.endpoint), DynamoDbProxy(loop, cloud.endpoint)) for kind in self.worker
        }
        self._desks = {mode: DynamoDbProxy(loop, cloud.endpoint) for mode in MODES}
        for kind, doors in self._doors.items():
            self.worker[kind].listen(*(door.rules for door in doors))
        for mode, desk in self._desks.items():
            self.operator[mode].listen(desk.rules)

    def close(self) -> None:
        self._lab.close()
        for proxy in (*(door for doors in self._doors.values() for door in doors), *self._desks.values()):
            proxy.close()

    def tell(self) -> None:
        for tail in self._lab.log_tails():
            print(tail)  # noqa: T201 - pytest shows it where it fails

    # Workers

    def workers(self) -> None:
        """One that puts, from fresh tables to its death; another, which compares, from joining it to a clean stop."""
        lab = self._lab
        self._write_policy(_WORKERS_DEPTH)
        lab.set_up(shards=2, redaction=self._redaction)
        self._forget_leases()
        self._go_by("put")
        lab.start()
        lab.put_raw(_DEEP, "deep")
        lab.feed(1500, seed=1)
        lab.wait_until_found()

        lab.configure(output=_NEWEST)
        self._go_by("newest")
        with Load(lab):  # KCL evens throughput out: of an idle stream it hands nothing over
            second = lab.launch(lab.another())
            wait_for(lambda: second.metrics().get("sanitizer_shards_owned", 0) >= 1, "a shard handed over", 90)
        _kill(lab)
        lab.wait_until_owned(2, [second])
        self._put_and_wait(second, 1000, seed=2)

        self._late = datetime.now(UTC)
        first, *_ = open_shards(lab)
        split(lab, first)
        self._put_and_wait(second, 100, seed=3)
        children = open_shards(lab)[:2]
        merge(lab, *children)
        self._put_and_wait(second, 100, seed=4)
        ended = [shard["ShardId"] for shard in (first, *children)]
        wait_for(lambda: all(has_ended(lab, shard) for shard in ended), "the end of the shards", 60)
        assert second.stop() == 0

    @contextmanager
    def worker_by_fan_out(self) -> Iterator[None]:
        """One whose subscriptions the embedded Kinesis does not know: it asks for them, and reads nothing."""
        lab = self._lab
        lab.configure(kcl={"retrieval_mode": "FANOUT", "extra_properties": {"fanoutConfig.consumerArn": CONSUMER}})
        self._go_by(FAN_OUT)
        worker = lab.launch(lab.another())
        yield
        subscribes = Call("kinesis:SubscribeToShard", CONSUMER)
        wait_for(lambda: subscribes in self.worker[FAN_OUT].calls, "a subscription", 90)
        _kill(worker)

    def _go_by(self, kind: str) -> None:
        """Which doors the next worker takes."""
        kinesis, others = self._doors[kind]
        self._lab.variables = ways(kinesis.url, others.url)

    def _put_and_wait(self, worker: Watched, count: int, seed: int) -> None:
        before = wait_for(worker.metrics, "its metrics")["sanitizer_records_total"]
        put = [Put(each.data, each.partition_key) for each, _ in zip(samples(seed), range(count), strict=False)]
        for start in range(0, count, 100):
            Producer(self._lab.name).put([*put[start : start + 100], Put(_DEEP, f"deep {start}")])
        wait_for(lambda: worker.metrics().get("sanitizer_records_total", 0) >= before + count, "all settled")

    def _forget_leases(self) -> None:
        """Leave the lease table as the template makes it: empty."""
        client = aws.client("dynamodb")
        table = lease_tables(self._lab.settings.kcl.application)[0]
        for row in self._lab.cloud.table(table):
            client.delete_item(TableName=table, Key={"leaseKey": row["leaseKey"]})

    def _write_policy(self, depth: int) -> None:
        self._policy.write_text(_POLICY % depth, encoding="utf-8")

    # Commands

    def commands(self, mode: str) -> None:
        """Every command that an operator has, with a policy that releases what the workers' did not."""
        self._write_policy(_OPERATORS_DEPTH)
        self._lab.configure(output=_NEWEST if mode == "newest" else {})
        desk = self._desks[mode].url
        with pytest.MonkeyPatch.context() as patch:
            for name, value in ways(desk, desk).items():
                patch.setenv(name, value)
            patch.setattr(reader, "PAUSE_SECONDS", 0.0)
            patch.setattr(logs, "configure", lambda *_: None)  # hooks of the whole process
            entry = self._deep_one()
            self._look(entry)
            self.looker[mode] = frozenset(self.operator[mode].calls)
            self._repair(entry, f"{NAME}-app-backfill-{mode}")

    def _look(self, entry: tuple[str, str]) -> None:
        self._sanitizer("tables", "check")
        self._sanitizer("get", "nobody", status=1)
        self._sanitizer("status", "--no-lag")
        self._sanitizer("quarantine", "list")
        self._sanitizer("quarantine", "list", "--shard", entry[0])

    def _repair(self, entry: tuple[str, str], backfill: str) -> None:
        lines = self._lab.folder / "lines.jsonl"
        lines.write_bytes(b'{"user_id": "by hand", "timestamp": "2024-03-15T10:30:00Z"}\n')
        again = ("backfill", "--application", backfill, "--from", self._late.isoformat(), "--json")

        self._sanitizer("config", "check")  # loads the keys
        self._sanitizer("status")  # reads a record of each shard
        self._sanitizer("quarantine", "show", *entry)  # looks for the record, and says so where it may not
        self._sanitizer("produce", str(lines))
        assert self._value("quarantine", "replay", *entry, "--json")["stored"] == 1
        self._sanitizer("quarantine", "purge", "--before", "1s", "--replayed-only", "--yes")
        self._sanitizer(*again, "--dry-run")
        assert self._value(*again)["stored"]
        self._sanitizer(*again, "--no-create")
        self._sanitizer("audit", "--limit", "100", status=None)

    def _sanitizer(self, *arguments: str, status: int | None = 0) -> str:
        """Run a command; `status` None: whatever it ends with."""
        ran = CliRunner().invoke(cli, [*arguments, "--config", str(self._lab.config)])
        if status is not None:
            assert ran.exit_code == status, f"{arguments}: {ran.exit_code} {ran.output} {ran.exception!r}"
        return ran.stdout

    def _value(self, *arguments: str) -> Any:
        """Run a command, and return the JSON value that it ends with."""
        return json.loads(self._sanitizer(*arguments).splitlines()[-1])

    def _deep_one(self) -> tuple[str, str]:
        """Where a record stands that can be replayed now."""
        entries = map(decode_document, self._lab.cloud.table(self._lab.settings.quarantine.table))
        found = next(each for each in entries if each["bytes"] == len(_DEEP) and "replayed_at" not in each)
        return str(found["shard"]), str(found["sequence"])


def _kill(worker: Watched) -> None:
    """SIGKILL a whole worker."""
    assert worker.worker is not None
    for pid in (worker.worker.pid, *descendants(worker.worker.pid)):
        with suppress(ProcessLookupError):  # it ended with one of those before it
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: worker.worker and worker.worker.exit_status is not None, "its end")
