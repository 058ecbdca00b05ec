"""What services put around a document on its way into a stream.

Sources: CloudEvents 1.0, "JSON event format"; AWS, "Events" of EventBridge, "Amazon SNS message and JSON formats",
"Using Amazon Kinesis Data Streams as a target for AWS DMS", "Using Kinesis Data Streams to capture changes to
DynamoDB", "Log group-level subscription filters"; Debezium, "Change event values".
"""

import gzip
import json
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import orjson

from consumer.dynamodb.attribute_values import encode_document
from consumer.errors import EncodeError

_ACCOUNT: Final = "123456789012"
_REGION: Final = "us-east-1"
_EVENT_ID_DIGITS: Final = 56


def cloudevents(document: bytes) -> bytes:
    """Return a CloudEvent in structured mode."""
    return _around(
        {
            "specversion": "1.0",
            "id": _id(),
            "source": "/transactions",
            "type": "transaction.made",
            "time": _now(),
            "datacontenttype": "application/json",
            "data": orjson.Fragment(document),
        }
    )


def eventbridge(document: bytes) -> bytes:
    """Return an event of EventBridge."""
    return _around(
        {
            "version": "0",
            "id": _id(),
            "detail-type": "Transaction",
            "source": "shop.transactions",
            "account": _ACCOUNT,
            "time": _now(),
            "region": _REGION,
            "resources": [],
            "detail": orjson.Fragment(document),
        }
    )


def sns(document: bytes) -> bytes:
    """Return a notification of SNS: the document is a text in it."""
    return _around(
        {
            "Type": "Notification",
            "MessageId": _id(),
            "TopicArn": f"arn:aws:sns:{_REGION}:{_ACCOUNT}:transactions",
            "Message": document.decode(),
            "Timestamp": _now(),
            "UnsubscribeURL": f"https://sns.{_REGION}.amazonaws.com/?Action=Unsubscribe",
        }
    )


def debezium(document: bytes) -> bytes:
    """Return Debezium's record of an insertion, without a schema."""
    return _around(
        {
            "before": None,
            "after": orjson.Fragment(document),
            "source": {"connector": "postgresql", "db": "shop", "schema": "public", "table": "transactions"},
            "op": "c",
            "ts_ms": _now_ms(),
        }
    )


def dms(document: bytes) -> bytes:
    """Return the record of an insertion by the Database Migration Service."""
    return _around(
        {
            "data": orjson.Fragment(document),
            "metadata": {
                "timestamp": _now(),
                "record-type": "data",
                "operation": "insert",
                "partition-key-type": "primary-key",
                "schema-name": "shop",
                "table-name": "transactions",
            },
        }
    )


def dynamodb(document: bytes) -> bytes:
    """Return the record of an insertion into a DynamoDB table."""
    return _around(
        {
            "awsRegion": _REGION,
            "eventID": _id(),
            "eventName": "INSERT",
            "userIdentity": None,
            "recordFormat": "application/json",
            "tableName": "transactions",
            "dynamodb": {
                "ApproximateCreationDateTime": _now_ms(),
                "NewImage": _attributes(document),
                "SizeBytes": len(document),
            },
            "eventSource": "aws:dynamodb",
        }
    )


def fits_dynamodb(document: bytes) -> bool:
    """Tell whether a table could hold it."""
    try:
        return orjson.dumps(_attributes(document)) is not None
    except (ValueError, TypeError, RecursionError, EncodeError):
        return False


def _attributes(document: bytes) -> dict[str, Any]:
    value = json.loads(document, parse_float=Decimal, parse_constant=_refuse)
    if not isinstance(value, dict):
        raise TypeError
    return encode_document(value)


def _refuse(_: str) -> None:
    raise ValueError  # NaN and Infinity are no JSON


def cloudwatch_logs(messages: Sequence[bytes]) -> bytes:
    """Return the log events of one log stream."""
    now = _now_ms()
    events = [
        {"id": f"{uuid.uuid4().int:0{_EVENT_ID_DIGITS}d}", "timestamp": now, "message": message.decode()}
        for message in messages
    ]
    return _cloudwatch("DATA_MESSAGE", _ACCOUNT, "/shop/transactions", events)


def cloudwatch_control() -> bytes:
    """Return what CloudWatch Logs writes to see whether it may."""
    message = "CWL CONTROL MESSAGE: Checking health of destination Kinesis stream."
    return _cloudwatch(
        "CONTROL_MESSAGE", "CloudwatchLogs", "", [{"id": "", "timestamp": _now_ms(), "message": message}]
    )


def _cloudwatch(kind: str, owner: str, group: str, events: Sequence[dict[str, Any]]) -> bytes:
    body = {
        "messageType": kind,
        "owner": owner,
        "logGroup": group,
        "logStream": "checkout" if group else "",
        "subscriptionFilters": ["transactions"] if group else [],
        "logEvents": events,
    }
    return gzip.compress(orjson.dumps(body), mtime=0)


def _around(fields: dict[str, Any]) -> bytes:
    return orjson.dumps(fields)


def _id() -> str:
    return str(uuid.uuid4())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _now_ms() -> int:
    return int(time.time() * 1000)
