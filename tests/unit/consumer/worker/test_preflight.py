"""The permission that `write_mode: newest` needs is asked for at the start, without a trace in the table."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from consumer import tables
from consumer.errors import StartError
from consumer.local.cloud.process import Cloud
from consumer.settings import Settings
from consumer.worker import preflight

SETTINGS = Settings.model_validate(
    {
        "output": {
            "write_mode": "newest",
            "version_field": "at",
            "partition_key": "{user_id}",
            "sort_key": "{user_id}",
        }
    }
)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud(region="eu-central-1") as cloud:
        yield cloud


def test_nothing_is_written(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    boto3.client("kinesis").create_stream(StreamName=SETTINGS.stream.name, ShardCount=1)
    tables.create(SETTINGS)
    preflight.check(SETTINGS)
    assert boto3.client("dynamodb").scan(TableName=SETTINGS.output.table)["Items"] == []


class Refusing:
    """A client whose puts fail."""

    def __init__(self, code: str) -> None:
        self.code = code

    def put_item(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": self.code, "Message": "secret"}}, "PutItem")


def refusing(code: str) -> Any:
    return Refusing(code)


def test_a_missing_permission_is_said_before_anything_starts() -> None:
    with pytest.raises(StartError) as refusal:
        preflight._check_put(refusing("AccessDeniedException"), "orders", ("pk", "sk"))
    assert str(refusal.value).startswith("dynamodb:PutItem on table orders is not permitted")
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("code", ["ConditionalCheckFailedException", "ThrottlingException", "InternalServerError"])
def test_what_will_pass_is_no_reason_not_to_start(code: str) -> None:
    preflight._check_put(refusing(code), "orders", ("pk", "sk"))
