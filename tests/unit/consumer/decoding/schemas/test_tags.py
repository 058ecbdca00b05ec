"""From a graph of types to the paths of what is tagged."""

from typing import Any

import pytest

from consumer.decoding.schemas.definition import SchemaUnusable
from consumer.decoding.schemas.tags import Edge, paths, tag_names

Graph = dict[str, list[tuple[str, str, str]]]


def _paths(graph: Graph, root: str = "root") -> set[tuple[str, str]]:
    """Edges are (name, tags parted by a comma, target)."""

    def edges(node: Any) -> list[Edge]:
        return [
            Edge(name, tuple(tags.split(",")) if tags else (), target) for name, tags, target in graph.get(node, [])
        ]

    return {(".".join(path), name) for path, name in paths(root, edges)}


def test_fields_are_named_from_the_top() -> None:
    graph: Graph = {
        "root": [("a", "", "a"), ("b", "X", "b")],
        "a": [("c", "Y,Z", "c"), ("*", "", "any")],
        "any": [("d", "D", "")],
    }
    assert _paths(graph) == {("b", "X"), ("a.c", "Y"), ("a.c", "Z"), ("a.*.d", "D")}


def test_what_stands_in_the_same_place_adds_no_name() -> None:
    graph: Graph = {
        "root": [("a", "", "union")],
        "union": [("", "U", "branch"), ("", "", "other")],
        "other": [("b", "B", "")],
    }
    assert _paths(graph) == {("a", "U"), ("a.b", "B")}


def test_a_tag_of_the_whole_document_is_one_of_each_field() -> None:
    assert _paths({"root": [("", "ALL", "leaf")]}) == {("*", "ALL")}


def test_a_type_that_holds_itself_is_tagged_at_every_depth() -> None:
    graph: Graph = {
        "root": [("tree", "", "node")],
        "node": [("ssn", "S", ""), ("left", "", "node"), ("right", "", "node")],
    }
    assert _paths(graph) == {("tree.**.ssn", "S")}


def test_types_that_hold_each_other_are_tagged_at_every_depth() -> None:
    graph: Graph = {"root": [("a", "A", "b")], "b": [("b", "B", "root")]}
    assert _paths(graph) == {("**.a", "A"), ("**.a.**.b", "B")}


def test_a_recursion_without_a_tag_is_left_alone() -> None:
    graph: Graph = {"root": [("x", "X", ""), ("loop", "", "loop")], "loop": [("loop", "", "loop")]}
    assert _paths(graph) == {("x", "X")}


def test_a_type_used_twice_is_tagged_twice() -> None:
    graph: Graph = {"root": [("home", "", "address"), ("work", "", "address")], "address": [("street", "S", "")]}
    assert _paths(graph) == {("home.street", "S"), ("work.street", "S")}


def test_more_than_a_thousand_tags_are_refused() -> None:
    wide: Graph = {"root": [(f"f{place}", "X", "") for place in range(1001)]}
    doubling: Graph = {f"n{level}": [("a", "", f"n{level + 1}"), ("b", "", f"n{level + 1}")] for level in range(40)}
    doubling["n40"] = [("x", "X", "")]
    doubling["root"] = [("n", "", "n0")]
    for graph in (wide, doubling):
        with pytest.raises(SchemaUnusable):
            _paths(graph)


def test_paths_without_end_are_refused() -> None:
    long: Graph = {f"n{level}": [("a", "", f"n{level + 1}")] for level in range(100)}
    long["n100"] = [("x", "X", "")]
    with pytest.raises(SchemaUnusable):
        _paths(long, "n0")


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (None, ()),
        (False, ()),
        ("", ()),
        ([], ()),
        (True, ("PII",)),
        (1, ("PII",)),
        ({"level": "high"}, ("PII",)),
        ("SSN", ("SSN",)),
        (["A", "B", "A", True], ("A", "B", "PII")),
    ],
)
def test_names_of_tags(value: Any, names: tuple[str, ...]) -> None:
    assert tag_names(value) == names


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(SchemaUnusable):
        tag_names("x" * 129)
