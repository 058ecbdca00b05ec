"""The template's policies with all of its options, and the calls that no run here can make, each with its reason.

What runs do call is recorded (`tests.deploy.iam_runs`); what is granted is one or the other.
"""

from collections.abc import Mapping
from typing import Final

from consumer.dynamodb.names import INDEX
from tests.deploy.iam import Call, Statement, statements_of
from tests.deploy.iam_runs import NAME
from tests.deploy.iam_template import REGION, arn
from tests.deploy.template import Stacks, stack

STREAM: Final = arn("kinesis", f"stream/{NAME}")
OUTPUT: Final = arn("dynamodb", f"table/{NAME}-output")
LEASES: Final = arn("dynamodb", f"table/{NAME}-app")
COORDINATOR: Final = arn("dynamodb", f"table/{NAME}-app-CoordinatorState")
BACKFILLS: Final = arn("dynamodb", f"table/{NAME}-app-backfill*")
TABLE_KEY: Final = arn("kms", "key/tables")
STREAM_KEY: Final = arn("kms", "key/stream")
SECRETS_KEY: Final = arn("kms", "key/secrets")
SINK: Final = arn("kinesis", "stream/sanitized")
SINK_KEY: Final = arn("kms", "key/sink")
WORKSPACE: Final = "ws-0123"

LEAST: Final[Mapping[str, str]] = {
    "StreamName": NAME,
    "OutputTableName": f"{NAME}-output",
    "QuarantineTableName": f"{NAME}-quarantine",
    "ApplicationName": f"{NAME}-app",
}
"""The parameters' defaults, with the names of the runs: one key for stream and tables, which the template makes."""

LOGS: Final = arn("logs", f"log-group:/ecs/{NAME}-app:*")
PATTERNS: Final[Mapping[str, str]] = {
    BACKFILLS: "whoever runs a backfill names it, and so its lease table",
    LOGS: "the group and its streams",
    "*": "these actions have no resource, or one that is known only when it runs",
}
"""Resources that are patterns in the operators' policies, and why."""

OPERATORS: Final = ("LookPolicy", "RepairPolicy")
"""What the commands need; the third, for incidents, is held against the procedures that are written down."""


def granted(stacks: Stacks, *principals: str) -> list[Statement]:
    """Return the statements of roles or policies together."""
    return [each for principal in principals for each in statements_of(stacks.of(principal), principal)]


def everything(secret: str, wrapping_key: str, **parameters: str) -> Stacks:
    """Return the stacks with all of their options, a key of its own for each purpose."""
    options = {
        "RetrievalMode": "FANOUT",
        "KmsKeyArn": TABLE_KEY,
        "StreamKmsKeyArn": STREAM_KEY,
        "FingerprintKmsKeyArn": SECRETS_KEY,
        "KeysKmsKeyArn": SECRETS_KEY,
        "SinkStreamArn": SINK,
        "SinkKmsKeyArn": SINK_KEY,
        "KeysSecretArn": secret,
        "KeyWrappingKeyArn": wrapping_key,
        "PrometheusWorkspaceId": WORKSPACE,
    }
    return stack(**{**LEAST, **options, **parameters})


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

SENDS: Final[Mapping[Call, str]] = {
    Call("kinesis:DescribeStreamSummary", SINK): "the start of the sink `kinesis`; the runs have none",
    Call("kinesis:PutRecords", SINK): "the sink `kinesis`",
    Call("kms:GenerateDataKey", SINK_KEY, via("kinesis")): "Kinesis encrypts what the sink puts",
}

WORKER: Final[Mapping[Call, str]] = {
    **_BOTH,
    **SENDS,
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

_CLUSTER: Final = arn("ecs", "cluster/Cluster")
_SERVICE: Final = arn("ecs", "service/cluster/Service")
_OF_THE_CLUSTER: Final = frozenset({("ecs:cluster", _CLUSTER)})
LOOKER: Final[Mapping[Call, str]] = {
    **{
        Call(f"logs:{action}", LOGS): "`aws logs`, on the service's group"
        for action in ("DescribeLogStreams", "FilterLogEvents", "GetLogEvents", "StartLiveTail", "StartQuery")
    },
    **{
        Call(action, "*"): "the AWS CLI, to look at alarms, scaling and queries"
        for action in (
            "application-autoscaling:DescribeScalableTargets",
            "application-autoscaling:DescribeScalingActivities",
            "cloudwatch:DescribeAlarmHistory",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:GetMetricData",
            "ecs:DescribeTaskDefinition",
            "logs:GetQueryResults",
        )
    },
    Call("ecs:DescribeServices", _SERVICE): "the state of a deployment",
    Call("ecs:DescribeTasks", "*", _OF_THE_CLUSTER): "why a task has stopped",
    Call("ecs:ListTasks", "*", _OF_THE_CLUSTER): "which tasks have stopped",
}
"""What people do with the AWS CLI; docs/procedures.md has the commands."""

OPERATOR: Final[Mapping[Call, str]] = {
    **_BOTH,
    **SENDS,
    **OPERATOR_BY_SETTING,
    **LOOKER,
    Call("kms:GenerateDataKey", STREAM_KEY, via("kinesis")): "Kinesis encrypts the records for whoever puts them",
}
