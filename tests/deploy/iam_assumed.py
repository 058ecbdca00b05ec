"""The template's policies with all of its options, and the calls that no run here can make, each with its reason.

What runs do call is recorded (`tests.deploy.iam_runs`); what is granted is one or the other.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from consumer.dynamodb.names import INDEX
from tests.deploy.iam import Call
from tests.deploy.iam_runs import NAME
from tests.deploy.iam_template import REGION, Template, arn

TEMPLATE: Final = Path(__file__).parents[2] / "deploy" / "ecs" / "template.yaml"

STREAM: Final = arn("kinesis", f"stream/{NAME}")
OUTPUT: Final = arn("dynamodb", f"table/{NAME}-output")
LEASES: Final = arn("dynamodb", f"table/{NAME}-app")
COORDINATOR: Final = arn("dynamodb", f"table/{NAME}-app-CoordinatorState")
BACKFILLS: Final = arn("dynamodb", f"table/{NAME}-app-backfill*")
TABLE_KEY: Final = arn("kms", "key/tables")
STREAM_KEY: Final = arn("kms", "key/stream")
SECRETS_KEY: Final = arn("kms", "key/secrets")
WORKSPACE: Final = "ws-0123"

LEAST: Final[Mapping[str, str]] = {
    "ImageTag": "1",
    "StreamName": NAME,
    "OutputTableName": f"{NAME}-output",
    "QuarantineTableName": f"{NAME}-quarantine",
    "ApplicationName": f"{NAME}-app",
}
"""The parameters' defaults, with the names of the runs: one key for stream and tables, which the template makes."""

PATTERNS: Final[Mapping[str, str]] = {
    BACKFILLS: "whoever runs a backfill names it, and so its lease table",
}
"""Resources that are patterns in the operators' policy, and why."""


def everything(secret: str, wrapping_key: str, **parameters: str) -> Template:
    """Return the template with all of its options, a key of its own for each purpose."""
    options = {
        "RetrievalMode": "FANOUT",
        "KmsKeyArn": TABLE_KEY,
        "StreamKmsKeyArn": STREAM_KEY,
        "SecretsKmsKeyArn": SECRETS_KEY,
        "KeysSecretArn": secret,
        "KeyWrappingKeyArn": wrapping_key,
        "PrometheusWorkspaceId": WORKSPACE,
    }
    return Template.of(TEMPLATE, {**LEAST, **options, **parameters})


def via(service: str, **context: str) -> frozenset[tuple[str, str]]:
    """Return the context of a call that an AWS service makes to KMS on its caller's behalf."""
    return frozenset({("kms:ViaService", f"{service}.{REGION}.amazonaws.com"), *context.items()})


def read_stream(key: str) -> Call:
    return Call("kms:Decrypt", key, via("kinesis") | {("kms:EncryptionContext:aws:kinesis:arn", STREAM)})


def use_tables(key: str) -> Call:
    return Call("kms:Decrypt", key, via("dynamodb"))


_BOTH: Final[Mapping[Call, str]] = {
    read_stream(
        STREAM_KEY
    ): "Kinesis decrypts the records for whoever reads them; the embedded stream is not encrypted",
    use_tables(TABLE_KEY): "DynamoDB uses the tables' key as the caller; the embedded tables are not encrypted",
    Call("kms:Decrypt", SECRETS_KEY, via("secretsmanager")): "Secrets Manager decrypts the secret for whoever gets it",
}

WORKER: Final[Mapping[Call, str]] = {
    **_BOTH,
    Call("aps:RemoteWrite", arn("aps", f"workspace/{WORKSPACE}")): "the collector's, which shares the task's role",
}

WORKER_LATER: Final[Mapping[Call, str]] = {
    Call("dynamodb:DeleteItem", LEASES): "KCL cleans the leases of finished shards up after some minutes",
    Call("dynamodb:UpdateItem", COORDINATOR): "the leader's heartbeat, once a minute",
}
"""Of which a run sees something only if it takes long enough."""

OPERATOR_BY_SETTING: Final[Mapping[Call, str]] = {
    Call("dynamodb:DescribeTimeToLive", OUTPUT): "`tables check`, if output.ttl_days is set",
    Call("dynamodb:Query", f"{OUTPUT}/index/{INDEX}"): "`get --index`, if output.index is set",
}
"""Of the commands, with settings that the runs do not have."""

OPERATOR: Final[Mapping[Call, str]] = {
    **_BOTH,
    **OPERATOR_BY_SETTING,
    Call("kms:GenerateDataKey", STREAM_KEY, via("kinesis")): "Kinesis encrypts the records for whoever puts them",
}
