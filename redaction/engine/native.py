"""The compiled part: what is done for every byte of a record, where it is installed.

It walks records along the tree of fields that Python has worked out, and knows no rule. Whatever it is not sure to read
as Python does, a field that nobody has seen yet among it, is Python's: the record is left to it as a whole.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from types import EllipsisType, ModuleType
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from redaction.actions.base import HIDDEN
from redaction.actions.mask import Mask
from redaction.compiled import MOST_BYTES
from redaction.detectors.base import Detector, Span, fold_table, view
from redaction.engine.careful import View
from redaction.engine.drop_rules import DropRules
from redaction.engine.field_rules import ID, FieldRules, Hit, text_of
from redaction.engine.field_tree import FieldNode, FieldTree
from redaction.engine.finder import Candidates
from redaction.engine.pairs import ACCOUNT, BANK, NAME_OF, SCHEME, TYPE_OF, VALUE_OF
from redaction.engine.plan import DROP, QUARANTINE, Named, Plan
from redaction.engine.prefilter import side_by_side
from redaction.engine.texts import VERSION, names_version
from redaction.engine.values import SURE_CARD, SURE_TEXT
from redaction.parse import Limits
from redaction.plugin import Document, JSONValue
from redaction.serialize import serialize_value

if TYPE_CHECKING:
    from redaction_native import Engine, Shape, Value

_TOLD: Final = 10_000
_JUDGED: Final = frozenset({VALUE_OF, ACCOUNT, SCHEME})
_HIDDEN: Final = serialize_value(HIDDEN).encode()


class Leaf(NamedTuple):
    """A text or long number in which there may be something, and where it stands in the body of its record."""

    record: int
    field: int
    start: int
    end: int
    in_list: bool
    is_number: bool
    is_version: bool
    text: str

    def before(self, node: FieldNode) -> str:
        """What stands before it in JSON, as detectors see it."""
        if self.is_version:
            return VERSION
        if self.in_list:
            return "[" if self.is_number else '"'
        return node.before_number if self.is_number else node.before_text


class Native:
    """The compiled part of one policy. Safe to share between threads.

    :param wrapping: what matches texts that may have to be looked into; and those that have to be.
    :param look_at_names: finds out what becomes of the names of fields.
    :raises ValueError: a pattern is too large for it.
    """

    def __init__(
        self,
        module: ModuleType,
        tree: FieldTree,
        rules: FieldRules,
        drops: DropRules,
        limits: Limits,
        detectors: Sequence[Detector],
        wrapping: tuple[Sequence[bytes], bytes],
        look_at_names: Callable[[list[FieldNode]], None],
    ) -> None:
        rank = {detector: number for number, detector in enumerate(detectors)}
        groups = [
            (_text(pattern), [(rank[each], _text(each.candidate)) for each in group])
            for pattern, group in side_by_side(detectors)
        ]
        most_bytes = min(limits.max_bytes, MOST_BYTES)
        self._engine: Callable[[], Engine] = lambda: module.Engine(
            (limits.max_depth, most_bytes, limits.max_values),
            fold_table(),
            groups,
            list(map(_text, wrapping[0])),
            _text(wrapping[1]),
            VERSION.encode(),
        )
        self._module = module
        self._tree = tree
        self._rules = rules
        self._drops = drops
        self._look_at_names = look_at_names
        self._tells: Final = lru_cache(maxsize=_TOLD)(rules.told_by)
        self._lock = threading.RLock()
        self._fresh: list[FieldNode] = []
        self._known = self._all_known()
        tree.watcher = self

    def walker(self) -> "Walker":
        """Give the one that knows all fields met so far."""
        if self._fresh:
            with self._lock:
                fresh, self._fresh = self._fresh, []
                self._learn(self._known, fresh)
        return self._known

    def remembered(self, node: FieldNode) -> None:
        """A field has been met for the first time."""
        self._fresh.append(node)

    def forgetting(self) -> None:
        """Add to the tree how often each field came."""
        with self._lock:
            self._known.count()

    def forgotten(self) -> None:
        """Begin anew with those that are left; who walks still does so among those that were."""
        with self._lock:
            self._known = self._all_known()

    def _all_known(self) -> "Walker":
        walker = Walker(self._engine(), self._rules, self._drops, self._tells)
        self._fresh = []
        self._learn(walker, self._tree.nodes())
        return walker

    def _learn(self, walker: "Walker", nodes: list[FieldNode]) -> None:
        self._look_at_names([node for node in nodes if node.parent and node.clean_name is None])
        for node in nodes:
            walker.learn(node, self._flags(node), _sure(node))
        for parent in {node.parent for node in nodes}:
            if parent:
                walker.say(parent, self._flags(parent))

    def _flags(self, node: FieldNode) -> int:
        module = self._module
        plans = [node.plan, node.named.plan if node.named else None, None if node.known else self._tree.unknown]
        is_apart = (node.parent is not None and node.odd_name) or any(
            plan and plan.verb is QUARANTINE for plan in plans
        )
        said = (
            (not node.plain, module.ASKS),
            (node.plan is not None, module.WHOLE),
            (is_apart, module.APART),
            (node.part == NAME_OF, module.NAMES),
            (node.part == TYPE_OF, module.TYPES),
            (node.part == VALUE_OF, module.VALUE),
            (node.part == BANK, module.BANK),
            (node.part == ACCOUNT, module.ACCOUNT),
            (node.pair & SCHEME, module.SCHEMES),
            (node.part == SCHEME, module.SCHEME),
            (node.name == ID, module.ID),
            (node.pair > VALUE_OF, module.PAIRS),
            (bool(self._drops) and _names(node) in self._drops.paths, module.DROPS),
        )
        return sum(flag for is_so, flag in said if is_so)


class _Sure(NamedTuple):
    """The texts of a field of which the verdict is known.

    `written`: what stands in their place; True: they, all digits but the last four hidden; None: the field is dropped.
    """

    pattern: bytes
    written: bytes | bool | None
    plan: Plan


def _sure(node: FieldNode) -> _Sure | None:
    named, plan = node.named, node.plan
    pattern: bytes | None
    if plan:
        pattern = None if named else SURE_TEXT
    else:
        pattern = named.sure if named and not named.pairs else None
        plan = named.plan if named else None
    if pattern is None or plan is None:
        return None
    if plan.verb is DROP:
        return _Sure(pattern, None, plan)
    if not isinstance(plan.action, Mask):
        return None
    if plan.action.keeps_last_four:
        return _Sure(SURE_CARD, written=True, plan=plan)
    return _Sure(pattern, _HIDDEN, plan) if plan.kind is None and not plan.action.keeps_some else None


class Walker:
    """The compiled part, and the fields that it knows by their numbers."""

    def __init__(
        self, engine: "Engine", rules: FieldRules, drops: DropRules, tells: Callable[[str], Named | None]
    ) -> None:
        self._engine = engine
        self._rules = rules
        self._drops = drops
        self._tells = tells
        # It gives up no turn itself, but a finalizer may, that runs while it makes an object.
        self._one_at_a_time = threading.Lock()
        self._nodes: list[FieldNode] = []
        self._hits: list[Hit] = []

    def learn(self, node: FieldNode, flags: int, sure: "_Sure | None") -> None:
        """Get to know a field, if the one above it is known."""
        parent = node.parent
        if parent and not self._knows(parent):
            return
        above = parent.number if parent else None
        before = view(node.before_text), view(node.before_number)
        told = (sure.pattern.decode("latin-1"), sure.written) if sure else None
        name = node.name.encode(errors="surrogatepass")
        with self._one_at_a_time:
            node.number = self._engine.add(above, name, flags, *before, told)
            self._nodes.append(node)
            self._hits.append((sure.plan.applied, node) if sure else (("", ""), node))

    def say(self, node: FieldNode, flags: int) -> None:
        """Say anew what is said of a field."""
        if self._knows(node):
            with self._one_at_a_time:
                self._engine.set_flags(node.number, flags)

    def _knows(self, node: FieldNode) -> bool:
        return node.number < len(self._nodes) and self._nodes[node.number] is node

    def count(self) -> None:
        """Add to the fields how often they came."""
        with self._one_at_a_time:
            counts = self._engine.take_counts()
        for number, seen, redacted in counts:
            self._nodes[number].seen += seen
            self._nodes[number].redacted += redacted

    def apply_rules(self, payloads: Sequence[bytes], hits: Sequence[list[Hit]]) -> list[bytes | None]:
        """Parse records, apply the rules by field, and write them; None for those that are Python's."""
        with self._one_at_a_time:
            bodies, asks, tells, to_judge, may_drop, shape = self._engine.shape(payloads)
        given_up = {record for record, field, value in may_drop if self._drops.apply(_names(self._nodes[field]), value)}
        pairs = self._told(tells, to_judge, shape, given_up)
        answers: list[bytes | bool | None] = []
        extras: list[tuple[int, int, bytes | bool]] = []
        nodes, judge = self._nodes, self._rules.judge
        for record, number, value, in_list in asks:
            while pairs and pairs[0].at <= len(answers):
                self._judge(pairs.popleft(), answers, extras, hits)
            answer: bytes | bool | None = None
            if value is ...:
                hits[record].append(self._hits[number])
            elif record not in given_up:
                answer = _answer(value, judge(value, nodes[number], hits[record], in_list=in_list))
            answers.append(answer)
        for pair in pairs:
            self._judge(pair, answers, extras, hits)
        with self._one_at_a_time:
            written = self._engine.finish(shape, answers, extras, given_up)
        for record, body in written:
            bodies[record] = body
        for record in given_up:
            bodies[record] = None
            hits[record].clear()
        return bodies

    def _told(
        self,
        tells: "Iterable[tuple[int, str, int | None]]",
        to_judge: Iterable[tuple[int, int]],
        shape: "Shape",
        given_up: set[int],
    ) -> "deque[_Pair]":
        """Give up the records in which a name tells of more than a scalar; gives the pairs of the others."""
        told: dict[int, int] = {number: record for record, number in to_judge}
        for record, text, number in tells:
            if named := self._tells(text):
                if number is None or named.plan.verb is QUARANTINE:
                    given_up.add(record)
                else:
                    told[number] = record
        pairs = [_Pair(record, number, *shape.members(number)) for number, record in sorted(told.items())]
        given_up.update(pair.record for pair in pairs if self._is_pythons(pair))
        return deque(pair for pair in pairs if pair.record not in given_up)

    def _is_pythons(self, pair: "_Pair") -> bool:
        """Tell a pair of which a rule may have a say within a value, or for which there must be no record."""
        for field, value, _, is_container in pair.members:
            node = self._nodes[field]
            if is_container and value is ... and (node.part in _JUDGED or node.name == ID):
                return True
            if node.part == ACCOUNT and self._rules.account and self._rules.account.plan.verb is QUARANTINE:
                return True
            if node.part == SCHEME and value is not ...:
                text = text_of(orjson.loads(value) if isinstance(value, bytes) else value, node)
                if isinstance(text, str) and (named := self._tells(text)) and named.plan.verb is QUARANTINE:
                    return True
        return False

    def _judge(
        self,
        pair: "_Pair",
        answers: list[bytes | bool | None],
        extras: list[tuple[int, int, bytes | bool]],
        hits: Sequence[list[Hit]],
    ) -> None:
        """Apply the rules to a pair of name and value, as the answers have left it."""
        fields: Document = {}
        for field, value, ask, _ in pair.members:
            answer = answers[ask] if ask is not None else None
            if answer is False:
                continue
            written = answer if isinstance(answer, bytes) else value
            if not isinstance(written, EllipsisType):
                fields[self._nodes[field].name] = orjson.loads(written) if isinstance(written, bytes) else written
        before = {name: serialize_value(value) for name, value in fields.items()}
        self._rules.beside(fields, self._nodes[pair.field], hits[pair.record])
        for member, (field, _, ask, _) in enumerate(pair.members):
            name = self._nodes[field].name
            after = serialize_value(fields[name]) if name in fields else None
            if name in before and after != before[name]:
                judged = False if after is None else after.encode()
                if ask is None:
                    extras.append((pair.number, member, judged))
                else:
                    answers[ask] = judged

    def look(self, bodies: Sequence[bytes]) -> tuple[list[int], list[Leaf], View]:
        """Search bodies: gives those that are Python's, and of the others the texts in which there may be something."""
        with self._one_at_a_time:
            unusual, names, found = self._engine.look(bodies)
        versions: dict[int, list[Span]] = {}
        for record, text, start, end in names:
            if names_version(text):
                versions.setdefault(record, []).append((start, end))
        with self._one_at_a_time:
            leaves, seen, ends, wrapped, candidates = self._engine.candidates(found, bodies, versions)
        return unusual, list(map(Leaf._make, leaves)), View(seen, ends, Candidates(candidates, wrapped))

    def node(self, leaf: Leaf) -> FieldNode:
        """Give the field of a text."""
        return self._nodes[leaf.field]


class _Pair(NamedTuple):
    """An object in which one field may tell of another: its field, how many asks come before its end, its members."""

    record: int
    number: int
    field: int
    at: int
    members: Sequence[tuple[int, "Value", int | None, bool]]


def _names(node: FieldNode) -> tuple[str, ...]:
    return tuple(each.name for each in node.line())


def _text(pattern: bytes) -> str:
    return pattern.decode("latin-1")


def _answer(value: JSONValue, judged: tuple[JSONValue, ...]) -> bytes | bool | None:
    """Say what becomes of a value: it is kept (None), its field dropped (False), or what is written in its place."""
    if not judged:
        return False
    return None if judged[0] is value else serialize_value(judged[0]).encode()
