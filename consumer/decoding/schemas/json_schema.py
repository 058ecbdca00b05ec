"""JSON that was written with a schema: it is handed on as it is, and the schema says what it is and what is tagged."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote, urldefrag, urljoin

import orjson

from consumer.decoder import Schema
from consumer.decoding.schemas import tags
from consumer.decoding.schemas.definition import Definition, SchemaUnusable, Wire
from consumer.decoding.schemas.tags import Edge, tag_names
from consumer.record import ANY_NAME

_TAG_PROPERTIES: Final = ("x-pii", "confluent:tags")
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_IDS: Final = ("$id", "id")
_ANCHORS: Final = ("$anchor", "$dynamicAnchor")

# Where in a document that stands which a keyword holds: under its own name, under any, or where the schema's value is.
_NAMED: Final = {"properties": None, "patternProperties": ANY_NAME, "dependencies": "", "dependentSchemas": ""}
_PARTS: Final = {
    "additionalProperties": ANY_NAME,
    "unevaluatedProperties": ANY_NAME,
    **dict.fromkeys(("allOf", "anyOf", "else", "if", "not", "oneOf", "then"), ""),
    # Of draft 3. A name that is tagged is hidden with what it stands in.
    **dict.fromkeys(("disallow", "extends", "propertyNames", "type"), ""),
    **dict.fromkeys(("additionalItems", "contains", "items", "prefixItems", "unevaluatedItems"), ""),
}

_LEAF: Final[Mapping[str, Any]] = {}
"""Where a tag of a place leads to: there is nothing below."""


_METASCHEMAS: Final = ("http://json-schema.org/", "https://json-schema.org/")


class JsonReader:
    """Hands on documents of one schema."""

    def __init__(self, definition: Definition) -> None:
        self.schema = definition.schema._replace(tags=_Document(definition).tags())

    def read(self, payload: bytes, wire: Wire) -> tuple[bytes, Schema]:  # noqa: ARG002
        """Return the document, as it is."""
        return payload, self.schema


class _Document:
    """A schema, with those that it refers to: nodes are places in them."""

    def __init__(self, definition: Definition) -> None:
        self._root: Any = orjson.loads(definition.text)
        self._by_uri: dict[str, Any] = {}
        self._bases: dict[int, str] = {}
        self._nodes: dict[int, Any] = {}
        for name, text in definition.references.items():
            document = orjson.loads(text)
            self._index(document, name)
        self._index(self._root, "")

    def tags(self) -> tuple[Any, ...]:
        return tags.paths(self._key(self._root), self._edges)

    def _index(self, document: Any, base: str) -> None:
        """Enter each schema within by its URI, and each place's base."""
        self._by_uri.setdefault(base, document)
        waiting = [(document, base)]
        while waiting:
            node, base = waiting.pop()
            if isinstance(node, dict):
                for key in _IDS:
                    if isinstance(node.get(key), str):
                        base = urldefrag(urljoin(base, node[key]))[0]
                        self._by_uri.setdefault(base, node)
                        if "#" in node[key]:
                            self._by_uri.setdefault(urljoin(base, node[key]), node)
                for key in _ANCHORS:
                    if isinstance(node.get(key), str):
                        self._by_uri.setdefault(f"{base}#{node[key]}", node)
                self._bases[id(node)] = base
                waiting.extend((part, base) for part in node.values())
            elif isinstance(node, list):
                waiting.extend((part, base) for part in node)

    def _edges(self, key: int) -> Sequence[Edge]:
        node = self._node(key)
        return [] if not isinstance(node, dict) else [*self._own(node), *self._within(node)]

    def _own(self, node: Mapping[str, Any]) -> Iterator[Edge]:
        found = tuple(dict.fromkeys(name for each in _TAG_PROPERTIES for name in tag_names(node.get(each))))
        if found:
            yield Edge("", found, self._key(_LEAF))

    def _within(self, node: Mapping[str, Any]) -> Iterator[Edge]:
        for keyword, value in node.items():
            if keyword in _REFERENCES:
                yield self._edge("", self._resolved(value, self._bases[id(node)]))
            elif keyword in _NAMED and isinstance(value, dict):
                place = _NAMED[keyword]
                for name, part in value.items():
                    yield self._edge(name if place is None else place, part)
            elif keyword == "contentSchema":
                # Of what is written within a text: that cannot be hidden but as a whole.
                if found := self._names_within(value):
                    yield Edge("", found, self._key(_LEAF))
            elif keyword in _PARTS:
                for part in value if isinstance(value, list) else (value,):
                    yield self._edge(_PARTS[keyword], part)

    def _names_within(self, node: Any) -> tuple[str, ...]:
        """Return all tags of a schema, wherever in it they stand."""
        found: dict[str, None] = {}
        seen: set[int] = set()
        waiting = [self._key(node)]
        while waiting:
            key = waiting.pop()
            if key in seen:
                continue
            seen.add(key)
            for edge in self._edges(key):
                found |= dict.fromkeys(edge.tags)
                waiting.append(edge.target)  # type: ignore[arg-type] # a key, as all of ours
        return tuple(found)

    def _edge(self, name: str, node: Any) -> Edge:
        return Edge(name, (), self._key(node))

    def _resolved(self, reference: Any, base: str) -> Any:
        if not isinstance(reference, str):
            raise SchemaUnusable
        # A registry's references have names of their own, whatever the schema's base is.
        for whole in (urljoin(base, reference), reference):
            document, pointer = urldefrag(whole)
            if whole in self._by_uri:
                return self._by_uri[whole]
            if document in self._by_uri and (not pointer or pointer.startswith("/")):
                return _pointed_at(self._by_uri[document], pointer)
        if reference.startswith(_METASCHEMAS):
            return _LEAF
        raise SchemaUnusable  # what is tagged there, nobody can tell

    def _key(self, node: Any) -> int:
        self._nodes[id(node)] = node
        return id(node)

    def _node(self, key: int) -> Any:
        return self._nodes[key]


def _pointed_at(document: Any, pointer: str) -> Any:
    """Follow a JSON pointer (RFC 6901)."""
    node = document
    for part in pointer.split("/")[1:]:
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        try:
            node = node[int(name)] if isinstance(node, list) else node[name]
        except (KeyError, IndexError, ValueError, TypeError):
            raise SchemaUnusable from None
    return node
