"""The function's role, held against the calls of a function, and those that Lambda makes as the function's role."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
import pytest

from consumer import logs
from consumer.functions.environment import Environment
from consumer.functions.kinesis import KinesisFunction
from consumer.local.cloud.process import Cloud
from tests.deploy.iam import Call, Difference, Statement, compare, is_granted, single, statements_of
from tests.deploy.iam_assumed import via
from tests.deploy.iam_recorder import Recorder
from tests.deploy.iam_runs import make_keys, ways
from tests.deploy.iam_template import Template, arn
from tests.faults.loop import Loop
from tests.faults.proxy import DynamoDbProxy
from tests.kits.functions import Context, kinesis_event, read_shard
from tests.kits.kpl import Part, aggregate
from tests.kits.stream import World

TEMPLATE: Final = Path(__file__).parents[2] / "deploy/lambda/template.yaml"
NAME: Final = "function"
STREAM: Final = arn("kinesis", f"stream/{NAME}")
QUEUE: Final = arn("sqs", "Skipped")
LOG_GROUP: Final = arn("logs", "log-group:Logs:*")
LOG_STREAM: Final = arn("logs", "log-group:Logs:log-stream:2026/11/30/[$LATEST]0123")
OWN_KEY: Final = arn("kms", "key/Key")
TABLE_KEY: Final = arn("kms", "key/tables")
STREAM_KEY: Final = arn("kms", "key/stream")
SECRETS_KEY: Final = arn("kms", "key/secrets")
FINGERPRINT: Final = arn("secretsmanager", "secret:FingerprintSecret-AbCdEf")

POLICY: Final = """
name: function
version: "1"
extends: default
fields:
  - {id: email_field, action: {tokenise: {key: customer, key_id: a}}, type: email}
"""
LEAST: Final[Mapping[str, str]] = {
    "CodeBucket": "bucket",
    "StreamName": NAME,
    "OutputTable": f"{NAME}-out",
    "QuarantineTable": f"{NAME}-quarantine",
}
NETWORK: Final[Mapping[str, str]] = {"SubnetIds": "subnet-0a1b2c3d", "SecurityGroupIds": "sg-0a1b2c3d"}

MAPPING: Final[Mapping[Call, str]] = {
    **{
        Call(f"kinesis:{operation}", STREAM): "the mapping reads as the role (AWS: AWSLambdaKinesisExecutionRole)"
        for operation in ("DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards")
    },
    Call("sqs:SendMessage", QUEUE): "the mapping tells what it skips",
    Call("kms:Decrypt", OWN_KEY, via("sqs")): "whoever sends to a queue under a customer's key needs it",
    Call("kms:GenerateDataKey", OWN_KEY, via("sqs")): "likewise",
    Call("logs:CreateLogStream", LOG_STREAM): "Lambda makes a stream for each environment",
    Call("logs:PutLogEvents", LOG_STREAM): "Lambda writes",
}
"""What Lambda calls as the role of the function; no run here has a Lambda."""

INTERFACES: Final = frozenset(
    Call(f"ec2:{operation}", "*")
    for operation in (
        "AssignPrivateIpAddresses",
        "CreateNetworkInterface",
        "DeleteNetworkInterface",
        "DescribeNetworkInterfaces",
        "DescribeSubnets",
        "UnassignPrivateIpAddresses",
    )
)
"""Of a function in a VPC (AWS: "Giving Lambda functions access to resources in an Amazon VPC")."""

PATTERNS: Final = {
    LOG_GROUP: "the resource of both actions is a log stream, and its name is Lambda's",
    "*": "Lambda asks for all network interfaces; a schema is known by its version's id alone",
}
NOTHING: Final = Difference(frozenset(), frozenset())


@dataclass
class Recording:
    """What was called; ARNs of the secrets and of the key under which the redaction keys are in theirs."""

    calls: frozenset[Call]
    strange: frozenset[str]
    fingerprint: str
    keys: str
    wrapping_key: str


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recording]:
    """Run a function in either write mode: documents, what is quarantined, an aggregate, both secrets.

    The shard is read by the same way: as the mapping would.
    """
    recorder, folder = Recorder(), tmp_path_factory.mktemp("function")
    with Cloud() as cloud, Loop() as loop, pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment().items():
            patch.setenv(name, value)
        patch.setattr(tempfile, "tempdir", str(folder))
        patch.setattr(logs, "configure", lambda *_: None)
        proxy = DynamoDbProxy(loop, cloud.endpoint)
        recorder.listen(proxy.rules)
        for name, value in ways(cloud.endpoint, cloud.endpoint).items():
            patch.setenv(name, value)
        keys, wrapping_key = make_keys()
        fingerprint = store_fingerprint_key()
        world = World(
            cloud,
            folder,
            NAME,
            quarantine={"fingerprint_secret": fingerprint},
            redaction={"options": {"policy": str(folder / "policy.yaml")}, "keys": keys},
        )
        world.use(POLICY)
        patch.setenv("SANITIZER_CONFIG", str(world.config))
        world.put(
            {"user_id": "u", "timestamp": "t", "email": "jane@example.com"},
            b"no JSON",
            aggregate([Part(b"{}"), Part(b"[]")]),
        )
        for name, value in ways(proxy.url, proxy.url).items():
            patch.setenv(name, value)
        for output in ({}, {"write_mode": "newest", "sort_key": "latest#{user_id}", "version_field": "timestamp"}):
            world.configure({**world.values, "output": {**world.values["output"], **output}})
            settle(world)
        yield Recording(frozenset(recorder.calls), frozenset(recorder.strange), fingerprint, keys, wrapping_key)
        proxy.close()


def store_fingerprint_key() -> str:
    manager: Any = boto3.client("secretsmanager")  # type: ignore[call-overload, unused-ignore]
    made: str = manager.create_secret(Name="fingerprints", SecretString="f" * 64)["ARN"]
    return made


def settle(world: World) -> None:
    environment = Environment()
    try:
        shard = "shardId-000000000000"
        event = kinesis_event(world.name, shard, read_shard(world.name, shard))
        assert KinesisFunction(environment).handle(event, Context()) == {"batchItemFailures": []}
    finally:
        environment.outputs.close()


def given(recording: Recording) -> dict[str, str]:
    """Return parameters with all that can be given, a key of its own for each purpose."""
    return {
        **LEAST,
        **NETWORK,
        "KmsKeyArn": TABLE_KEY,
        "StreamKmsKeyArn": STREAM_KEY,
        "FingerprintSecretArn": recording.fingerprint,
        "KeysSecretArn": recording.keys,
        "SecretsKmsKeyArn": SECRETS_KEY,
        "KeyWrappingKeyArn": recording.wrapping_key,
        "GlueSchemas": "true",
    }


def read_stream(key: str) -> Call:
    return Call("kms:Decrypt", key, via("kinesis") | {("kms:EncryptionContext:aws:kinesis:arn", STREAM)})


def expected(recording: Recording) -> set[Call]:
    """Return what is called with all that can be given."""
    services = {
        read_stream(STREAM_KEY),
        Call("kms:Decrypt", TABLE_KEY, via("dynamodb")),
        Call("kms:Decrypt", SECRETS_KEY, via("secretsmanager")),
        Call("glue:GetSchemaVersion", "*"),
    }
    return {*recording.calls, *MAPPING, *INTERFACES, *services}


def allowed(template: Template) -> list[Statement]:
    """Return the role's statements but for the fence, which speaks of the function's own calls."""
    return [each for each in statements_of(template, "Role") if each.allows]


def test_every_request_was_understood_and_the_recording_has_them_all(recording: Recording) -> None:
    assert recording.strange == frozenset()
    assert {call.action for call in recording.calls} >= {
        *("dynamodb:BatchWriteItem", "dynamodb:PutItem", "kinesis:ListShards"),
        *("kms:Decrypt", "secretsmanager:GetSecretValue"),
    }


def test_the_role_is_granted_what_is_called_and_nothing_else(recording: Recording) -> None:
    statements = allowed(Template.of(TEMPLATE, given(recording)))
    assert compare(statements, expected(recording), PATTERNS) == NOTHING


def test_each_grant_that_is_taken_away_is_named(recording: Recording) -> None:
    alone = single(allowed(Template.of(TEMPLATE, given(recording))))
    for taken in alone:
        found = compare([each for each in alone if each is not taken], expected(recording), PATTERNS)
        assert {action for action, _ in found.missing} == set(taken.actions)


def test_options_that_are_not_chosen_grant_nothing(recording: Recording) -> None:
    gone = {recording.keys, recording.fingerprint, recording.wrapping_key}
    calls = {call for call in recording.calls if call.resource not in gone}
    ours = {Call("secretsmanager:GetSecretValue", FINGERPRINT), Call("kms:Decrypt", OWN_KEY, via("secretsmanager"))}
    assert compare(allowed(Template.of(TEMPLATE, LEAST)), {*calls, *MAPPING, *ours}, PATTERNS) == NOTHING


def test_the_tables_key_is_the_streams_too_unless_that_has_another() -> None:
    granted = statements_of(Template.of(TEMPLATE, {**LEAST, "KmsKeyArn": TABLE_KEY}), "Role")
    assert is_granted(granted, read_stream(TABLE_KEY))
    granted = statements_of(
        Template.of(TEMPLATE, {**LEAST, "KmsKeyArn": TABLE_KEY, "StreamKmsKeyArn": STREAM_KEY}), "Role"
    )
    assert not is_granted(granted, read_stream(TABLE_KEY))


def test_keys_are_used_through_their_service_alone(recording: Recording) -> None:
    granted = statements_of(Template.of(TEMPLATE, given(recording)), "Role")
    through = [call for call in expected(recording) if any(key == "kms:ViaService" for key, _ in call.context)]
    assert len(through) == 5
    for call in through:
        assert is_granted(granted, call)
        assert not is_granted(granted, call._replace(context=frozenset()))
        assert not is_granted(granted, call._replace(context=via("s3")))


def test_the_function_itself_makes_no_network_interfaces() -> None:
    granted = statements_of(Template.of(TEMPLATE, {**LEAST, **NETWORK}), "Role")
    itself = frozenset({("lambda:SourceFunctionArn", arn("lambda", "function:Function"))})
    for call in INTERFACES:
        assert is_granted(granted, call)
        assert not is_granted(granted, call._replace(context=itself))
