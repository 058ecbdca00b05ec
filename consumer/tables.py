"""The tables of the service: output, quarantine, and the three that KCL wants."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from consumer import aws
from consumer.dynamodb.item import key_names
from consumer.dynamodb.names import INDEX, names_of
from consumer.errors import StartError
from consumer.kcl.handover import LEASE_OWNER_INDEX
from consumer.kinesis.reader import list_shards
from consumer.quarantine.entry import EXPIRES_AT, KEY_NAMES
from consumer.settings import Settings, lease_tables
from consumer.worker.preflight import key_problem

MISSING: Final = "is missing"
_NO_INDEX: Final = f"its index {INDEX} is missing; `sanitizer tables create` adds it"
_BUILDING_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its name, and CreateTable's request for it.

    :ivar expires_by: the attribute by which its items expire.
    :ivar may_add_index: whether its index can be added when the table is there already.
    """

    name: str
    keys: tuple[str, ...]
    request: dict[str, Any]
    holds_data: bool
    expires_by: str | None = None
    may_add_index: bool = False


def wanted(settings: Settings) -> list[Table]:
    """Return every table of the service, in the order in which they are created."""
    leases, worker_metrics, coordinator = lease_tables(settings.kcl.application)
    expires_by = EXPIRES_AT if settings.quarantine.ttl_days else None
    return [
        *([output_table(settings)] if settings.has_table else ()),
        replace(_table(settings.quarantine.table, *KEY_NAMES, holds_data=True), expires_by=expires_by),
        lease_table(leases),
        _table(worker_metrics, "wid"),
        _table(coordinator, "key"),
    ]


def output_table(settings: Settings) -> Table:
    """Return the table of documents, with its second index if the settings have one."""
    output = settings.output
    names = names_of(output.reserved_attribute)
    more: dict[str, Any] = {}
    keys: tuple[str, ...] = ()
    if output.index is not None:
        keys = (names.index_partition, names.index_sort)[: 1 if output.index.sort_key is None else 2]
        index = {"IndexName": INDEX, "KeySchema": _schema(*keys), "Projection": {"ProjectionType": "ALL"}}
        more["GlobalSecondaryIndexes"] = [index]
    made = _table(output.table, *key_names(output), attributes=keys, holds_data=True, **more)
    return replace(made, expires_by=names.expires if output.ttl_days else None, may_add_index=True)


def lease_table(name: str) -> Table:
    """Return an application's lease table, as KCL 3 wants it."""
    index = {
        "IndexName": LEASE_OWNER_INDEX,
        "KeySchema": _schema("leaseOwner", "leaseKey"),
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    return _table(name, "leaseKey", attributes=("leaseOwner",), GlobalSecondaryIndexes=[index])


def create(settings: Settings) -> Iterator[tuple[str, str]]:
    """Create what is missing; yield each table's name and ``created``, ``exists`` or ``exists; its index is added``.

    Ends when all are usable; DynamoDB takes minutes to hours to build an index of a table that holds much.

    :raises StartError: not permitted, unreachable, or a table of that name has other keys.
    """
    return create_each(wanted(settings))


def create_each(tables: Sequence[Table]) -> Iterator[tuple[str, str]]:
    """Create those that are missing; see `create`."""
    dynamodb = aws.client("dynamodb", retries=3, timeout=30)
    for table in tables:
        existing = _describe(dynamodb, table.name)
        if existing is None:
            _call(dynamodb.create_table, "dynamodb:CreateTable", table.name, **table.request)
        elif problem := _problem(existing, table):
            if problem != _NO_INDEX:
                msg = f"The table {table.name} exists, but {problem}."
                raise StartError(msg)
            _call(dynamodb.update_table, "dynamodb:UpdateTable", table.name, **_index_request(existing, table))
            yield table.name, "exists; its index is added"
            continue
        yield table.name, "exists" if existing else "created"
    for table in tables:
        waiter = dynamodb.get_waiter("table_exists")
        _call(
            waiter.wait,
            "dynamodb:DescribeTable",
            table.name,
            TableName=table.name,
            WaiterConfig={"Delay": 1, "MaxAttempts": 120},
        )
        while table.may_add_index and not _is_whole(dynamodb, table):
            time.sleep(_BUILDING_SECONDS)
        # Also of a table that was there: an earlier call may have ended between the two steps.
        if table.holds_data and not _has_recovery(dynamodb, table.name):
            _call(
                dynamodb.update_continuous_backups,
                "dynamodb:UpdateContinuousBackups",
                table.name,
                TableName=table.name,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            )
        if table.expires_by and not _time_to_live(dynamodb, table.name):
            _call(
                dynamodb.update_time_to_live,
                "dynamodb:UpdateTimeToLive",
                table.name,
                TableName=table.name,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": table.expires_by},
            )


def check(settings: Settings) -> Iterator[tuple[str, str | None]]:
    """Yield each table's name and what is wrong with it, or None."""
    dynamodb = aws.client("dynamodb", retries=3)
    for table in wanted(settings):
        yield table.name, schema_problem(dynamodb, table) or upkeep_problem(dynamodb, table)


def schema_problem(dynamodb: Any, table: Table) -> str | None:
    """Return what the worker cannot do without: ``is missing``, or what is wrong with keys and index; None: nothing.

    :raises StartError: not permitted, or unreachable.
    """
    existing = _describe(dynamodb, table.name)
    return _problem(existing, table) if existing else MISSING


def upkeep_problem(dynamodb: Any, table: Table) -> str | None:
    """Return what is wrong with a table's recovery, expiry and index, which the worker itself does not ask for.

    :raises StartError: not permitted, or unreachable.
    """
    if table.holds_data and not _has_recovery(dynamodb, table.name):
        return "its point-in-time recovery is off; `sanitizer tables create` turns it on"
    if table.expires_by and (attribute := _time_to_live(dynamodb, table.name)) != table.expires_by:
        return (
            f"its time to live goes by {attribute}, not by {table.expires_by}: turn it off, then `tables create`"
            if attribute
            else "its time to live is off; `sanitizer tables create` turns it on"
        )
    if table.may_add_index and not _is_whole(dynamodb, table):
        return f"its index {INDEX} is still being built"
    return None


def seed_leases(settings: Settings) -> int:
    """Write the lease of each shard into an empty lease table, as KCL would at its first start.

    It saves a fresh worker the time in which KCL lists shards and waits. Only where it is plainly right: no lease is
    there yet, and the stream was never resharded (else parents must be read before their children).

    :return: how many leases were written.
    :raises StartError: stream or table cannot be read or written.
    """
    dynamodb = aws.client("dynamodb", retries=3)
    kinesis = aws.client("kinesis", retries=3)
    table = lease_tables(settings.kcl.application)[0]
    stream = settings.stream.name
    if _call(dynamodb.scan, "dynamodb:Scan", table, TableName=table, Limit=1)["Items"]:
        return 0
    shards = list_shards(kinesis, stream)
    if any(shard.get("ParentShardId") for shard in shards):
        return 0
    for shard in shards:
        lease = new_lease(shard, settings.stream.initial_position)
        try:
            dynamodb.put_item(TableName=table, Item=lease, ConditionExpression="attribute_not_exists(leaseKey)")
        except aws.CALL_ERRORS as error:
            if aws.error_code(error) != "ConditionalCheckFailedException":  # a worker was faster
                raise StartError(aws.explain(error, "dynamodb:PutItem", f"table {table}")) from None
    return len(shards)


def new_lease(shard: dict[str, Any], checkpoint: str) -> dict[str, Any]:
    """Return the lease of a shard that nobody has read yet, as KCL writes it.

    :param shard: as ListShards describes it.
    :param checkpoint: ``TRIM_HORIZON``, ``LATEST`` or ``AT_TIMESTAMP``.
    """
    lease: dict[str, Any] = {
        "leaseKey": {"S": shard["ShardId"]},
        "checkpoint": {"S": checkpoint},
        "checkpointSubSequenceNumber": {"N": "0"},
        "leaseCounter": {"N": "0"},
        "ownerSwitchesSinceCheckpoint": {"N": "0"},
        "startingHashKey": {"S": shard["HashKeyRange"]["StartingHashKey"]},
        "endingHashKey": {"S": shard["HashKeyRange"]["EndingHashKey"]},
    }
    parents = [shard[name] for name in ("ParentShardId", "AdjacentParentShardId") if shard.get(name)]
    return lease | ({"parentShardId": {"SS": parents}} if parents else {})


def _schema(*keys: str) -> list[dict[str, str]]:
    return [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)]


def _table(name: str, *keys: str, attributes: tuple[str, ...] = (), holds_data: bool = False, **more: Any) -> Table:
    request = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _schema(*keys),
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in (*keys, *attributes)],
        **more,
    }
    return Table(name, keys, request, holds_data)


def _describe(dynamodb: Any, name: str) -> dict[str, Any] | None:
    try:
        description: dict[str, Any] = dynamodb.describe_table(TableName=name)["Table"]
    except aws.CALL_ERRORS as error:
        if aws.reason(error) == "missing":
            return None
        raise StartError(aws.explain(error, "dynamodb:DescribeTable", f"table {name}")) from None
    return description


def _has_recovery(dynamodb: Any, name: str) -> bool:
    answer = _call(dynamodb.describe_continuous_backups, "dynamodb:DescribeContinuousBackups", name, TableName=name)
    recovery = answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    return bool(recovery["PointInTimeRecoveryStatus"] == "ENABLED")


def _time_to_live(dynamodb: Any, name: str) -> str | None:
    """Return the attribute by which a table's items expire, if they do."""
    answer = _call(dynamodb.describe_time_to_live, "dynamodb:DescribeTimeToLive", name, TableName=name)
    described = answer["TimeToLiveDescription"]
    is_on = described.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
    return str(described["AttributeName"]) if is_on else None


def _problem(existing: dict[str, Any], table: Table) -> str | None:
    if existing["KeySchema"] != table.request["KeySchema"]:
        return f"its keys are not {' and '.join(table.keys)}"
    if len(table.keys) == 2 and (problem := key_problem(existing, (table.keys[0], table.keys[1]))):  # noqa: PLR2004
        return f"it {problem}"
    indexes = {index["IndexName"]: index for index in existing.get("GlobalSecondaryIndexes", ())}
    for index in table.request.get("GlobalSecondaryIndexes", ()):
        name = index["IndexName"]
        if name not in indexes:
            return _NO_INDEX if table.may_add_index else f"its index {name} is missing"
        if table.may_add_index and indexes[name]["KeySchema"] != index["KeySchema"]:
            return f"its index {name} has other keys: delete the index, then `sanitizer tables create`"
    return None


def _index_request(existing: dict[str, Any], table: Table) -> dict[str, Any]:
    """Return UpdateTable's request for the index of a table that is there."""
    (index,) = table.request["GlobalSecondaryIndexes"]
    capacity = existing.get("ProvisionedThroughput", {})
    units = {name: capacity.get(name) for name in ("ReadCapacityUnits", "WriteCapacityUnits")}
    if all(units.values()):  # 0 or none: on demand; else an index has a capacity of its own
        index = index | {"ProvisionedThroughput": units}
    return {
        "TableName": table.name,
        "AttributeDefinitions": table.request["AttributeDefinitions"],
        "GlobalSecondaryIndexUpdates": [{"Create": index}],
    }


def _is_whole(dynamodb: Any, table: Table) -> bool:
    """Return whether a table that is there has its indexes, and they are built."""
    existing = _describe(dynamodb, table.name) or {}
    built = {i["IndexName"] for i in existing.get("GlobalSecondaryIndexes", ()) if i["IndexStatus"] == "ACTIVE"}
    return built >= {index["IndexName"] for index in table.request.get("GlobalSecondaryIndexes", ())}


def _call(method: Any, operation: str, table: str, **request: Any) -> Any:
    try:
        return method(**request)
    except aws.CALL_ERRORS as error:
        raise StartError(aws.explain(error, operation, f"table {table}")) from None
