"""The ECS template with its parameters filled in, for the tests: by size, or with everything that can be turned on."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.deploy.iam_template import Template

ROOT: Final = Path(__file__).parents[2]
FILE: Final = ROOT / "deploy" / "ecs" / "template.yaml"
SIZES: Final = ("1k", "10k", "50k")

GIVEN: Final[Mapping[str, str]] = {
    "ImageTag": "0.1.0",
    "VpcId": "vpc-0a1b2c3d",
    "SubnetIds": "subnet-0a1b2c3d,subnet-4e5f6a7b",
}
"""What has no default, and is empty in the files of the sizes."""

_HERE: Final = "us-east-1:123456789012"
EVERYTHING: Final[Mapping[str, str]] = {
    "SettingsFile": "/etc/sanitizer/settings.yaml",
    "ScraperSecurityGroupId": "sg-0a1b2c3d",
    "SpotWeight": "3",
    "RetrievalMode": "FANOUT",
    "GlueSchemas": "true",
    "OutputBillingMode": "PAY_PER_REQUEST",
    "OutputMaxWriteUnits": "90000",
    "OutputWarmWriteUnits": "75000",
    "KeysSecretArn": f"arn:aws:secretsmanager:{_HERE}:secret:keys-AbCdEf",
    "KeyWrappingKeyArn": f"arn:aws:kms:{_HERE}:key/wrapping",
    "PrometheusWorkspaceId": "ws-0a1b2c3d-0000-0000-0000-000000000000",
    "AlarmTopicArn": f"arn:aws:sns:{_HERE}:alarms",
}
"""Each option that adds something."""

FOREIGN: Final[Mapping[str, str]] = {
    "ClusterName": "shared",
    "CreateStream": "false",
    "StreamKmsKeyArn": f"arn:aws:kms:{_HERE}:key/streams",
    "KmsKeyArn": f"arn:aws:kms:{_HERE}:key/ours",
    "FingerprintSecretArn": f"arn:aws:secretsmanager:{_HERE}:secret:fingerprint-AbCdEf",
    "SecretsKmsKeyArn": f"arn:aws:kms:{_HERE}:key/secrets",
    "OutputBillingMode": "PROVISIONED",
}
"""As much as can be given is given, and not made."""


class Stack(Template):
    """The template, which also knows the names of resources that CloudFormation would name."""

    def _attribute(self, name: str, attribute: str) -> str:
        return self._name(name) if attribute == "Name" else super()._attribute(name, attribute)

    def container(self, name: str = "sanitizer") -> dict[str, Any]:
        """Return a container of the task definition."""
        found: dict[str, Any]
        (found,) = (each for each in self.properties("TaskDefinition")["ContainerDefinitions"] if each["Name"] == name)
        return found

    def environment(self) -> dict[str, str]:
        """Return the worker's environment, secrets as they might be among it."""
        container = self.container()
        plain = {str(each["Name"]): str(each["Value"]) for each in container["Environment"]}
        return plain | {str(each["Name"]): "x" * 64 for each in container["Secrets"]}


def size_file(size: str) -> dict[str, str]:
    """Return the parameters of a size's file, as `aws cloudformation deploy` reads it."""
    parameters: dict[str, str] = json.loads((FILE.parent / "parameters" / f"{size}.json").read_text("utf-8"))[
        "Parameters"
    ]
    return parameters


@cache
def stack(size: str | None = None, **others: str) -> Stack:
    """Return the template as deployed with a size's file, or with the defaults, and other parameters."""
    chosen = size_file(size) if size else {}
    return Stack.of(FILE, {**chosen, **GIVEN, **others})
