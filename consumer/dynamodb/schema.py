"""How tables are made, and checked: keys, index, recovery, expiry."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from consumer import aws
from consumer.dynamodb.names import INDEX
from consumer.errors import ServiceError, StartError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef

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


def create_each(tables: Sequence[Table], tell: Callable[[str, str], object] = lambda *_: None) -> None:
    """Create those that are missing, and wait until all are usable.

    :param tell: is called for each as soon as it is known, since a later step may fail: with its name and ``created``,
        ``exists`` or ``exists; its index is added``.
    :raises ServiceError: not permitted, or unreachable.
    :raises StartError: a table of that name has other keys.
    """
    dynamodb = aws.client("dynamodb", retries=3, timeout=30)
    for table in tables:
        tell(table.name, _create(dynamodb, table))
    for table in tables:
        _complete(dynamodb, table)


def _create(dynamodb: "DynamoDBClient", table: Table) -> str:
    existing = _describe(dynamodb, table.name)
    if existing is None:
        call(dynamodb.create_table, "dynamodb:CreateTable", table.name, **table.request)
        return "created"
    problem = _problem(existing, table)
    if problem is None:
        return "exists"
    if problem != _NO_INDEX:
        msg = f"The table {table.name} exists, but {problem}."
        raise StartError(msg)
    call(dynamodb.update_table, "dynamodb:UpdateTable", table.name, **_index_request(existing, table))
    return "exists; its index is added"


def _complete(dynamodb: "DynamoDBClient", table: Table) -> None:
    """Wait for a table, and turn on what is done by calls of their own."""
    call(
        dynamodb.get_waiter("table_exists").wait,
        "dynamodb:DescribeTable",
        table.name,
        TableName=table.name,
        WaiterConfig={"Delay": 1, "MaxAttempts": 120},
    )
    while table.may_add_index and not _is_whole(dynamodb, table):
        time.sleep(_BUILDING_SECONDS)
    # Also of a table that was there: an earlier call may have ended between the two steps.
    if table.holds_data and not _has_recovery(dynamodb, table.name):
        call(
            dynamodb.update_continuous_backups,
            "dynamodb:UpdateContinuousBackups",
            table.name,
            TableName=table.name,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )
    if table.expires_by and not _time_to_live(dynamodb, table.name):
        call(
            dynamodb.update_time_to_live,
            "dynamodb:UpdateTimeToLive",
            table.name,
            TableName=table.name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": table.expires_by},
        )


def schema_problem(dynamodb: "DynamoDBClient", table: Table) -> str | None:
    """Return what the worker cannot do without: ``is missing``, or what is wrong with keys and index; None: nothing.

    :raises ServiceError: not permitted, or unreachable.
    """
    existing = _describe(dynamodb, table.name)
    return _problem(existing, table) if existing else MISSING


def upkeep_problem(dynamodb: "DynamoDBClient", table: Table) -> str | None:
    """Return what is wrong with a table's recovery, expiry and index, which the worker itself does not ask for.

    :raises ServiceError: not permitted, or unreachable.
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


def key_schema(*keys: str) -> list[dict[str, str]]:
    """Return CreateTable's KeySchema: the partition key, then the sort key, if there is one."""
    return [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)]


def new_table(name: str, *keys: str, attributes: tuple[str, ...] = (), holds_data: bool = False, **more: Any) -> Table:
    """Return a table with these string keys, paid by request.

    :param attributes: further ones that an index is made of.
    :param more: of CreateTable's request.
    """
    request = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": key_schema(*keys),
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in (*keys, *attributes)],
        **more,
    }
    return Table(name, keys, request, holds_data)


def _describe(dynamodb: "DynamoDBClient", name: str) -> "TableDescriptionTypeDef | None":
    try:
        description = dynamodb.describe_table(TableName=name)["Table"]
    except aws.CALL_ERRORS as error:
        if aws.reason(error) == "missing":
            return None
        raise ServiceError(aws.explain(error, "dynamodb:DescribeTable", f"table {name}")) from None
    return description


def _has_recovery(dynamodb: "DynamoDBClient", name: str) -> bool:
    answer = call(dynamodb.describe_continuous_backups, "dynamodb:DescribeContinuousBackups", name, TableName=name)
    recovery = answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    return bool(recovery["PointInTimeRecoveryStatus"] == "ENABLED")


def _time_to_live(dynamodb: "DynamoDBClient", name: str) -> str | None:
    """Return the attribute by which a table's items expire, if they do."""
    answer = call(dynamodb.describe_time_to_live, "dynamodb:DescribeTimeToLive", name, TableName=name)
    described = answer["TimeToLiveDescription"]
    is_on = described.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
    return str(described["AttributeName"]) if is_on else None


def _problem(existing: Mapping[str, Any], table: Table) -> str | None:
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


def _index_request(existing: Mapping[str, Any], table: Table) -> dict[str, Any]:
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


def _is_whole(dynamodb: "DynamoDBClient", table: Table) -> bool:
    """Return whether a table that is there has its indexes, and they are built."""
    existing = _describe(dynamodb, table.name) or {}
    built = {i["IndexName"] for i in existing.get("GlobalSecondaryIndexes", ()) if i["IndexStatus"] == "ACTIVE"}
    return built >= {index["IndexName"] for index in table.request.get("GlobalSecondaryIndexes", ())}


def call(method: Any, operation: str, table: str, **request: Any) -> Any:
    """Make a call of a client.

    :raises ServiceError: it failed; one sentence says how, and which table.
    """
    try:
        return method(**request)
    except aws.CALL_ERRORS as error:
        raise ServiceError(aws.explain(error, operation, f"table {table}")) from None


def never(key: str) -> dict[str, Any]:
    """Return the condition of a write that no item meets, so that only the permission to write is asked for.

    :param key: an attribute of the table's key.
    """
    return {
        "ConditionExpression": "attribute_exists(#k) AND attribute_not_exists(#k)",
        "ExpressionAttributeNames": {"#k": key},
    }


def key_problem(description: Mapping[str, Any], keys: tuple[str, str]) -> str | None:
    """Return what is wrong with a table's key schema, if anything.

    :param description: DescribeTable's answer.
    :param keys: the attribute names of partition and sort key that it must have, as strings.
    """
    roles = {element["KeyType"]: element["AttributeName"] for element in description["KeySchema"]}
    types = {element["AttributeName"]: element["AttributeType"] for element in description["AttributeDefinitions"]}
    wanted = {"HASH": keys[0], "RANGE": keys[1]}
    if roles != wanted or any(types.get(name) != "S" for name in keys):
        return f"must have the string keys {keys[0]} (partition) and {keys[1]} (sort)"
    return None


def if_unchanged(method: Callable[..., object], **request: Any) -> bool:
    """Make a conditional call; return whether its condition held, or raise what else the call raises."""
    try:
        method(**request)
    except ClientError as error:
        if aws.error_code(error) == "ConditionalCheckFailedException":
            return False  # another worker was faster, which is as good
        raise
    return True
