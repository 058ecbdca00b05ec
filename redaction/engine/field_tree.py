"""The shape of documents: a tree of the field paths met so far, each with what the policy says of it.

A field's fate depends on its path alone, so it is looked up once for each path and then found by its name, as it is
spelled. The same tree counts how often each path came and how often something in it was redacted.

Senders choose the names, so the tree is bounded: when it is full, the half that came least of late is forgotten, and a
path that comes in most records is never among it, whatever came before.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from redaction.engine.pairs import PARTS
from redaction.engine.plan import Exemption, Named, Plan, Rule
from redaction.engine.tagged import NOWHERE, TaggedFields, TagState
from redaction.plugin import Applied, JSONValue
from redaction.policy.names import is_long, last_parts, normalize, normalize_ends
from redaction.policy.selectors import (
    NAME,
    NAME_PATTERN,
    PATH,
    PATH_PATTERN,
    Selector,
    Selectors,
    State,
    segment_matches,
)
from redaction.policy.words import Core, Grammar, Role

_Owner = TypeVar("_Owner")

# Names are few and short, but senders choose them. A path takes some 600 bytes, its name among them.
_MEMORY: Final = 30_000
_NAMES: Final = 10_000
_MEMORABLE_LENGTH: Final = 64

# Between the account of a party and its number, in ISO 20022.
_WRAPPERS: Final = frozenset({"Id", "Othr"})
_ACCT: Final = ("acct",)

# What a date of birth is when it is an object; its year is the coarser date.
_PARTS_OF_DATE: Final = (("day",), ("month",))


class _Said(NamedTuple):
    """What a name says, wherever it stands.

    `normal`: as it is compared. `rule`: that selects it by its whole name. `exempt`: detectors that don't count below.
    """

    normal: str
    rule: Rule | None
    exempt: frozenset[str]
    words: tuple[str, ...]
    core: Core | None
    role: Role
    part: int


# Where nothing goes by the path any more, as nearly everywhere; and what most fields have below them. Shared, since the
# fewer objects there are, the less the garbage collector has to do.
_States: TypeAlias = tuple[State, State, TagState]
_NOWHERE: Final[_States] = (frozenset(), frozenset(), NOWHERE)
_NONE: Final[frozenset[str]] = frozenset()
_UNTAGGED: Final = TaggedFields({}, ())
_NO_CHILDREN: Final[dict[str, "FieldNode"]] = {}


class FieldNode:
    """A field path. `plan` None: nothing happens to the field itself, and its content is looked at."""

    __slots__ = (
        "before_text",
        "children",
        "clean_name",
        "exempt",
        "heir",
        "known",
        "name",
        "name_hits",
        "named",
        "number",
        "odd_name",
        "pair",
        "parent",
        "part",
        "plain",
        "plan",
        "redacted",
        "role",
        "said",
        "seen",
        "seen_before",
        "state",
        "weight",
    )

    def __init__(self, name: str, parent: "FieldNode | None", state: _States) -> None:
        self.name = name
        # What stands before a value in JSON, as detectors see it.
        self.before_text = f'{name}":"'
        self.parent = parent
        self.state = state
        self.children = _NO_CHILDREN
        self.plan: Plan | None = None
        # By words: what happens to its scalars, and what its members inherit; the words that its members' names add to.
        self.named: Named | None = None
        self.heir: Named | None = None
        self.said: Sequence[str] = ()
        self.role: Role = "other"
        # Which part of a pair of name and value it may be, and which parts its children may be.
        self.part = 0
        self.pair = 0
        self.exempt: frozenset[str] = parent.exempt if parent else frozenset()
        self.known = True
        # Nothing happens to a scalar, whatever it is.
        self.plain = False
        # What becomes of the name itself, once somebody asked; see `redaction.engine.careful`. Odd: it may hold
        # something.
        self.clean_name: str | None = None
        self.odd_name = True
        self.name_hits: tuple[Applied, ...] = ()
        # By which `redaction.engine.native` calls it.
        self.number = 0
        self.seen = 0
        self.redacted = 0
        # How often it and what is below it came, each time the tree was full counting half of the one after; and `seen`
        # at the last of them.
        self.weight = 0
        self.seen_before = 0

    @property
    def before_number(self) -> str:
        """What stands before a number in JSON, as detectors see it."""
        return f'{self.name}":'

    @property
    def path(self) -> tuple[str, ...]:
        """The names from the record's top down to this field, as they are released."""
        return tuple(node.name if node.clean_name is None else node.clean_name for node in self.line())

    def line(self) -> "list[FieldNode]":
        """The fields from the record's top down to this one."""
        return [*self.parent.line(), self] if self.parent else []


class Watcher(Protocol):
    """Somebody who has to know what is remembered."""

    def remembered(self, node: FieldNode) -> None: ...

    def forgetting(self) -> None:
        """Some are about to be forgotten; what was counted of them elsewhere is to be added."""

    def forgotten(self) -> None:
        """They have been."""


class FieldTree:
    """All paths under one policy.

    :param unknown: what happens to fields that no rule speaks of; None: they are released.
    :param grammar: the words of the rules.
    :param tagged: the fields that bear tags, under a schema.
    :param share: it remembers this part of what one may.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        exemptions: Sequence[Exemption] = (),
        unknown: Plan | None = None,
        grammar: Grammar | None = None,
        *,
        tagged: TaggedFields | None = None,
        share: int = 1,
    ) -> None:
        self.unknown: Final = unknown
        self._grammar = grammar if grammar and grammar.cores else None
        self._rules = {rule.id: rule for rule in rules}
        # Paths are many, and their names few.
        self.named: Final = lru_cache(maxsize=_NAMES)(self._named)
        self._said: Final = lru_cache(maxsize=_NAMES)(self._say)
        self._decided: Final = lru_cache(maxsize=_NAMES)(self._decide)
        self._by_name: _ByName[Rule] = _ByName((each, rule) for rule in rules for each in rule.selectors)
        self._by_path: _ByPath[Rule] = _ByPath((each, rule) for rule in rules for each in rule.selectors)
        exempting = [(each, exemption) for exemption in exemptions for each in exemption.selectors]
        self._exempt_by_name: _ByName[Exemption] = _ByName(exempting)
        self._exempt_by_path: _ByPath[Exemption] = _ByPath(exempting)
        self._tagged = tagged or _UNTAGGED
        self._share = share
        self._size = 0
        self._forgetting = threading.Lock()
        self.watcher: Watcher | None = None
        start = (self._by_path.start, self._exempt_by_path.start, self._tagged.start)
        self.root = FieldNode("", None, start if any(start) else _NOWHERE)

    def child(self, parent: FieldNode, name: str) -> FieldNode:
        """Work out the field `name` below `parent`, and remember it."""
        # By a name that is no name nothing is released, and nobody remembers it.
        said = self._say(name) if is_long(name) else self._said(name)
        rule, exempt, state = said.rule, said.exempt, parent.state
        if state is not _NOWHERE:
            rule, exempt, state = self._by_paths(said, state)
        tag = self._tagged.rule(state[2]) if state[2] else None
        node = FieldNode(name, parent, state)
        if exempt:
            node.exempt |= exempt
        # A tag adds to what the policy hides, and takes nothing away.
        counts = rule if rule and (rule.plan or tag is None or tag.plan is None) else tag
        if counts and not (counts.plan is None and is_long(name)):
            node.plan = counts.plan
        elif self.unknown:
            # A field on the way to a known one is looked into; anything else unknown is dealt with as a whole.
            node.known = False
            if not (self._by_path.goes_on(state[0]) or self._tagged.goes_on(state[2])):
                node.plan = self.unknown
        if self._grammar:
            self._place(node, parent, said, selected=rule is not None)
            if tag and tag.plan and node.plan is tag.plan and node.named and node.named.pairs:
                # What words hide within a text is not enough where the whole text bears a tag.
                node.named = replace(node.named, pairs=False)
        node.plain = node.plan is None and node.named is None and (node.known or self.unknown is None)
        if node.plan:
            node.before_text = '"'  # what a rule has dealt with needs no key to tell what it is
        if len(name) <= _MEMORABLE_LENGTH:
            self._remember(node, parent)
        return node

    def _remember(self, node: FieldNode, parent: FieldNode) -> None:
        if self._size >= _MEMORY // self._share:
            self._forget()
        self._size += 1
        if parent.children is _NO_CHILDREN:
            parent.children = {}
        parent.children[node.name] = node
        if self.watcher:
            self.watcher.remembered(node)

    def _by_paths(self, said: _Said, above: _States) -> tuple[Rule | None, frozenset[str], _States]:
        """Give the rule that counts, a path's before a name's, and the exemptions of both; and go on by the path."""
        state = (
            self._by_path.step(above[0], said.normal),
            self._exempt_by_path.step(above[1], said.normal),
            self._tagged.step(above[2], said.normal) if above[2] else NOWHERE,
        )
        rule = next(iter(self._by_path.matching(state[0])), said.rule)
        exempt = said.exempt.union(*(each.detectors for each in self._exempt_by_path.matching(state[1])))
        return rule, exempt, state if any(state) else _NOWHERE

    def _forget(self) -> None:
        """Keep the half that came most of late. Objects get new children: another thread may stand on the old ones."""
        with self._forgetting:
            if self._size < _MEMORY // self._share:
                return  # another thread was faster
            if self.watcher:
                self.watcher.forgetting()
            nodes = self.nodes()
            for node in reversed(nodes):
                weight, node.seen_before = node.weight // 2 + node.seen - node.seen_before, node.seen
                for child in node.children.values():
                    weight = max(weight, child.weight)
                node.weight = weight
            # From the top down: of equal ones the outer is kept, so that nobody's way to the top is lost.
            kept = set(sorted(nodes, key=lambda node: -node.weight)[: _MEMORY // self._share // 2])
            for node in nodes:
                if node.children:
                    node.children = {name: child for name, child in node.children.items() if child in kept}
            self._size = len(kept)
            if self.watcher:
                self.watcher.forgotten()

    def at(self, path: Iterable[str]) -> FieldNode:
        """Give the field at a path, looked up or worked out."""
        node = self.root
        for name in path:
            node = node.children.get(name) or self.child(node, name)
        return node

    def _place(self, node: FieldNode, parent: FieldNode, said: _Said, *, selected: bool) -> None:
        """Work out what words say of a field; a rule that selects it by its name or path counts before them."""
        words, core, role = said.words, said.core, said.role
        if node.name in _WRAPPERS and parent.heir and parent.said[-1:] == _ACCT:
            role = "generic"
        node.role, node.part = role, said.part
        node.said = parent.said if role == "generic" else words
        parent.pair |= node.part
        if selected:
            return
        if core is None and parent.said and words and words[-1] != "id":
            # `number` below `card` is what `card_number` is.
            core = self._decided((*parent.said, *words))
        if core:
            node.named = node.heir = self._of(core)
        elif parent.heir and parent.heir.below is None and words in _PARTS_OF_DATE:
            node.named = node.heir = parent.heir
        elif parent.heir and role != "descriptor":
            node.named = node.heir = parent.heir if role == "generic" else parent.heir.below

    def _of(self, core: Core) -> Named | None:
        if core.rule is None:
            return None
        rule = self._rules[core.rule]
        return rule.hints if core.hint else rule.words

    def _named(self, name: str) -> Named | None:
        """Find what happens to a name wherever it stands: a label in a text, or a name that is a value.

        A name that says where it stood (`payment.cvv`) is dealt with by its last parts, if these are to be hidden.
        """
        said = self._say(name)
        if said.rule:
            return Named(said.rule.plan, _any) if said.rule.plan else None
        return self._of(said.core) if said.core else None

    def _say(self, name: str) -> _Said:
        normal = normalize_ends(name)
        rule = self._rule_named(name, normal)
        exempting = self._exempt_by_name.matching(normal)
        exempt = _NONE.union(*(each.detectors for each in exempting)) if exempting else _NONE
        if self._grammar is None:
            return _Said(normal, rule, exempt, (), None, "other", 0)
        words = tuple(self._grammar.words(name))
        part = PARTS.get("".join(words), 0)
        return _Said(normal, rule, exempt, words, self._decided(words), self._grammar.role(words), part)

    def _decide(self, words: tuple[str, ...]) -> Core | None:
        return self._grammar.decide(words) if self._grammar else None

    def _rule_named(self, name: str, normal: str) -> Rule | None:
        rule = next(iter(self._by_name.matching(normal)), None)
        if rule is None and not name.isidentifier():
            for part in last_parts(name):
                rule = next(iter(self._by_name.matching(normalize(part))), None)
                if rule and rule.plan:
                    return rule
            return None
        return rule

    def nodes(self) -> list[FieldNode]:
        """All paths remembered, from the top down."""
        found = [self.root]
        for node in found:
            found.extend(node.children.values())
        return found


class _ByName(Generic[_Owner]):
    """Owners of names at any depth; the exact name before the pattern."""

    def __init__(self, owned: Iterable[tuple[Selector, _Owner]]) -> None:
        names = [(each, owner) for each, owner in owned if each.rank in {NAME, NAME_PATTERN}]
        self._exact = {each.segments[1]: owner for each, owner in names if each.rank == NAME}
        self._patterns = [(each.segments[1], owner) for each, owner in names if each.rank == NAME_PATTERN]

    def matching(self, name: str) -> Sequence[_Owner]:
        exact = (self._exact[name],) if name in self._exact else ()
        if not self._patterns:
            return exact
        return (*exact, *(owner for pattern, owner in self._patterns if segment_matches(pattern, name)))


class _ByPath(Generic[_Owner]):
    """Owners of paths; the path without wildcards before those with."""

    def __init__(self, owned: Iterable[tuple[Selector, _Owner]]) -> None:
        paths = sorted((pair for pair in owned if pair[0].rank in {PATH, PATH_PATTERN}), key=lambda pair: -pair[0].rank)
        self._owners = [owner for _, owner in paths]
        self._selectors = Selectors(each for each, _ in paths)
        self.start = self._selectors.start
        self.step = self._selectors.step
        self.goes_on = self._selectors.goes_on

    def matching(self, state: State) -> Sequence[_Owner]:
        return [self._owners[number] for number in self._selectors.matches(state)] if state else ()


def _any(_value: JSONValue) -> bool:
    return True
