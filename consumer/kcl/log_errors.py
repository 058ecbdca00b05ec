"""What AWS answered KCL, read from the throwables in its log without letting any of their text pass.

The AWS SDK for Java puts service, status and request id into an exception's message, behind AWS's own sentence, and
names its class after the error code, if the service's model has it. Source: `AwsServiceException.getMessage` of
software.amazon.awssdk 2.33.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

ACTIONS: Final = frozenset(
    {
        "cloudwatch:PutMetricData",
        "dynamodb:CreateTable",
        "dynamodb:DeleteItem",
        "dynamodb:DescribeTable",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateItem",
        "dynamodb:UpdateTable",
        "kinesis:DescribeStream",
        "kinesis:DescribeStreamConsumer",
        "kinesis:DescribeStreamSummary",
        "kinesis:GetRecords",
        "kinesis:GetShardIterator",
        "kinesis:ListShards",
        "kinesis:RegisterStreamConsumer",
        "kinesis:SubscribeToShard",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    }
)
"""IAM actions that KCL needs; of a message no other is believed."""

_SDK: Final = "software.amazon.awssdk."
_DEPTH: Final = 12
_CLASS: Final = re.compile(r"[A-Za-z_$][\w$.-]{0,199}", re.ASCII)
_NOT_PERMITTED: Final = " is not authorized to perform: "
_ACTION: Final = re.compile(r"[a-z]{1,20}:[A-Za-z]{1,40}", re.ASCII)
_DETAILS: Final = re.compile(
    r"\(Service: (?P<service>Kinesis|DynamoDb|CloudWatch|Kms|Sts), Status Code: (?P<status>[1-5][0-9]{2})"
    # A UUID, or the 52 letters and digits of DynamoDB's; nothing that could be a card number.
    r"(?:, Request ID: (?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?![0-9A-Z]*[0-9]{12})[0-9A-Z]{52}))?[,)]"
)
_REASONS: Final = (
    ("Signature expired: ", "clock"),
    ("Signature not yet current: ", "clock"),
    ("The security token included in the request is ", "credentials"),
    ("The request signature we calculated does not match ", "credentials"),
    ("Unable to load credentials from ", "credentials"),
    ("Failed to load credentials from ", "credentials"),
    (_NOT_PERMITTED, "permission"),
)
"""Texts of AWS, and of its SDK, and what they mean."""


class AwsError(NamedTuple):
    """An answer of AWS.

    :ivar error: the exception's class.
    :ivar reason: ``permission``, ``credentials`` or ``clock``, if KCL was turned away; None: any other error.
    :ivar missing: the IAM action that is not permitted, if the text tells.
    :ivar service: by its name in the SDK.
    :ivar status: of HTTP.
    """

    error: str
    reason: str | None
    missing: str | None
    service: str | None
    status: int | None
    request_id: str | None


def is_class(name: object) -> bool:
    """Return whether this has the shape of a Java class's name."""
    return isinstance(name, str) and _CLASS.fullmatch(name) is not None


def class_of(throwable: object) -> str | None:
    """Return a throwable's class, as logback writes it."""
    name = throwable.get("className") if isinstance(throwable, dict) else None
    return name if is_class(name) else None


def aws_error(throwable: object) -> AwsError | None:
    """Return the first exception of the AWS SDK in a throwable and its causes; None: there is none."""
    for each in _chain(throwable):
        name = class_of(each)
        if name is not None and name.startswith(_SDK):
            text = each.get("message")
            return _read(name, text if isinstance(text, str) else "")
    return None


def _chain(throwable: object) -> Iterator[dict[str, Any]]:
    for _ in range(_DEPTH):
        if not isinstance(throwable, dict):
            return
        yield throwable
        throwable = throwable.get("cause")


def _read(name: str, text: str) -> AwsError:
    reason = next((meaning for said, meaning in _REASONS if said in text), None)
    if name.endswith("AccessDeniedException"):
        reason = "permission"
    missing = None
    if reason == "permission":
        found = _ACTION.match(text.partition(_NOT_PERMITTED)[2])
        missing = found[0] if found and found[0] in ACTIONS else None
    details = None
    for details in _DETAILS.finditer(text):  # noqa: B007 - the last: AWS's own sentence stands before it
        pass
    if details is None:
        return AwsError(name, reason, missing, None, None, None)
    return AwsError(name, reason, missing, details["service"], int(details["status"]), details["id"])
