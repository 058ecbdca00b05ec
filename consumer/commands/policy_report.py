"""Policies for people and scripts: what one says, what another says differently, and what that does to records."""

import json
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from consumer.terminal.console import width
from consumer.terminal.parts import Column, Part, Table
from redaction.actions.spec import spec_name
from redaction.comparison import RECORD, Difference
from redaction.detectors.registry import detectors
from redaction.engine.field_tree import FieldTree
from redaction.engine.plan import Plan, Rule
from redaction.policy import Policy
from redaction.policy.model import normalize_pattern
from redaction.policy.selectors import NAME, NAME_PATTERN, PATH, PATH_PATTERN
from redaction.policy.words import parse_words

_PRECEDENCE: Final = {
    PATH: "paths",
    PATH_PATTERN: "paths with wildcards",
    NAME: "names, at any depth",
    NAME_PATTERN: "names with wildcards",
}
_WORDS: Final = {
    "words": "names that end in these words, the longest first",
    "hints": "likewise, where the value looks like the type",
}
_WIDTH: Final = 100
_COUNTED: Final = (Column(8, "right"), Column())
_RELEASE: Final = "release"

_SHOWS_MORE: Final = ("hidden -> released", "dropped -> released", "less hidden")
_SHOWS_LESS: Final = ("released -> hidden", "released -> dropped", "more hidden")


class RuleChange(NamedTuple):
    """A difference of two policies: `change` is added, removed or changed; `details` say how."""

    section: str
    rule: str
    change: str
    details: tuple[str, ...]


def described(policy: Policy) -> dict[str, Any]:
    """Give all that a policy says, what it extends merged in; rules and detectors in the order in which they count."""
    dump = policy.model_dump(mode="json")
    fields = [
        {
            "precedence": title,
            "rule": rule.id,
            "action": action_text(written["action"]),
            "type": rule.type,
            "selectors": selectors,
        }
        for rank, title in _PRECEDENCE.items()
        for rule, written in zip(policy.fields, dump["fields"], strict=True)
        if (selectors := [selector.text for selector in rule.selectors if selector.rank == rank])
    ]
    fields += [
        {
            "precedence": title,
            "rule": rule.id,
            "action": action_text(written["action"]),
            "type": rule.type,
            "selectors": selectors,
        }
        for key, title in _WORDS.items()
        for rule, written in zip(policy.fields, dump["fields"], strict=True)
        if (selectors := written[key])
    ]
    return {
        "name": policy.name,
        "version": policy.version,
        "digest": policy.digest(),
        "limits": dump["limits"],
        "unknown_fields": policy.unknown_fields,
        "drop_records": dump["drop_records"],
        "fields": fields,
        "innocent": policy.innocent,
        "tags": [
            {"tag": tag, "rule": rule.id, "action": action_text(dump["tags"][tag]), "type": rule.type}
            for tag, rule in policy.tag_rules().items()
        ],
        "detectors": [
            {"detector": name, "action": action_text(dump["detectors"][name])} for name in detectors_in_force(policy)
        ],
        "not_searched_for": [name for name in detectors() if name not in detectors_in_force(policy)],
        "exceptions": dump["exceptions"],
    }


def detectors_in_force(policy: Policy) -> list[str]:
    """Name the detectors that a policy uses, in the order in which they count."""
    return [name for name in detectors() if policy.detectors.get(name, _RELEASE) != _RELEASE]


def summary(policy: Policy) -> str:
    """Say in one line which policy it is, and how much it holds."""
    selectors = sum(len(rule.selectors) for rule in policy.fields)
    words = sum(len(rule.words) + len(rule.hints) for rule in policy.fields)
    return (
        f"{policy.name}, version {policy.version}, digest {policy.digest()}: {len(policy.fields)} field rules "
        f"({selectors} names and paths, {words} words), {len(detectors_in_force(policy))} detectors, "
        f"{len(policy.exceptions)} exceptions, {len(policy.drop_records)} rules for whole records"
        f"{f', {len(policy.tags)} tags' if policy.tags else ''}"
    )


def rules_in_force(policy: Policy) -> Iterator[str]:
    """Write what `described` gives as lines."""
    said = described(policy)
    yield f"{said['name']}, version {said['version']}, digest {said['digest']}"
    yield ""
    yield "limits: " + ", ".join(f"{name} {value}" for name, value in said["limits"].items())
    yield f"fields that no rule speaks of: {said['unknown_fields']}"
    if said["drop_records"]:
        yield ""
        yield "records dropped as a whole"
        yield from (
            f"  {rule['id']}: where {rule['field']} is {json.dumps(rule['equals'])}" for rule in said["drop_records"]
        )
    yield ""
    yield "fields (of two rules for a field the upper counts)"
    title = ""
    for rule in said["fields"]:
        if rule["precedence"] != title:
            title = rule["precedence"]
            yield f"  {title}"
        kind = f", type {rule['type']}" if rule["type"] else ""
        yield f"    {rule['rule']}: {rule['action']}{kind}"
        yield from _wrapped(rule["selectors"], 8)
    if said["innocent"]:
        yield "  names that end in these words are none of them"
        yield from _wrapped(said["innocent"], 8)
    if said["tags"]:
        yield ""
        yield "fields with a tag in their schema, where no rule above hides them (of two that hide the upper counts)"
    for each in said["tags"]:
        kind = f", type {each['type']}" if each["type"] else ""
        yield f"  {each['tag']}: {each['action']}{kind} ({each['rule']})"
    yield ""
    yield "searched for everywhere (where two find the same place the upper counts)"
    yield from (f"  {each['detector']}: {each['action']}" for each in said["detectors"])
    if said["not_searched_for"]:
        yield f"  not searched for: {', '.join(said['not_searched_for'])}"
    if said["exceptions"]:
        yield ""
        yield "exceptions"
    for rule in said["exceptions"]:
        yield f"  {rule['id']}: not {', '.join(rule['detectors'])}, because: {rule['reason']}"
        yield from _wrapped([*rule["names"], *rule["paths"]], 6)


def of_name(policy: Policy, name: str) -> dict[str, Any]:
    """Tell what a field of this name would become wherever it stands, and which name or word decides."""
    written = {rule["id"]: action_text(rule["action"]) for rule in policy.model_dump(mode="json")["fields"]}
    rules = [Rule(rule.id, rule.selectors, Plan(rule.id, spec_name(rule.action))) for rule in policy.fields]
    named = FieldTree(rules).named(name)
    grammar = policy.grammar()
    core = None if named else grammar.decide(grammar.words(name))
    rule = named.plan.rule if named else core.rule if core else None
    return {
        "name": name,
        "rule": rule,
        "action": written[rule] if rule else policy.unknown_fields,
        "by": "name" if named else "innocent" if core and rule is None else "hint" if core and core.hint else "word",
        "word": core.text if core else None,
    } | ({} if named or core else {"by": None})


def name_line(said: Mapping[str, Any]) -> str:
    """Write what `of_name` gives."""
    match said["by"]:
        case None:
            why = "no rule speaks of it"
        case "name":
            why = f"{said['rule']}, by its whole name"
        case "hint":
            why = f"{said['rule']}, where the value looks like its type, by the hint {said['word']!r}"
        case by:
            why = f"{said['rule']}, by the word {said['word']!r}" if by == "word" else f"innocent: {said['word']!r}"
    return f"{said['name']}: {said['action']} ({why})"


def action_text(spec: str | Mapping[str, Any]) -> str:
    """Write an action as people say it: `mask keep=last4`."""
    if isinstance(spec, str):
        return spec
    ((name, settings),) = spec.items()
    return " ".join([name, *(f"{key}={value}" for key, value in settings.items() if value is not None)])


def rule_changes(old: Policy, new: Policy) -> list[RuleChange]:
    """Compare what two policies say.

    Their own names and the spelling of names do not count, nor does the order of rules, but for that of tags.
    """
    before, after = _entries(old), _entries(new)
    changes = []
    for place in dict.fromkeys((*before, *after)):
        was, becomes = before.get(place, {}), after.get(place, {})
        details = tuple(_details(was, becomes))
        if details:
            change = "changed" if was and becomes else "added" if becomes else "removed"
            changes.append(RuleChange(*place, change, details))
    orders = [[tag for tag in one.tags if tag in other.tags] for one, other in ((old, new), (new, old))]
    if orders[0] != orders[1]:
        changes.append(RuleChange("policy", "tags", "changed", (f"order {' -> '.join(map(', '.join, orders))}",)))
    return changes


def _entries(policy: Policy) -> dict[tuple[str, str], dict[str, Any]]:
    """By section and rule: settings as texts, and lists of names as sets of their normal spelling."""
    dump = policy.model_dump(mode="json")
    entries: dict[tuple[str, str], dict[str, Any]] = {
        ("limits", name): {"value": str(value)} for name, value in dump["limits"].items()
    }
    entries["policy", "unknown_fields"] = {"value": policy.unknown_fields}
    if policy.innocent:
        entries["policy", "innocent"] = {"words": set(map(parse_words, policy.innocent))}
    for name in detectors_in_force(policy):
        entries["detectors", name] = {"action": action_text(dump["detectors"][name])}
    for tag, action in dump["tags"].items():
        entries["tags", tag] = {"action": action_text(action)}
    for rule in dump["drop_records"]:
        entries["drop_records", rule["id"]] = {"field": rule["field"], "equals": json.dumps(rule["equals"])}
    for section in ("fields", "exceptions"):
        for rule in dump[section]:
            entry: dict[str, Any] = {
                "names": {normalize_pattern(name) for name in rule["names"]},
                "paths": set(rule["paths"]),
            }
            if section == "fields":
                entry |= {"action": action_text(rule["action"]), "type": rule["type"]}
                entry |= {key: set(map(parse_words, rule[key])) for key in _WORDS if rule[key]}
            else:
                entry |= {"detectors": set(rule["detectors"]), "reason": rule["reason"]}
            entries[section, rule["id"]] = entry
    return entries


def _details(was: Mapping[str, Any], becomes: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys((*was, *becomes)):
        one, other = was.get(key), becomes.get(key)
        if isinstance(one or other, set):
            gone, come = sorted((one or set()) - (other or set())), sorted((other or set()) - (one or set()))
            if gone:
                yield f"{key} {'without ' if becomes else ''}{', '.join(gone)}"
            if come:
                yield f"{key} {'with ' if was else ''}{', '.join(come)}"
        elif one != other:
            yield f"{key} {' -> '.join(str(each) for each in (one, other) if each is not None)}"


def rule_lines(changes: Sequence[RuleChange]) -> Iterator[str]:
    """Write what `rule_changes` gives."""
    if not changes:
        yield "The rules are the same."
    for section, rule, change, details in changes:
        yield f"{change} {section} {rule}"
        for detail in details:
            yield from textwrap.wrap(detail, width(_WIDTH), initial_indent="    ", subsequent_indent="        ")


class Effect:
    """What another policy does to sample records, counted; holds no values."""

    def __init__(self) -> None:
        self.records = 0
        self.differing = 0
        self.counts: Counter[Difference] = Counter()

    def add(self, differences: Iterable[Difference]) -> None:
        """Count one record."""
        self.records += 1
        before = self.counts.total()
        self.counts.update(differences)
        self.differing += self.counts.total() > before

    def described(self) -> dict[str, Any]:
        """Give the counts, those first by which more gets through."""
        return {
            "records": self.records,
            "differing": self.differing,
            "differences": [
                {"direction": direction, "path": path, "change": change, "records": count}
                for direction in ("shows more", "shows less", "other")
                for (path, change), count in self.counts.most_common()
                if _direction(path, change) == direction
            ],
        }

    def parts(self) -> Iterator[Part]:
        """Write what `described` gives."""
        said = self.described()
        yield f"{said['differing']} of {said['records']} records come out differently."
        title = ""
        for each in said["differences"]:
            if each["direction"] != title:
                title = each["direction"]
                yield f"the new policy {title}, in so many records" if title != "other" else "otherwise different"
            yield Table(_COUNTED, [(str(each["records"]), f"{each['path']}: {each['change']}")])


def _direction(path: str, change: str) -> str:
    if path == RECORD:
        before, arrow, after = change.partition(" -> ")
        if arrow and "released" in (before, after):
            return "shows less" if before == "released" else "shows more"
    return "shows more" if change in _SHOWS_MORE else "shows less" if change in _SHOWS_LESS else "other"


def _wrapped(texts: Sequence[str], indent: int) -> list[str]:
    margin = " " * indent
    return textwrap.wrap(
        ", ".join(texts), width(_WIDTH), initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False
    )
