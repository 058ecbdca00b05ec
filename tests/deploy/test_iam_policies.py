"""The template's policies without a run: what starts a task, keys through their services alone, what nobody may do."""

import re
from collections.abc import Mapping
from typing import Final

import pytest

from tests.deploy.iam import Call, Difference, compare, is_granted
from tests.deploy.iam_assumed import (
    COORDINATOR,
    LEASES,
    LEAST,
    OPERATOR,
    OPERATORS,
    OUTPUT,
    SECRETS_KEY,
    STREAM,
    STREAM_KEY,
    TABLE_KEY,
    WORKER,
    everything,
    granted,
    via,
)
from tests.deploy.iam_template import arn
from tests.deploy.template import stack

SECRET = arn("secretsmanager", "secret:keys-AbCdEf")
WRAPPING_KEY = arn("kms", "key/wrapping")
OWN_KEY = arn("kms", "key/Key")
FINGERPRINT = arn("secretsmanager", "secret:FingerprintSecret-AbCdEf")
LOG_GROUP = arn("logs", "log-group:/ecs/iam-app:*")
LOG_STREAM = arn("logs", "log-group:/ecs/iam-app:log-stream:worker/sanitizer/0123")
REPOSITORY = arn("ecr", "repository/kinesis-sanitizer")

EXECUTION: Final[Mapping[Call, str]] = {
    Call("ecr:GetAuthorizationToken", "*"): "the registry is asked for a token first; the action has no resource",
    Call("ecr:BatchCheckLayerAvailability", REPOSITORY): "pulls the image",
    Call("ecr:BatchGetImage", REPOSITORY): "pulls the image",
    Call("ecr:GetDownloadUrlForLayer", REPOSITORY): "pulls the image",
    Call("logs:CreateLogStream", LOG_STREAM): "awslogs makes a stream for each task; the group is the template's",
    Call("logs:PutLogEvents", LOG_STREAM): "awslogs writes",
    Call("secretsmanager:GetSecretValue", FINGERPRINT): "the fingerprint key becomes a variable of the container",
}
"""What ECS calls to start a task (AWS: "Amazon ECS task execution IAM role"); no run here has an ECS."""

EXECUTION_PATTERNS: Final = {
    "*": "ecr:GetAuthorizationToken has no resource",
    LOG_GROUP: "the resource of both actions is a log stream, and its name is the task's",
}

NOTHING = Difference(frozenset(), frozenset())


def test_there_are_no_other_policies() -> None:
    made = everything(SECRET, WRAPPING_KEY)
    kinds = ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::User")
    assert made.resources(*kinds) == ["ExecutionRole", "TaskRole", "LookPolicy", "RepairPolicy", "IncidentPolicy"]


@pytest.mark.parametrize(("parameters", "key"), [({}, OWN_KEY), ({"FingerprintKmsKeyArn": SECRETS_KEY}, SECRETS_KEY)])
def test_what_starts_a_task_is_granted_and_nothing_else(parameters: dict[str, str], key: str) -> None:
    starts = granted(stack(**{**LEAST, **parameters}), "ExecutionRole")
    decrypts = Call("kms:Decrypt", key, via("secretsmanager"))
    assert compare(starts, {*EXECUTION, decrypts}, EXECUTION_PATTERNS) == NOTHING
    assert not is_granted(starts, decrypts._replace(context=frozenset()))


def test_a_secret_of_the_users_is_granted_alone() -> None:
    mine = arn("secretsmanager", "secret:mine-AbCdEf")
    starts = granted(stack(**{**LEAST, "FingerprintSecretArn": mine}), "ExecutionRole")
    calls = {call for call in EXECUTION if call.resource != FINGERPRINT} | {Call("secretsmanager:GetSecretValue", mine)}
    calls.add(Call("kms:Decrypt", OWN_KEY, via("secretsmanager")))  # of no use where the secret's key is AWS's
    assert compare(starts, calls, EXECUTION_PATTERNS) == NOTHING


@pytest.mark.parametrize(("principals", "assumed"), [(("TaskRole",), WORKER), (OPERATORS, OPERATOR)])
def test_keys_are_used_through_their_service_alone(principals: tuple[str, ...], assumed: Mapping[Call, str]) -> None:
    may = granted(everything(SECRET, WRAPPING_KEY), *principals)
    by_service = [call for call in assumed if call.action.startswith("kms:")]
    assert by_service
    for call in by_service:
        assert is_granted(may, call)
        assert not is_granted(may, call._replace(context=frozenset()))
        assert not is_granted(may, call._replace(context=via("s3")))
    another = via("kinesis") | {("kms:EncryptionContext:aws:kinesis:arn", f"{STREAM}-2")}
    assert not is_granted(may, Call("kms:Decrypt", STREAM_KEY, another))


@pytest.mark.parametrize("principal", ["TaskRole", "RepairPolicy"])
def test_schemas_are_read_where_records_have_them(principal: str) -> None:
    call = Call("glue:GetSchemaVersion", "*")
    assert not is_granted(granted(everything(SECRET, WRAPPING_KEY), principal), call)
    assert is_granted(granted(everything(SECRET, WRAPPING_KEY, GlueSchemas="true"), principal), call)


@pytest.mark.parametrize("principal", ["TaskRole", "RepairPolicy"])
def test_the_wrapping_key_decrypts_keys_of_this_application_alone(principal: str) -> None:
    may = granted(everything(SECRET, WRAPPING_KEY), principal)
    call = Call("kms:Decrypt", WRAPPING_KEY, frozenset({("kms:EncryptionContext:application", "kinesis-sanitizer")}))
    assert is_granted(may, call)
    assert not is_granted(may, call._replace(context=frozenset()))
    assert not is_granted(may, call._replace(resource=TABLE_KEY))


@pytest.mark.parametrize("principal", ["TaskRole", "LookPolicy", "RepairPolicy", "IncidentPolicy"])
@pytest.mark.parametrize(
    "call",
    [
        Call("dynamodb:CreateTable", LEASES),
        Call("dynamodb:UpdateTable", COORDINATOR),
        Call("dynamodb:DeleteTable", OUTPUT),
        Call("dynamodb:DeleteItem", OUTPUT),
        Call("dynamodb:UpdateTimeToLive", OUTPUT),
        Call("dynamodb:Scan", COORDINATOR),
        Call("dynamodb:Scan", arn("dynamodb", "table/somebody-else")),
        Call("kinesis:GetRecords", f"{STREAM}-2"),
        Call("kinesis:RegisterStreamConsumer", STREAM),
        Call("secretsmanager:GetSecretValue", FINGERPRINT),
    ],
)
def test_nobody_may(principal: str, call: Call) -> None:
    assert not is_granted(granted(everything(SECRET, WRAPPING_KEY), principal), call)


def test_the_worker_puts_nothing_onto_the_stream_and_reads_no_document() -> None:
    may = granted(everything(SECRET, WRAPPING_KEY), "TaskRole")
    denied = ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:BatchGetItem")
    assert not any(is_granted(may, Call(action, OUTPUT)) for action in denied)
    assert not is_granted(may, Call("kinesis:PutRecords", STREAM))


def test_to_look_is_to_read_no_record_and_to_change_nothing() -> None:
    may = granted(everything(SECRET, WRAPPING_KEY), "LookPolicy")
    actions = {action for statement in may for action in statement.actions}
    changes = re.compile(r":(Put|Update|Delete|Create|BatchWrite|Register|Restore|Run|Stop(?!Query))")
    assert not [action for action in actions if changes.search(action)]
    assert not is_granted(may, Call("kinesis:GetRecords", STREAM))
