"""The commands of `aws` in the pages, as calls: service, operation and parameters, by the models of botocore.

The AWS CLI makes its commands of the same models, so a command that is read here without an objection is one that it
takes. Its own commands, which are no single call, are a short list (`OWN`); its waiters are botocore's.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

import botocore.session
from botocore import xform_name
from botocore.model import OperationModel, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator
from botocore.waiter import WaiterModel

OWN: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("cloudformation", "deploy"): ("cloudformation:CreateChangeSet",),
    ("ecr", "get-login-password"): ("ecr:GetAuthorizationToken",),
    ("logs", "tail"): ("logs:FilterLogEvents",),
}
"""Commands that are the CLI's own, with what they need at least."""

_GLOBAL: Final = {"region", "query", "output", "max-items", "profile"}
"""Options of each command: of the CLI itself, and no parameters."""

_PREFIXES: Final = {
    "amp": "aps",
    "application-autoscaling": "application-autoscaling",
    "service-quotas": "servicequotas",
}
"""Of permissions, where it is not the command's."""


_NUMBERS: Final[Mapping[str, Any]] = {"integer": int, "long": int, "double": float, "float": float}
_LATER: Final = ("file://", "fileb://", "$")
"""Values that are known only when a command is run."""


class Command(NamedTuple):
    """One command.

    :ivar operation: as in the models; None of one of `OWN`.
    :ivar parameters: of the call; of a waiter, of the call that it repeats.
    """

    line: str
    service: str
    operation: str | None
    parameters: dict[str, Any]

    @property
    def actions(self) -> tuple[str, ...]:
        """The permissions that it needs at least."""
        if self.operation is None:
            words = shlex.split(self.line)
            return OWN[words[1], words[2]]
        return (f"{_PREFIXES.get(self.service, self.service)}:{self.operation}",)


def lines(text: str) -> Iterator[str]:
    """Return the commands of a page, or of a part of it: in blocks, within others, and in the text."""
    blocks = "\n".join(re.findall(r"^ {4,}(.*)$", text, re.MULTILINE)).replace("\\\n", " ")
    for block in blocks.split("\n"):
        for found in re.finditer(r"(?<![\w`./-])aws (?=[a-z])", block):
            yield _until_its_end(block[found.start() :])
    for found in re.finditer(r"`(aws [a-z][^`]*)`", re.sub(r"^ {4,}.*$", "", text, flags=re.MULTILINE)):
        yield " ".join(found[1].split())


def _until_its_end(text: str) -> str:
    """Cut a line where its command ends: a closing parenthesis, a pipe or a semicolon outside of quotes."""
    quote, depth = "", 0
    for place, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "(":
            depth += 1
        elif char == ")" and depth:
            depth -= 1
        elif char in "|;)":
            return text[:place].strip()
    return text.strip()


def parse(line: str, variables: Mapping[str, str] = {}) -> Command:
    """Read a command.

    :param variables: of the shell, by name; one that is not there stays as it is written.
    :raises ValueError: the CLI would not take it; it says why.
    """
    text = re.sub(r"\$\(export_of (\w+)\)", r"\1", line)
    for name, value in variables.items():
        text = text.replace(f"${{{name}##*/}}", value.rsplit("/", 1)[-1]).replace(f"${{{name}}}", value)
        text = re.sub(rf"\${name}\b", value, text)
    _, service, name, *words = shlex.split(re.sub(r"\$\([^)]*\)", "1700000000", text))
    if (service, name) in OWN:
        return Command(line, service, None, {})
    if name == "wait":
        return _waiting(line, service, words)
    operation = _operation(service, name)
    return Command(line, service, operation.name, _parameters(operation, words))


def _waiting(line: str, service: str, words: list[str]) -> Command:
    waiters: WaiterModel = _session().get_waiter_model(service)
    known = {_dashed(each): each for each in waiters.waiter_names}
    if words[0] not in known:
        raise ValueError(f"aws {service} wait {words[0]}: there is no such waiter")
    operation = _model(service).operation_model(waiters.get_waiter(known[words[0]]).operation)
    return Command(line, service, operation.name, _parameters(operation, words[1:]))


@cache
def _session() -> Any:
    return botocore.session.get_session()


@cache
def _model(service: str) -> Any:
    try:
        return _session().get_service_model(service)
    except botocore.exceptions.UnknownServiceError:
        raise ValueError(f"aws {service}: there is no such service") from None


def _dashed(name: str) -> str:
    return str(xform_name(name, "-"))


def _operation(service: str, name: str) -> OperationModel:
    model = _model(service)
    known = {_dashed(each): each for each in model.operation_names}
    if name not in known:
        raise ValueError(f"aws {service} {name}: there is no such command")
    operation: OperationModel = model.operation_model(known[name])
    return operation


def _parameters(operation: OperationModel, words: list[str]) -> dict[str, Any]:
    shape = operation.input_shape
    known: dict[str, tuple[str, Shape]] = {}
    if shape is not None:
        known = {_dashed(member): (member, of) for member, of in shape.members.items()}
    given: dict[str, Any] = {}
    while words:
        option, *words = words
        if not option.startswith("--"):
            raise ValueError(f"{operation.name}: {option} is no option")
        values = _leading(words)
        words = words[len(values) :]
        name = option[2:]
        if name not in known and name.startswith("no-") and name[3:] in known and not values:
            given[known[name[3:]][0]] = False
        elif name in known:
            member, of = known[name]
            given[member] = _value(of, values)
        elif name not in _GLOBAL:
            raise ValueError(f"{operation.name}: there is no option {option}")
    if shape and given and not any(str(value).startswith(_LATER) for value in given.values()):
        report = ParamValidator().validate(given, shape)
        if report.has_errors():
            raise ValueError(f"{operation.name}: {report.generate_report()}")
    return given


def _leading(words: list[str]) -> list[str]:
    return words[: next((place for place, word in enumerate(words) if word.startswith("--")), len(words))]


def _value(shape: Shape, words: list[str]) -> Any:
    """Read an option's words as its shape has them: scalars, lists, JSON, and the CLI's shorthand of structures."""
    if shape.type_name == "boolean":
        if words not in ([], ["true"], ["false"]):
            raise ValueError(f"{shape.name}: {words} is no boolean")
        return words != ["false"]
    if not words:
        raise ValueError(f"{shape.name}: no value")
    if words[0].startswith(_LATER) and shape.type_name != "list":
        return words[0]
    if shape.type_name in ("structure", "map", "list") and words[0][0] in "{[":
        return json.loads(" ".join(words))
    if shape.type_name == "list":
        members = getattr(shape, "member")  # noqa: B009 - ListShape's alone
        return [_value(members, [word]) for word in words]
    if len(words) > 1:
        raise ValueError(f"{shape.name}: {words} is more than one value")
    if isinstance(shape, StructureShape):
        return _shorthand(shape, words[0])
    if isinstance(shape, StringShape) and shape.enum and words[0] not in shape.enum:
        raise ValueError(f"{shape.name}: {words[0]} is none of {shape.enum}")
    return _NUMBERS.get(shape.type_name, str)(words[0])


def _shorthand(shape: StructureShape, text: str) -> dict[str, Any]:
    """Read ``a=1,b={c=[x,y]}``."""
    found: dict[str, Any] = {}
    for part in _split(text):
        name, _, value = part.partition("=")
        if name not in shape.members:
            raise ValueError(f"{shape.name}: there is no {name}")
        member = shape.members[name]
        if value.startswith("{") and isinstance(member, StructureShape):
            found[name] = _shorthand(member, value[1:-1])
        elif value.startswith("["):
            found[name] = _split(value[1:-1])
        else:
            found[name] = _value(member, [value])
    return found


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for char in text:
        depth += (char in "{[") - (char in "}]")
        if char == "," and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return parts
