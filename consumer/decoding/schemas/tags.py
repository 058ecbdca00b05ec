"""Which fields of a document a schema's tags mean: from a graph of types to paths in the document."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from consumer.decoder import ANY_NAME, ANY_NAMES, Tag
from consumer.decoding.schemas.definition import SchemaUnusable

UNNAMED: Final = "PII"
"""What a tag is called that is merely `true`."""

_MAX_TAGS: Final = 1000
_MAX_EDGES: Final = 100_000
_MAX_STEPS: Final = 100_000
_MAX_PATH: Final = 64
_MAX_TAG_CHARS: Final = 128


class Edge(NamedTuple):
    """From a type to one that stands within it.

    :ivar name: of the field; empty: the same place in the document, or an element of a list.
    :ivar tags: of the place that it leads to.
    """

    name: str
    tags: tuple[str, ...]
    target: Hashable


Edges = Callable[[Any], Sequence[Edge]]


def tag_names(value: object) -> tuple[str, ...]:
    """Return the tags that a property's value names: a text, several, or that there is one.

    :raises SchemaUnusable: a name that is too long to be one.
    """
    if value is None or value is False or value == "":
        return ()
    if isinstance(value, str):
        if len(value) > _MAX_TAG_CHARS:
            raise SchemaUnusable
        return (value,)
    if isinstance(value, list):
        return tuple(dict.fromkeys(name for each in value for name in tag_names(each)))
    return (UNNAMED,)


def paths(root: Hashable, edges_of: Edges) -> tuple[Tag, ...]:
    """Return the tags of a document whose type is `root`.

    :raises SchemaUnusable: more than 1,000 of them, or too deep to follow.
    """
    graph = _graph(root, edges_of)
    telling = _reaching_a_tag(graph)
    if root not in telling:
        return ()
    return _Paths(graph, telling, _recursive(graph, telling)).of(root)


def _graph(root: Hashable, edges_of: Edges) -> dict[Hashable, Sequence[Edge]]:
    graph: dict[Hashable, Sequence[Edge]] = {}
    waiting, count = [root], 0
    while waiting:
        node = waiting.pop()
        if node in graph:
            continue
        graph[node] = edges_of(node)
        count += len(graph[node])
        if count > _MAX_EDGES:
            raise SchemaUnusable
        waiting.extend(edge.target for edge in graph[node])
    return graph


def _reaching_a_tag(graph: dict[Hashable, Sequence[Edge]]) -> set[Hashable]:
    above: dict[Hashable, list[Hashable]] = {}
    for node, edges in graph.items():
        for edge in edges:
            above.setdefault(edge.target, []).append(node)
    waiting = [node for node, edges in graph.items() if any(edge.tags for edge in edges)]
    found: set[Hashable] = set()
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(above.get(node, ()))
    return found


def _recursive(graph: dict[Hashable, Sequence[Edge]], telling: set[Hashable]) -> set[Hashable]:
    """Return the types that hold themselves, and those between two such: what is left when all ends are taken away."""
    below = {node: {edge.target for edge in graph[node]} & telling for node in telling}
    above: dict[Hashable, set[Hashable]] = {node: set() for node in telling}
    for node, targets in below.items():
        for target in targets:
            above[target].add(node)
    return _without_ends(above, _without_ends(below, telling))


def _without_ends(next_of: dict[Hashable, set[Hashable]], nodes: Iterable[Hashable]) -> set[Hashable]:
    left = set(nodes)
    counts = {node: len(next_of[node] & left) for node in left}
    before: dict[Hashable, list[Hashable]] = {}
    for node in left:
        for target in next_of[node] & left:
            before.setdefault(target, []).append(node)
    ends = [node for node, count in counts.items() if not count]
    while ends:
        end = ends.pop()
        left.discard(end)
        for node in before.get(end, ()):
            counts[node] -= 1
            if not counts[node]:
                ends.append(node)
    return left


class _Paths:
    def __init__(self, graph: dict[Hashable, Sequence[Edge]], telling: set[Hashable], recursive: set[Hashable]) -> None:
        self._graph = graph
        self._telling = telling
        self._recursive = recursive
        self._found: dict[Tag, None] = {}
        self._steps = 0

    def of(self, root: Hashable) -> tuple[Tag, ...]:
        self._enter(root, (), frozenset())
        return tuple(self._found)

    def _enter(self, node: Hashable, path: tuple[str, ...], within: frozenset[Hashable]) -> None:
        if node in self._recursive:
            if node in within:
                return  # what it has is found already, at any depth
            within |= {node}
            if path[-1:] != (ANY_NAMES,):
                path = (*path, ANY_NAMES)
        if len(path) > _MAX_PATH:
            raise SchemaUnusable
        for edge in self._graph[node]:
            self._steps += 1
            if self._steps > _MAX_STEPS:
                raise SchemaUnusable
            place = (*path, edge.name) if edge.name else path
            for tag in edge.tags:
                # Of the document itself: each of its fields.
                self._found[Tag(place if place and place != (ANY_NAMES,) else (*place, ANY_NAME), tag)] = None
            if len(self._found) > _MAX_TAGS:
                raise SchemaUnusable
            if edge.target in self._telling:
                self._enter(edge.target, place, within)
