"""The page on deploying lists what a deployer needs: compared with what CloudFormation's resource schemas call."""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from cfnlint.decode import cfn_yaml  # type: ignore[import-untyped]
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")

NOT_NEEDED: Final = (
    # Of tables that are made from S3, replicated, copied to a stream, or have a policy: these templates' are not.
    *(f"dynamodb:{name}" for name in ("ImportTable", "*Replica", "*StreamingDestination", "*ResourcePolicy")),
    # The import writes items, and a replica's deletion reads them; nobody who deploys has to read a document.
    *(f"dynamodb:{name}Item" for name in ("BatchWrite", "Delete", "Get", "Put", "Update")),
    *("dynamodb:Query", "dynamodb:Scan"),
    # Of shards' metrics, larger records, and warm throughput, which are left as they are.
    *(f"kinesis:{name}" for name in ("*EnhancedMonitoring", "UpdateMaxRecordSize", "UpdateStream[!M]*")),
    # Of indexes, data protection, deliveries and resource policies of log groups; flow logs alone deliver.
    *("logs:*IndexPolic*", "logs:*ResourcePolic*", "logs:Put[!R]*", "logs:DeleteDataProtectionPolicy"),
    *("logs:CreateLogDelivery", "kms:DisableKeyRotation"),
    # The secret's value is generated and read by nobody; it stays in its region.
    *("secretsmanager:GetSecretValue", "secretsmanager:Re*"),
    # Of account settings, scheduled actions, and managed policies that are attached as they are made.
    *("ecs:PutAccountSetting*", "application-autoscaling:*ScheduledAction*", "iam:*GroupPolicy", "iam:*UserPolicy"),
    # Of functions that are signed, versioned or recursive, and of other run times and capacity.
    *("lambda:*CodeSigningConfig", "lambda:PublishVersion", "lambda:*Recursion*", "lambda:*Runtime*"),
    *("lambda:PassCapacityProvider", "lambda:PutFunctionScalingConfig"),
    # Of IPv6, VPCs with encryption control, and other tenancy.
    *("ec2:*CidrBlock", "ec2:CreateVpcEncryptionControl", "ec2:ModifyVpcTenancy"),
)
"""What the schemas have for properties that these templates do not set."""


SERVICES: Final = {"ApplicationAutoScaling": "application-autoscaling"}
"""Prefixes of permissions that are not the service's name in small letters."""


FILES: Final = {file.stem: file for file in (ROOT / "deploy" / "ecs").glob("*.yaml")} | {
    "function": ROOT / "deploy" / "lambda" / "template.yaml"
}
TYPES: Final = {
    name: sorted({resource["Type"] for resource in cfn_yaml.load(str(file))["Resources"].values()})
    for name, file in sorted(FILES.items())
}
"""Types of resources by stack."""


class Row(NamedTuple):
    """A row of the table: actions, as patterns, for some stacks."""

    stacks: frozenset[str]
    actions: tuple[str, ...]


def rows() -> Iterator[Row]:
    """Yield the rows of the table; an action without a prefix has that of the one before it."""
    section = PAGE.partition("## What a deployer needs\n")[2].partition("\n## ")[0]
    for stacks, actions in re.findall(r"^\| \[?([a-z].*?) \| .*? \| (.*) \|$", section, re.MULTILINE):
        if stacks == "stack":
            continue
        prefix, found = "", []
        for word in re.findall(r"`([A-Za-z0-9:*-]+)`", actions):
            prefix = word.partition(":")[0] if ":" in word else prefix
            found.append(word if ":" in word else f"{prefix}:{word}")
        names = re.sub(r" \(.*?\)|\]\(.*?\)", "", stacks).split(", ")
        yield Row(frozenset(TYPES if names == ["each"] else names), tuple(found))


def called(resource: str, handlers: tuple[str, ...]) -> set[str]:
    """Return the actions of a resource's own service that its handlers call."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource).schema
    return {
        action
        for name in handlers
        for action in schema["handlers"].get(name, {}).get("permissions") or ()
        if action.partition(":")[0] == SERVICES.get(resource.split("::")[1], resource.split("::")[1].lower())
    }


@pytest.mark.parametrize("stack", TYPES)
def test_what_cloudformation_calls_is_listed(stack: str) -> None:
    listed = [pattern for row in rows() if stack in row.stacks for pattern in row.actions]
    missing = {
        action
        for resource in TYPES[stack]
        for action in called(resource, ("create", "read", "update", "delete"))
        if not any(fnmatchcase(action, pattern) for pattern in (*listed, *NOT_NEEDED))
    }
    assert not missing


@pytest.mark.parametrize("row", list(rows()), ids=lambda row: f"{row.actions[0]}-{'-'.join(sorted(row.stacks))}")
def test_what_is_listed_is_called(row: Row) -> None:
    if row.actions[0].startswith("cloudformation:"):
        return
    permissions = {
        action
        for stack in row.stacks
        for resource in TYPES[stack]
        for handler in PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource).schema["handlers"].values()
        for action in handler.get("permissions") or ()
    }
    unknown = {pattern for pattern in row.actions if not any(fnmatchcase(each, pattern) for each in permissions)}
    assert unknown <= {"kms:GenerateDataKey"}  # Secrets Manager's, of which the schema says nothing
