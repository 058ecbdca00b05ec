"""Which rule decides what happens to a field: the compiled tree of paths against a matcher of a few lines."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from redaction.engine import PolicyRedactor
from redaction.engine.field_tree import FieldNode, FieldTree
from redaction.engine.plan import Exemption, Plan, Rule
from redaction.plugin import Released
from redaction.policy import Policy
from redaction.policy.checks import problems
from redaction.policy.file import parse_policy
from redaction.policy.names import normalize
from redaction.policy.selectors import Selector, parse_name, parse_path


def matches(segments: Sequence[str], names: Sequence[str]) -> bool:
    if not segments:
        return not names
    if segments[0] == "**":
        return matches(segments[1:], names) or (bool(names) and matches(segments, names[1:]))
    pattern = ".*".join(map(re.escape, segments[0].split("*")))
    return bool(names) and bool(re.fullmatch(pattern, names[0])) and matches(segments[1:], names[1:])


def best(rules: Sequence[Rule], path: Sequence[str]) -> str | None:
    """Find the rule whose selector is the most special of those that match."""
    normal = [normalize(name) for name in path]
    found = [(each.rank, rule.id) for rule in rules for each in rule.selectors if matches(each.segments, normal)]
    return max(found)[1] if found else None


def rule(rule_id: str, *selectors: Selector) -> Rule:
    return Rule(rule_id, selectors, Plan(rule_id, "drop"))


def at(shapes: FieldTree, *path: str) -> FieldNode:
    node = shapes.root
    for name in path:
        node = node.children[name] if name in node.children else shapes.child(node, name)
    return node


def rule_at(shapes: FieldTree, *path: str) -> str | None:
    plan = at(shapes, *path).plan
    return plan.rule if plan else None


def test_the_more_special_selector_wins_wherever_it_stands() -> None:
    rules = [
        rule("name_pattern", parse_name("ca*")),
        rule("name", parse_name("card")),
        rule("path_pattern", parse_path("a.*.card")),
        rule("path", parse_path("a.b.card")),
    ]
    for order in (rules, rules[::-1]):
        shapes = FieldTree(order)
        assert rule_at(shapes, "a", "b", "card") == "path"
        assert rule_at(shapes, "a", "c", "card") == "path_pattern"
        assert rule_at(shapes, "a", "card") == "name"
        assert rule_at(shapes, "a", "b", "c", "card") == "name"
        assert rule_at(shapes, "a", "b", "cards") == "name_pattern"
        assert rule_at(shapes, "a", "b", "xcard") is None


@pytest.mark.parametrize(
    "name", ["creditCard", "credit-card", "CREDIT_CARD", "Credit Card", "credit.card", "\uff23reditcard"]
)
def test_names_in_any_spelling(name: str) -> None:
    shapes = FieldTree([rule("name", parse_name("credit_card")), rule("path", parse_path("Pay_ment.creditCard"))])
    assert rule_at(shapes, "x", name) == "name"
    assert rule_at(shapes, "PAYMENT", name) == "path"


def test_a_field_without_letters_is_selected_by_wildcards_only() -> None:
    shapes = FieldTree([rule("star", parse_path("a.*")), rule("name", parse_name("b"))])
    assert rule_at(shapes, "a", "---") == "star"
    assert rule_at(shapes, "---") is None
    assert rule_at(shapes, "a", "") == "star"


def test_exemptions_add_up_and_go_down() -> None:
    shapes = FieldTree(
        [],
        [
            Exemption((parse_name("note"),), frozenset({"card"})),
            Exemption((parse_path("a.note"),), frozenset({"ssn"})),
            Exemption((parse_name("text*"),), frozenset({"email"})),
        ],
    )
    assert at(shapes, "note").exempt == {"card"}
    assert at(shapes, "a", "note").exempt == {"card", "ssn"}
    assert at(shapes, "a", "note", "texts", "x").exempt == {"card", "ssn", "email"}
    assert at(shapes, "a").exempt == frozenset()


def test_what_leads_to_a_known_field_is_looked_into_and_the_rest_is_unknown() -> None:
    unknown = Plan("unknown_fields", "drop")
    keep = Rule("keep", (parse_path("a.*.id"), parse_path("b"), parse_path("d.**"), parse_name("user")), None)
    shapes = FieldTree([keep], unknown=unknown)
    assert at(shapes, "a").plan is None
    assert not at(shapes, "a").known
    assert at(shapes, "a", "x", "id").known
    assert at(shapes, "a", "x", "other").plan is unknown
    assert at(shapes, "b").known
    assert at(shapes, "b", "below").plan is unknown
    assert at(shapes, "d", "anything", "below").known
    assert at(shapes, "c").plan is unknown
    assert at(shapes, "c", "user").plan is None
    assert at(shapes, "user").known
    assert at(shapes, "user", "x").plan is unknown


@pytest.mark.parametrize("long", [False, True])
def test_memory_is_bounded_and_verdicts_stay_right(long: bool) -> None:  # noqa: FBT001
    shapes = FieldTree([rule("secret", parse_name("secret")), rule("inner", parse_path("*.inner"))])
    for number in range(20_000):
        at(shapes, ("x" * 80 if long else "k") + str(number), "y")
    assert sum(1 for _ in shapes.nodes()) <= 30_001
    for number in (0, 9_999, 15_000, 30_000):
        assert rule_at(shapes, f"k{number}", "S-e-c-r-e-t") == "secret"
        assert rule_at(shapes, f"k{number}", "inner") == "inner"
        assert rule_at(shapes, f"k{number}", "x", "inner") is None


@pytest.mark.parametrize("filler", ["k{}", "x" * 70 + "{}"])
def test_verdicts_are_right_after_20_000_names(filler: str) -> None:
    text = (
        'name: t\nversion: "1"\nfields: [{id: s, action: drop, names: [secret]}]\n'
        "detectors: {card: mask, email: mask}\n"
    )
    policy = parse_policy(text, "t.yaml")
    worn, fresh = PolicyRedactor(policy), PolicyRedactor(policy)
    for batch in range(20):
        fields = {filler.format(batch * 1000 + number): {"v": 1} for number in range(1000)}
        [verdict] = worn.redact([json.dumps(fields).encode()])
        assert isinstance(verdict, Released)
    documents: list[dict[str, Any]] = [
        {"new": 1, "Secret": "x", "deeper": {"and": {"S_ECRET": 1, "note": "4111 1111 1111 1111"}}},
        {"to jane@example.com": 1, "x" * 70 + " 4111 1111 1111 1111": {"secret": 2, "other": ["a@example.com"]}},
        {"number": 4111111111111111, "text": json.dumps({"never seen jane@example.com": {"secret": 5}})},
    ]
    payloads = [json.dumps(document).encode() for document in documents]
    assert worn.redact(payloads) == fresh.redact(payloads)
    for verdict in worn.redact(payloads):
        assert not re.search("secret|4111 1111|4111111|jane|example", repr(verdict).lower())


# --- Laws.

name_selectors = st.sampled_from(["a", "b", "a*", "*b", "*a*"]).map(parse_name)
path_selectors = st.lists(st.sampled_from(["a", "b", "c", "*", "**", "a*", "*b"]), min_size=1, max_size=4).map(".".join)
spellings = st.sampled_from(["a", "A", "b", "_B", "c", "ab", "a-B", "ba", "", "--", "\uff41"])


@st.composite
def some_rules(draw: st.DrawFn) -> list[Rule]:
    """Rules as a policy may hold them: at no field do two meet that are equally special."""
    rules: list[Rule] = []
    for number in range(draw(st.integers(1, 4))):
        texts = draw(st.lists(path_selectors, max_size=2))
        assume(all(re.search("[a-c]", text) and "**.**" not in text for text in texts))
        selectors = [*map(parse_path, texts), *draw(st.lists(name_selectors, max_size=2))]
        rules.append(rule(f"r{number}", *selectors))
    content = [
        {
            "id": each.id,
            "action": "drop",
            "names": [one.text for one in each.selectors if one.segments == ("**", one.text)],
            "paths": [one.text for one in each.selectors if one.segments != ("**", one.text)],
        }
        for each in rules
    ]
    policy = Policy.model_validate({"name": "t", "version": "1", "fields": content})
    assume(
        not any(
            "can select the same" in each.message or "stands in rule" in each.message for each in problems(policy, ())
        )
    )
    return rules


@given(some_rules(), st.lists(st.lists(spellings, min_size=1, max_size=5), min_size=1, max_size=8))
def test_the_tree_agrees_with_a_naive_matcher(rules: list[Rule], paths: list[list[str]]) -> None:
    shapes = FieldTree(rules)
    for path in paths * 2:
        assert rule_at(shapes, *path) == best(rules, path)


documents = st.recursive(
    st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(spellings, inner, max_size=3),
    max_leaves=10,
)


def paths_left(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Lists are passed through: the fields of their objects stand at the path of the list."""
    if isinstance(value, list):
        for item in value:
            yield from paths_left(item, path)
    if isinstance(value, dict):
        for name, item in value.items():
            yield (*path, name)
            yield from paths_left(item, (*path, name))


def without(value: Any, rules: Sequence[Rule], path: tuple[str, ...] = ()) -> Any:
    if isinstance(value, list):
        return [without(item, rules, path) for item in value]
    if isinstance(value, dict):
        return {
            name: without(item, rules, (*path, name))
            for name, item in value.items()
            if best(rules, (*path, name)) is None
        }
    return value


@given(some_rules(), st.dictionaries(spellings, documents, max_size=4))
def test_documents_lose_exactly_the_fields_that_rules_drop(rules: list[Rule], document: dict[str, Any]) -> None:
    fields = [
        {
            "id": each.id,
            "action": "drop",
            "names": [one.text for one in each.selectors if one.segments == ("**", one.text)],
            "paths": [one.text for one in each.selectors if one.segments != ("**", one.text)],
        }
        for each in rules
    ]
    policy = Policy.model_validate({"name": "t", "version": "1", "fields": fields})
    [verdict] = PolicyRedactor(policy).redact([json.dumps(document).encode()])
    assert isinstance(verdict, Released)
    assert verdict.document == without(document, rules)
