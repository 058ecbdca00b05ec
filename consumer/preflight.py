"""What must be right before the worker starts: each failure is one sentence that names what is missing."""

from typing import Any

from consumer import aws
from consumer.config import Settings
from consumer.document import key_names
from consumer.errors import StartError
from consumer.quarantine import KEY_NAMES


def check(settings: Settings) -> None:
    """Check the stream and the tables, and with them region, endpoints, credentials and permissions.

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
    _check_table(dynamodb, settings.output.table, key_names(settings.output))
    _check_table(dynamodb, settings.quarantine.table, KEY_NAMES)


def _check_table(dynamodb: Any, table: str, keys: tuple[str, str]) -> None:
    try:
        description = dynamodb.describe_table(TableName=table)["Table"]
    except aws.CALL_ERRORS as error:
        hint = " `sanitizer tables create` makes the tables." if aws.reason(error) == "missing" else ""
        raise StartError(aws.explain(error, "dynamodb:DescribeTable", f"table {table}") + hint) from None
    problem = key_problem(description, keys)
    if problem:
        msg = f"The table {table} {problem}."
        raise StartError(msg)


def key_problem(description: dict[str, Any], keys: tuple[str, str]) -> str | None:
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
