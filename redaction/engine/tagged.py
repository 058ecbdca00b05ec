"""Fields that bear a tag of a schema: the rules that treat them, found by path, name by name from the document's top.

A schema may tag thousands of fields, and senders choose the names that are looked up: a step costs the same whatever
the number of tags.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from redaction.engine.plan import DROP, QUARANTINE, Plan, Rule
from redaction.plugin import Tag
from redaction.policy.names import normalize_ends
from redaction.policy.selectors import ANY, ANY_NUMBER

TagState: TypeAlias = "frozenset[_Place]"
"""Where one is among the tagged paths that may still match."""

NOWHERE: Final[TagState] = frozenset()


class _Place:
    """What tagged paths have in common up to here. `anywhere`: by way of a `**` that begins the path."""

    __slots__ = ("any", "anywhere", "below", "deeper", "repeats", "rules")

    def __init__(self, *, anywhere: bool, repeats: bool = False) -> None:
        self.anywhere = anywhere
        self.repeats = repeats
        self.below: dict[str, _Place] = {}
        self.any: _Place | None = None
        self.deeper: _Place | None = None
        self.rules: list[Rule] = []

    def to(self, segment: str) -> "_Place":
        """Give the place after one more segment."""
        if segment == ANY_NUMBER:
            if self.repeats:
                return self
            self.deeper = self.deeper or _Place(anywhere=self.anywhere, repeats=True)
            return self.deeper
        if segment == ANY:
            self.any = self.any or _Place(anywhere=self.anywhere)
            return self.any
        return self.below.setdefault(segment, _Place(anywhere=self.anywhere))


class TaggedFields:
    """The tagged fields of one schema.

    :param rules: of the policy, by tag, those that hide in the order in which they count.
    :param tags: path and name of each; a path holds names as the schema has them, `*` for any one name, `**` for any
        number of them. Each is one of `rules`.
    """

    def __init__(self, rules: dict[str, Rule], tags: Sequence[Tag]) -> None:
        self._rank = {rule.id: (rule.plan is None, place) for place, rule in enumerate(rules.values())}
        self._names: set[str] = set()
        top = _Place(anywhere=False)
        if any(path[:1] == (ANY_NUMBER,) for path, _ in tags):
            top.deeper = _Place(anywhere=True, repeats=True)
        for path, name in tags:
            self._add(top, path, rules[name])
        self.start: Final = _reached([top]) if top.below or top.any or top.deeper else NOWHERE

    def _add(self, top: _Place, path: tuple[str, ...], rule: Rule) -> None:
        segments = [name if name in {ANY, ANY_NUMBER} else normalize_ends(name) for name in path]
        if rule.plan is None and not all(segments):
            return  # by a name that is no name nothing is released
        self._names.update(segments)
        place = top
        for segment in segments or [ANY]:  # the document as a whole is all of its fields
            place = place.to(segment)
        place.rules.append(rule)

    def step(self, state: TagState, name: str) -> TagState:
        """Go down to the field with this name, as it is compared."""
        reached: list[_Place] = []
        for place in state:
            if place.repeats:
                reached.append(place)
            if place.any:
                reached.append(place.any)
            if name in place.below:
                reached.append(place.below[name])
        return _reached(reached)

    def rule(self, state: TagState) -> Rule | None:
        """Give the rule of the field reached: of several the one that hides, of these the first of the policy."""
        rules = [rule for place in state for rule in place.rules]
        return min(rules, key=lambda rule: self._rank[rule.id]) if rules else None

    def takes_out(self, plan: Plan, name: str) -> bool:
        """Tell whether a field's name, which is none of the schema's, is not released because of a tag."""
        return plan.rule in self._rank and plan.verb in {DROP, QUARANTINE} and normalize_ends(name) not in self._names

    @staticmethod
    def goes_on(state: TagState) -> bool:
        """Tell whether a path other than one from any depth names fields below."""
        return any(
            not place.anywhere and (place.below or place.any or place.repeats or place.deeper) for place in state
        )


def _reached(places: Iterable[_Place]) -> TagState:
    """Add where a `**` that stands for nothing leads."""
    return frozenset(each for place in places for each in (place, place.deeper) if each)
