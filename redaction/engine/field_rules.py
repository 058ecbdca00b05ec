"""Rules by field, applied to a parsed document in place."""

import re
from typing import Final, TypeAlias

from redaction.engine.field_tree import FieldNode, FieldTree
from redaction.engine.pairs import ACCOUNT, BANK, NAME_OF, SCHEME, TYPE_OF, VALUE_OF
from redaction.engine.plan import DROP, QUARANTINE, Named, Plan
from redaction.engine.values import is_account_number, without_pairs
from redaction.plugin import Applied, Document, JSONValue

Hit: TypeAlias = tuple[Applied, FieldNode]
"""What was done, and at which path."""

_TELLING: Final = frozenset({NAME_OF, TYPE_OF, SCHEME})
ID: Final = "Id"
_PAIR: Final = 2
_CONTAINERS: Final = frozenset({dict, list})
# A text with a label in it may be another when that has been hidden.
_IS_NAME: Final = re.compile(r"[\w .\[\]/:$@#-]{1,64}").fullmatch


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
        named = tree.named("account number")
        self.account: Final = Named(named.plan, is_account_number) if named else None
        """What happens to the number of an account."""

    def apply(self, document: Document, hits: list[Hit]) -> None:
        """Drop and replace in `document`; note each in `hits`.

        :raises FieldForbidden: it holds a field with which no record is released.
        """
        self._object(document, self._tree.root, hits)

    def judge(self, value: JSONValue, node: FieldNode, hits: list[Hit], *, in_list: bool) -> tuple[JSONValue, ...]:
        """Do the same with one scalar of a field; gives what stands in its place, nothing if it is dropped."""
        if in_list:
            items = [value]
            self._list(items, node, hits)
            return tuple(items)
        fields: Document = {"": value}
        return () if self._is_doomed(fields, "", value, node, hits) else (fields[""],)

    def told_by(self, text: str) -> Named | None:
        """Give what happens to a value beside which this text stands as its name or type, if anything does."""
        return self._tree.named(text) if _IS_NAME(text) else None

    def _object(self, fields: Document, node: FieldNode, hits: list[Hit]) -> None:
        doomed: list[str] = []
        children = node.children
        for name, value in fields.items():
            try:
                child = children[name]
            except KeyError:
                child = self._tree.child(node, name)
            kind = type(value)
            if child.plain and kind is not dict and kind is not list:
                child.seen += value is not None
            elif child.plan is None and kind is dict:
                self._object(value, child, hits)  # type: ignore[arg-type]
            elif child.plan is None and kind is list:
                self._list(value, child, hits)  # type: ignore[arg-type]
            elif self._is_doomed(fields, name, value, child, hits):
                doomed.append(name)
        for name in doomed:
            del fields[name]
        if node.pair > VALUE_OF:
            self.beside(fields, node, hits)

    def _is_doomed(self, fields: Document, name: str, value: JSONValue, node: FieldNode, hits: list[Hit]) -> bool:
        """Apply what is said of a field, if its value counts; tells whether it is to be dropped."""
        plan, named = node.plan, node.named
        if named is not None and (plan is None or type(value) not in _CONTAINERS) and named.counts(value):
            plan = named.plan
            if named.pairs and (text := without_pairs(value)):
                fields[name] = text
                _note(plan, node, hits)
                return False
        elif plan is None:
            plan = None if node.known else self._tree.unknown
            if plan is None:
                node.seen += value is not None
                return False
        if plan.verb is DROP:
            node.seen += 1
            node.redacted += 1
            hits.append((plan.applied, node))
            return True
        fields[name] = self._replace(value, plan, node, hits)
        return False

    def _list(self, items: list[JSONValue], node: FieldNode, hits: list[Hit]) -> None:
        unknown = None if node.known else self._tree.unknown
        named = node.named
        doomed: list[int] = []
        for place, item in enumerate(items):
            kind = type(item)
            if kind is dict:
                self._object(item, node, hits)  # type: ignore[arg-type]
                continue
            if kind is list:
                if len(item) == _PAIR and type(item[0]) is str:  # type: ignore[arg-type, index]
                    self._two(item, node, hits)  # type: ignore[arg-type]
                self._list(item, node, hits)  # type: ignore[arg-type]
                continue
            plan = named.plan if named and named.counts(item) else unknown
            if plan is None:
                if item is not None:
                    node.seen += 1
            elif named and named.pairs and plan is not unknown and (text := without_pairs(item)):
                items[place] = text
                _note(plan, node, hits)
            elif plan.verb is DROP:
                doomed.append(place)
                _note(plan, node, hits)
            else:
                items[place] = self._replace(item, plan, node, hits)
        if doomed:
            gone = set(doomed)
            items[:] = [item for place, item in enumerate(items) if place not in gone]

    def _two(self, items: list[JSONValue], node: FieldNode, hits: list[Hit]) -> None:
        """Deal with an item like `["password", "hunter2"]` as with a field of that name."""
        named = self._tree.named(items[0]) if isinstance(items[0], str) and _IS_NAME(items[0]) else None
        if named and type(items[1]) not in _CONTAINERS:
            beside: Document = {"": items[1]}
            self._as_named(beside, "", items[1], named, node, hits)
            items[1:] = beside.values()

    def _replace(self, value: JSONValue, plan: Plan, node: FieldNode, hits: list[Hit]) -> JSONValue:
        """Apply a rule to every scalar below the field, whatever its own name; drop what is to be dropped.

        Null stays: it holds nothing, and a mask would claim that there was something.
        """
        if plan.verb is QUARANTINE:
            raise FieldForbidden(plan, node)
        if value is None or plan.action is None:
            return value
        kind = type(value)
        if kind is dict:
            return self._replace_object(value, plan, node, hits)  # type: ignore[arg-type]
        if kind is list:
            if node.named and plan is node.plan and plan is not self._tree.unknown:
                return self._replace_list(value, plan, node.named, node, hits)  # type: ignore[arg-type]
            return [self._replace(item, plan, node, hits) for item in value]  # type: ignore[union-attr]
        replaced = plan.action(value, plan.kind)  # type: ignore[arg-type]
        node.seen += 1
        if replaced != value or type(replaced) is not kind:
            node.redacted += 1
            hits.append((plan.applied, node))
        return replaced

    def _replace_list(
        self, items: list[JSONValue], plan: Plan, named: Named, node: FieldNode, hits: list[Hit]
    ) -> list[JSONValue]:
        """Do so with the items of a field that bears a tag and whose name is one of a rule's: words count first."""
        kept: list[JSONValue] = []
        for item in items:
            by_words = named.plan if type(item) not in _CONTAINERS and named.counts(item) else None
            if by_words and by_words.verb is DROP:
                _note(by_words, node, hits)
            else:
                kept.append(self._replace(item, by_words or plan, node, hits))
        return kept

    def _replace_object(self, fields: Document, plan: Plan, node: FieldNode, hits: list[Hit]) -> Document:
        kept: Document = {}
        children = node.children
        unknown = self._tree.unknown
        for name, value in fields.items():
            child = children[name] if name in children else self._tree.child(node, name)
            own = child.plan if child.plan is not unknown else None
            if child.named and type(value) not in _CONTAINERS and child.named.counts(value):
                own = child.named.plan
            if own and own.verb is QUARANTINE:
                raise FieldForbidden(own, child)
            if own and own.verb is DROP:
                _note(own, child, hits)
            else:
                kept[name] = self._replace(value, own if own and plan is unknown and child.named else plan, child, hits)
        return kept

    def beside(self, fields: Document, node: FieldNode, hits: list[Hit]) -> None:
        """Deal with what one field of an object tells of another."""
        self._pair(fields, node, hits)
        if node.pair >= BANK + ACCOUNT and self.account:
            self._at_a_bank(fields, node, self.account, hits)

    def _pair(self, fields: Document, node: FieldNode, hits: list[Hit]) -> None:
        """Deal with a value beside its name, `{"name": "phone", "value": ...}`, as with a field of that name."""
        parts = [(name, self._child(node, name)) for name in fields]
        said = [
            (named, child.part)
            for name, child in parts
            if child.part in _TELLING
            and isinstance(text := text_of(fields[name], child), str)
            and _IS_NAME(text)
            and (named := self._tree.named(text))
        ]
        if not said:
            return
        # What is told by words before what is only hinted at, and a name before a type, in whatever order they stand.
        named, part = min(said, key=lambda each: (each[0].hint, each[1]))
        if named.plan.verb not in {DROP, QUARANTINE} and named.below:
            named = named.below  # `{"name": "Phone", "value": "a red one"}` is a product's
        for name, child in parts:
            is_value = child.part == VALUE_OF or (name == ID and node.pair & SCHEME)
            if is_value and child.plan is None:
                value = fields[name]
                if part == NAME_OF or type(value) not in _CONTAINERS:
                    self._as_named(fields, name, value, named, child, hits)

    def _at_a_bank(self, fields: Document, node: FieldNode, account: Named, hits: list[Hit]) -> None:
        """Deal with what is called an account, and stands beside the number of a bank, as with an account's number."""
        parts = [(name, self._child(node, name)) for name in fields]
        if any(child.part == BANK for _, child in parts):
            for name, child in parts:
                if child.part == ACCOUNT and child.plan is None and child.named is None:
                    self._as_named(fields, name, fields[name], account, child, hits)

    def _as_named(
        self, within: Document, name: str, value: JSONValue, named: Named, node: FieldNode, hits: list[Hit]
    ) -> None:
        """Apply what words say to a value below another path."""
        if isinstance(value, dict):
            for each, child in [(each, self._child(node, each)) for each in value]:
                below = named if child.role == "generic" else named.below if child.role == "other" else None
                if below and child.plan is None:
                    self._as_named(value, each, value[each], below, child, hits)
        elif isinstance(value, list):
            items: Document = {str(place): item for place, item in enumerate(value)}
            for place, item in list(items.items()):
                self._as_named(items, place, item, named, node, hits)
            value[:] = items.values()
        elif value is not None and named.counts(value):
            if named.plan.verb is DROP:
                del within[name]
                _note(named.plan, node, hits)
            else:
                within[name] = self._replace(value, named.plan, node, hits)

    def _child(self, node: FieldNode, name: str) -> FieldNode:
        return node.children.get(name) or self._tree.child(node, name)


def text_of(value: JSONValue, node: FieldNode) -> JSONValue:
    """Give what tells: of a scheme its code."""
    if node.part == SCHEME and isinstance(value, dict):
        return value.get("Cd") or value.get("Prtry")
    return value


def _note(plan: Plan, node: FieldNode, hits: list[Hit]) -> None:
    """Count a value that came and was redacted."""
    node.seen += 1
    node.redacted += 1
    hits.append((plan.applied, node))
