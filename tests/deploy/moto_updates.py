"""Updates of stacks as CloudFormation makes them, where moto's are otherwise. Taught is this, and nothing else:

- what leaves a template, or the stack's deletion, stays if it is to be retained (moto: on deletion, by Retain alone);
- what moto knows no update of stays what it was (moto forgets it), and a security group is replaced with its VPC or its
  description alone (moto: always);
- a changed parameter also changes what names it in Fn::Sub (moto: in Ref);
- a stack's exports are those of its last update (moto: of its creation), and one in use does not change;
- the ARN of a log group ends in `:*`, as with AWS;
- a change set may take in resources that exist, under the conditions of AWS (*Import AWS resources into a
  CloudFormation stack automatically*): the resource has a literal name, which is its type's primary identifier, a
  DeletionPolicy that retains, and no other stack.

Not taught: conditions of resources, which `decided` takes out of a template beforehand; stack policies; rollbacks.
"""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from moto.cloudformation import models, parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.responses import CloudFormationResponse
from moto.dynamodb.models import dynamodb_backends
from moto.ec2.models.security_groups import SecurityGroup
from moto.kinesis.models import kinesis_backends
from moto.logs.models import LogGroup, logs_backends

from tests.deploy.iam_template import Template

RETAINED: Final = frozenset({"Retain", "RetainExceptOnCreate"})

IDENTIFIERS: Final = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Kinesis::Stream": "Name",
    "AWS::Logs::LogGroup": "LogGroupName",
}
"""The primary identifier of each type that can be taken in."""


def decided(template: Template) -> str:
    """Return the template, as JSON, with the resources alone that its parameters make, and without their conditions."""
    document = copy.deepcopy(template.document)
    made = {name: document["Resources"][name] for name in template.resources()}
    document["Resources"] = {
        name: {key: value for key, value in each.items() if key != "Condition"} for name, each in made.items()
    }
    return json.dumps(document)


def properties(stack: str, logical_id: str) -> dict[str, Any]:
    """Return a resource's properties as they were deployed, resolved by moto."""
    backend = models.cloudformation_backends["123456789012"]["us-east-1"]
    resources = backend.get_stack(stack).resource_map
    described = copy.deepcopy(resources._resource_json_map[logical_id])
    parsed: dict[str, Any] = parsing.parse_resource(described, resources)[1]["Properties"]
    return parsed


def teach(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto's CloudFormation update stacks so; beside `moto_types.teach`."""
    taking_in: set[str] = set()
    _retain(monkeypatch)
    _keep(monkeypatch)
    _refer(monkeypatch)
    _export(monkeypatch)
    _take_in(monkeypatch, taking_in)
    monkeypatch.setattr(LogGroup, "get_cfn_attribute", lambda self, _: f"{self.arn}:*")


def _retain(monkeypatch: pytest.MonkeyPatch) -> None:
    update, delete = parsing.ResourceMap.update, parsing.ResourceMap.delete

    def leave(resources: Any, template: dict[str, Any]) -> None:
        described = resources._resource_json_map
        for name in [name for name in described if name not in template["Resources"]]:
            if described[name].get("DeletionPolicy") in RETAINED:
                del described[name]
                resources._parsed_resources.pop(name, None)

    def updated(self: Any, template: dict[str, Any], parameters: Any = None) -> None:
        leave(self, template)
        update(self, template, parameters)

    def deleted(self: Any) -> None:
        leave(self, {"Resources": {}})
        delete(self)

    monkeypatch.setattr(parsing.ResourceMap, "update", updated)
    monkeypatch.setattr(parsing.ResourceMap, "delete", deleted)


def _keep(monkeypatch: pytest.MonkeyPatch) -> None:
    update = parsing.parse_and_update_resource

    def kept(logical_id: str, resource_json: Any, resources_map: Any, **where: Any) -> Any:
        original = resources_map[logical_id]
        if isinstance(original, SecurityGroup):
            wanted = parsing.clean_json(resource_json["Properties"], resources_map)
            if (wanted["VpcId"], wanted["GroupDescription"]) == (original.vpc_id, original.description):
                return original
        return update(logical_id, resource_json, resources_map, **where) or original

    monkeypatch.setattr(parsing, "parse_and_update_resource", kept)


def _refer(monkeypatch: pytest.MonkeyPatch) -> None:
    references = parsing.get_references_from_template

    def referred(template: Any) -> list[str]:
        return [*references(template), *re.findall(r"\$\{(\w+)\}", json.dumps(template))]

    monkeypatch.setattr(parsing, "get_references_from_template", referred)


def _importers(backend: Any, export: str) -> Iterator[str]:
    for stack in backend.stacks.values():
        if any(parsing.clean_json(each, stack.resource_map) == export for each in _imports(stack.template_dict)):
            yield stack.name


def _imports(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from _imports(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == "Fn::ImportValue":
                yield each
            else:
                yield from _imports(each)


def _export(monkeypatch: pytest.MonkeyPatch) -> None:
    update_stack = models.CloudFormationBackend.update_stack
    execute = models.CloudFormationBackend.execute_change_set

    def exported(backend: Any, stack: Any) -> None:
        before = {
            name: each.value for name, each in backend.exports.items() if each.exporting_stack_id == stack.stack_id
        }
        after = {each.name: each for each in stack.exports}
        for name, value in before.items():
            if name not in after or after[name].value != value:
                if users := list(_importers(backend, name)):
                    raise ValidationError(message=f"Export {name} cannot be changed as it is in use by {users[0]}")
                del backend.exports[name]
        backend.exports.update(after)

    def updated(self: Any, name: str, *arguments: Any, **named: Any) -> Any:
        self.get_stack(name).resource_map.cross_stack_resources = self.exports
        stack = update_stack(self, name, *arguments, **named)
        exported(self, stack)
        return stack

    def executed(self: Any, change_set_name: str, stack_name: str | None = None) -> None:
        change_set = self.describe_change_set(change_set_name)
        stack = self.stacks[change_set.stack_id]
        stack.cross_stack_resources = stack.resource_map.cross_stack_resources = self.exports
        execute(self, change_set_name, stack_name)
        stack.template_dict, stack.parameters = change_set.template_dict, change_set.parameters
        stack.output_map = stack._create_output_map()
        exported(self, stack)

    monkeypatch.setattr(models.CloudFormationBackend, "update_stack", updated)
    monkeypatch.setattr(models.CloudFormationBackend, "execute_change_set", executed)


def _take_in(monkeypatch: pytest.MonkeyPatch, asked_for: set[str]) -> None:
    create_change_set = CloudFormationResponse.create_change_set
    execute = models.CloudFormationBackend.execute_change_set
    create = parsing.parse_and_create_resource
    is_on: list[bool] = [False]

    def noted(self: Any) -> Any:
        if self._get_bool_param("ImportExistingResources"):
            asked_for.add(self._get_param("ChangeSetName"))
        return create_change_set(self)

    def executed(self: Any, change_set_name: str, stack_name: str | None = None) -> None:
        is_on[0] = self.describe_change_set(change_set_name).change_set_name in asked_for
        try:
            execute(self, change_set_name, stack_name)
        finally:
            is_on[0] = False

    def created(logical_id: str, resource_json: Any, resources_map: Any, account_id: str, region_name: str) -> Any:
        found = _existing(resource_json, account_id, region_name) if is_on[0] else None
        if found is None:
            return create(logical_id, resource_json, resources_map, account_id, region_name)
        found.cf_resource_type, found.logical_resource_id = resource_json["Type"], logical_id
        return found

    monkeypatch.setattr(CloudFormationResponse, "create_change_set", noted)
    monkeypatch.setattr(models.CloudFormationBackend, "execute_change_set", executed)
    monkeypatch.setattr(parsing, "parse_and_create_resource", created)


def _existing(resource_json: dict[str, Any], account_id: str, region_name: str) -> Any:
    """Return what is there under the resource's literal name, if it can be taken in."""
    kind = resource_json["Type"]
    name = resource_json.get("Properties", {}).get(IDENTIFIERS.get(kind, ""))
    if not isinstance(name, str) or resource_json.get("DeletionPolicy") not in RETAINED:
        return None
    named: dict[str, Mapping[str, Any]] = {
        "AWS::DynamoDB::Table": dynamodb_backends[account_id][region_name].tables,
        "AWS::Kinesis::Stream": kinesis_backends[account_id][region_name].streams,
        "AWS::Logs::LogGroup": logs_backends[account_id][region_name].groups,
    }
    found = named[kind].get(name)
    backend = models.cloudformation_backends[account_id][region_name]
    owned = (each for stack in backend.stacks.values() for each in stack.resource_map._parsed_resources.values())
    return None if any(each is found for each in owned) else found
