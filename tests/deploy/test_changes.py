"""Change sets: shown, and refused where they replace or remove what holds data."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.pipeline.changes import HOLDS_DATA, changes_of, report
from tests.deploy.iam_template import Template

DEPLOY = Path(__file__).parents[2] / "deploy"
SCRIPT = DEPLOY / "pipeline/changes.py"
TABLE = "AWS::DynamoDB::Table"


def change(kind: str, action: str, replacement: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a change in the form of DescribeChangeSet (AWS: "ResourceChange", "ResourceChangeDetail")."""
    details = [{"Target": {"Attribute": "Properties", "Name": name, "RequiresRecreation": "Never"}} for name in more]
    described = {"Action": action, "LogicalResourceId": "It", "ResourceType": kind, "Details": details}
    return {"Type": "Resource", "ResourceChange": described | ({"Replacement": replacement} if replacement else {})}


def described(*changes: dict[str, Any]) -> dict[str, Any]:
    return {"StackName": "sanitizer-service", "Changes": list(changes)}


def run(folder: Path, *changes: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    file = folder / "change-set.json"
    file.write_text(json.dumps(described(*changes)), encoding="utf-8")
    return subprocess.run([sys.executable, "-I", SCRIPT, file], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "refused",
    [
        change(TABLE, "Modify", "True"),
        change(TABLE, "Modify", "Conditional"),
        change(TABLE, "Remove"),
        change(TABLE, "Dynamic"),
        change("AWS::KMS::Key", "Remove"),
        change("AWS::Kinesis::Stream", "Modify", "True"),
    ],
)
def test_what_would_replace_or_remove_data_is_refused(refused: dict[str, Any], tmp_path: Path) -> None:
    ran = run(tmp_path, change("AWS::ECS::Service", "Modify", "False"), refused)
    assert ran.returncode == 1
    assert "**Refused**: `It`" in ran.stdout


@pytest.mark.parametrize(
    "fine",
    [
        change(TABLE, "Modify", "False", BillingMode=1),
        change(TABLE, "Add"),
        change(TABLE, "Import"),
        change("AWS::ECS::TaskDefinition", "Modify", "True", ContainerDefinitions=1),
        change("AWS::CloudWatch::Alarm", "Remove"),
        {"Type": "Hook", "HookChange": {}},
    ],
)
def test_what_touches_no_data_is_shown(fine: dict[str, Any], tmp_path: Path) -> None:
    ran = run(tmp_path, fine)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Refused" not in ran.stdout


def test_it_is_a_table_of_what_changes() -> None:
    shown = report(described(change("AWS::ECS::TaskDefinition", "Modify", "True", Memory=1, Cpu=1)))
    assert "| Modify | `It` | AWS::ECS::TaskDefinition | True | Cpu, Memory |" in shown.splitlines()
    assert [each.replaced for each in changes_of(described(change(TABLE, "Add")))] == ["False"]


def test_whatever_a_template_retains_is_known_to_hold_data() -> None:
    policy = json.loads((DEPLOY / "ecs/data-stack-policy.json").read_text(encoding="utf-8"))
    protected = policy["Statement"][1]["Condition"]["StringEquals"]["ResourceType"]
    retained = {
        resource["Type"]
        for file in (*DEPLOY.glob("ecs/*.yaml"), DEPLOY / "lambda/template.yaml")
        for resource in Template(file.read_text(encoding="utf-8"), {}).document["Resources"].values()
        if str(resource.get("DeletionPolicy", "")).startswith("Retain")
    }
    assert {*protected, *retained} == HOLDS_DATA
