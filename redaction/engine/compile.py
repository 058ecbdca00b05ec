"""From a policy to what is applied to records: the tree of fields, actions, patterns. Done once, at start."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from typing import Final, NamedTuple

import re2  # type: ignore[import-untyped, unused-ignore]

from redaction.actions.base import Action, KeyedAction
from redaction.actions.mask import Mask
from redaction.actions.replace import Replace
from redaction.actions.spec import ActionSpec, compile_action, spec_name
from redaction.compiled import installed
from redaction.detectors.base import Detector
from redaction.detectors.card import CARD
from redaction.detectors.phone import PHONE, phone_in
from redaction.detectors.registry import detectors
from redaction.engine.careful import CarefulSearch
from redaction.engine.drop_rules import DropRules
from redaction.engine.field_rules import FieldRules
from redaction.engine.field_tree import FieldTree
from redaction.engine.finder import Finder
from redaction.engine.labels import Labels
from redaction.engine.native import Native
from redaction.engine.plan import DROP, QUARANTINE, RELEASE, Exemption, Named, Plan, Rule
from redaction.engine.prefilter import Prefilter
from redaction.engine.tagged import TaggedFields
from redaction.engine.unwrap import Unwrapper
from redaction.engine.values import SECRET, is_it, looks_like, sure
from redaction.keys import KeyProvider, KeyUnavailable
from redaction.parse import Limits
from redaction.patterns import agrees_with_re2
from redaction.plugin import PluginInvalid, PolicyError, Tag
from redaction.policy import UNKNOWN_FIELDS, FieldRule, Policy
from redaction.policy.selectors import NAME, NAME_PATTERN
from redaction.policy.words import Grammar

# Documents of one schema have few paths; there may be many schemas.
_SHARE_OF_A_SCHEMA: Final = 6


class Ready(NamedTuple):
    """What a policy comes to whatever the schema of a document. `tags`: the rules of tags, by tag."""

    rules: Sequence[Rule]
    exemptions: Sequence[Exemption]
    unknown: Plan | None
    grammar: Grammar
    tags: dict[str, Rule]
    limits: Limits
    actions: dict[Detector, Action]
    unwrapper: Unwrapper
    prefilter: Prefilter
    drops: DropRules


class Compiled(NamedTuple):
    """A policy, ready to be applied to documents without a schema, or of one. `tagged`: of which fields it has tags."""

    ready: Ready
    tagged: TaggedFields | None
    tree: FieldTree
    fields: FieldRules
    search: CarefulSearch
    native: Native | None


def compile_policy(policy: Policy, keys: KeyProvider | None, *, native: bool) -> Compiled:
    """Compile; what is wrong with one rule names it.

    :param native: for the compiled part, too, where it is installed.

    :raises PolicyError, KeyUnavailable, PluginInvalid: see `redaction.engine.from_options`.
    """
    return _applied(_ready(policy, keys), None, native=native)


def compile_tags(ready: Ready, tags: Sequence[Tag], *, native: bool) -> Compiled:
    """Compile for documents whose fields have these tags, each of which a rule names."""
    return _applied(ready, TaggedFields(ready.tags, tags), native=native)


def _applied(ready: Ready, tagged: TaggedFields | None, *, native: bool) -> Compiled:
    share = 1 if tagged is None else _SHARE_OF_A_SCHEMA
    tree = FieldTree(ready.rules, ready.exemptions, ready.unknown, ready.grammar, tagged=tagged, share=share)
    search = CarefulSearch(ready.actions, tree, ready.unwrapper)
    fields = FieldRules(tree)
    compiled = None
    if native and (module := installed()):
        with suppress(ValueError):  # too large a pattern for it
            wrapping = ready.unwrapper.signs, ready.unwrapper.in_text
            compiled = Native(
                module, tree, fields, ready.drops, ready.limits, tuple(ready.actions), wrapping, search.look_at_names
            )
    return Compiled(ready, tagged, tree, fields, search, compiled)


def _ready(policy: Policy, keys: KeyProvider | None) -> Ready:
    if not agrees_with_re2():
        message = f"google-re2 {version('google-re2')} would not be used as it finds matches itself; report this"
        raise PluginInvalid(message)
    rules = [_rule(rule, keys) for rule in policy.fields]
    grammar = policy.grammar()
    exemptions = [Exemption(rule.selectors, frozenset(rule.detectors)) for rule in policy.exceptions]
    unknown = _unknown(policy, keys)
    tags = {tag: Rule(rule.id, (), _plan(rule, keys)) for tag, rule in policy.tag_rules().items()}
    by_name = [
        replace(rule, selectors=tuple(each for each in rule.selectors if each.rank in {NAME, NAME_PATTERN}))
        for rule in rules
    ]
    limits = Limits(policy.limits.max_depth, policy.limits.max_bytes, policy.limits.max_values)
    hiding = [each for rule in by_name if rule.plan for each in rule.selectors]
    codes = {rule.id for rule in rules if rule.words and rule.words.code}
    secrets = {rule.id for rule in policy.fields if rule.words and rule.type == SECRET}
    labels = Labels(hiding, grammar, codes, secrets)
    actions: dict[Detector, Action] = {
        detector: _action(policy.detectors[name], name, keys)
        for name, detector in _in_regions(policy.regions).items()
        if name in policy.detectors and spec_name(policy.detectors[name]) != RELEASE
    }
    try:
        unwrapper = Unwrapper(FieldTree(by_name, grammar=grammar), labels, limits)
        prefilter = Prefilter(tuple(actions), labels)
    except re2.error as error:
        message = (
            f"policy {policy.name!r}: its names and detectors together are too large for one pattern; name fewer fields"
        )
        raise PolicyError(message) from error
    drops = DropRules(policy.drop_records)
    return Ready(rules, exemptions, unknown, grammar, tags, limits, actions, unwrapper, prefilter, drops)


def _rule(rule: FieldRule, keys: KeyProvider | None) -> Rule:
    plan = _plan(rule, keys)
    if plan is None or not (rule.words or rule.hints):
        return Rule(rule.id, rule.selectors, plan)
    find = Finder((detectors()[rule.type],)).find_in if rule.type else None
    alike, words = (
        looks_like(rule.type, find),
        Named(
            plan,
            is_it(rule.type, masks=plan.verb not in {DROP, QUARANTINE}),
            code=rule.type is None,
            sure=sure(rule.type, hint=False),
        ),
    )
    if plan.verb in {DROP, QUARANTINE}:
        # What must not be stored at all is not below such a name either, unless a member's name says that it is not.
        words.below = words
    elif rule.type:
        words.below = Named(plan, alike, sure=sure(rule.type, hint=True))
        words.below.below = words.below
    hinted = plan
    if rule.type == CARD.name and isinstance(plan.action, Mask) and plan.action.keeps_some:
        hinted = replace(plan, kind=CARD)  # what looks like one needs no second look
    hints = Named(hinted, alike, hint=True, pairs=rule.type == SECRET, sure=sure(rule.type, hint=True))
    return Rule(rule.id, rule.selectors, plan, words, hints)


def _in_regions(regions: Sequence[str]) -> dict[str, Detector]:
    return detectors() | ({PHONE.name: phone_in(regions)} if regions else {})


def _plan(rule: FieldRule, keys: KeyProvider | None) -> Plan | None:
    verb = spec_name(rule.action)
    if verb == RELEASE:
        return None
    if verb in {DROP, QUARANTINE}:
        return Plan(rule.id, DROP if verb == DROP else QUARANTINE)
    action = _action(rule.action, rule.id, keys)
    # With a key, values are told apart by their kind; other actions get fields of any content.
    kind = detectors()[rule.type] if rule.type is not None and isinstance(action, KeyedAction) else None
    return Plan(rule.id, action.name, action, kind)


def _unknown(policy: Policy, keys: KeyProvider | None) -> Plan | None:
    match policy.unknown_fields:
        case "release":
            return None
        case "drop":
            return Plan(UNKNOWN_FIELDS, DROP)
        case "quarantine":
            return Plan(UNKNOWN_FIELDS, QUARANTINE)
        case "mask":
            action = _action("mask", UNKNOWN_FIELDS, keys)
            return Plan(UNKNOWN_FIELDS, action.name, action)


def _check_results(action: Action) -> None:
    """Refuse an action whose results look sensitive: labels and fixed texts are the policy's choice."""
    if isinstance(action, (Replace, KeyedAction)):
        for kind in (None, *detectors().values()):
            found = Finder(tuple(detectors().values())).find_in(str(action("x", kind)))
            if found:
                message = (
                    f"{action.name}: its results look like {found[0].detector.name!r} to the detectors; "
                    "choose another text, type or key id"
                )
                raise PolicyError(message)


def _action(spec: ActionSpec, rule: str, keys: KeyProvider | None) -> Action:
    try:
        action = compile_action(spec, rule, keys)
        _check_results(action)
    except KeyUnavailable as error:
        message = f"rule {rule!r}: {error}"
        raise KeyUnavailable(message) from error
    except PolicyError as error:
        message = f"rule {rule!r}: {error}"
        raise PolicyError(message) from error
    return action
