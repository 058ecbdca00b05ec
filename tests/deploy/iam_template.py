"""A parsed template with its parameters filled in: conditions decided, references resolved to names and ARNs.

It knows the intrinsic functions that the template is written with, and how the resources' ARNs are built that its
policies name (AWS: Service Authorization Reference, "Resource types"); anything else raises `Unresolved`.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

from cfnlint.decode import cfn_yaml  # type: ignore[import-untyped]

REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"

_NO_VALUE: Final = object()
_PSEUDO: Final[Mapping[str, Any]] = {
    "AWS::AccountId": ACCOUNT,
    "AWS::NoValue": _NO_VALUE,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::URLSuffix": "amazonaws.com",
}
_NAMES: Final = ("Name", "TableName", "LogGroupName", "RoleName", "RepositoryName")
_ARNS: Final[Mapping[str, str]] = {
    "AWS::APS::Workspace": "aps:{place}:workspace/{name}",
    "AWS::DynamoDB::Table": "dynamodb:{place}:table/{name}",
    "AWS::ECS::Cluster": "ecs:{place}:cluster/{name}",
    "AWS::ECS::Service": "ecs:{place}:service/cluster/{name}",
    "AWS::ECR::Repository": "ecr:{place}:repository/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::KMS::Key": "kms:{place}:key/{name}",
    "AWS::Kinesis::Stream": "kinesis:{place}:stream/{name}",
    "AWS::Lambda::Function": "lambda:{place}:function:{name}",
    "AWS::Logs::LogGroup": "logs:{place}:log-group:{name}:*",
    "AWS::SQS::Queue": "sqs:{place}:{name}",
    "AWS::SecretsManager::Secret": "secretsmanager:{place}:secret:{name}-AbCdEf",
}
_REF_IS_ARN: Final = ("AWS::ECS::Service", "AWS::Kinesis::StreamConsumer", "AWS::SecretsManager::Secret")
_LISTS: Final = ("CommaDelimitedList", "List<")
_SUB: Final = re.compile(r"\$\{(!?)([^}]+)\}")


class Unresolved(Exception):
    """The template says something that is not understood here."""


@cache
def _parsed(text: str) -> dict[str, Any]:
    parsed: dict[str, Any] = cfn_yaml.loads(text)
    return parsed


def arn(service: str, resource: str) -> str:
    """Return the ARN of a resource of the stack's account and region."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


class Template:
    """A template as it would be deployed.

    :param text: the template, in YAML.
    :param parameters: values of its parameters; the rest have their defaults.
    :param stack: the stack's name.
    :param imports: what other stacks export.
    """

    def __init__(
        self, text: str, parameters: Mapping[str, str], stack: str = "stack", imports: Mapping[str, str] | None = None
    ) -> None:
        self.document = _parsed(text)
        declared = self.document.get("Parameters", {})
        if unknown := set(parameters) - set(declared):
            raise Unresolved(f"the template has no parameters {sorted(unknown)}")
        defaults = {name: each["Default"] for name, each in declared.items() if "Default" in each}
        given = {
            name: (value.split(",") if value else []) if str(declared[name]["Type"]).startswith(_LISTS) else value
            for name, value in {**defaults, **parameters}.items()
        }
        self._values: dict[str, Any] = {**_PSEUDO, "AWS::StackName": stack, **given}
        self._imports = imports or {}

    @classmethod
    def of(
        cls, path: Path, parameters: Mapping[str, str], stack: str = "stack", imports: Mapping[str, str] | None = None
    ) -> Self:
        return cls(path.read_text(encoding="utf-8"), parameters, stack, imports)

    def exports(self) -> dict[str, str]:
        """Return what it exports, by the exports' names."""
        outputs = self.document.get("Outputs", {}).values()
        exported = [each for each in outputs if "Export" in each]
        return {str(self.resolve(each["Export"]["Name"])): str(self.resolve(each["Value"])) for each in exported}

    def resources(self, *types: str) -> list[str]:
        """Return the logical ids of those resources, of these types, that are made."""
        all_: dict[str, Any] = self.document["Resources"]
        return [name for name, each in all_.items() if (not types or each["Type"] in types) and self.is_made(name)]

    def is_made(self, logical_id: str) -> bool:
        condition = self.document["Resources"][logical_id].get("Condition")
        return condition is None or self.holds(condition)

    def properties(self, logical_id: str) -> dict[str, Any]:
        """Return a resource's properties, resolved."""
        resolved: dict[str, Any] = self.resolve(self.document["Resources"][logical_id].get("Properties", {}))
        return resolved

    def refers(self, value: Any, logical_id: str) -> bool:
        """Whether a reference among these is to that resource."""
        return any(each == {"Ref": logical_id} for each in value or ())

    def holds(self, condition: str) -> bool:
        """Decide a condition by its name."""
        return self._decide(self.document["Conditions"][condition])

    def _decide(self, rule: Any) -> bool:
        ((function, argument),) = rule.items()
        match function:
            case "Condition":
                return self.holds(argument)
            case "Fn::Equals":
                one, other = map(self.resolve, argument)
                return str(one) == str(other)
            case "Fn::Not":
                return not self._decide(argument[0])
            case "Fn::And":
                return all(map(self._decide, argument))
            case "Fn::Or":
                return any(map(self._decide, argument))
        raise Unresolved(f"condition {function}")

    def resolve(self, value: Any) -> Any:
        """Return a value without intrinsic functions."""
        if isinstance(value, list):
            return [each for each in map(self.resolve, value) if each is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and (next(iter(value)) == "Ref" or next(iter(value)).startswith("Fn::")):
            ((function, argument),) = value.items()
            return self._call(function, argument)
        pairs = ((str(name), self.resolve(each)) for name, each in value.items())
        return {name: each for name, each in pairs if each is not _NO_VALUE}

    def _call(self, function: str, argument: Any) -> Any:  # noqa: PLR0911 - one for each function
        match function:
            case "Ref":
                return self._ref(argument)
            case "Fn::GetAtt":
                return self._attribute(*(argument if isinstance(argument, list) else argument.split(".", 1)))
            case "Fn::If":
                condition, yes, no = argument
                return self.resolve(yes if self.holds(condition) else no)
            case "Fn::Join":
                separator, parts = argument
                return separator.join(map(str, self.resolve(parts)))
            case "Fn::FindInMap":
                name, first, second = map(self.resolve, argument)
                return self.document["Mappings"][name][first][second]
            case "Fn::ImportValue":
                name = self.resolve(argument)
                if name not in self._imports:
                    raise Unresolved(f"nobody exports {name}")
                return self._imports[name]
            case "Fn::Sub":
                text, own = argument if isinstance(argument, list) else (argument, {})
                return _SUB.sub(lambda found: self._substitute(found[1], found[2], own), text)
        raise Unresolved(f"function {function}")

    def _substitute(self, literal: str, name: str, own: Mapping[str, Any]) -> str:
        if literal:
            return f"${{{name}}}"
        if name in own:
            return str(self.resolve(own[name]))
        return str(self._attribute(*name.split(".", 1)) if "." in name else self._ref(name))

    def _ref(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        kind = self._kind(name)
        return self._arn(name) if kind in _REF_IS_ARN else self._name(name)

    def _attribute(self, name: str, attribute: str) -> str:
        if attribute in ("Arn", "ConsumerARN"):
            return self._arn(name)
        if attribute == "QueueName":
            return self._name(name)
        raise Unresolved(f"attribute {name}.{attribute}")

    def _arn(self, name: str) -> str:
        kind = self._kind(name)
        if kind == "AWS::Kinesis::StreamConsumer":
            properties = self.properties(name)
            return f"{properties['StreamARN']}/consumer/{properties['ConsumerName']}:1700000000"
        if kind not in _ARNS:
            raise Unresolved(f"ARN of {name}, a {kind}")
        form = _ARNS[kind]
        return "arn:aws:" + form.format(place=f"{REGION}:{ACCOUNT}", account=ACCOUNT, name=self._name(name))

    def _kind(self, name: str) -> str:
        resource = self.document["Resources"].get(name)
        if resource is None:
            raise Unresolved(f"{name}: a parameter without a value, or nothing of this template")
        return str(resource["Type"])

    def _name(self, name: str) -> str:
        written = self.document["Resources"][name].get("Properties", {})
        found = next((written[each] for each in _NAMES if each in written), None)
        resolved = name if found is None else self.resolve(found)
        return name if resolved is _NO_VALUE else str(resolved)
