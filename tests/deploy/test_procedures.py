"""The `aws` commands of the pages: AWS knows them, somebody may give them, and moto does what they say."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from botocore import xform_name
from moto import mock_aws

from tests.deploy import moto_types, moto_updates
from tests.deploy.aws_commands import Command, exists, lines, named, parse
from tests.deploy.iam import Call, is_granted, statements_of
from tests.deploy.iam_template import Template, arn
from tests.deploy.moto_updates import decided
from tests.deploy.template import STACKS, declared, file, stack

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGES: Final = {name: (DOCS / f"{name}.md").read_text("utf-8") for name in ("procedures", "runbook", "upgrading")}
POLICIES: Final = ("LookPolicy", "RepairPolicy", "IncidentPolicy")

_DELETES: Final = "who deletes leases decides what is read again"
_MAKES: Final = "the deployment's role makes and changes stacks"
_WRITES: Final = "a restore under the table's own name writes documents as its caller"
_KEYS: Final = "keys have administrators of their own"
_OTHER: Final = "the other region's stacks are not there yet, and so are no policies"
ADMINISTRATORS: Final[Mapping[tuple[str, str], str]] = {
    ("aps:CreateRuleGroupsNamespace", ""): "rules are loaded by whoever has the workspace",
    ("cloudformation:CreateChangeSet", ""): _MAKES,
    ("cloudformation:ListExports", ""): _MAKES,
    ("dynamodb:DeleteTable", "kinesis-sanitizer"): _DELETES,
    ("dynamodb:DeleteTable", "$TABLE"): _DELETES,
    ("dynamodb:DescribeTable", "$TABLE"): _DELETES,
    ("dynamodb:UpdateTable", "$TABLE"): _DELETES,
    ("dynamodb:RestoreTableFromBackup", "sanitized-transactions"): _WRITES,
    ("dynamodb:UpdateContinuousBackups", "sanitized-transactions"): _WRITES,
    ("dynamodb:UpdateTimeToLive", "sanitized-transactions"): _WRITES,
    ("dynamodb:RestoreTableToPointInTime", "sanitized-transactions"): _OTHER,
    ("ecr:DescribeImages", ""): "images are pushed and looked at by the pipeline's role",
    ("kms:CancelKeyDeletion", ""): _KEYS,
    ("kms:DescribeKey", ""): _KEYS,
    ("kms:EnableKey", ""): _KEYS,
    ("secretsmanager:RestoreSecret", ""): "secrets have administrators of their own",
    ("servicequotas:ListServiceQuotas", ""): "quotas are the account's",
    ("servicequotas:RequestServiceQuotaIncrease", ""): "quotas are the account's",
    ("ssm:StartSession", ""): "the instance is not these stacks'",
}
"""What no policy of the operators grants, by action and the table that it makes or changes, and why not."""

_ON_TASKS: Final = ("ecs:DescribeTasks", "ecs:ListTasks", "ecs:RunTask")
_RESTORES: Final = ("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")
"""AWS: whoever restores a table needs to read and write the new one."""
_UNDER_A_KEY: Final = ("CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey*", "ReEncrypt*")
"""AWS: what a table under a customer's key needs "at a minimum" of whoever makes it."""
_VIA_DYNAMODB: Final = frozenset({("kms:ViaService", "dynamodb.us-east-1.amazonaws.com")})


def commands(*pages: str) -> list[str]:
    return sorted({line for page in pages for line in lines(PAGES[page])})


def section(heading: str) -> str:
    """Return a section of the procedures, up to the next one of its level."""
    level = heading.split(" ", maxsplit=1)[0]
    _, _, text = PAGES["procedures"].partition(f"\n{heading}\n")
    assert text, heading
    return re.split(rf"^{level} ", text, maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("line", commands(*PAGES))
def test_aws_knows_the_command_its_options_and_their_values(line: str) -> None:
    assert parse(line).actions


def test_aws_knows_the_commands_that_are_named() -> None:
    assert [line for page in PAGES.values() for line in named(page) if not exists(line)] == []
    assert not exists("aws dynamodb undelete-table")


@pytest.mark.parametrize("line", [each for each in commands(*PAGES) if "cloudformation deploy" in each])
def test_a_deployment_names_a_template_and_parameters_that_it_has(line: str) -> None:
    words = shlex.split(re.sub(r"\$\([^)]*\)", "value", line))
    template = DOCS.parent / words[words.index("--template-file") + 1]
    overrides = [word.split("=")[0] for word in words if re.match(r"[A-Z]\w+=", word)]
    assert set(overrides) <= set(Template.of(template, {}).document["Parameters"])


@pytest.mark.parametrize(
    "line",
    [
        "aws dynamodb undelete-table --table-name x",
        "aws nothing describe-nothing",
        "aws ecs wait services-happy --cluster x",
        "aws ecs update-service --cluster x --service y --desired 0",
        "aws ecs update-service --cluster x --desired-count 0",
        "aws ecs update-service --cluster x --service y --desired-count none",
        "aws kinesis update-stream-mode --stream-arn x --stream-mode-details Mode=ON_DEMAND",
        "aws kinesis update-shard-count --stream-name x --target-shard-count 2 --scaling-type SOMEHOW",
        "aws dynamodb delete-table",
        "aws dynamodb delete-table --region eu-central-1",
        "aws dynamodb restore-table-from-backup --backup-arn $BACKUP",
        "aws ecs update-service --cluster $CLUSTER --desired-count 0",
        "aws dynamodb update-table --table-name $TABLE --billing-mode SOMEHOW",
        "aws logs get-log-events --log-group-name $GROUP --log-stream-name ''",
        'aws ecs run-task --task-definition $DEFINITION --overrides \'{"command": ["doctor"]}\'',
        "aws cloudformation create-change-set --stack-name '' --change-set-name x --template-body file://x.yaml",
        "aws ecs list-clusters --region",
        "aws ecs list-clusters --output --query clusterArns",
        "aws ecs list-clusters --output text json",
        "aws cloudformation deploy --stack-name x",
        "aws cloudformation deploy --template-file x.yaml --stack-name x --parameters A=b",
        "aws cloudformation deploy --template-file x.yaml --stack-name x --parameter-overrides",
        "aws cloudformation deploy --template-file x.yaml --stack-name x --no-execute-changeset yes",
        "aws cloudformation deploy x.yaml --stack-name x",
        "aws logs tail --follow",
        "aws logs tail group --after 1h",
        "aws logs tail group --since --follow",
        "aws ecr get-login-password --registry x",
    ],
)
def test_what_aws_does_not_know_is_told(line: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(line)


def exported(name: str) -> str:
    return str(stack().each["service"].exports()[f"kinesis-sanitizer-{name}"])


def exported_by_data(name: str) -> str:
    return str(stack().each["data"].exports()[f"kinesis-sanitizer-data-{name}"])


def asked_of(command: Command) -> str:
    """Return the resource that a command reads or changes, as far as it says it."""
    (action,) = command.actions
    given = command.parameters
    if action == "dynamodb:RestoreTableFromBackup":
        return arn("dynamodb", f"table/{given['TargetTableName']}/backup/1")
    if command.service == "dynamodb" and action != "dynamodb:ListBackups":
        return arn("dynamodb", f"table/{given.get('TableName', given.get('SourceTableName'))}")
    if action in ("ecs:UpdateService", "ecs:DescribeServices"):
        return exported("ServiceArn")
    return _RESOURCES.get(action, _RESOURCES.get(command.service, "*"))


_RESOURCES: Final[Mapping[str, str]] = {
    "application-autoscaling:RegisterScalableTarget": arn("application-autoscaling", "scalable-target/0a1b"),
    "cloudformation": arn("cloudformation", "stack/kinesis-sanitizer/0a1b"),
    "ecs:RunTask": arn("ecs", "task-definition/kinesis-sanitizer:41"),
    "kinesis": arn("kinesis", "stream/transactions"),
    "logs": arn("logs", "log-group:/ecs/kinesis-sanitizer:*"),
    "logs:GetQueryResults": "*",
}
"""By action, or by service."""


def calls(command: Command) -> Iterator[Call]:
    """Return what IAM is asked for a command."""
    (action,) = command.actions
    context = set()
    if action in _ON_TASKS:
        context.add(("ecs:cluster", exported("ClusterArn")))
    if command.service == "application-autoscaling":
        context.add(("application-autoscaling:service-namespace", "ecs"))
    yield Call(action, asked_of(command), frozenset(context))
    if target := command.parameters.get("TargetTableName"):
        yield from (Call(f"dynamodb:{each}", arn("dynamodb", f"table/{target}")) for each in _RESTORES)
        yield from (Call(f"kms:{each}", exported_by_data("KmsKeyArn"), _VIA_DYNAMODB) for each in _UNDER_A_KEY)
    if action == "dynamodb:RestoreTableFromBackup":
        yield Call(action, arn("dynamodb", f"table/{target}"))
    if action == "ecs:RunTask":
        passed = frozenset({("iam:PassedToService", "ecs-tasks.amazonaws.com")})
        yield from (Call("iam:PassRole", exported(role), passed) for role in ("TaskRoleArn", "ExecutionRoleArn"))


def excuse(command: Command) -> tuple[str, str]:
    table = command.parameters.get("TargetTableName", command.parameters.get("TableName", ""))
    return (command.actions[0], table if command.service == "dynamodb" else "")


def is_operators(command: Command) -> bool:
    operators = stack().each["operators"]
    statements = [each for policy in POLICIES for each in statements_of(operators, policy)]
    return all(is_granted(statements, call) for call in calls(command))


@pytest.mark.parametrize("line", commands("procedures", "runbook"))
def test_somebody_may_give_the_command(line: str) -> None:
    command = parse(line)
    assert is_operators(command) != (excuse(command) in ADMINISTRATORS)


def test_nobody_is_excused_for_nothing() -> None:
    assert set(ADMINISTRATORS) <= {excuse(parse(line)) for line in commands("procedures", "runbook")}


def test_the_incident_policy_holds_nothing_that_no_procedure_asks_for() -> None:
    """But for what the runbook says in words, and what a restore does for its caller."""
    said = {action for line in commands("procedures", "runbook") for action in parse(line).actions}
    said |= {f"dynamodb:{each}" for each in _RESTORES}
    said |= {"ecs:StopTask", "iam:PassRole"} | {f"kms:{each}" for each in _UNDER_A_KEY}
    said |= {"dynamodb:DescribeContinuousBackups"}
    held = {action for each in statements_of(stack().each["operators"], "IncidentPolicy") for action in each.actions}
    assert held <= said


def test_the_filters_name_fields_that_lines_have() -> None:
    written = subprocess.run(
        [sys.executable, "-c", _LOGS], capture_output=True, text=True, check=True, cwd=DOCS.parent
    ).stderr
    line = json.loads(written.splitlines()[0])
    first = section("## The first minutes on ECS")
    patterns = re.findall(r"\$\.(\w+) = \"([^\"]+)\"", first)
    assert {name for name, _ in patterns} == {"severity", "event"}
    assert line["severity"] == dict(patterns)["severity"] == "error"
    assert line["event"] == "worker.stopped"
    assert {"worker.started", "worker.stopped"} <= {value for _, value in patterns}
    assert {"event", "reason", "code", "severity"} <= set(line)


_LOGS: Final = """
from consumer import logs
logs.configure("info", "supervisor", "json")
logs.get_logger("supervisor").error("worker.stopped", reason="permission", code="AccessDeniedException")
"""


class Aws:
    """The stacks of data and service in moto, and somebody who types."""

    def __init__(self) -> None:
        self.variables: dict[str, str] = {}

    def create(self, template: str, **parameters: str) -> None:
        made = Template.of(file(template), declared(template, parameters))
        boto3.client("cloudformation").create_stack(
            StackName=STACKS[template],
            TemplateBody=decided(made),
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in declared(template, parameters).items()
            ],
            Capabilities=["CAPABILITY_IAM"],
        )

    def run(self, line: str) -> Any:
        """Run a command of the page; a waiter as the call that it repeats."""
        command = parse(line, self.variables)
        assert command.operation, line
        return getattr(boto3.client(command.service), xform_name(command.operation))(**command.parameters)  # type: ignore[call-overload]

    def run_all(self, text: str) -> None:
        for line in lines(text):
            self.run(line)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    moto_types.teach(monkeypatch)
    moto_updates.teach(monkeypatch)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        ec2 = boto3.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        typist = Aws()
        typist.create("data")
        typist.create("service", ImageTag="0.3.0", OutputTtlDays="0", VpcId=vpc, SubnetIds=subnet)
        (described,) = boto3.client("cloudformation").describe_stacks(StackName=STACKS["service"])["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}
        typist.variables |= {"CLUSTER": outputs["ClusterName"], "SERVICE": outputs["ServiceName"]}
        yield typist


def service(aws: Aws) -> Any:
    names = aws.variables
    return boto3.client("ecs").describe_services(cluster=names["CLUSTER"], services=[names["SERVICE"]])["services"][0]


def target() -> Any:
    (found,) = boto3.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")[
        "ScalableTargets"
    ]
    return found


def test_the_first_minutes_show_what_runs_and_what_has_stopped(aws: Aws) -> None:
    boto3.client("logs").create_log_stream(logGroupName="/ecs/kinesis-sanitizer", logStreamName="worker/sanitizer/0a1b")
    # moto counts with the CPU units of a container, and takes those of a template for text.
    boto3.client("ecs").register_task_definition(
        family="plain", containerDefinitions=[{"name": "sanitizer", "image": "i", "cpu": 448, "memory": 512}]
    )
    first = section("## The first minutes on ECS")
    for line in lines(first):
        if parse(line).operation in _BEYOND_MOTO:
            continue
        answer = aws.run(line.replace('"$NETWORK"', "'$NETWORK'").replace("TASK_ARN", aws.variables.get("TASK", "-")))
        match parse(line).operation:
            case "DescribeServices":
                assert answer["services"][0]["taskDefinition"]
                network = {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d"]}}
                aws.variables |= {"DEFINITION": "plain", "NETWORK": json.dumps(network)}
            case "RunTask":
                aws.variables["TASK"] = answer["tasks"][0]["taskArn"]
                assert answer["tasks"][0]["overrides"]["containerOverrides"][0]["command"] == ["doctor"]
                name = f"worker/sanitizer/{aws.variables['TASK'].rsplit('/', 1)[1]}"
                boto3.client("logs").create_log_stream(logGroupName="/ecs/kinesis-sanitizer", logStreamName=name)
    assert aws.variables["TASK"]


_BEYOND_MOTO: Final = (None, "StartQuery", "GetQueryResults", "StartSession")


def test_scaled_to_zero_and_back(aws: Aws) -> None:
    stop, start = section("## Scale to zero, and stay there").split("**And back.**")
    aws.run_all(stop)
    assert service(aws)["desiredCount"] == 0
    assert all(target()["SuspendedState"].values())
    assert target()["MinCapacity"] > 0  # which is why it has to be suspended
    aws.run_all(start)
    assert service(aws)["desiredCount"] == 6
    assert not any(target()["SuspendedState"].values())


def test_an_older_revision_is_put_back_beside_the_stack(aws: Aws) -> None:
    now = service(aws)["taskDefinition"]
    revision = now.rsplit(":", 1)[1]
    asked, shown, put = lines(section("## The old version back").split("**Nobody who may deploy is there.**")[1])
    boto3.client("ecs").register_task_definition(family="kinesis-sanitizer", containerDefinitions=[])
    assert now in aws.run(asked)["taskDefinitionArns"]
    container = aws.run(shown.replace(":41", f":{revision}"))["taskDefinition"]["containerDefinitions"][0]
    assert container["image"].endswith("kinesis-sanitizer:0.3.0")
    aws.run(put.replace(":41", f":{revision}"))
    assert now.endswith(service(aws)["taskDefinition"])  # moto gives it back as it was asked


def test_the_retention_is_lengthened(aws: Aws) -> None:
    lengthen, look, _ = lines(section("## Lengthen the retention"))
    aws.run(lengthen)
    assert aws.run(look)["StreamDescriptionSummary"]["RetentionPeriodHours"] == 168


def test_there_is_more_capacity(aws: Aws) -> None:
    aws.variables["STREAM"] = arn("kinesis", "stream/transactions")
    aws.run_all(section("## More capacity under fire").replace("--target-shard-count 120", "--target-shard-count 4"))
    stream = boto3.client("kinesis").describe_stream_summary(StreamName="transactions")["StreamDescriptionSummary"]
    assert stream["StreamModeDetails"]["StreamMode"] == "ON_DEMAND"
    table = boto3.client("dynamodb").describe_table(TableName="sanitized-transactions")["Table"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def prepared(table: str) -> tuple[bool, bool]:
    """Tell whether a table has recovery, and protection."""
    client = boto3.client("dynamodb")
    backups = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    return recovery == "ENABLED", client.describe_table(TableName=table)["Table"]["DeletionProtectionEnabled"]


def test_the_output_table_of_an_earlier_time_stands_beside_the_present_one(aws: Aws) -> None:
    client = boto3.client("dynamodb")
    client.put_item(
        TableName="sanitized-transactions", Item={"_sanitizer_pk": {"S": "12345"}, "_sanitizer_sk": {"S": "t"}}
    )
    aws.run(_RECOVERY)  # moto's CloudFormation drops it
    aws.run_all(section("## Documents are gone, or wrong").split("**3.** Switch the names")[0])
    restored = "sanitized-transactions-restored"
    assert client.scan(TableName=restored)["Count"] == 1
    assert prepared(restored) == (True, True)
    lives = client.describe_time_to_live(TableName=restored)["TimeToLiveDescription"]
    assert lives["AttributeName"] == "_sanitizer_ttl"


_RECOVERY: Final = (
    "aws dynamodb update-continuous-backups --table-name sanitized-transactions "
    "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
)


def test_the_output_table_is_restored_under_its_name(aws: Aws) -> None:
    """From a backup that somebody made: moto makes none of a table that is deleted."""
    client = boto3.client("dynamodb")
    name = "sanitized-transactions"
    client.put_item(TableName=name, Item={"_sanitizer_pk": {"S": "12345"}, "_sanitizer_sk": {"S": "t"}})
    backup = client.create_backup(TableName=name, BackupName="before")["BackupDetails"]["BackupArn"]
    client.update_table(TableName=name, DeletionProtectionEnabled=False)
    client.delete_table(TableName=name)
    aws.variables["BACKUP"] = backup
    aws.run_all(section("## The output table is lost"))
    assert client.scan(TableName=name)["Count"] == 1
    assert prepared(name) == (True, True)


def test_leases_of_an_earlier_time_take_the_place_of_the_present_ones(aws: Aws) -> None:
    client = boto3.client("dynamodb")
    client.put_item(TableName="kinesis-sanitizer", Item={"leaseKey": {"S": "shardId-000000000000"}})
    aws.run(_RECOVERY.replace("sanitized-transactions", "kinesis-sanitizer"))
    for line in lines(section("### By the workers, from earlier checkpoints")):
        if "table-not-exists" in line:
            assert "kinesis-sanitizer" not in client.list_tables()["TableNames"]
            continue
        answer = aws.run(line)
        if "create-backup" in line:
            aws.variables["BACKUP"] = answer["BackupDetails"]["BackupArn"]
    assert client.scan(TableName="kinesis-sanitizer")["Items"] == [{"leaseKey": {"S": "shardId-000000000000"}}]
    on = section("## The lease table is lost").split("restore-table-from-backup")[1].split("It has its index")[0]
    aws.run_all(on)
    assert prepared("kinesis-sanitizer") == (True, True)


def test_where_reading_begins_is_written_into_the_application_s_item(aws: Aws) -> None:
    (line,) = (each for each in lines(section("## The lease table is lost")) if "update-item" in each)
    aws.run(line)
    (item,) = boto3.client("dynamodb").scan(TableName="kinesis-sanitizer-CoordinatorState")["Items"]
    assert item == {"key": {"S": "Sanitizer"}, "startsAtSeconds": {"N": "1710498600"}}


def test_a_key_that_was_to_be_deleted_is_enabled(aws: Aws) -> None:
    client = boto3.client("kms")
    key = client.create_key()["KeyMetadata"]["KeyId"]  # moto takes no ARN to cancel
    client.schedule_key_deletion(KeyId=key)
    aws.run_all(section("## The KMS key is disabled, or will be deleted").replace("KEY_ARN", key))
    assert client.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"


def test_a_deleted_secret_is_back(aws: Aws) -> None:
    client = boto3.client("secretsmanager")
    (secret,) = client.list_secrets()["SecretList"]
    client.delete_secret(SecretId=secret["ARN"])
    (line,) = (each for each in lines(section("## The image or a secret is gone")) if "restore-secret" in each)
    aws.run(line.replace("SECRET_ARN", secret["ARN"]))
    assert client.get_secret_value(SecretId=secret["ARN"])["SecretString"]
