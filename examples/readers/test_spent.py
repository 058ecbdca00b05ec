from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import boto3
import pytest
from moto import mock_aws

from consumer.documents import Documents
from spent import spent

REGION = "eu-central-1"
TABLE = "sanitized-transactions"
SHARD = "shardId-000000000000"


@pytest.fixture
def documents() -> Iterator[Documents]:
    with mock_aws():
        boto3.client("dynamodb", REGION).create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "_sanitizer_pk", "KeyType": "HASH"},
                {"AttributeName": "_sanitizer_sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "_sanitizer_pk", "AttributeType": "S"},
                {"AttributeName": "_sanitizer_sk", "AttributeType": "S"},
            ],
        )
        yield Documents(TABLE, region_name=REGION)


def put(user: str, time: str, sequence: int, amount: str) -> None:
    boto3.resource("dynamodb", REGION).Table(TABLE).put_item(
        Item={
            "_sanitizer_pk": user,
            "_sanitizer_sk": f"{time}#{SHARD}#{sequence}#0",
            "_sanitizer": {
                "stream": "transactions",
                "shard": SHARD,
                "sequence": str(sequence),
                "sub": 0,
                "arrival_ms": 1_710_498_600_000,
                "policy": "default@4",
                "digest": "0a3279e5dee83e06",
            },
            "user_id": user,
            "timestamp": time,
            "amount": Decimal(amount),
        }
    )


def test_a_day_begins_at_midnight_in_berlin(documents: Documents) -> None:
    put("1", "2024-03-14T22:59:59Z", 1, "1000")
    put("1", "2024-03-14T23:00:00Z", 2, "0.10")
    put("1", "2024-03-15T22:59:59.9Z", 3, "0.20")
    put("1", "2024-03-15T23:00:00Z", 4, "1000")
    assert list(spent(documents, ["1", "2"], date(2024, 3, 15))) == [("1", 2, Decimal("0.30")), ("2", 0, Decimal(0))]
