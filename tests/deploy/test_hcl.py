"""The evaluator of HCL: what it does not understand it refuses, and what Terraform refuses, too."""

from typing import Any, Final

import hcl2
import pytest

from tests.deploy.hcl import Invalid, Unsupported, evaluate, parts

SCOPE: Final[dict[str, Any]] = {
    "list": [1, 2],
    "set": frozenset({"b", "a"}),
    "one": 1,
    "none": None,
    "text": "x",
    "yes": True,
}


def value(expression: str) -> Any:
    (body,) = parts(hcl2.parses_to_tree(f"a = {expression}\n"))
    (attribute,) = parts(body)
    return evaluate(parts(attribute)[1], SCOPE)


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ('"a-${text}-${one}-${yes}"', "a-x-1-true"),
        ('"${one}"', "1"),
        ('"\\"\\n"', '"\n'),
        ("jsonencode({ a = set, b = list })", '{"a": ["a", "b"], "b": [1, 2]}'),
        ("[for each in list : each if each > 1]", [2]),
        ("!yes || one == 1 ? text : none", "x"),
    ],
)
def test_what_is_understood(expression: str, wanted: Any) -> None:
    assert value(expression) == wanted


@pytest.mark.parametrize(
    "expression",
    [
        "max(list...)",
        "{ for each in list : text => each... }",
        '"a$${text}"',
        '"a%%{text}"',
        '"%{ if yes }a%{ endif }"',
        '"\\u00e9"',
        "jsonencode(thing)",
        "can(max(list...))",
    ],
)
def test_what_is_not_understood_is_told(expression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCOPE, "thing", object())
    with pytest.raises(Unsupported):
        value(expression)


@pytest.mark.parametrize(
    "expression",
    ["one ? 1 : 2", "none ? 1 : 2", "!list", "yes && text", "none || yes", "[for each in list : each if each]"],
)
def test_a_condition_is_true_or_false(expression: str) -> None:
    with pytest.raises(Invalid, match="no condition"):
        value(expression)
