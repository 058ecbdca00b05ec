"""Tables, preflight and look-ups against the embedded cloud."""

import json
from typing import Any

import boto3
import pytest

from consumer import aws, tables
from consumer.dynamodb import schema
from consumer.errors import ServiceError, StartError
from consumer.kcl.leases.status import Observer
from consumer.kcl.leases.tables import Lease, LeaseTables
from consumer.quarantine import store
from consumer.quarantine.entry import QuarantineEncoder
from consumer.record import Record
from consumer.settings import Settings, lease_tables
from consumer.worker import preflight
from tests.kits.tables import created

SHARD = "shardId-000000000000"


pytestmark = pytest.mark.usefixtures("_in_the_cloud")


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
        KeySchema=schema.key_schema(*keys),
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key in keys],
    )


def test_what_is_missing_is_created_once(settings: Settings, dynamodb: Any) -> None:
    assert set(dict(tables.check(settings)).values()) == {"is missing"}
    made = created(settings)
    assert len(made) == 5
    assert set(made.values()) == {"created"}
    assert set(dict(tables.check(settings)).values()) == {None}
    assert set(created(settings).values()) == {"exists"}
    leases = dynamodb.describe_table(TableName=settings.kcl.application)["Table"]
    assert leases["GlobalSecondaryIndexes"][0]["IndexName"] == "LeaseOwnerToLeaseKeyIndex"
    backups = dynamodb.describe_continuous_backups(TableName=settings.output.table)
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


def test_each_table_is_told_as_it_is_made_since_a_later_step_may_fail(settings: Settings, dynamodb: Any) -> None:
    foreign_table(dynamodb, settings.quarantine.table, "id")
    told: list[tuple[str, str]] = []
    with pytest.raises(StartError, match="exists, but its keys"):
        tables.create(settings, lambda *each: told.append(each))
    assert told == [(settings.output.table, "created")]


def test_a_table_with_other_keys_is_not_taken(settings: Settings, dynamodb: Any) -> None:
    foreign_table(dynamodb, settings.output.table, "id")
    with pytest.raises(StartError, match="exists, but its keys are not _sanitizer_pk and _sanitizer_sk"):
        tables.create(settings)
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
    tables.create(settings)
    preflight.check(settings)


def test_nothing_is_left_to_kcl_to_create_unless_it_may(settings: Settings, dynamodb: Any, kinesis: Any) -> None:
    kinesis.create_stream(StreamName=settings.stream.name, ShardCount=1)
    tables.create(settings)
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


def leases(settings: Settings) -> list[Lease]:
    return LeaseTables(aws.client("dynamodb"), settings.kcl.application).leases()


def test_leases_of_a_fresh_stream_are_written_once(settings: Settings, kinesis: Any) -> None:
    kinesis.create_stream(StreamName=settings.stream.name, ShardCount=3)
    tables.create(settings)
    assert tables.seed_leases(settings) == 3
    assert tables.seed_leases(settings) == 0
    assert leases(settings) == [Lease(f"shardId-{i:012d}", None, 0, "TRIM_HORIZON") for i in range(3)]


def test_leases_of_a_resharded_stream_are_left_to_kcl(settings: Settings, kinesis: Any) -> None:
    kinesis.create_stream(StreamName=settings.stream.name, ShardCount=1)
    kinesis.split_shard(StreamName=settings.stream.name, ShardToSplit=SHARD, NewStartingHashKey=str(2**127))
    tables.create(settings)
    assert tables.seed_leases(settings) == 0
    assert leases(settings) == []


def test_leases_need_the_stream(settings: Settings) -> None:
    tables.create(settings)
    with pytest.raises(ServiceError, match=f"There is no stream {settings.stream.name}"):
        tables.seed_leases(settings)


def test_the_quarantine_is_listed(settings: Settings, dynamodb: Any) -> None:
    tables.create(settings)
    encoder = QuarantineEncoder(settings.stream.name, SHARD, "p@1", "d", b"k")
    entry = encoder.encode(Record("5", 1, 7, b'{"card": "4111111111111111"}'), "invalid_json", None, 0.0)
    dynamodb.put_item(TableName=settings.quarantine.table, Item=entry.attributes)
    (found,) = store.entries(settings)
    assert (found.code, found.sequence, found.sub, found.size) == ("invalid_json", "5", 1, 28)
    assert "4111111111111111" not in json.dumps(found.fields, default=str)


def test_a_missing_table_is_one_sentence(settings: Settings) -> None:
    for read in (
        lambda: list(store.entries(settings)),
        lambda: Observer(settings).look(),
    ):
        with pytest.raises(ServiceError, match=r"There is no table .*`sanitizer tables create` makes the tables"):
            read()


def test_recovery_that_is_off_is_seen_and_turned_on_again(settings: Settings, dynamodb: Any) -> None:
    tables.create(settings)
    off = {"PointInTimeRecoveryEnabled": False}
    dynamodb.update_continuous_backups(TableName=settings.output.table, PointInTimeRecoverySpecification=off)
    problems = {name: problem for name, problem in tables.check(settings) if problem}
    assert list(problems) == [settings.output.table]
    assert "point-in-time recovery is off" in problems[settings.output.table]
    tables.create(settings)
    assert not any(problem for _, problem in tables.check(settings))


def with_output(settings: Settings, **values: Any) -> Settings:
    return Settings.model_validate(settings.model_dump() | {"output": settings.output.model_dump() | values})


def test_the_index_comes_with_the_table_or_later(settings: Settings, dynamodb: Any) -> None:
    indexed = with_output(settings, index={"partition_key": "{transaction_id}", "sort_key": "{timestamp}"})
    table = settings.output.table
    tables.create(settings)
    item = {name: {"S": "k"} for name in ("_sanitizer_pk", "_sanitizer_sk", "_sanitizer_ipk", "_sanitizer_isk")}
    dynamodb.put_item(TableName=table, Item=item)
    assert (
        dict(tables.check(indexed))[table] == "its index sanitizer-index is missing; `sanitizer tables create` adds it"
    )
    assert created(indexed)[table] == "exists; its index is added"
    assert created(indexed)[table] == "exists"
    assert not any(problem for _, problem in tables.check(indexed))
    assert not any(problem for _, problem in tables.check(settings))  # one too many does no harm
    (index,) = dynamodb.describe_table(TableName=table)["Table"]["GlobalSecondaryIndexes"]
    assert index["Projection"] == {"ProjectionType": "ALL"}
    found = dynamodb.query(
        TableName=table,
        IndexName="sanitizer-index",
        KeyConditionExpression="#p = :p",
        ExpressionAttributeNames={"#p": "_sanitizer_ipk"},
        ExpressionAttributeValues={":p": {"S": "k"}},
    )
    assert found["Items"] == [item]
    other = with_output(settings, index={"partition_key": "{transaction_id}"})
    assert "its index sanitizer-index has other keys" in str(dict(tables.check(other))[table])
    with pytest.raises(StartError, match="delete the index"):
        tables.create(other)
    dynamodb.delete_table(TableName=table)
    assert created(other)[table] == "created"
    assert not any(problem for _, problem in tables.check(other))


def test_an_index_of_a_provisioned_table_gets_its_capacity(settings: Settings, dynamodb: Any) -> None:
    indexed = with_output(settings, index={"partition_key": "{transaction_id}"})
    units = {"ReadCapacityUnits": 7, "WriteCapacityUnits": 9}
    request = tables.output_table(settings).request
    dynamodb.create_table(**request | {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units})
    assert created(indexed)[settings.output.table] == "exists; its index is added"
    (index,) = dynamodb.describe_table(TableName=settings.output.table)["Table"]["GlobalSecondaryIndexes"]
    assert {name: index["ProvisionedThroughput"][name] for name in units} == units


def test_documents_expire_once_the_settings_say_so(settings: Settings, dynamodb: Any) -> None:
    table = settings.output.table
    tables.create(settings)
    mortal = with_output(settings, ttl_days=90)
    assert "time to live is off" in str(dict(tables.check(mortal))[table])
    tables.create(mortal)
    assert dict(tables.check(mortal))[table] is None
    described = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    assert described == {"AttributeName": "_sanitizer_ttl", "TimeToLiveStatus": "ENABLED"}
