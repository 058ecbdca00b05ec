"""What makes no sense in a whole policy, its extensions included, and what makes sense and is hardly meant."""

from collections.abc import Collection, Iterator
from itertools import combinations
from typing import NamedTuple

from redaction.actions.spec import BUILT_IN, ActionSpec, GeneraliseSpec, PluginSpec, spec_name
from redaction.nearest import nearest
from redaction.policy.model import UNKNOWN_FIELDS, FieldRule, Policy, tags_of_one_id
from redaction.policy.selectors import (
    ANY,
    ANY_NUMBER,
    NAME,
    NAME_PATTERN,
    PATH,
    PATH_PATTERN,
    Segments,
    Selector,
    covers_prefix,
    overlap,
    segment_matches,
)
from redaction.policy.words import joined

_RELEASE = "release"
_FOR_VALUES = "mask, replace, generalise, tokenise, hash or encrypt"
_SHOWN = 3


class Problem(NamedTuple):
    """What is wrong, and what would be right; at a rule of a section of the file, or without `rule` the section."""

    section: str
    rule: str
    message: str


def problems(policy: Policy, detectors: Collection[str]) -> Iterator[Problem]:
    """Find all; `detectors` are those that are installed, by name."""
    if alike := tags_of_one_id(policy.tags):
        yield Problem(
            "tags", alike[1], f"tag {alike[0]!r}, here or in what is extended, is the same to metrics; keep one"
        )
    if twice := policy.id_used_twice():
        yield Problem("fields", twice, "this id is used twice, here or in what is extended; give each rule its own")
    yield from _actions(policy)
    yield from _detectors(policy, detectors)
    yield from _exceptions(policy, detectors)
    yield from _selectors_missing(policy)
    yield from _words(policy)
    yield from _overlaps(policy)
    yield from _unreachable(policy)


def warnings(policy: Policy) -> Iterator[Problem]:
    """Find what a policy may say, and whose effect its author may not have in mind: it lets values out."""
    yield from _overriding(policy)
    hides = any(spec_name(rule.action) != _RELEASE for rule in policy.fields)
    releases = policy.unknown_fields == _RELEASE
    if releases and not hides:
        yield Problem(
            "fields",
            "",
            "no field is redacted, whatever its name, and what no detector finds is released (passwords, security "
            f"codes, names of people); name the sensitive fields, or extend 'default', or say {UNKNOWN_FIELDS}: mask",
        )
    if all(spec_name(spec) == _RELEASE for spec in policy.detectors.values()):
        if releases:
            message = "no detector is in force: only named fields are redacted; free text is released unread"
        elif any(
            spec_name(each) == _RELEASE for each in (*(rule.action for rule in policy.fields), *policy.tags.values())
        ):
            message = "no detector is in force: the fields that rules release are released unread"
        else:
            return
        yield Problem("detectors", "", f"{message}; name detectors (card: mask), or extend 'default'")


def _overriding(policy: Policy) -> Iterator[Problem]:
    """Find paths with wildcards that release what rules by name hide: a path counts before a name."""
    owned = [(selector, rule) for rule in policy.fields for selector in rule.selectors]
    exact = {selector.segments for selector, _ in owned if selector.rank == PATH}
    named = [pair for pair in owned if pair[0].rank in {NAME, NAME_PATTERN}]
    named += [(Selector(word, (ANY_NUMBER, joined(word)), NAME), rule) for rule in policy.fields for word in rule.words]
    hidden = [(selector, rule) for selector, rule in named if spec_name(rule.action) != _RELEASE]
    for path, releasing in owned:
        if path.rank != PATH_PATTERN or spec_name(releasing.action) != _RELEASE:
            continue
        shown: dict[str, list[Selector]] = {}
        for name, rule in hidden:
            if overlap(path.segments, name.segments) and _only_place(path, name) not in exact:
                shown.setdefault(f"{rule.id!r} ({spec_name(rule.action)})", []).append(name)
        if shown:
            first = next(iter(shown.values()))[0]
            yield Problem(
                "fields",
                releasing.id,
                f"path {path.text!r} releases what rules by name hide, since a path counts before a name: "
                f"{'; '.join(f'{_some(names)} of rule {rule}' for rule, names in shown.items())}; "
                f"{_instead(path, first)}",
            )


def _only_place(path: Selector, name: Selector) -> Segments | None:
    """Give the one path at which both select a field, if there is only one."""
    place = (*path.segments[:-1], name.segments[-1])
    return None if any(ANY in segment for segment in place) else place


def _some(names: list[Selector]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(repr(name.text) for name in names[:_SHOWN]) + more


def _instead(path: Selector, name: Selector) -> str:
    advice = "write out what may be shown, as paths without '*'"
    if _only_place(path, name):
        before = path.text.rpartition(".")[0]
        advice += f", or what may not as paths of those rules, as {f'{before}.{name.text}'.lstrip('.')!r}"
    return advice


def _actions(policy: Policy) -> Iterator[Problem]:
    """Of the built-in actions only those with settings are mappings; others would be sought among the plug-ins."""
    specs: list[tuple[str, str, ActionSpec]] = [("fields", rule.id, rule.action) for rule in policy.fields]
    specs += [("tags", tag, spec) for tag, spec in policy.tags.items()]
    specs += [("detectors", name, spec) for name, spec in policy.detectors.items()]
    for section, rule, spec in specs:
        if isinstance(spec, PluginSpec) and (name := spec_name(spec)) in BUILT_IN:
            yield Problem(section, rule, f"{name!r} has no settings; write it without braces and colon: {name}")


def _detectors(policy: Policy, known: Collection[str]) -> Iterator[Problem]:
    for name, spec in policy.detectors.items():
        if name not in known:
            yield Problem("detectors", name, _unknown(name, known))
        elif isinstance(spec, GeneraliseSpec) and spec.generalise.to != "network":
            yield Problem("detectors", name, "in a text only addresses can be generalised: {to: network}")
        elif spec_name(spec) in {"drop", "quarantine"}:
            message = f"{spec_name(spec)} is for fields; a finding in a text needs {_FOR_VALUES}"
            yield Problem("detectors", name, message)
    for field in policy.fields:
        if field.type is not None and field.type not in known:
            yield Problem("fields", field.id, _unknown(field.type, known))


def _exceptions(policy: Policy, known: Collection[str]) -> Iterator[Problem]:
    enabled = {name for name, spec in policy.detectors.items() if spec_name(spec) != _RELEASE}
    for rule in policy.exceptions:
        for name in rule.detectors:
            if name not in known:
                yield Problem("exceptions", rule.id, _unknown(name, known))
            elif name not in enabled:
                message = f"detector {name!r} is not in force, so this excepts nothing; remove it"
                yield Problem("exceptions", rule.id, message)


def _unknown(name: str, known: Collection[str]) -> str:
    near = nearest(name, known)
    hint = f"did you mean {near!r}?" if near else f"known: {', '.join(known)}"
    return f"there is no detector {name!r}; {hint}"


def _selectors_missing(policy: Policy) -> Iterator[Problem]:
    for section, rules in (("fields", policy.fields), ("exceptions", policy.exceptions)):
        for rule in rules:
            words = isinstance(rule, FieldRule) and (rule.words or rule.hints)
            if not (rule.names or rule.paths or words):
                wanted = "'words', 'names' or 'paths'" if section == "fields" else "'names' or 'paths'"
                yield Problem(section, rule.id, f"selects nothing; give it {wanted}")


def _words(policy: Policy) -> Iterator[Problem]:
    """No two rules may have one word; a hint needs to know what the value has to look like."""
    owners: dict[str, str] = {}
    for rule in policy.fields:
        if rule.hints and rule.type is None:
            yield Problem(
                "fields", rule.id, "'hints' need a 'type' that values have to look like; add it, or use 'words'"
            )
        for word in (*rule.words, *rule.hints):
            if owners.setdefault(joined(word), rule.id) != rule.id:
                yield Problem("fields", rule.id, f"word {word!r} stands in rule {owners[joined(word)]!r} too; keep one")
    for word in policy.innocent:
        if joined(word) in owners:
            yield Problem("innocent", "", f"word {word!r} stands in rule {owners[joined(word)]!r} too; keep one")


def _overlaps(policy: Policy) -> Iterator[Problem]:
    """Two rules that are equally special must not meet at one field: which of them counts would be chance."""
    owned = [(selector, rule) for rule in policy.fields for selector in rule.selectors]
    named: dict[str, FieldRule] = {}
    for selector, rule in owned:
        if selector.rank == NAME:
            first = named.setdefault(selector.segments[1], rule)
            if first.id != rule.id:
                yield Problem("fields", rule.id, f"name {selector.text!r} stands in rule {first.id!r} too; keep one")
    rest = [pair for pair in owned if pair[0].rank != NAME]
    for (left, one), (right, other) in combinations(rest, 2):
        if one.id != other.id and left.rank == right.rank and overlap(left.segments, right.segments):
            yield Problem(
                "fields",
                other.id,
                f"{right.text!r} and {left.text!r} of rule {one.id!r} can select the same field; make one more "
                "special, or both one rule",
            )


def _unreachable(policy: Policy) -> Iterator[Problem]:
    closed = [
        (selector, rule) for rule in policy.fields for selector in rule.selectors if spec_name(rule.action) != _RELEASE
    ]
    for section, rules in (("fields", policy.fields), ("exceptions", policy.exceptions)):
        for rule in rules:
            drops = isinstance(rule, FieldRule) and spec_name(rule.action) in {"drop", "quarantine"}
            for selector in rule.selectors:
                if selector.rank < PATH - 1:
                    continue
                if len(selector.segments) > policy.limits.max_depth:
                    yield Problem(
                        section,
                        rule.id,
                        f"path {selector.text!r} can never match: limits.max_depth is {policy.limits.max_depth}",
                    )
                for outer, owner in closed:
                    gone = spec_name(owner.action) in {"drop", "quarantine"}
                    if owner.id != rule.id and (gone or not drops) and _lies_below(selector, outer):
                        yield Problem(
                            section,
                            rule.id,
                            f"path {selector.text!r} can never match: rule {owner.id!r} deals with {outer.text!r} and "
                            "all below it",
                        )
                        break


def _lies_below(path: Selector, outer: Selector) -> bool:
    """Tell whether every field that `path` selects lies below one that `outer` decides; in doubt not."""
    if "**" in path.segments:
        return False
    if outer.rank < PATH - 1:
        name = outer.segments[1]
        return any(ANY not in segment and segment_matches(name, segment) for segment in path.segments[:-1])
    return "**" not in outer.segments and covers_prefix(outer.segments, path.segments)
