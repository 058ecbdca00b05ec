"""Writes down what IAM would be asked for each request that passes a fault proxy: action, resource, context.

The action is that of the operation's name; all operations that are made here are authorised so (AWS: Service
Authorization Reference). Several tables in one request are several questions. What is not understood is kept as such.
"""

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import orjson

from consumer.local.cloud.kinesis.requests import from_token
from tests.deploy.iam import Call
from tests.deploy.iam_template import arn
from tests.faults.messages import Answer, Request
from tests.faults.messages import Call as Passing
from tests.faults.proxy import Rule, Rules

Body = Mapping[str, Any]

_TABLES_IN: Final = ("BatchGetItem", "BatchWriteItem")
_KEY_ID_LENGTH: Final = 36
"""moto's ciphertexts begin with the id of their key."""


def _table(name: str, index: str | None = None) -> str:
    return (name if name.startswith("arn:") else arn("dynamodb", f"table/{name}")) + (
        f"/index/{index}" if index else ""
    )


def _dynamodb(operation: str, body: Body) -> Iterator[Call]:
    action = f"dynamodb:{operation}"
    if operation in _TABLES_IN:
        yield from (Call(action, _table(name)) for name in body["RequestItems"])
    else:
        # Of a query of an index the index is asked for, and not the table (AWS: IAM permissions for KCL consumers).
        yield Call(action, _table(body["TableName"], body.get("IndexName")))


def _kinesis(operation: str, body: Body) -> Iterator[Call]:
    action = f"kinesis:{operation}"
    resource = body.get("ConsumerARN") or body.get("StreamARN")
    if resource is None and "ShardIterator" in body:
        resource = arn("kinesis", f"stream/{from_token(body['ShardIterator'], 'ShardIterator')['n']}")
    yield Call(action, resource or arn("kinesis", f"stream/{body['StreamName']}"))


def _secrets(operation: str, body: Body) -> Iterator[Call]:
    yield Call(f"secretsmanager:{operation}", body["SecretId"])  # by its ARN, as the template gives it


def _kms(operation: str, body: Body) -> Iterator[Call]:
    key = base64.b64decode(body["CiphertextBlob"])[:_KEY_ID_LENGTH].decode("ascii")
    pairs = body.get("EncryptionContext", {}).items()
    context = frozenset((f"kms:EncryptionContext:{name}", value) for name, value in pairs)
    yield Call(f"kms:{operation}", arn("kms", f"key/{key}"), context)


_SERVICES: Final[Mapping[str, Callable[[str, Body], Iterator[Call]]]] = {
    "DynamoDB_20120810": _dynamodb,
    "Kinesis_20131202": _kinesis,
    "TrentService": _kms,
    "secretsmanager": _secrets,
}


class Recorder:
    """Records what passes; `calls` can be exchanged for another set at any time.

    :ivar strange: requests that are not understood: each makes the comparison worthless.
    """

    def __init__(self) -> None:
        self.calls: set[Call] = set()
        self.strange: set[str] = set()

    def listen(self, *proxies: Rules) -> None:
        """Record whatever passes these proxies."""
        for rules in proxies:
            rules.add(Rule(_carry_on, where=self._note))

    def _note(self, request: Request) -> bool:
        """Take a request down; no rule takes it, so that it is carried on."""
        target = request.headers.get("x-amz-target", "")
        service, _, operation = target.partition(".")
        try:
            self.calls.update(_SERVICES[service](operation, orjson.loads(request.body)))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test tells it
            self.strange.add(f"{request.method} {request.path} {target}: {type(error).__name__}")
        return False


async def _carry_on(passing: Passing) -> Answer:
    return await passing.go_on()
