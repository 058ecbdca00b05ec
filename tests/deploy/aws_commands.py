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


class Own(NamedTuple):
    """A command that is the CLI's own.

    :ivar actions: what it needs at least.
    :ivar one: options with one value.
    :ivar several: options with one or more.
    :ivar flags: options without.
    :ivar needed: options that must be there.
    :ivar words: how many words it takes before its options.
    """

    actions: tuple[str, ...]
    one: frozenset[str] = frozenset()
    several: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()
    words: int = 0


OWN: Final[Mapping[tuple[str, str], Own]] = {
    ("cloudformation", "deploy"): Own(
        ("cloudformation:CreateChangeSet",),
        frozenset({"template-file", "stack-name", "s3-bucket", "s3-prefix", "kms-key-id", "role-arn"}),
        frozenset({"parameter-overrides", "capabilities", "notification-arns", "tags"}),
        frozenset({"force-upload", "no-execute-changeset"})
        | {f"{no}{name}" for no in ("", "no-") for name in ("disable-rollback", "fail-on-empty-changeset")},
        frozenset({"template-file", "stack-name"}),
    ),
    ("ecr", "get-login-password"): Own(("ecr:GetAuthorizationToken",)),
    ("logs", "tail"): Own(
        ("logs:FilterLogEvents",),
        frozenset({"since", "format", "filter-pattern", "log-stream-name-prefix"}),
        frozenset({"log-stream-names"}),
        frozenset({"follow"}),
        words=1,
    ),
}
"""By service and name."""

_GLOBAL: Final = {"region", "query", "output", "max-items", "profile"}
"""Options of each command: of the CLI itself, and no parameters."""

_PREFIXES: Final = {
    "amp": "aps",
    "application-autoscaling": "application-autoscaling",
    "service-quotas": "servicequotas",
}
"""Of permissions, where it is not the command's."""


_NUMBERS: Final[Mapping[str, Any]] = {"integer": int, "long": int, "double": float, "float": float}
_FILES: Final = ("file://", "fileb://")
_LATER: Final = (*_FILES, "$")
"""Values that are known only when a command is run."""


_NAMED: Final = re.compile(r"aws [a-z-]+ [a-z-]+")


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
            return OWN[words[1], words[2]].actions
        return (f"{_PREFIXES.get(self.service, self.service)}:{self.operation}",)


def lines(text: str) -> Iterator[str]:
    """Return the commands of a page, or of a part of it: in blocks, within others, and in the text."""
    blocks = "\n".join(re.findall(r"^ {4,}(.*)$", text, re.MULTILINE)).replace("\\\n", " ")
    for block in blocks.split("\n"):
        for found in re.finditer(r"(?<![\w`./-])aws (?=[a-z])", block):
            yield _until_its_end(block[found.start() :])
    yield from (line for line in _in_text(text) if not _NAMED.fullmatch(line))


def named(text: str) -> Iterator[str]:
    """Return the commands of which a text says the name alone."""
    yield from (line for line in _in_text(text) if _NAMED.fullmatch(line))


def _in_text(text: str) -> Iterator[str]:
    for found in re.finditer(r"`(aws [a-z][^`]*)`", re.sub(r"^ {4,}.*$", "", text, flags=re.MULTILINE)):
        yield " ".join(found[1].split())


def exists(line: str) -> bool:
    """Whether the CLI has the command that is named."""
    _, service, name = line.split()
    try:
        return (service, name) in OWN or bool(_operation(service, name))
    except ValueError:
        return False


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
        _check_own(f"aws {service} {name}", OWN[service, name], words)
        return Command(line, service, None, {})
    if name == "wait":
        return _waiting(line, service, words)
    operation = _operation(service, name)
    return Command(line, service, operation.name, _parameters(operation, words))


def _check_own(command: str, own: Own, words: list[str]) -> None:
    if len(_leading(words)) != own.words:
        raise ValueError(f"{command}: {own.words} words before its options, not {_leading(words)}")
    given = dict(_options(command, words[own.words :]))
    for name, values in given.items():
        many = range(1, 2) if name in own.one else range(1, 1000) if name in own.several else range(1)
        if name not in own.one | own.several | own.flags | _GLOBAL:
            raise ValueError(f"{command}: there is no option --{name}")
        if name not in _GLOBAL and len(values) not in many:
            raise ValueError(f"{command}: --{name} with {len(values)} values")
    if missing := own.needed - set(given):
        raise ValueError(f"{command}: without {sorted(missing)}")


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
    for name, values in _options(operation.name, words):
        if name not in known and name.startswith("no-") and name[3:] in known and not values:
            given[known[name[3:]][0]] = False
        elif name in known:
            member, of = known[name]
            given[member] = _value(of, values)
        elif name not in _GLOBAL:
            raise ValueError(f"{operation.name}: there is no option --{name}")
    if shape is not None:
        _validate(operation, shape, given)
    return given


def _validate(operation: OperationModel, shape: StructureShape, given: Mapping[str, Any]) -> None:
    """Look for what is required, and at each value that is known before the command is run.

    :raises ValueError: one of them is missing, or not as the model has it.
    """
    if missing := set(shape.required_members) - set(given) - set(operation.idempotent_members):
        raise ValueError(f"{operation.name}: without {sorted(missing)}")
    for member, value in given.items():
        if not str(value).startswith(_LATER):
            report = ParamValidator().validate(value, shape.members[member])
            if report.has_errors():
                raise ValueError(f"{operation.name}: {member}: {report.generate_report()}")


def _options(command: str, words: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each option with its values; of one of the CLI itself there is exactly one.

    :raises ValueError: something is no option, or has not its value.
    """
    while words:
        option, *words = words
        if not option.startswith("--"):
            raise ValueError(f"{command}: {option} is no option")
        values = _leading(words)
        words = words[len(values) :]
        if option[2:] in _GLOBAL and len(values) != 1:
            raise ValueError(f"{command}: {option} with {len(values)} values")
        yield option[2:], values


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
    if words[0].startswith(_LATER if shape.type_name != "list" else _FILES):
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
