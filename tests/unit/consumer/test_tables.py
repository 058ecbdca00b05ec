"""Tables, preflight and look-ups against the embedded cloud."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
import pytest

from consumer import entries, lookup, preflight, tables
from consumer.config import Output, Settings, lease_tables
from consumer.document import ItemEncoder
from consumer.errors import StartError
from consumer.local.cloud_process import Cloud
from consumer.quarantine import QuarantineEncoder
from consumer.record import Record

SHARD = "shardId-000000000000"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud(region="eu-central-1") as cloud:
        yield cloud


@pytest.fixture(autouse=True)
def _in_the_cloud(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def dynamodb(_in_the_cloud: None) -> Any:
    return boto3.client("dynamodb")


@pytest.fixture
def kinesis(_in_the_cloud: None) -> Any:
    return boto3.client("kinesis")


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Settings:
    """Settings with names of the test's own."""
    name = str(abs(hash(request.node.name)))
    return Settings.model_validate(
        {
            "stream": {"name": f"s-{name}"},
            "kcl": {"application": f"a-{name}"},
            "output": {"table": f"o-{name}"},
            "quarantine": {"table": f"q-{name}"},
        }
    )


def foreign_table(dynamodb: Any, name: str, *keys: str, kind: Any = "S") -> None:
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=tables._schema(*keys),
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key in keys],
    )


def test_what_is_missing_is_created_once(settings: Settings, dynamodb: Any) -> None:
    assert set(dict(tables.check(settings)).values()) == {"is missing"}
    made = dict(tables.create(settings))
    assert len(made) == 5
    assert set(made.values()) == {"created"}
    assert set(dict(tables.check(settings)).values()) == {None}
    assert set(dict(tables.create(settings)).values()) == {"exists"}
    leases = dynamodb.describe_table(TableName=settings.kcl.application)["Table"]
    assert leases["GlobalSecondaryIndexes"][0]["IndexName"] == "LeaseOwnerToLeaseKeyIndex"
    backups = dynamodb.describe_continuous_backups(TableName=settings.output.table)
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_table_with_other_keys_is_not_taken(settings: Settings, dynamodb: Any) -> None:
    foreign_table(dynamodb, settings.output.table, "id")
    with pytest.raises(StartError, match="exists, but its keys are not _sanitizer_pk and _sanitizer_sk"):
        list(tables.create(settings))
    foreign_table(dynamodb, settings.quarantine.table, "source", "position", kind="N")
    foreign_table(dynamodb, settings.kcl.application, "leaseKey")
    problems = dict(tables.check(settings))
    assert "its keys are not" in str(problems[settings.output.table])
    assert "must have the string keys source" in str(problems[settings.quarantine.table])
    assert "LeaseOwnerToLeaseKeyIndex is missing" in str(problems[settings.kcl.application])


def test_preflight_names_the_first_thing_that_is_missing(settings: Settings, dynamodb: Any, kinesis: Any) -> None:
    with pytest.raises(StartError, match=f"There is no stream {settings.stream.name}"):
        preflight.check(settings)
    kinesis.create_stream(StreamName=settings.stream.name, ShardCount=1)
    with pytest.raises(StartError, match=rf"There is no table {settings.output.table} .*`sanitizer tables create`"):
        preflight.check(settings)
    foreign_table(dynamodb, settings.output.table, "_sanitizer_pk")
    with pytest.raises(StartError, match="must have the string keys _sanitizer_pk"):
        preflight.check(settings)
    dynamodb.delete_table(TableName=settings.output.table)
    list(tables.create(settings))
    preflight.check(settings)


def test_nothing_is_left_to_kcl_to_create_unless_it_may(settings: Settings, dynamodb: Any, kinesis: Any) -> None:
    kinesis.create_stream(StreamName=settings.stream.name, ShardCount=1)
    list(tables.create(settings))
    may = settings.model_copy(update={"kcl": settings.kcl.model_copy(update={"may_create_tables": True})})
    for name in lease_tables(settings.kcl.application)[::-1]:
        dynamodb.delete_table(TableName=name)
        with pytest.raises(
            StartError, match=f"There is no table {name} .*`sanitizer tables create`.*may_create_tables"
        ):
            preflight.check(settings)
        preflight.check(may)
        preflight.check(settings, with_kcl=False)
    foreign_table(dynamodb, settings.kcl.application, "leaseKey")
    with pytest.raises(StartError, match=r"has no index LeaseOwnerToLeaseKeyIndex: .*`sanitizer tables create`"):
        preflight.check(settings)


def test_leases_of_a_fresh_stream_are_written_once(settings: Settings, kinesis: Any) -> None:
    kinesis.create_stream(StreamName=settings.stream.name, ShardCount=3)
    list(tables.create(settings))
    assert tables.seed_leases(settings) == 3
    assert tables.seed_leases(settings) == 0
    rows = lookup.shards(settings)
    assert [row["shard"] for row in rows] == [f"shardId-{i:012d}" for i in range(3)]
    assert {(row["owner"], row["checkpoint"], row["sub"]) for row in rows} == {(None, "TRIM_HORIZON", 0)}


def test_leases_of_a_resharded_stream_are_left_to_kcl(settings: Settings, kinesis: Any) -> None:
    kinesis.create_stream(StreamName=settings.stream.name, ShardCount=1)
    kinesis.split_shard(StreamName=settings.stream.name, ShardToSplit=SHARD, NewStartingHashKey=str(2**127))
    list(tables.create(settings))
    assert tables.seed_leases(settings) == 0
    assert lookup.shards(settings) == []


def test_leases_need_the_stream(settings: Settings) -> None:
    list(tables.create(settings))
    with pytest.raises(StartError, match=f"There is no stream {settings.stream.name}"):
        tables.seed_leases(settings)


def test_documents_are_found_by_key_newest_first(settings: Settings, dynamodb: Any) -> None:
    list(tables.create(settings))
    encoder = ItemEncoder(Output(), settings.stream.name, SHARD, "p@1", "d")
    padding = "x" * 300_000  # so that a query needs several pages
    documents = [
        {"user_id": "12345", "timestamp": f"2024-0{month}-01", "amount": Decimal("149.99"), "pad": padding}
        for month in range(1, 7)
    ]
    for number, document in enumerate(documents):
        item = encoder.encode(document, Record(str(number), 0, 5, b""))
        dynamodb.put_item(TableName=settings.output.table, Item=item.attributes)
    found = list(lookup.documents(settings, "12345", None, None))
    assert [document for document, _ in found] == documents[::-1]
    assert found[0][1]["shard"] == SHARD
    assert [document for document, _ in lookup.documents(settings, "12345", None, 2)] == documents[:3:-1]
    assert [document for document, _ in lookup.documents(settings, "12345", "2024-03", None)] == [documents[2]]
    assert list(lookup.documents(settings, "no such user", None, None)) == []


def test_the_quarantine_is_listed(settings: Settings, dynamodb: Any) -> None:
    list(tables.create(settings))
    encoder = QuarantineEncoder(settings.stream.name, SHARD, "p@1", "d", b"k")
    entry = encoder.encode(Record("5", 1, 7, b'{"card": "4111111111111111"}'), "invalid_json", None, 0.0)
    dynamodb.put_item(TableName=settings.quarantine.table, Item=entry.attributes)
    (found,) = entries.entries(settings)
    assert (found.code, found.sequence, found.sub, found.size) == ("invalid_json", "5", 1, 28)
    assert "4111" not in json.dumps(found.fields, default=str).replace(found.fields["fingerprint"], "")


def test_a_missing_table_is_one_sentence(settings: Settings) -> None:
    for read in (
        lambda: list(lookup.documents(settings, "1", None, None)),
        lambda: list(entries.entries(settings)),
        lambda: lookup.shards(settings),
    ):
        with pytest.raises(StartError, match="There is no table"):
            read()


def test_recovery_that_is_off_is_seen_and_turned_on_again(settings: Settings, dynamodb: Any) -> None:
    list(tables.create(settings))
    off = {"PointInTimeRecoveryEnabled": False}
    dynamodb.update_continuous_backups(TableName=settings.output.table, PointInTimeRecoverySpecification=off)
    problems = {name: problem for name, problem in tables.check(settings) if problem}
    assert list(problems) == [settings.output.table]
    assert "point-in-time recovery is off" in problems[settings.output.table]
    list(tables.create(settings))
    assert not any(problem for _, problem in tables.check(settings))
