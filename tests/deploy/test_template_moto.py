"""moto makes the stacks, one after the other: references and imports lead somewhere, each resource is there then."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from moto import mock_aws

from consumer.settings import load_settings
from consumer.worker import preflight
from tests.deploy import moto_types
from tests.deploy.template import EVERYTHING, FOREIGN, GIVEN, SIZES, STACKS, declared, document, size_file, stack

SCALING_OF_CAPACITY = {
    f"{of}{what}{kind}" for of in ("Output", "Index") for what in ("Reads", "Writes") for kind in ("", "Scaling")
}


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    moto_types.teach(monkeypatch)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield


@pytest.fixture
def network() -> dict[str, str]:
    """Make the network of the example; return the parameters that name it."""
    create("network", "kinesis-sanitizer-network", {})
    made = outputs("kinesis-sanitizer-network")
    ec2 = boto3.client("ec2")
    group = ec2.create_security_group(GroupName="prometheus", Description="-", VpcId=made["VpcId"])["GroupId"]
    return (
        dict(GIVEN)
        | made
        | {
            "ScraperSecurityGroupId": group,
            "DynamoDbPrefixListId": "pl-0a1b2c3d",
            "S3PrefixListId": "pl-4e5f6a7b",
        }
    )


def create(template: str, name: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Make a stack; return the types of its resources by their logical ids."""
    client = boto3.client("cloudformation")
    client.create_stack(
        StackName=name,
        TemplateBody=json.dumps(document(template)),  # moto's own YAML does not know !Condition
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in declared(template, parameters).items()
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    made = client.describe_stack_resources(StackName=name)["StackResources"]
    # moto lists what a condition leaves out as well, but without its id.
    return {each["LogicalResourceId"]: each["ResourceType"] for each in made if "LogicalResourceId" in each}


def create_all(parameters: Mapping[str, str]) -> dict[str, str]:
    """Make all stacks of an application; return the types of their resources."""
    made: dict[str, str] = {}
    for template, name in STACKS.items():
        made |= create(template, name, parameters)
    return made


def expected(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return the types of the resources that the templates say are made."""
    chosen = stack(**{name: value for name, value in parameters.items() if name not in ("VpcId", "SubnetIds")})
    return {name: chosen.of(name).document["Resources"][name]["Type"] for name in chosen.resources()}


def outputs(name: str) -> dict[str, str]:
    (made,) = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    assert made["StackStatus"] == "CREATE_COMPLETE"
    return {each["OutputKey"]: each["OutputValue"] for each in made["Outputs"]}


@pytest.mark.parametrize("size", SIZES)
def test_every_resource_of_a_size_is_made(size: str, network: dict[str, str]) -> None:
    parameters = size_file(size) | network
    assert create_all(parameters) == expected(parameters)
    for name in STACKS.values():
        assert all(outputs(name).values()) if name != STACKS["alarms"] else True
    open_shards = boto3.client("kinesis").describe_stream_summary(StreamName="transactions")
    assert open_shards["StreamDescriptionSummary"]["OpenShardCount"] == int(size_file(size)["ShardCount"])
    (target,) = boto3.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")[
        "ScalableTargets"
    ]
    assert target["MinCapacity"] == int(size_file(size)["MinTasks"])
    assert target["MaxCapacity"] == int(size_file(size)["MaxTasks"])


def test_every_resource_is_made_with_all_that_can_be_turned_on(network: dict[str, str]) -> None:
    parameters = dict(EVERYTHING) | network
    made = create_all(parameters)
    assert made == expected(parameters)
    everything = {name for template in STACKS for name in document(template)["Resources"]}
    assert everything - set(made) == SCALING_OF_CAPACITY


def test_a_provisioned_table_and_its_index_follow_the_load(network: dict[str, str]) -> None:
    parameters = network | {"OutputBillingMode": "PROVISIONED", "SecondIndex": "PARTITION"}
    made = create_all(parameters)
    assert made == expected(parameters)
    assert set(made) >= SCALING_OF_CAPACITY
    targets = boto3.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="dynamodb")
    assert {(each["ResourceId"], each["ScalableDimension"]) for each in targets["ScalableTargets"]} == {
        (f"table/sanitized-transactions{of}", f"dynamodb:{kind}:{what}CapacityUnits")
        for of, kind in (("", "table"), ("/index/sanitizer-index", "index"))
        for what in ("Read", "Write")
    }


def test_what_is_given_is_not_made(network: dict[str, str]) -> None:
    boto3.client("ecs").create_cluster(clusterName=FOREIGN["ClusterName"])
    boto3.client("kinesis").create_stream(StreamName="transactions", ShardCount=4)
    given = dict(FOREIGN) | {"CreateTables": "false", "OutputBillingMode": "PAY_PER_REQUEST"}
    made = create_all(network | given)
    assert made == expected(network | given)
    assert [name for name in made if name in document("data")["Resources"]] == ["LogGroup"]
    assert "Cluster" not in made


def test_the_network_has_an_endpoint_for_each_service() -> None:
    on = dict.fromkeys(("WithPrometheus", "WithGlue", "WithKms"), "true")
    made = create("network", "all", on)
    assert set(made) == set(document("network")["Resources"])
    endpoints = boto3.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    services = {each["ServiceName"].removeprefix("com.amazonaws.us-east-1.") for each in endpoints}
    assert services == {
        *("dynamodb", "s3", "kinesis-streams", "logs", "ecr.api", "ecr.dkr", "secretsmanager"),
        *("aps-workspaces", "glue", "kms"),
    }


def test_worker_of_this_stack_finds_all_that_it_refuses_to_start_without(
    network: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    create_all(network)
    (family,) = boto3.client("ecs").list_task_definitions()["taskDefinitionArns"]
    task: dict[str, Any] = boto3.client("ecs").describe_task_definition(taskDefinition=family)["taskDefinition"]
    for variable in task["containerDefinitions"][0]["environment"]:
        monkeypatch.setenv(variable["name"], variable["value"])
    # Not `tables.check`: moto's CloudFormation drops recovery and time to live. test_template_data.py looks for them.
    preflight.check(load_settings(None))
