"""Expressions of HCL, evaluated: as much of the language as deploy/terraform is written in.

Strict: syntax and functions that are not known here raise `Unsupported`, which `can` and `try` do not catch.
"""

import ipaddress
import json
import operator
import re
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from lark import Token, Tree

Node = Tree[Token] | Token
Scope = Mapping[str, Any]

_NOISE: Final = {"new_line_or_comment"}
_OPERATIONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_ESCAPES: Final = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


class Unsupported(Exception):
    """Something that is not evaluated here."""


class Invalid(Exception):
    """What Terraform would refuse: a null in a text, an index beyond the end, a function's error."""


def parts(tree: Tree[Token]) -> list[Tree[Token]]:
    """Return the children of a node that mean something: no punctuation, no comment.

    :raises Unsupported: there is an ellipsis, which changes what the others mean.
    """
    if "..." in tree.children:
        raise Unsupported("an ellipsis")
    return [each for each in tree.children if isinstance(each, Tree) and each.data not in _NOISE]


def references(node: Tree[Token], root: str) -> set[str]:
    """Return the names that an expression asks of an object, such as `var`."""
    found = set()
    for each in node.find_data("get_attr_expr_term"):
        of, step = parts(each)
        if of.data == "expr_term" and parts(of)[0].data == "identifier" and _first(parts(of)[0]) == root:
            found.add(_first(parts(step)[0]))
    return found


def evaluate(node: Node, scope: Scope) -> Any:
    """Return the value of an expression.

    :raises Invalid: Terraform would refuse it.
    :raises Unsupported: it is not understood here.
    """
    if isinstance(node, Token):
        raise Unsupported(f"token {node}")
    kind = str(node.data)
    if kind not in _EXPRESSIONS:
        raise Unsupported(kind)
    return _EXPRESSIONS[kind](node, scope)


def _first(node: Tree[Token]) -> str:
    """Return the text of a node that begins with a token."""
    return str(node.children[0])


def _conditional(node: Tree[Token], scope: Scope) -> Any:
    condition, yes, no = parts(node)
    return evaluate(yes if holds(condition, scope) else no, scope)


def holds(condition: Node, scope: Scope) -> bool:
    """Decide a condition.

    :raises Invalid: it is neither true nor false.
    """
    return _bool(evaluate(condition, scope))


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid(f"no condition: {value!r}")
    return value


def _unary(node: Tree[Token], scope: Scope) -> Any:
    value = evaluate(parts(node)[0], scope)
    return not _bool(value) if _first(node) == "!" else -value


def _text(part: Tree[Token], scope: Scope) -> str:
    (written,) = part.children
    if isinstance(written, Tree):
        if written.data != "interpolation":
            raise Unsupported(str(written.data))
        return text(evaluate(parts(written)[0], scope))
    if written.startswith(("$${", "%%{")) or set(re.findall(r"\\(.)", written)) - set(_ESCAPES):
        raise Unsupported(f"an escape: {written}")
    return re.sub(r"\\(.)", lambda found: _ESCAPES[found[1]], str(written))


def text(value: Any) -> str:
    """Return a value as it stands in a text.

    :raises Invalid: it has no text.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, (str, int, float)):
        raise Invalid(f"no text: {value!r}")
    return str(value)


def _heredoc(written: str) -> str:
    if "${" in written or "%{" in written:
        raise Unsupported("a template in a heredoc")
    return textwrap.dedent("\n".join(written.splitlines()[1:-1])) + "\n"


def _key(key: Tree[Token], scope: Scope) -> str:
    (written,) = parts(key) or [key]
    if written.data == "expr_term" and parts(written) and parts(written)[0].data == "identifier":
        return str(parts(written)[0].children[0])
    return text(evaluate(written, scope))


def _binary(node: Tree[Token], scope: Scope) -> Any:
    left, rest = parts(node)
    written, right = parts(rest)
    # Either side is evaluated, as in Terraform 1.11.
    one, sign, other = evaluate(left, scope), _first(written), evaluate(right, scope)
    if sign in ("&&", "||"):
        one, other = _bool(one), _bool(other)
        return (one and other) if sign == "&&" else (one or other)
    if sign in ("==", "!="):
        return (one == other) is (sign == "==")
    if not all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in (one, other)):
        raise Invalid(f"{one!r} {sign} {other!r}")
    return _OPERATIONS[sign](one, other)


def _chain(node: Tree[Token], scope: Scope) -> Any:
    of, step = parts(node)
    return _step(evaluate(of, scope), step, scope)


def _step(value: Any, step: Tree[Token], scope: Scope) -> Any:
    match str(step.data):
        case "get_attr":
            return _member(value, str(parts(step)[0].children[0]))
        case "braces_index":
            return _member(value, evaluate(parts(step)[0], scope))
    raise Unsupported(str(step.data))


def _member(value: Any, name: Any) -> Any:
    if value is None:
        raise Invalid(f"{name} of null")
    try:
        return value[name]
    except (KeyError, IndexError, TypeError) as error:
        raise Invalid(f"no {name!r}") from error


def _splat(node: Tree[Token], scope: Scope) -> list[Any]:
    of, steps = parts(node)
    value = evaluate(of, scope)
    found = [] if value is None else value if isinstance(value, list) else [value]
    for step in parts(steps):
        found = [_step(each, step, scope) for each in found]
    return list(found)


def _for_tuple(node: Tree[Token], scope: Scope) -> list[Any]:
    below = parts(node)
    return [evaluate(below[1], each) for each in _iterations(below, scope)]


def _for_object(node: Tree[Token], scope: Scope) -> dict[Any, Any]:
    below = parts(node)
    return {evaluate(below[1], each): evaluate(below[2], each) for each in _iterations(below, scope)}


def _iterations(below: list[Tree[Token]], scope: Scope) -> list[Scope]:
    """Return the scope of each round of a `for`, those that its `if` leaves out apart."""
    *names, over = parts(below[0])
    conditions = [each for each in below if each.data == "for_cond"]
    rounds = [
        {**scope, **dict(zip((str(name.children[0]) for name in names), pair[-len(names) :], strict=True))}
        for pair in pairs(evaluate(over, scope))
    ]
    return [each for each in rounds if all(holds(parts(condition)[0], each) for condition in conditions)]


def pairs(value: Any) -> list[tuple[Any, Any]]:
    """Return keys and values of what a `for` or a `for_each` goes over, maps in the order of their keys."""
    if isinstance(value, Mapping):
        return sorted(value.items())
    if isinstance(value, (set, frozenset)):
        return [(each, each) for each in sorted(value)]
    if isinstance(value, list):
        return list(enumerate(value))
    raise Invalid(f"not to be gone over: {value!r}")


def _call(node: Tree[Token], scope: Scope) -> Any:
    identifier, *rest = parts(node)
    name, arguments = _first(identifier), parts(rest[0]) if rest else []
    if name == "can":
        return _attempt(arguments[0], scope)[0]
    if name == "try":
        for each in arguments:
            worked, value = _attempt(each, scope)
            if worked:
                return value
        raise Invalid("try")
    if name not in _FUNCTIONS:
        raise Unsupported(f"function {name}")
    values = [evaluate(each, scope) for each in arguments]
    try:
        return _FUNCTIONS[name](*values)
    except (ValueError, TypeError) as error:
        raise Invalid(f"{name}: {error}") from error


def _attempt(argument: Tree[Token], scope: Scope) -> tuple[bool, Any]:
    try:
        return True, evaluate(argument, scope)
    except Invalid:
        return False, None


def _regex(pattern: str, value: str) -> str:
    found = re.search(pattern, value)
    if found is None:
        raise Invalid("no match")
    return found[0]


def _coalesce(*values: Any) -> Any:
    found = [each for each in values if each not in (None, "")]
    if not found:
        raise Invalid("coalesce of nothing")
    return found[0]


def _one(values: list[Any]) -> Any:
    if len(values) > 1:
        raise Invalid("one of several")
    return values[0] if values else None


def _cidrsubnet(block: str, bits: int, number: int) -> str:
    return str(list(ipaddress.ip_network(block).subnets(prefixlen_diff=bits))[number])


def _encoded(value: Any) -> list[Any]:
    if not isinstance(value, frozenset):
        raise Unsupported(f"jsonencode of {value!r}")
    return sorted(value)


def _templatefile(path: str, values: Mapping[str, Any]) -> str:
    content = Path(path).read_text(encoding="utf-8")
    if "%{" in content or "$${" in content:
        raise Unsupported("a directive in a template")
    return re.sub(r"\$\{(\w+)\}", lambda found: text(_member(values, found[1])), content)


_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "cidrsubnet": _cidrsubnet,
    "coalesce": _coalesce,
    "compact": lambda values: [each for each in values if each not in (None, "")],
    "concat": lambda *lists: [each for one in lists for each in one],
    "contains": lambda values, value: value in values,
    "floor": lambda value: int(value // 1),
    "join": lambda separator, values: separator.join(map(text, values)),
    "jsonencode": lambda value: json.dumps(value, default=_encoded),
    "length": len,
    "max": max,
    "merge": lambda *maps: {key: value for each in maps for key, value in each.items()},
    "min": min,
    "one": _one,
    "regex": _regex,
    "split": lambda separator, value: value.split(separator),
    "templatefile": _templatefile,
    "tonumber": int,
    "tostring": lambda value: None if value is None else text(value),
    "toset": frozenset,
}

_LITERALS: Final = {"true": True, "false": False, "null": None}

_EXPRESSIONS: Final[Mapping[str, Callable[[Tree[Token], Scope], Any]]] = {
    "binary_op": _binary,
    "conditional": _conditional,
    "expr_term": lambda node, scope: evaluate(parts(node)[0], scope),
    "float_lit": lambda node, _: float(_first(node)),
    "for_object_expr": _for_object,
    "for_tuple_expr": _for_tuple,
    "full_splat_expr_term": _splat,
    "function_call": _call,
    "get_attr_expr_term": _chain,
    "heredoc_template_trim": lambda node, _: _heredoc(_first(node)),
    "identifier": lambda node, scope: _member(scope, _first(node)),
    "index_expr_term": _chain,
    "int_lit": lambda node, _: int(_first(node)),
    "literal_value": lambda node, _: _LITERALS[_first(node)],
    "object": lambda node, scope: {_key(key, scope): evaluate(value, scope) for key, value in map(parts, parts(node))},
    "string": lambda node, scope: "".join(_text(each, scope) for each in parts(node)),
    "tuple": lambda node, scope: [evaluate(each, scope) for each in parts(node)],
    "unary_op": _unary,
}
