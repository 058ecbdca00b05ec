"""Tries each action that the worker and KCL need, without effect.

Reads ask for one item at most, which is thrown away. A write has a condition that no item meets. BatchWriteItem has no
conditions: it deletes an item whose key is made up at random, which changes nothing. DynamoDB and Kinesis ask for the
permission before they look at anything else, so every answer but a refusal says that it is there.
"""

import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from consumer import aws
from consumer.doctor.finding import Finding
from consumer.dynamodb.item import key_names
from consumer.dynamodb.schema import never
from consumer.kcl.leases.tables import KEYS, LEASE_OWNER_INDEX, owned_by
from consumer.quarantine.entry import KEY_NAMES
from consumer.settings import Settings, lease_tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_kinesis.client import KinesisClient

_NOBODY: Final = "sanitizer doctor"


class _Trial(NamedTuple):
    action: str
    target: str
    make: Callable[[], object]


def check(settings: Settings, kinesis: "KinesisClient", dynamodb: "DynamoDBClient") -> Iterator[Finding]:
    """Yield a finding for each action that is not permitted, then what is not known, then how many are."""
    permitted = denied = 0
    unknown: dict[str, str] = {}
    for trials in (_of_stream(settings, kinesis), _of_tables(settings, dynamodb)):
        for trial in trials:
            try:
                trial.make()
            except aws.CALL_ERRORS as error:
                reason = aws.reason(error)
                if reason == "permission":
                    denied += 1
                    yield Finding("permissions", "failed", aws.explain(error, trial.action, trial.target))
                    continue
                # Any other answer, a condition that does not hold or a throttle, was permitted.
                if reason in ("credentials", "missing", "unreachable"):
                    unknown[trial.target] = reason
                    if reason == "unreachable":  # each more would wait as long
                        break
                    continue
            permitted += 1
    if unknown:
        said = ", ".join(f"{target} ({reason})" for target, reason in unknown.items())
        yield Finding("permissions", "skipped", f"Not known are those on {said}.")
    yield from _not_tried(settings)
    if permitted and not denied:
        yield Finding("permissions", "ok", f"{permitted} actions were tried, and are permitted to the role in use.")


def _of_stream(settings: Settings, kinesis: "KinesisClient") -> Iterator[_Trial]:
    """Ask as KCL does, from the shards to one record; each needs what the one before returned."""
    name = settings.stream.name
    found: dict[str, str] = {}

    def list_shards() -> None:
        found["shard"] = kinesis.list_shards(StreamName=name, MaxResults=1)["Shards"][0]["ShardId"]

    def iterator() -> None:
        answer = kinesis.get_shard_iterator(StreamName=name, ShardId=found["shard"], ShardIteratorType="TRIM_HORIZON")
        found["iterator"] = answer["ShardIterator"]

    target = f"stream {name}"
    yield _Trial("kinesis:ListShards", target, list_shards)
    if "shard" in found:
        yield _Trial("kinesis:GetShardIterator", target, iterator)
    if "iterator" in found:
        yield _Trial(
            "kinesis:GetRecords", target, lambda: kinesis.get_records(ShardIterator=found["iterator"], Limit=1)
        )


def _of_tables(settings: Settings, dynamodb: "DynamoDBClient") -> Iterator[_Trial]:
    leases, worker_metrics, coordinator = lease_tables(settings.kcl.application)
    lease_key, worker_key, coordinator_key = KEYS
    yield from _conditional(dynamodb, leases, (lease_key,), "Scan", "GetItem", "PutItem", "UpdateItem", "DeleteItem")
    yield _Trial(
        "dynamodb:Query",
        f"index {LEASE_OWNER_INDEX} of table {leases}",
        lambda: dynamodb.query(TableName=leases, Limit=1, **owned_by(_NOBODY)),
    )
    yield from _conditional(dynamodb, worker_metrics, (worker_key,), "Scan", "UpdateItem", "DeleteItem")
    yield from _conditional(dynamodb, coordinator, (coordinator_key,), "GetItem", "PutItem", "UpdateItem", "DeleteItem")
    output, keys = settings.output.table, key_names(settings.output)
    if settings.has_table and settings.output.write_mode == "newest":
        yield from _conditional(dynamodb, output, keys, "PutItem")
    elif settings.has_table:
        yield _batch(dynamodb, output, keys)
    yield _batch(dynamodb, settings.quarantine.table, KEY_NAMES)


def _conditional(dynamodb: "DynamoDBClient", table: str, keys: tuple[str, ...], *operations: str) -> Iterator[_Trial]:
    """Reads of at most one item, and writes whose condition never holds."""
    key = {name: {"S": _NOBODY} for name in keys}
    calls: dict[str, Callable[[], object]] = {
        "Scan": lambda: dynamodb.scan(TableName=table, Limit=1),
        "GetItem": lambda: dynamodb.get_item(TableName=table, Key=key),
        "PutItem": lambda: dynamodb.put_item(TableName=table, Item=key, **never(keys[0])),
        "UpdateItem": lambda: dynamodb.update_item(
            TableName=table, Key=key, UpdateExpression="REMOVE sanitizer", **never(keys[0])
        ),
        "DeleteItem": lambda: dynamodb.delete_item(TableName=table, Key=key, **never(keys[0])),
    }
    for operation in operations:
        yield _Trial(f"dynamodb:{operation}", f"table {table}", calls[operation])


def _batch(dynamodb: "DynamoDBClient", table: str, keys: tuple[str, str]) -> _Trial:
    key = {name: {"S": f"sanitizer doctor {uuid.uuid4()}"} for name in keys}
    request: dict[str, Any] = {table: [{"DeleteRequest": {"Key": key}}]}
    return _Trial("dynamodb:BatchWriteItem", f"table {table}", lambda: dynamodb.batch_write_item(RequestItems=request))


def _not_tried(settings: Settings) -> Iterator[Finding]:
    """Name what cannot be tried without an effect, where it is needed."""
    actions = []
    if settings.kcl.retrieval_mode == "FANOUT":
        actions.append("kinesis:SubscribeToShard, which would take a running worker's subscription away")
        if settings.kcl.registered_arn is None:
            actions.append("kinesis:RegisterStreamConsumer, kinesis:DescribeStreamConsumer")
    if settings.kcl.metrics_level != "NONE":
        actions.append("cloudwatch:PutMetricData")
    if settings.kcl.may_create_tables:
        actions.append("dynamodb:CreateTable, dynamodb:UpdateTable")
    if actions:
        yield Finding("permissions", "skipped", f"Needed besides, and not tried: {'; '.join(actions)}.")
