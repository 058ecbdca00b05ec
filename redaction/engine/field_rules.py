"""Rules by field, applied to a parsed document in place."""

from typing import TypeAlias

from redaction.engine.field_tree import DROP, QUARANTINE, FieldNode, FieldTree, Plan
from redaction.plugin import Applied, Document, JSONValue

Hit: TypeAlias = tuple[Applied, FieldNode]
"""What was done, and at which path."""


class FieldForbidden(Exception):
    """The policy quarantines records with this field. `plan`: which rule says so; `node`: where."""

    def __init__(self, plan: Plan, node: FieldNode) -> None:
        super().__init__(plan.rule)
        node.seen += 1
        node.redacted += 1
        self.plan = plan
        self.node = node


class FieldRules:
    """The rules of one policy. Not bound to a document: one instance serves all."""

    def __init__(self, tree: FieldTree) -> None:
        self._tree = tree

    def apply(self, document: Document, hits: list[Hit]) -> None:
        """Drop and replace in `document`; note each in `hits`.

        :raises FieldForbidden: it holds a field with which no record is released.
        """
        self._object(document, self._tree.root, hits)

    def _object(self, fields: Document, node: FieldNode, hits: list[Hit]) -> None:
        doomed: list[str] | None = None
        children = node.children
        for name, value in fields.items():
            child = children[name] if name in children else self._tree.child(node, name)
            plan = child.plan
            if plan is None:
                kind = type(value)
                if kind is dict:
                    self._object(value, child, hits)  # type: ignore[arg-type]
                    continue
                if kind is list:
                    self._list(value, child, hits)  # type: ignore[arg-type]
                    continue
                if child.known or self._tree.unknown is None:
                    if value is not None:
                        child.seen += 1
                    continue
                plan = self._tree.unknown
            if plan.verb is DROP:
                doomed = [*doomed, name] if doomed else [name]
                _note(plan, child, hits)
            else:
                fields[name] = self._replace(value, plan, child, hits)
        if doomed:
            for name in doomed:
                del fields[name]

    def _list(self, items: list[JSONValue], node: FieldNode, hits: list[Hit]) -> None:
        unknown = None if node.known else self._tree.unknown
        doomed: list[int] = []
        for place, item in enumerate(items):
            kind = type(item)
            if kind is dict:
                self._object(item, node, hits)  # type: ignore[arg-type]
            elif kind is list:
                self._list(item, node, hits)  # type: ignore[arg-type]
            elif unknown and unknown.verb is DROP:
                doomed.append(place)
                _note(unknown, node, hits)
            elif unknown:
                items[place] = self._replace(item, unknown, node, hits)
            elif item is not None:
                node.seen += 1
        if doomed:
            gone = set(doomed)
            items[:] = [item for place, item in enumerate(items) if place not in gone]

    def _replace(self, value: JSONValue, plan: Plan, node: FieldNode, hits: list[Hit]) -> JSONValue:
        """Apply a rule to every scalar below the field, whatever its own name; drop what is to be dropped.

        Null stays: it holds nothing, and a mask would claim that there was something.
        """
        if plan.verb is QUARANTINE:
            raise FieldForbidden(plan, node)
        if value is None or plan.action is None:
            return value
        if isinstance(value, dict):
            return self._replace_object(value, plan, node, hits)
        if isinstance(value, list):
            return [self._replace(item, plan, node, hits) for item in value]
        replaced = plan.action(value, plan.kind)
        if type(replaced) is not type(value) or replaced != value:
            _note(plan, node, hits)
        else:
            node.seen += 1
        return replaced

    def _replace_object(self, fields: Document, plan: Plan, node: FieldNode, hits: list[Hit]) -> Document:
        kept: Document = {}
        children = node.children
        for name, value in fields.items():
            child = children[name] if name in children else self._tree.child(node, name)
            if child.plan and child.plan.verb in {DROP, QUARANTINE} and child.plan is not self._tree.unknown:
                if child.plan.verb is QUARANTINE:
                    raise FieldForbidden(child.plan, child)
                _note(child.plan, child, hits)
            else:
                kept[name] = self._replace(value, plan, child, hits)
        return kept


def _note(plan: Plan, node: FieldNode, hits: list[Hit]) -> None:
    """Count a value that came and was redacted."""
    node.seen += 1
    node.redacted += 1
    hits.append((plan.applied, node))
