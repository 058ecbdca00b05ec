"""What must be right before the worker starts: each failure is one sentence that names what is missing."""

from typing import TYPE_CHECKING, Final

from consumer import aws, logs
from consumer.decoding.loading import check_format
from consumer.dynamodb.item import key_names
from consumer.dynamodb.schema import key_problem, never
from consumer.errors import StartError
from consumer.kcl.leases.tables import LEASE_OWNER_INDEX
from consumer.kinesis import registered_consumers
from consumer.quarantine.entry import KEY_NAMES
from consumer.settings import Settings, lease_tables
from consumer.sinks.loading import check_sinks

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef

_CREATE: Final = "`sanitizer tables create` makes the tables"


def check(settings: Settings, *, with_kcl: bool = True) -> None:
    """Check the stream and the tables, and with them region, endpoints, credentials and permissions.

    :param with_kcl: KCL's own tables too.
    :raises UsageError: a sink or its options are wrong, or the format.
    :raises StartError: the first thing that is wrong.
    """
    kinesis = aws.client("kinesis", retries=2)
    dynamodb = aws.client("dynamodb", retries=2)
    name = settings.stream.name
    try:
        summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    except aws.CALL_ERRORS as error:
        raise StartError(aws.explain(error, "kinesis:DescribeStreamSummary", f"stream {name}")) from None
    if summary["StreamStatus"] not in ("ACTIVE", "UPDATING"):
        msg = f"The stream {name} is {summary['StreamStatus']}, not ACTIVE."
        raise StartError(msg)
    check_format(settings)
    check_sinks(settings)
    if settings.has_table:
        _check_table(dynamodb, settings.output.table, key_names(settings.output))
        if settings.output.write_mode == "newest":
            _check_put(dynamodb, settings.output.table, key_names(settings.output))
    _check_table(dynamodb, settings.quarantine.table, KEY_NAMES)
    if with_kcl and not settings.kcl.may_create_tables:
        _check_kcl_tables(dynamodb, settings.kcl.application)
    # Last: who cannot start says so in one sentence, and nothing else.
    log = logs.get_logger("preflight")
    for service, endpoint in aws.clear_endpoints((kinesis, dynamodb)):
        log.warning("endpoint.in_clear", name=service, address=endpoint)
    if with_kcl:
        registered_consumers.tell(settings, kinesis, summary, log)


def _check_table(dynamodb: "DynamoDBClient", table: str, keys: tuple[str, str]) -> None:
    problem = key_problem(_describe(dynamodb, table), keys)
    if problem:
        msg = f"The table {table} {problem}."
        raise StartError(msg)


def _check_kcl_tables(dynamodb: "DynamoDBClient", application: str) -> None:
    """KCL would create what it misses, and no property of KCL forbids it: read in its source, DAO by DAO."""
    allow = f" {_CREATE}; with kcl.may_create_tables KCL would do it."
    leases, *others = lease_tables(application)
    indexes = _describe(dynamodb, leases, allow).get("GlobalSecondaryIndexes", ())
    if LEASE_OWNER_INDEX not in [index["IndexName"] for index in indexes]:
        msg = (
            f"The table {leases} has no index {LEASE_OWNER_INDEX}: delete the table, if it holds no leases, and "
            "`sanitizer tables create` makes it with its index; with kcl.may_create_tables KCL would add it."
        )
        raise StartError(msg)
    for table in others:
        _describe(dynamodb, table, allow)


def _describe(dynamodb: "DynamoDBClient", table: str, hint: str = f" {_CREATE}.") -> "TableDescriptionTypeDef":
    try:
        description = dynamodb.describe_table(TableName=table)["Table"]
    except aws.CALL_ERRORS as error:
        hint = hint if aws.reason(error) == "missing" else ""
        raise StartError(aws.explain(error, "dynamodb:DescribeTable", f"table {table}") + hint) from None
    return description


def _check_put(dynamodb: "DynamoDBClient", table: str, keys: tuple[str, str]) -> None:
    """Ask for a permission that the other write mode does not need, by a put whose condition no item meets."""
    try:
        dynamodb.put_item(
            TableName=table,
            Item={name: {"S": "-"} for name in keys},
            **never(keys[0]),
        )
    except aws.CALL_ERRORS as error:
        if aws.reason(error) == "permission":
            raise StartError(aws.explain(error, "dynamodb:PutItem", f"table {table}")) from None
