"""Policies of a parsed template, and calls held against them: what is not granted, and what is granted for nothing.

A small part of IAM's own evaluation, and strict about the rest: an element, an operator or a condition key that is not
known here raises `Unknown`, so that nothing is taken for granted that was not understood.
"""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from tests.deploy.iam_template import Template

_ELEMENTS: Final = {"Sid", "Effect", "Action", "Resource", "Condition"}
_OPERATORS: Final = {"ArnEquals", "StringEquals", "StringLike"}
_KEYS: Final = re.compile(
    r"kms:ViaService|kms:EncryptionContext:[\w:-]+|ecs:cluster|iam:PassedToService"
    r"|application-autoscaling:service-namespace|lambda:SourceFunctionArn"
)
_PATTERN: Final = re.compile(r"[*?]")
_ROLE: Final = "AWS::IAM::Role"
_POLICIES: Final = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy")


class Unknown(Exception):
    """A policy says something that is not evaluated here."""


class Call(NamedTuple):
    """A request as IAM sees it.

    :ivar context: the condition keys that it brings along.
    """

    action: str
    resource: str
    context: frozenset[tuple[str, str]] = frozenset()


class Grant(NamedTuple):
    """One action on one resource, or pattern, of an Allow statement."""

    action: str
    resource: str


class Condition(NamedTuple):
    """One key that must have one of these values; a call without the key does not match, as with IAM."""

    operator: str
    key: str
    values: tuple[str, ...]

    def holds(self, context: Mapping[str, str]) -> bool:
        value = context.get(self.key)
        if value is None:
            return False
        if self.operator in ("ArnEquals", "StringLike"):  # for IAM the first is as the second is
            return any(_matches(value, each) for each in self.values)
        return value in self.values


class Statement(NamedTuple):
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...]

    def takes(self, call: Call, action: str | None = None, resource: str | None = None) -> bool:
        """Whether it speaks of that call; of it, one action or resource alone, if they are given."""
        context = dict(call.context)
        return (
            any(_matches(call.action.lower(), each.lower()) for each in ((action,) if action else self.actions))
            and any(_matches(call.resource, each) for each in ((resource,) if resource else self.resources))
            and all(condition.holds(context) for condition in self.conditions)
        )


class Difference(NamedTuple):
    """What a comparison found; both empty: the policy grants exactly what is called.

    :ivar missing: calls that are not granted.
    :ivar unused: grants without a call, and patterns, of which no run can show that it needs all that they match.
    """

    missing: frozenset[tuple[str, str]]
    unused: frozenset[Grant]


def compare(statements: Sequence[Statement], calls: Iterable[Call], patterns: Container[str] = ()) -> Difference:
    """Hold a policy against calls.

    :param patterns: resources that may be patterns all the same.
    """
    made = list(calls)
    missing = frozenset((call.action, call.resource) for call in made if not is_granted(statements, call))
    unused = frozenset(
        Grant(action, resource)
        for statement in statements
        if statement.allows
        for action in statement.actions
        for resource in statement.resources
        if _PATTERN.search(action)
        or (_PATTERN.search(resource) and resource not in patterns)
        or not any(statement.takes(call, action, resource) for call in made)
    )
    return Difference(missing, unused)


def is_granted(statements: Sequence[Statement], call: Call) -> bool:
    """Tell whether a call is allowed by one statement and denied by none."""
    speaking = [statement for statement in statements if statement.takes(call)]
    return bool(speaking) and all(statement.allows for statement in speaking)


def single(statements: Iterable[Statement]) -> list[Statement]:
    """Return the same, each statement of one action and one resource."""
    return [
        statement._replace(actions=(action,), resources=(resource,))
        for statement in statements
        for action in statement.actions
        for resource in statement.resources
    ]


def statements_of(template: Template, logical_id: str) -> list[Statement]:
    """Return the statements of a role, with the policies that are attached to it, or of a policy.

    :raises Unknown: it has a policy that is not in the template, or one that is not understood.
    """
    properties = template.properties(logical_id)
    documents = [each["PolicyDocument"] for each in properties.get("Policies", ())]
    if "PolicyDocument" in properties:
        documents.append(properties["PolicyDocument"])
    written = template.document["Resources"][logical_id].get("Properties", {})
    if template.document["Resources"][logical_id]["Type"] == _ROLE:
        attached = written.get("ManagedPolicyArns", ())
        for arn in properties.get("ManagedPolicyArns", ()) if isinstance(attached, dict) else attached:
            if not any(arn == {"Ref": name} for name in template.resources("AWS::IAM::ManagedPolicy")):
                raise Unknown(f"{logical_id}: a managed policy whose statements are not in the template: {arn}")
            documents.append(template.properties(arn["Ref"])["PolicyDocument"])
        documents += [
            template.properties(name)["PolicyDocument"]
            for name in template.resources(*_POLICIES)
            if _is_attached(template, name, logical_id)
        ]
    return [_statement(each) for document in documents for each in _list(document["Statement"])]


def _is_attached(template: Template, policy: str, role: str) -> bool:
    written = template.document["Resources"][policy]["Properties"]
    return template.refers([*written.get("Roles", ()), written.get("RoleName")], role)


def _statement(written: Mapping[str, Any]) -> Statement:
    if unknown := set(written) - _ELEMENTS:
        raise Unknown(f"elements {sorted(unknown)}")
    conditions = [
        _condition(operator, key, values)
        for operator, pairs in written.get("Condition", {}).items()
        for key, values in pairs.items()
    ]
    if written["Effect"] not in ("Allow", "Deny"):
        raise Unknown(f"effect {written['Effect']}")
    return Statement(
        written["Effect"] == "Allow",
        tuple(map(str, _list(written["Action"]))),
        tuple(map(str, _list(written["Resource"]))),
        tuple(conditions),
    )


def _condition(operator: str, key: str, values: Any) -> Condition:
    if operator not in _OPERATORS:
        raise Unknown(f"condition operator {operator}")
    if not _KEYS.fullmatch(key):
        raise Unknown(f"condition key {key}")
    return Condition(operator, key, tuple(map(str, _list(values))))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _matches(text: str, pattern: str) -> bool:
    """Match as IAM does: ``*`` and ``?``, and no other special character."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))
