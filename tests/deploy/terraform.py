"""A Terraform module with its variables filled in: which resources it makes, with which arguments.

What only AWS knows (ARNs, ids) is asked of `known`, so that two ways of writing the same deployment can be compared.
"""

import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import hcl2
from lark import Token, Tree

from tests.deploy.hcl import Invalid, Unsupported, evaluate, holds, pairs, parts
from tests.deploy.iam_template import ACCOUNT, REGION

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "terraform"

_META: Final = {"count", "for_each", "lifecycle", "depends_on", "provider"}

Known = Callable[[str, str], Any]
"""What AWS says of a resource, by its address and the attribute's name; `KeyError` for what is as it was written."""


class Block(NamedTuple):
    """A block of a file: its type, its labels, its body."""

    kind: str
    labels: tuple[str, ...]
    body: Tree[Token]

    def attributes(self) -> dict[str, Tree[Token]]:
        """Return the expressions of its arguments."""
        found = [parts(each) for each in parts(self.body) if each.data == "attribute"]
        return {_word(name): value for name, value in found}

    def blocks(self, kind: str | None = None) -> list["Block"]:
        """Return the blocks in it."""
        return [each for each in _blocks(self.body) if kind in (None, each.kind)]


def _word(name: Tree[Token]) -> str:
    if name.data == "string":
        return str(evaluate(name, {}))
    return str(name.children[0])


def _blocks(body: Tree[Token]) -> list[Block]:
    found = []
    for each in parts(body):
        if each.data == "block":
            *words, inner = parts(each)
            kind, *labels = map(_word, words)
            found.append(Block(kind, tuple(labels), inner))
    return found


@cache
def read(folder: Path) -> tuple[Block, ...]:
    """Return the blocks of a module's files."""
    trees = [hcl2.parses_to_tree(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.tf"))]
    return tuple(block for tree in trees for block in _blocks(parts(tree)[0]))


def assigned(file: Path) -> dict[str, Any]:
    """Return the values of a file of variables."""
    (body,) = parts(hcl2.parses_to_tree(file.read_text(encoding="utf-8")))
    return {name: evaluate(value, {}) for name, value in Block("", (), body).attributes().items()}


class Resource:
    """One instance of a resource or a data source."""

    def __init__(self, module: "Module", block: Block, address: str, scope: Mapping[str, Any]) -> None:
        self.address = address
        self.type = block.labels[0]
        self._module, self._block, self._scope = module, block, dict(scope)

    @property
    def written(self) -> dict[str, Any]:
        """Its arguments, blocks as lists; what is null left out."""
        found: dict[str, Any] = {}
        for name, expression in self._block.attributes().items():
            if name not in _META:
                found[name] = evaluate(expression, self._module.scope | self._scope)
        return {k: v for k, v in (found | self._nested(self._block, self._scope)).items() if v is not None}

    def _nested(self, block: Block, scope: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for inner in block.blocks():
            if inner.kind in _META:
                continue
            if inner.kind == "dynamic":
                (kind,) = inner.labels
                over = evaluate(inner.attributes()["for_each"], self._module.scope | scope)
                (content,) = inner.blocks("content")
                bodies = [(content, {**scope, kind: {"key": k, "value": v}}) for k, v in pairs(over)]
            else:
                kind, bodies = inner.kind, [(inner, dict(scope))]
            for body, around in bodies:
                all_ = self._module.scope | around
                values = {name: evaluate(each, all_) for name, each in body.attributes().items()}
                one = values | self._nested(body, around)
                found.setdefault(kind, []).append({k: v for k, v in one.items() if v is not None})
        return found

    def __getitem__(self, attribute: str) -> Any:
        try:
            return self._module.known(self.address, attribute)
        except KeyError:
            pass
        if self.type == "aws_iam_policy_document" and attribute == "json":
            return policy(self.written)
        if self.type == "aws_secretsmanager_random_password":
            return self.written  # how it is made stands for it
        if attribute in self.written:
            return self.written[attribute]
        raise Unsupported(f"{self.address}.{attribute}")


class Module:
    """A module.

    :param variables: values of its variables; the rest have their defaults.
    :param known: what AWS says of its resources.
    """

    def __init__(self, name: str, variables: Mapping[str, Any], known: Known) -> None:
        self.known = known
        self.blocks = read(FOLDER / name)
        self.declared = self.declared_in(name)
        defaults = {k: evaluate(v.attributes()["default"], {}) for k, v in self.declared.items() if _has_default(v)}
        self.variables = {**defaults, **variables}
        if set(self.variables) != set(self.declared):
            raise Invalid(f"variables {sorted(set(self.variables) ^ set(self.declared))}")
        self.scope: dict[str, Any] = {
            "var": self.variables,
            "local": _Locals(self),
            "data": _ByType(self, "data"),
            "ephemeral": _ByType(self, "ephemeral"),
            "path": {"module": str(FOLDER / name)},
        }
        made = _ByType(self, "resource")
        self.scope |= {each.labels[0]: made[each.labels[0]] for each in self.blocks if each.kind == "resource"}

    @staticmethod
    def declared_in(name: str) -> dict[str, Block]:
        """Return a module's variables."""
        return {each.labels[0]: each for each in read(FOLDER / name) if each.kind == "variable"}

    def resources(self) -> list[Resource]:
        """Return what is made."""
        found = []
        for block in self.blocks:
            if block.kind == "resource":
                of = instances(self, block)
                found += of if isinstance(of, list) else list(of.values()) if isinstance(of, dict) else [of]
        return found

    def outputs(self) -> dict[str, Any]:
        """Return its outputs."""
        blocks = [each for each in self.blocks if each.kind == "output"]
        return {each.labels[0]: evaluate(each.attributes()["value"], self.scope) for each in blocks}

    def refusals(self) -> list[str]:
        """Return what its variables' validations say against their values."""
        return [
            str(evaluate(each.attributes()["error_message"], self.scope))
            for variable in self.declared.values()
            for each in variable.blocks("validation")
            if not holds(each.attributes()["condition"], self.scope)
        ]


def _has_default(variable: Block) -> bool:
    return "default" in variable.attributes()


def instances(module: Module, block: Block) -> Resource | list[Resource] | dict[str, Resource]:
    """Return the instances of a block, as expressions see them: one, a list by `count`, a map by `for_each`."""
    attributes, address = block.attributes(), ".".join(block.labels)
    if block.kind != "resource":
        address = f"{block.kind}.{address}"
    if "count" in attributes:
        many = range(evaluate(attributes["count"], module.scope))
        return [Resource(module, block, f"{address}[{n}]", {"count": {"index": n}}) for n in many]
    if "for_each" in attributes:
        over = pairs(evaluate(attributes["for_each"], module.scope))
        each = {key: {"each": {"key": key, "value": value}} for key, value in over}
        return {key: Resource(module, block, f'{address}["{key}"]', scope) for key, scope in each.items()}
    return Resource(module, block, address, {})


class _Locals(Mapping[str, Any]):
    def __init__(self, module: Module) -> None:
        self._module = module
        blocks = [each for each in module.blocks if each.kind == "locals"]
        self._written = {name: value for each in blocks for name, value in each.attributes().items()}

    def __getitem__(self, name: str) -> Any:
        return evaluate(self._written[name], self._module.scope)

    def __iter__(self) -> Iterator[str]:
        return iter(self._written)

    def __len__(self) -> int:
        return len(self._written)


class _ByType:
    """`data.TYPE.NAME`, and `TYPE.NAME` of resources."""

    def __init__(self, module: Module, kind: str, type_: str | None = None) -> None:
        self._module, self._kind, self._type = module, kind, type_

    def __getitem__(self, name: str) -> Any:
        if self._type is None:
            return _ByType(self._module, self._kind, name)
        for block in self._module.blocks:
            if block.kind == self._kind and block.labels == (self._type, name):
                return instances(self._module, block)
        raise KeyError(name)


HERE: Final[Mapping[str, Mapping[str, Any]]] = {
    "data.aws_caller_identity": {"account_id": ACCOUNT},
    "data.aws_partition": {"partition": "aws", "dns_suffix": "amazonaws.com"},
    "data.aws_region": {"region": REGION},
    "data.aws_availability_zones": {"names": [f"{REGION}a", f"{REGION}b", f"{REGION}c"]},
}
"""What data sources say of where the tests deploy."""


def policy(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON of an `aws_iam_policy_document`, decoded."""
    if set(document) != {"statement"}:
        raise Unsupported(f"arguments of a policy document: {sorted(document)}")
    return {"Version": "2012-10-17", "Statement": [_statement(each) for each in document["statement"]]}


def _statement(written: Mapping[str, Any]) -> dict[str, Any]:
    known = {"sid", "effect", "actions", "resources", "principals", "condition"}
    if unknown := set(written) - known:
        raise Unsupported(f"arguments of a statement: {sorted(unknown)}")
    found: dict[str, Any] = {"Effect": written.get("effect", "Allow"), "Action": written["actions"]}
    if "sid" in written:
        found["Sid"] = written["sid"]
    if "resources" in written:
        found["Resource"] = written["resources"]
    for each in written.get("principals", ()):
        found.setdefault("Principal", {})[each["type"]] = each["identifiers"]
    for each in written.get("condition", ()):
        found.setdefault("Condition", {}).setdefault(each["test"], {})[each["variable"]] = each["values"]
    return found


def words(written: str) -> str:
    """Return a description on one line."""
    return " ".join(textwrap.dedent(written).split())
