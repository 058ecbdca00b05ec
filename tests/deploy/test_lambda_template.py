"""The functions' template: linted, nothing skipped silently, no raw record beside the stream, no secret in it."""

import json
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from cfnlint.decode import cfn_yaml  # type: ignore[import-untyped]
from moto import mock_aws

from consumer.settings import load_settings
from tests.deploy import moto_types
from tests.deploy.iam_template import Template, arn
from tests.deploy.referred import referred

FILE = Path(__file__).resolve().parents[2] / "deploy/lambda/template.yaml"
LEAST = {"CodeBucket": "bucket"}
GIVEN = {
    **LEAST,
    "SettingsFile": "settings.yaml",
    "GlueSchemas": "true",
    "ReservedConcurrency": "20",
    "SubnetIds": "subnet-0a1b2c3d",
    "SecurityGroupIds": "sg-0a1b2c3d",
    "KmsKeyArn": arn("kms", "key/tables"),
    "StreamKmsKeyArn": arn("kms", "key/stream"),
    "LogsKmsKeyArn": arn("kms", "key/logs"),
    "FingerprintSecretArn": arn("secretsmanager", "secret:fingerprints-AbCdEf"),
    "KeysSecretArn": arn("secretsmanager", "secret:keys-AbCdEf"),
    "SecretsKmsKeyArn": arn("kms", "key/secrets"),
    "KeyWrappingKeyArn": arn("kms", "key/wrapping"),
    "RolePath": "/applications/",
    "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary",
    "AlarmTopicArn": arn("sns", "alarms"),
}
"""All that can be given."""

HOLD_DATA = ("AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::SecretsManager::Secret", "AWS::SQS::Queue")


@cache
def resources() -> dict[str, dict[str, Any]]:
    template: dict[str, Any] = cfn_yaml.load(str(FILE))
    return {name: dict(each["Properties"]) for name, each in template["Resources"].items()}


def test_cfn_lint_has_nothing_to_say() -> None:
    lint = Path(sys.executable).with_name("cfn-lint")
    ran = subprocess.run([lint, FILE], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


def test_nothing_is_skipped_silently() -> None:
    mapping = resources()["Mapping"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRecordAgeInSeconds"] == -1
    template = cfn_yaml.load(str(FILE))
    assert template["Parameters"]["MaximumRetryAttempts"]["Default"] == -1
    assert "FilterCriteria" not in mapping  # what it filters out counts as done


def test_the_destination_holds_no_records() -> None:
    """Lambda writes the whole batch to a bucket, and metadata alone to a queue."""
    target = resources()["Mapping"]["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"]
    assert cfn_yaml.load(str(FILE))["Resources"][target[0]]["Type"] == "AWS::SQS::Queue"


def test_variables_name_secrets_and_hold_none() -> None:
    chosen = Template.of(FILE, GIVEN).properties("Function")["Environment"]["Variables"]
    assert chosen["SANITIZER_REDACTION__KEYS"] == GIVEN["KeysSecretArn"]
    assert chosen["SANITIZER_QUARANTINE__FINGERPRINT_SECRET"] == GIVEN["FingerprintSecretArn"]
    made = Template.of(FILE, LEAST).properties("Function")["Environment"]["Variables"]
    assert made["SANITIZER_QUARANTINE__FINGERPRINT_SECRET"].startswith("arn:aws:secretsmanager:")
    assert not [name for name in chosen | made if name.endswith("_KEY")]


def test_the_settings_take_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in Template.of(FILE, GIVEN).properties("Function")["Environment"]["Variables"].items():
        if name != "SANITIZER_CONFIG":
            monkeypatch.setenv(name, value)
    settings = load_settings(None)
    assert settings.quarantine.fingerprint_secret == GIVEN["FingerprintSecretArn"]
    assert settings.redaction.keys == GIVEN["KeysSecretArn"]


def test_logs_are_kept_for_a_year_encrypted_and_survive_the_stack() -> None:
    document = cfn_yaml.load(str(FILE))
    logs = document["Resources"]["Logs"]
    assert (logs["DeletionPolicy"], logs["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert Template.of(FILE, LEAST).properties("Logs") == {"RetentionInDays": 400, "KmsKeyId": arn("kms", "key/Key")}
    assert min(document["Parameters"]["LogRetentionDays"]["AllowedValues"]) == 365


def test_what_holds_data_survives_the_stack() -> None:
    document = cfn_yaml.load(str(FILE))
    for name, resource in document["Resources"].items():
        holds = resource["Type"] in HOLD_DATA
        assert (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")) == (
            ("Retain", "Retain") if holds else (None, None)
        ), name


def test_quarantine_rings_by_its_share_as_on_ecs() -> None:
    template = Template.of(FILE, LEAST)
    alarm = template.properties("QuarantineAlarm")
    assert alarm["Threshold"] == 1
    assert [each["Expression"] for each in alarm["Metrics"] if "Expression" in each] == ["100 * quarantined / records"]
    counted = {
        (each["MetricNamespace"], each["MetricName"]): each["MetricValue"]
        for name in template.resources("AWS::Logs::MetricFilter")
        for each in template.properties(name)["MetricTransformations"]
    }
    metrics = [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]
    assert {(each["Namespace"], each["MetricName"]) for each in metrics} == set(counted)
    assert set(counted.values()) == {"$.quarantined", "$.records"}  # a test of the functions has both in the log


def test_every_alarm_is_heard_and_its_end_too() -> None:
    template = Template.of(FILE, GIVEN)
    for name in template.resources("AWS::CloudWatch::Alarm"):
        alarm = template.properties(name)
        assert alarm["AlarmActions"] == alarm["OKActions"] == [GIVEN["AlarmTopicArn"]], name
        assert alarm["TreatMissingData"] == "notBreaching"


def test_every_parameter_is_described_and_used() -> None:
    document = cfn_yaml.load(str(FILE))
    assert all(each["Description"] for each in document["Parameters"].values())
    used = referred([document["Resources"], document["Outputs"], document["Conditions"]])
    assert set(document["Parameters"]) <= used
    assert {f"condition {name}" for name in document["Conditions"]} <= used
    assert {name for name, each in document["Parameters"].items() if "Default" not in each} == set(LEAST)


def test_cli_takes_it_without_a_bucket() -> None:
    assert len(FILE.read_bytes()) <= 51_200  # AWS: "CloudFormation quotas", template body in a request


def test_every_exception_from_checkov_has_its_reason() -> None:
    skips = [
        skip
        for resource in cfn_yaml.load(str(FILE))["Resources"].values()
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", [])
    ]
    assert skips
    assert all(len(skip["comment"]) > 30 for skip in skips)


@pytest.mark.parametrize("parameters", [LEAST, GIVEN], ids=["least", "all"])
def test_moto_makes_it(parameters: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    moto_types.teach(monkeypatch)
    with mock_aws():
        network = prepare(tmp_path)
        chosen = parameters | (network if "SubnetIds" in parameters else {})
        client = boto3.client("cloudformation")
        client.create_stack(
            StackName="function",
            TemplateBody=json.dumps(cfn_yaml.load(str(FILE))),  # moto's own YAML does not know !Condition
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in chosen.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        made = client.describe_stack_resources(StackName="function")["StackResources"]
        template = Template.of(FILE, parameters)
        assert {each["LogicalResourceId"] for each in made if "LogicalResourceId" in each} == set(template.resources())
        (function,) = boto3.client("lambda").list_functions()["Functions"]
        assert bool(function.get("VpcConfig", {}).get("SubnetIds")) == ("SubnetIds" in parameters)
        (mapping,) = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        assert mapping["FunctionArn"] == function["FunctionArn"]


def prepare(folder: Path) -> dict[str, str]:
    """Make what the stack is put into; return the parameters that name its network."""
    s3, ec2 = boto3.client("s3"), boto3.client("ec2")
    s3.create_bucket(Bucket="bucket")
    archive = folder / "lambda.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("consumer/__init__.py", "")
    s3.put_object(Bucket="bucket", Key="lambda.zip", Body=archive.read_bytes())
    boto3.client("kinesis").create_stream(StreamName="transactions", ShardCount=1)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="function", Description="-", VpcId=vpc)["GroupId"]
    return {"SubnetIds": subnet, "SecurityGroupIds": group}


def test_the_handler_is_there_and_has_the_time_it_needs() -> None:
    module, _, function = resources()["Function"]["Handler"].rpartition(".")
    ran = subprocess.run(
        [sys.executable, "-c", f"from {module} import {function}"], cwd=FILE.parents[2], check=False, timeout=60
    )
    assert ran.returncode == 0
    assert resources()["Function"]["Timeout"] == 60
