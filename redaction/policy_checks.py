"""What makes no sense in a whole policy, its extensions included."""

import difflib
from collections.abc import Collection, Iterator
from itertools import combinations
from typing import NamedTuple

from redaction.actions.spec import GeneraliseSpec, spec_name
from redaction.policy import FieldRule, Policy
from redaction.selectors import ANY, NAME, PATH, Selector, covers_prefix, overlap, segment_matches

_STRUCTURAL = frozenset({"drop", "release", "quarantine"})
_FOR_VALUES = "mask, replace, generalise, tokenise, hash or encrypt"
_SHOWN = 5


class Problem(NamedTuple):
    """What is wrong, and what would be right. `section` and `rule` say where in the file."""

    section: str
    rule: str
    message: str


def problems(policy: Policy, detectors: Collection[str]) -> Iterator[Problem]:
    """Find all; `detectors` are those that are installed, by name."""
    if twice := policy.id_used_twice():
        yield Problem("fields", twice, "this id is used twice, here or in what is extended; give each rule its own")
    yield from _detectors(policy, detectors)
    yield from _exceptions(policy, detectors)
    yield from _selectors_missing(policy)
    yield from _overlaps(policy)
    yield from _unreachable(policy)


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
    enabled = {name for name, spec in policy.detectors.items() if spec_name(spec) != "release"}
    for rule in policy.exceptions:
        for name in rule.detectors:
            if name not in known:
                yield Problem("exceptions", rule.id, _unknown(name, known))
            elif name not in enabled:
                message = f"detector {name!r} is not in force, so this excepts nothing; remove it"
                yield Problem("exceptions", rule.id, message)


def _unknown(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return f"there is no detector {name!r}; {hint}"


def _selectors_missing(policy: Policy) -> Iterator[Problem]:
    for section, rules in (("fields", policy.fields), ("exceptions", policy.exceptions)):
        for rule in rules:
            if not rule.names and not rule.paths:
                yield Problem(section, rule.id, "selects nothing; give it 'names' or 'paths'")


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
        (selector, rule) for rule in policy.fields for selector in rule.selectors if spec_name(rule.action) != "release"
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
