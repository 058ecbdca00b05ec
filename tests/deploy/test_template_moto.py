"""moto makes the stack: references lead somewhere, and each resource of the template is there afterwards."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from moto import mock_aws

from consumer.settings import load_settings
from consumer.worker import preflight
from tests.deploy import moto_types
from tests.deploy.template import EVERYTHING, FOREIGN, GIVEN, SIZES, size_file, stack

NAME = "sanitizer"


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    moto_types.teach(monkeypatch)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield


@pytest.fixture
def network() -> dict[str, str]:
    """Make what the stack is put into; return the parameters that name it."""
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for number, zone in enumerate(("us-east-1a", "us-east-1b"))
    ]
    group = ec2.create_security_group(GroupName="prometheus", Description="-", VpcId=vpc)["GroupId"]
    return {"ImageTag": "0.1.0", "VpcId": vpc, "SubnetIds": ",".join(subnets), "ScraperSecurityGroupId": group}


def create(parameters: Mapping[str, str]) -> dict[str, str]:
    """Make the stack; return the types of its resources by their logical ids."""
    client = boto3.client("cloudformation")
    client.create_stack(
        StackName=NAME,
        TemplateBody=json.dumps(stack().document),  # moto's own YAML does not know !Condition
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    made = client.describe_stack_resources(StackName=NAME)["StackResources"]
    # moto lists what a condition leaves out as well, but without its id.
    return {each["LogicalResourceId"]: each["ResourceType"] for each in made if "LogicalResourceId" in each}


def expected(size: str | None, parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the types of the resources that the template says are made."""
    chosen = stack(size, **{name: value for name, value in parameters.items() if name not in GIVEN})
    return {name: chosen.document["Resources"][name]["Type"] for name in chosen.resources()}


def outputs() -> dict[str, str]:
    (made,) = boto3.client("cloudformation").describe_stacks(StackName=NAME)["Stacks"]
    assert made["StackStatus"] == "CREATE_COMPLETE"
    return {each["OutputKey"]: each["OutputValue"] for each in made["Outputs"]}


@pytest.mark.parametrize("size", SIZES)
def test_every_resource_of_a_size_is_made(size: str, network: dict[str, str]) -> None:
    others = {"ScraperSecurityGroupId": network["ScraperSecurityGroupId"]}
    assert create(size_file(size) | network) == expected(size, others)
    assert all(outputs().values())
    open_shards = boto3.client("kinesis").describe_stream_summary(StreamName="transactions")
    assert open_shards["StreamDescriptionSummary"]["OpenShardCount"] == int(size_file(size)["ShardCount"])
    (target,) = boto3.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")[
        "ScalableTargets"
    ]
    assert target["MinCapacity"] == int(size_file(size)["MinTasks"])
    assert target["MaxCapacity"] == int(size_file(size)["MaxTasks"])


def test_every_resource_is_made_with_all_that_can_be_turned_on(network: dict[str, str]) -> None:
    others = dict(EVERYTHING) | {"ScraperSecurityGroupId": network["ScraperSecurityGroupId"]}
    made = create(network | others)
    assert made == expected(None, others)
    assert set(made) == set(stack().document["Resources"]) - {"ReadThrottleAlarm"}  # a matter of polling


def test_what_is_given_is_not_made(network: dict[str, str]) -> None:
    boto3.client("ecs").create_cluster(clusterName=FOREIGN["ClusterName"])
    boto3.client("kinesis").create_stream(StreamName="transactions", ShardCount=4)
    others = dict(FOREIGN) | {"ScraperSecurityGroupId": ""}
    made = create(network | others)
    assert made == expected(None, others)
    assert not {"Key", "Stream", "Cluster", "FingerprintSecret"} & set(made)


def test_worker_of_this_stack_finds_all_that_it_refuses_to_start_without(
    network: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    create(network)
    (family,) = boto3.client("ecs").list_task_definitions()["taskDefinitionArns"]
    task: dict[str, Any] = boto3.client("ecs").describe_task_definition(taskDefinition=family)["taskDefinition"]
    for variable in task["containerDefinitions"][0]["environment"]:
        monkeypatch.setenv(variable["name"], variable["value"])
    # Not `tables.check`: moto's CloudFormation drops recovery and time to live. test_template_data.py looks for them.
    preflight.check(load_settings(None))
