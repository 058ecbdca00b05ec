"""From the one stack of 0.1.0 to data, service, operators and alarms, in moto: nothing is made anew, nothing is lost.

What moto's CloudFormation had to be taught for it is in moto_updates.py. The commands are those of docs/upgrading.md.
"""

import copy
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.ecs.models import ecs_backends

from tests.deploy import moto_types, moto_updates
from tests.deploy.iam_template import Template
from tests.deploy.moto_updates import IDENTIFIERS, RETAINED, decided, properties

ROOT: Final = Path(__file__).parents[2]
ECS: Final = ROOT / "deploy" / "ecs"
OLD: Final = (ROOT / "tests" / "data" / "ecs-template-0.1.0.yaml").read_text("utf-8")
DATA: Final = (ECS / "data.yaml").read_text("utf-8")
SERVICE: Final = (ECS / "service.yaml").read_text("utf-8")
OPERATORS: Final = (ECS / "operators.yaml").read_text("utf-8")
ALARMS: Final = (ECS / "alarms.yaml").read_text("utf-8")
PAGE: Final = (ROOT / "docs" / "upgrading.md").read_text("utf-8")

TABLES: Final = {
    "sanitized-transactions": {"_sanitizer_pk": {"S": "12345"}, "_sanitizer_sk": {"S": "t"}},
    "sanitizer-quarantine": {"source": {"S": "s"}, "position": {"S": "p"}},
    "kinesis-sanitizer": {"leaseKey": {"S": "shardId-000000000000"}},
    "kinesis-sanitizer-WorkerMetricStats": {"wid": {"S": "w"}},
    "kinesis-sanitizer-CoordinatorState": {"key": {"S": "Sanitizer"}},
}
"""The tables with an item of each."""

TOPIC: Final = "arn:aws:sns:us-east-1:123456789012:alarms"
_GONE: Final = {
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudWatch::Alarm",
    "AWS::Events::Rule",
    "AWS::IAM::ManagedPolicy",
}
"""What may leave the old stack for good: other stacks have the like of it."""


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    moto_types.teach(monkeypatch)
    moto_updates.teach(monkeypatch)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield


@pytest.fixture
def network() -> dict[str, str]:
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for number, zone in enumerate(("us-east-1a", "us-east-1b"))
    ]
    return {"VpcId": vpc, "SubnetIds": ",".join(subnets)}


def described(text: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    return {
        "TemplateBody": decided(Template(text, parameters)),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM"],
    }


def create(stack: str, text: str, **parameters: str) -> None:
    boto3.client("cloudformation").create_stack(StackName=stack, **described(text, parameters))


def update(stack: str, text: str, **parameters: str) -> None:
    boto3.client("cloudformation").update_stack(StackName=stack, **described(text, parameters))


def import_into(stack: str, text: str, kind: str = "UPDATE", **parameters: str) -> None:
    client = boto3.client("cloudformation")
    client.create_change_set(
        StackName=stack,
        ChangeSetName="import",
        ChangeSetType=kind,
        ImportExistingResources=True,
        **described(text, parameters),
    )
    client.execute_change_set(StackName=stack, ChangeSetName="import")


def physical(stack: str) -> dict[str, str]:
    """Return the physical ids of a stack's resources by their logical ones."""
    made = boto3.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in made}


def exports() -> dict[str, str]:
    found = boto3.client("cloudformation").list_exports()["Exports"]
    return {each["Name"]: each["Value"] for each in found}


def fill() -> None:
    for table, item in TABLES.items():
        boto3.client("dynamodb").put_item(TableName=table, Item=item)


def key_arn(key: str) -> str:
    arn: str
    (arn,) = (each["KeyArn"] for each in boto3.client("kms").list_keys()["Keys"] if each["KeyId"] == key)
    return arn


def tables() -> dict[str, tuple[str, int]]:
    """Return each table's ARN, and which of moto's objects it is: moto has no TableId."""
    made = dynamodb_backends["123456789012"]["us-east-1"].tables
    return {name: (each.table_arn, id(each)) for name, each in made.items()}


def items() -> dict[str, Any]:
    return {name: boto3.client("dynamodb").scan(TableName=name)["Items"] for name in tables()}


def state() -> dict[str, Any]:
    """Return what must be the same before and after: what is, not what it is called."""
    stream = boto3.client("kinesis").describe_stream(StreamName="transactions")["StreamDescription"]
    ecs = boto3.client("ecs")
    (cluster,) = ecs.list_clusters()["clusterArns"]
    services = ecs.list_services(cluster=cluster)["serviceArns"]
    return {
        "tables": tables(),
        "items": items(),
        "stream": (stream["StreamARN"], stream["StreamCreationTimestamp"], [s["ShardId"] for s in stream["Shards"]]),
        "keys": sorted(each["KeyArn"] for each in boto3.client("kms").list_keys()["Keys"]),
        "secrets": [each["ARN"] for each in boto3.client("secretsmanager").list_secrets()["SecretList"]],
        "cluster": cluster,
        "services": services,
        "service": [id(each) for each in ecs_backends["123456789012"]["us-east-1"].services.values()],
        "roles": sorted(each["Arn"] for each in boto3.client("iam").list_roles()["Roles"]),
    }


def blocks() -> list[str]:
    """Return the indented blocks of the section on this migration."""
    section = PAGE.split("### From one stack to several", 1)[1].split("\n### ", 1)[0].split("\n## ", 1)[0]
    return [
        "\n".join(line[4:] for line in each.split("\n"))
        for each in re.findall(r"(?:^ {4}.*\n)+", section, re.MULTILINE)
    ]


def with_literal_names() -> str:
    """Return data.yaml as the page's command makes it for the import."""
    (command,) = (each for each in blocks() if "sed " in each)
    said = command.split("> data-import.yaml")[0]
    ran = subprocess.run(["bash", "-c", said], cwd=ROOT, capture_output=True, text=True, check=True)
    return ran.stdout


@pytest.mark.parametrize("name", ["kinesis-sanitizer", "payments"])
def test_the_one_stack_becomes_four_and_nothing_is_made_anew(name: str, network: dict[str, str]) -> None:
    create(name, OLD, ImageTag="0.1.0", AlarmTopicArn=TOPIC, **network)
    fill()
    before, old = state(), physical(name)
    replaced_if_changed = {each: properties(name, each) for each in _common()}
    given = {
        "KmsKeyArn": key_arn(old["Key"]),
        "FingerprintSecretArn": old["FingerprintSecret"],
        "LogGroupName": old["LogGroup"],
    }

    create("kinesis-sanitizer-data", DATA, CreateStream="false", CreateTables="false", **given)
    assert not physical("kinesis-sanitizer-data")
    assert state() == before
    names = exports()

    update(name, SERVICE, ImageTag="0.3.0", OutputTtlDays="0", **network)
    assert state() == before
    new = physical(name)
    for logical_id in _common():
        if logical_id != "TaskDefinition":  # each revision is another
            assert new[logical_id] == old[logical_id]
            now = properties(name, logical_id)
            for each in create_only(Template(OLD, {}).document["Resources"][logical_id]["Type"]):
                assert now.get(each) == replaced_if_changed[logical_id].get(each), f"{logical_id}.{each}"
    environment = _environment(name)
    assert environment["SANITIZER_KCL__APPLICATION"] == "kinesis-sanitizer"  # no second reader
    assert environment["SANITIZER_STREAM__NAME"] == "transactions"

    literal = with_literal_names()
    others = {} if name == "kinesis-sanitizer" else {"LogGroupName": old["LogGroup"]}
    kept = {key: given[key] for key in ("KmsKeyArn", "FingerprintSecretArn")} | others
    import_into("kinesis-sanitizer-data", literal, **kept)
    taken = {"OutputTable", "QuarantineTable", "LeaseTable", "WorkerMetricsTable", "CoordinatorTable", "Stream"}
    assert set(physical("kinesis-sanitizer-data")) == taken | (set() if others else {"LogGroup"})
    assert state() == before
    assert {key: value for key, value in exports().items() if key in names} == names
    update("kinesis-sanitizer-data", DATA, **kept)
    assert state() == before

    create("kinesis-sanitizer-operators", OPERATORS, ServiceStack=name)
    create("kinesis-sanitizer-alarms", ALARMS, ServiceStack=name, AlarmTopicArn=TOPIC)
    assert state() == before


def _environment(stack: str) -> dict[str, str]:
    container = properties(stack, "TaskDefinition")["ContainerDefinitions"][0]
    return {each["Name"]: str(each["Value"]) for each in container["Environment"]}


def _common() -> list[str]:
    """Return the logical ids of what the old stack keeps, of what the defaults make."""
    kept = set(Template(SERVICE, {}).resources())
    return [name for name in Template(OLD, {}).resources() if name in kept]


def create_only(kind: str) -> list[str]:
    """Return the properties of a type that CloudFormation cannot change in place."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    return [each.split("/")[2] for each in schema.get("createOnlyProperties", ())]


def test_what_leaves_the_old_stack_is_retained_or_made_elsewhere() -> None:
    old, new = Template(OLD, {}).document["Resources"], Template(SERVICE, {}).document["Resources"]
    for name, each in old.items():
        if name not in new:
            assert each.get("DeletionPolicy") == "Retain" or each["Type"] in _GONE, name


def test_names_are_literal_for_the_import_and_nothing_else_is_changed() -> None:
    """AWS takes in what has a literal name, which is its primary identifier, and a policy that retains it."""
    literal, plain = (copy.deepcopy(Template(text, {}).document) for text in (with_literal_names(), DATA))
    imported = [name for name, each in plain["Resources"].items() if each["Type"] in IDENTIFIERS]
    assert len(imported) == 7
    for name in imported:
        kind = plain["Resources"][name]["Type"]
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
        assert schema["primaryIdentifier"] == [f"/properties/{IDENTIFIERS[kind]}"]
        assert literal["Resources"][name]["DeletionPolicy"] in RETAINED
        said = literal["Resources"][name]["Properties"].pop(IDENTIFIERS[kind])
        assert said == Template(DATA, {}).resolve(plain["Resources"][name]["Properties"][IDENTIFIERS[kind]])
        del plain["Resources"][name]["Properties"][IDENTIFIERS[kind]]
    assert literal == plain


def test_tables_that_a_failed_first_deployment_left_are_taken_in() -> None:
    create("first", DATA)
    fill()
    left = tables()
    key = physical("first")["Key"]
    boto3.client("cloudformation").delete_stack(StackName="first")
    with pytest.raises(ResponseParserError, match="ResourceInUseException"):  # which moto says in DynamoDB's form
        create("kinesis-sanitizer-data", DATA)
    import_into("data", with_literal_names(), kind="CREATE", KmsKeyArn=key_arn(key))
    assert tables() == left
    assert items() == {name: [item] for name, item in TABLES.items()}
    assert exports()["data-OutputTableName"] == "sanitized-transactions"


def test_another_table_takes_the_place_of_the_output_table_by_a_second_data_stack(network: dict[str, str]) -> None:
    """An export in use does not change: the service goes by another stack's meanwhile."""
    create("kinesis-sanitizer-data", DATA)
    create("kinesis-sanitizer", SERVICE, ImageTag="0.3.0", OutputTtlDays="0", **network)
    fill()
    told = exports()
    given = {
        "KmsKeyArn": told["kinesis-sanitizer-data-KmsKeyArn"],
        "FingerprintSecretArn": told["kinesis-sanitizer-data-FingerprintSecretArn"],
        "LogGroupName": told["kinesis-sanitizer-data-LogGroupName"],
    }
    before = state()
    create(
        "kinesis-sanitizer-names",
        DATA,
        CreateStream="false",
        CreateTables="false",
        OutputTableName="sanitized-transactions-restored",
        **given,
    )
    moved = {"DataStack": "kinesis-sanitizer-names", "ImageTag": "0.3.0", "OutputTtlDays": "0"}
    update("kinesis-sanitizer", SERVICE, **moved, **network)
    assert state() == before
    environment = _environment("kinesis-sanitizer")
    assert environment["SANITIZER_OUTPUT__TABLE"] == "sanitized-transactions-restored"
    assert environment["SANITIZER_KCL__APPLICATION"] == "kinesis-sanitizer"
    role = properties("kinesis-sanitizer", "TaskRole")
    assert "table/sanitized-transactions-restored" in json.dumps(role)
    with pytest.raises(ClientError, match="in use by kinesis-sanitizer"):
        update("kinesis-sanitizer-names", DATA, CreateStream="false", CreateTables="false", **given)


def test_a_new_version_may_do_all_that_it_does_under_the_old_template() -> None:
    """So that the version is rolled out first, and back if need be, before any stack changes."""
    assert _actions(SERVICE) <= _actions(OLD)


def _actions(text: str) -> set[str]:
    roles = (Template(text, {}).document["Resources"][name]["Properties"] for name in ("TaskRole", "ExecutionRole"))
    statements = (each for role in roles for policy in role["Policies"] for each in _statements(policy))
    return {action for each in statements for action in ([each] if isinstance(each, str) else each)}


def _statements(policy: dict[str, Any]) -> Iterator[Any]:
    """Return what the statements of a policy of the defaults permit: those under a condition are a parameter's."""
    for each in policy["PolicyDocument"]["Statement"]:
        if "Action" in each and "Fn::If" not in each["Action"]:
            yield each["Action"]
