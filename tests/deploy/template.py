"""The ECS stacks with their parameters filled in, for the tests: by size, or with everything that can be turned on."""

import json
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_network
from itertools import islice
from pathlib import Path
from typing import Any, Final

from tests.deploy.iam_template import Template

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "deploy" / "ecs"
SIZES: Final = ("1k", "10k", "50k")

STACKS: Final[Mapping[str, str]] = {
    "data": "kinesis-sanitizer-data",
    "service": "kinesis-sanitizer",
    "operators": "kinesis-sanitizer-operators",
    "alarms": "kinesis-sanitizer-alarms",
}
"""The templates and the names of their stacks, in the order in which they are made."""

_HERE: Final = "us-east-1:123456789012"

GIVEN: Final[Mapping[str, str]] = {
    "ImageTag": "0.1.0",
    "VpcId": "vpc-0a1b2c3d",
    "SubnetIds": "subnet-0a1b2c3d,subnet-4e5f6a7b",
    "OutputTtlDays": "90",
    "AlarmTopicArn": f"arn:aws:sns:{_HERE}:alarms",
}
"""What has no default, and is empty in the files of the sizes."""

EVERYTHING: Final[Mapping[str, str]] = {
    "SettingsFile": "/etc/sanitizer/settings.yaml",
    "ScraperSecurityGroupId": "sg-0a1b2c3d",
    "EndpointSecurityGroupId": "sg-4e5f6a7b",
    "DynamoDbPrefixListId": "pl-0a1b2c3d",
    "S3PrefixListId": "pl-4e5f6a7b",
    "SpotWeight": "3",
    "RetrievalMode": "FANOUT",
    "GlueSchemas": "true",
    "SecondIndex": "PARTITION_AND_SORT",
    "OutputBillingMode": "PAY_PER_REQUEST",
    "OutputMaxWriteUnits": "90000",
    "OutputWarmWriteUnits": "75000",
    "SinkStreamArn": f"arn:aws:kinesis:{_HERE}:stream/sanitized",
    "SinkKmsKeyArn": f"arn:aws:kms:{_HERE}:key/sink",
    "KeysSecretArn": f"arn:aws:secretsmanager:{_HERE}:secret:keys-AbCdEf",
    "KeyWrappingKeyArn": f"arn:aws:kms:{_HERE}:key/wrapping",
    "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary",
    "RolePath": "/payments/",
    "PrometheusWorkspaceId": "ws-0a1b2c3d-0000-0000-0000-000000000000",
    "CollectorRepository": "ecr-public/aws-observability/aws-otel-collector",
    "CollectorDigest": f"sha256:{'1' * 64}",
    "WarningTopicArn": f"arn:aws:sns:{_HERE}:warnings",
}
"""Each option that adds something."""

FOREIGN: Final[Mapping[str, str]] = {
    "RegistryAccount": "210987654321",
    "RegistryRegion": "eu-central-1",
    "ClusterName": "shared",
    "CreateStream": "false",
    "StreamKmsKeyArn": f"arn:aws:kms:{_HERE}:key/streams",
    "KmsKeyArn": f"arn:aws:kms:{_HERE}:key/ours",
    "FingerprintSecretArn": f"arn:aws:secretsmanager:{_HERE}:secret:fingerprint-AbCdEf",
    "FingerprintKmsKeyArn": f"arn:aws:kms:{_HERE}:key/secrets",
    "OutputBillingMode": "PROVISIONED",
}
"""As much as can be given is given, and not made; but for the tables, which can be, too (`CreateTables`)."""


class Stack(Template):
    """A template, which also knows the names of resources that CloudFormation would name."""

    def _attribute(self, name: str, attribute: str) -> str:
        return self._name(name) if attribute == "Name" else super()._attribute(name, attribute)


class Stacks:
    """All stacks of one application, each with what it imports from those before it."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self.each: dict[str, Stack] = {}
        imports: dict[str, str] = {}
        for template, name in STACKS.items():
            made = Stack.of(file(template), declared(template, parameters), name, imports)
            imports |= made.exports()
            self.each[template] = made

    def of(self, logical_id: str) -> Stack:
        """Return the stack that has this resource; no two have resources of one name."""
        (found,) = (each for each in self.each.values() if logical_id in each.document["Resources"])
        return found

    def properties(self, logical_id: str) -> dict[str, Any]:
        """Return a resource's properties, resolved."""
        return self.of(logical_id).properties(logical_id)

    def resources(self, *types: str) -> list[str]:
        """Return the logical ids of those resources, of these types, that are made."""
        return [name for each in self.each.values() for name in each.resources(*types)]

    def container(self, name: str = "sanitizer") -> dict[str, Any]:
        """Return a container of the task definition."""
        found: dict[str, Any]
        (found,) = (each for each in self.properties("TaskDefinition")["ContainerDefinitions"] if each["Name"] == name)
        return found

    def environment(self) -> dict[str, str]:
        """Return the worker's environment, secrets as they might be among it."""
        return environment(self.of("TaskDefinition"))


def environment(service: Stack) -> dict[str, str]:
    """Return the environment that a stack gives the worker, secrets as they might be among it."""
    containers = service.properties("TaskDefinition")["ContainerDefinitions"]
    (container,) = (each for each in containers if each["Name"] == "sanitizer")
    plain = {str(each["Name"]): str(each["Value"]) for each in container["Environment"]}
    return plain | {str(each["Name"]): "x" * 64 for each in container["Secrets"]}


def file(template: str) -> Path:
    """Return a template's file by its name."""
    return FOLDER / f"{template}.yaml"


@cache
def document(template: str) -> dict[str, Any]:
    """Return a template as it is written."""
    return Template.of(file(template), {}).document


def declared(template: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Return those of the parameters that a template has."""
    return {name: value for name, value in parameters.items() if name in document(template)["Parameters"]}


def divided(addresses: str, count: str | int, bits: str | int) -> list[str]:
    """Return what Fn::Cidr does: the first blocks of addresses that have so many bits each."""
    blocks = ip_network(addresses).subnets(new_prefix=32 - int(bits))
    return [str(block) for block in islice(blocks, int(count))]


def parameters_file(name: str) -> dict[str, str]:
    """Return a file of parameters, as `aws cloudformation deploy` reads it; `50k/service`, for example."""
    read: dict[str, str] = json.loads((FOLDER / "parameters" / f"{name}.json").read_text("utf-8"))["Parameters"]
    return read


def size_file(size: str) -> dict[str, str]:
    """Return the parameters of a size, over all of its stacks."""
    return parameters_file(f"{size}/data") | parameters_file(f"{size}/service") | parameters_file("alarms")


@cache
def stack(size: str | None = None, **others: str) -> Stacks:
    """Return the stacks as deployed with a size's files, or with the defaults, and other parameters."""
    known = {name for template in STACKS for name in document(template)["Parameters"]}
    if unknown := set(others) - known:
        msg = f"no template has parameters {sorted(unknown)}"
        raise KeyError(msg)
    chosen = size_file(size) if size else {}
    return Stacks({**chosen, **GIVEN, **others})
