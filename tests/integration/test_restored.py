"""Tables that were lost and restored, with the real daemon: what comes again, and that nothing is missing then."""

import subprocess
import sys
import time
from typing import Any

import boto3
import pytest
import yaml

from consumer import tables
from consumer.kcl.leases.tables import LeaseTables
from tests.integration.conftest import Lab

pytestmark = pytest.mark.integration


def restore(lab: Lab, table: str, items: list[dict[str, Any]]) -> None:
    """Bring a table back as it was: made anew, since moto's own restored tables lack what KCL asks of its table."""
    dynamodb = boto3.client("dynamodb")
    dynamodb.delete_table(TableName=table)
    tables.create(lab.settings)
    for item in items:
        dynamodb.put_item(TableName=table, Item=item)


def create_tables(lab: Lab) -> None:
    command = [sys.executable, "-m", "consumer.cli", "tables", "create", "--config", str(lab.config)]
    subprocess.run(command, check=True, capture_output=True)


def documents(lab: Lab) -> int:
    return len(lab.cloud.table(lab.settings.output.table))


def checkpoints(lab: Lab) -> set[str | None]:
    return {each.checkpoint for each in LeaseTables(boto3.client("dynamodb"), lab.settings.kcl.application).leases()}


@pytest.fixture
def stopped(lab: Lab) -> Lab:
    """A worker that has stored 60 records, and is stopped."""
    lab.set_up(shards=2)
    lab.start()
    lab.put_transactions(60, seed=1)
    lab.wait_until_found()
    assert lab.stop() == 0
    return lab


@pytest.mark.timeout(240)  # three starts of a worker
def test_with_leases_of_an_earlier_time_what_came_since_is_stored_again(stopped: Lab) -> None:
    """So the output table of that time is filled up by the workers: nothing is lost, nothing is there twice."""
    saved = {
        name: boto3.client("dynamodb").scan(TableName=name)["Items"]
        for name in (stopped.settings.kcl.application, stopped.settings.output.table)
    }
    then = checkpoints(stopped)
    stopped.start()
    stopped.put_transactions(60, seed=2)
    stopped.wait_until_found()
    assert stopped.stop() == 0
    assert checkpoints(stopped) != then
    for name, items in saved.items():
        restore(stopped, name, items)
    assert documents(stopped) == 60
    stopped.start()
    stopped.wait_until_found()
    assert documents(stopped) == 120
    assert stopped.metrics()["sanitizer_records_received_total"] == 60  # the first 60 are not read again
    stopped.put_transactions(20, seed=3)
    stopped.wait_until_found()
    assert documents(stopped) == 140


def test_without_leases_all_that_the_stream_holds_is_stored_again(stopped: Lab) -> None:
    dynamodb = boto3.client("dynamodb")
    dynamodb.delete_table(TableName=stopped.settings.kcl.application)
    create_tables(stopped)
    stopped.start()
    stopped.put_transactions(20, seed=2)
    stopped.wait_until_found()
    assert documents(stopped) == 80
    assert stopped.metrics()["sanitizer_records_received_total"] == 80


def test_without_leases_they_begin_at_the_time_that_the_application_s_item_says(stopped: Lab) -> None:
    """With LATEST shards without a checkpoint begin at `startsAtSeconds`, which whoever restores may set."""
    time.sleep(2)
    began = int(time.time())
    stopped.put_transactions(20, seed=2)
    dynamodb = boto3.client("dynamodb")
    application = stopped.settings.kcl.application
    dynamodb.delete_table(TableName=application)
    dynamodb.update_item(
        TableName=f"{application}-CoordinatorState",
        Key={"key": {"S": "Sanitizer"}},
        UpdateExpression="SET startsAtSeconds = :at",
        ExpressionAttributeValues={":at": {"N": str(began)}},
    )
    told = stopped.values(stopped.folder, stream={"name": stopped.name, "initial_position": "LATEST"})
    stopped.config.write_text(yaml.safe_dump(told), encoding="utf-8")
    create_tables(stopped)
    stopped.start()
    stopped.wait_until_found()
    assert documents(stopped) == 80
    assert stopped.metrics()["sanitizer_records_received_total"] == 20
