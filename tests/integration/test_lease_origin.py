"""Where shards without a checkpoint begin, and of which stream leases are, with the real daemon."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest

from consumer import aws, tables
from consumer.kcl.leases.tables import LeaseTables
from tests.integration.conftest import FAST_KCL, Lab, descendants, wait_for

pytestmark = pytest.mark.integration


def leases(lab: Lab) -> list[str | None]:
    return [each.checkpoint for each in LeaseTables(aws.client("dynamodb"), lab.settings.kcl.application).leases()]


def delete_row(lab: Lab, number: int) -> None:
    key: Any = {"leaseKey": {"S": f"shardId-{number:012d}"}}
    boto3.client("dynamodb").delete_item(TableName=lab.settings.kcl.application, Key=key)


def java(lab: Lab) -> int:
    assert lab.worker is not None
    found: list[int] = [
        pid for pid, line in descendants(lab.worker.pid).items() if Path(line.split()[0]).name == "java"
    ]
    return found[0]


def test_with_latest_nothing_is_lost_before_the_first_checkpoint(lab: Lab) -> None:
    """Neither what arrived between a stop and a start, nor what was received and not stored when Java died."""
    lab.set_up(shards=1, stream={"name": lab.name, "initial_position": "LATEST"})
    lab.start(1)
    assert leases(lab) == ["AT_TIMESTAMP"]
    assert lab.stop() == 0
    lab.put_transactions(20, seed=1)
    lab.start(1)
    lab.wait_until_found()


def test_with_latest_what_was_received_and_not_stored_is_delivered_again(lab: Lab) -> None:
    lab.set_up(shards=1, stream={"name": lab.name, "initial_position": "LATEST"})
    lab.start(1)
    boto3.client("dynamodb").delete_table(TableName=lab.settings.output.table)
    lab.put_transactions(20)
    wait_for(lambda: lab.metrics().get("sanitizer_records_received_total") == 20, "all received")
    os.kill(java(lab), signal.SIGKILL)
    wait_for(lambda: lab.metrics().get("sanitizer_shards_owned") == 0, "its session has ended")
    tables.create(lab.settings)
    lab.wait_until_found()


def test_an_application_that_began_with_latest_loses_nothing_by_the_upgrade(lab: Lab) -> None:
    """Its lease says LATEST, and while the worker is replaced, records arrive."""
    lab.set_up(shards=1, stream={"name": lab.name, "initial_position": "LATEST"})
    client = boto3.client("dynamodb")
    name = lab.settings.kcl.application
    client.delete_item(TableName=f"{name}-CoordinatorState", Key={"key": {"S": "Sanitizer"}})
    client.update_item(
        TableName=name,
        Key={"leaseKey": {"S": "shardId-000000000000"}},
        UpdateExpression="SET checkpoint = :c",
        ExpressionAttributeValues={":c": {"S": "LATEST"}},
    )
    lab.put_transactions(20)
    lab.start(1)
    lab.wait_until_found()


def test_a_stream_that_is_made_anew_is_refused_with_what_to_do(lab: Lab) -> None:
    lab.set_up(shards=1)
    lab.start(1)
    lab.put_transactions(20)
    lab.wait_until_found()
    assert lab.stop() == 0
    kinesis = boto3.client("kinesis")
    kinesis.delete_stream(StreamName=lab.name)
    kinesis.create_stream(StreamName=lab.name, ShardCount=1)

    def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "consumer.cli", *arguments, "--config", str(lab.config)]
        return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)

    started = ran("run")
    assert started.returncode == 1
    assert f"The stream {lab.name} was made anew at " in started.stderr
    assert "run `sanitizer tables create`" in started.stderr
    seen = ran("status", "--check", "--wait", "0")
    assert seen.returncode == 1
    assert "was made anew" in seen.stdout
    examined = ran("doctor")
    assert examined.returncode == 1
    assert "was made anew" in examined.stdout

    for table in (lab.settings.kcl.application, *(f"{lab.settings.kcl.application}-{each}" for each in _OTHERS)):
        boto3.client("dynamodb").delete_table(TableName=table)
    assert ran("tables", "create").returncode == 0
    lab.put_transactions(20, seed=2)
    lab.start(1)
    lab.wait_until_found()


_OTHERS = ("WorkerMetricStats", "CoordinatorState")


def test_a_lease_that_is_gone_is_written_again(lab: Lab) -> None:
    lab.set_up(shards=2, kcl=FAST_KCL)
    lab.start(2)
    lab.put_transactions(50, seed=1)
    lab.wait_until_found()
    delete_row(lab, 1)
    wait_for(lambda: lab.metrics().get("sanitizer_shards_owned") == 1, "one is served no longer")
    lab.put_transactions(50, seed=2)
    lab.wait_until_found()
    wait_for(lambda: lab.metrics().get("sanitizer_shards_owned") == 2, "both are served")
    assert lab.metrics()["sanitizer_leases_restored_total"] == 1
