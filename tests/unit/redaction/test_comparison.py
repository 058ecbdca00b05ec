"""What is said of two outputs: by path, as shown or hidden, and never a value."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.comparison import NOT_COMPARED, RECORD, Difference, compare, same, shown_path
from redaction.engine import PolicyRedactor
from redaction.plugin import Dropped, Rejected, Released, Verdict
from redaction.policy import load_policy
from redaction.policy.file import parse_policy
from redaction.serialize import serialize


def released(document: Any) -> Released:
    return Released(document, serialize(document))


def differences(raw: Any, old: Any, new: Any) -> list[tuple[str, str]]:
    return [tuple(each) for each in compare(serialize(raw), released(old), released(new))]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ({"a": "secret"}, {"a": "****"}, "released -> hidden"),
        ({"a": "secret"}, {}, "released -> dropped"),
        ({"a": "****"}, {"a": "secret"}, "hidden -> released"),
        ({}, {"a": "secret"}, "dropped -> released"),
        ({"a": "****"}, {}, "hidden -> dropped"),
        ({}, {"a": "****"}, "dropped -> hidden"),
        ({"a": "****"}, {"a": "**cret"}, "less hidden"),
        ({"a": "secr**"}, {"a": "****"}, "more hidden"),
        ({"a": "secr**"}, {"a": "**cret"}, "hidden differently"),
        ({"a": "****"}, {"a": "[gone]"}, "hidden differently"),
        ({"a": "****"}, {"a": 1}, "hidden differently"),
        ({"a": {"b": 1}}, {"a": "****"}, "hidden differently"),
    ],
)
def test_a_field_is_compared_with_what_the_payload_holds(old: Any, new: Any, change: str) -> None:
    assert differences({"a": "secret"}, old, new) == [("a", change)]


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [({}, {"b": 1}, "added"), ({"b": 1}, {}, "removed"), ({"b": 1}, {"b": 2}, "changed")],
)
def test_a_field_of_a_redactors_own_is_no_ones_secret(old: Any, new: Any, change: str) -> None:
    assert differences({"a": 1}, {"a": 1} | old, {"a": 1} | new) == [("b", change)]


def test_equal_outputs_do_not_differ_in_order_or_spelling() -> None:
    raw = {"a": 1.5, "b": {"c": [1, 2]}}
    assert differences(raw, raw, {"b": {"c": [1, Decimal("2.0")]}, "a": Decimal("1.50")}) == []


def test_true_is_no_number() -> None:
    assert differences({"a": True}, {"a": True}, {"a": 1}) == [("a", "released -> hidden")]
    assert not same([1], [True])
    assert same({"a": [1.0, None]}, {"a": [Decimal(1), None]})


def test_of_an_object_or_list_that_is_gone_each_leaf_is_told() -> None:
    raw = {"a": {"b": "one", "c": ["two", {"d": 3}]}}
    old = {"a": {"b": "one", "c": ["****", {"d": 3}]}}
    assert differences(raw, old, {}) == [
        ("a.b", "released -> dropped"),
        ("a.c", "hidden -> dropped"),
        ("a.c.d", "released -> dropped"),
    ]


def test_fields_in_lists_stand_at_the_lists_path_once() -> None:
    raw = {"items": [{"email": "a@example.com"}, {"email": "b@example.com"}, {"email": None}]}
    hidden = {"items": [{"email": "****"}, {"email": "****"}, {"email": None}]}
    assert differences(raw, raw, hidden) == [("items.email", "released -> hidden")]


def test_a_list_whose_scalars_were_dropped_is_still_compared_item_by_item() -> None:
    raw = {"a": ["one", {"b": 1, "c": 2}, "two", [3]]}
    kept = {"a": [{"b": 1, "c": "****"}, []]}
    assert differences(raw, raw, kept) == [("a", "released -> dropped"), ("a.c", "released -> hidden")]


def test_a_list_of_another_length_is_one_value() -> None:
    raw = {"a": [1, 2, 3]}
    assert differences(raw, raw, {"a": [1, 2]}) == [("a", "released -> hidden")]
    assert differences({}, {"a": [1]}, {"a": [1, 2]}) == [("a", "changed")]


def test_outcomes_of_whole_records() -> None:
    outcomes: list[tuple[Verdict, str]] = [
        (released({"a": 1}), "released"),
        (Dropped("tests"), "dropped"),
        (Rejected("leak_suspected", "card"), "rejected (leak_suspected)"),
        (Rejected("empty"), "rejected (empty)"),
    ]
    for old, before in outcomes:
        for new, after in outcomes:
            expected = [] if before == after else [Difference(RECORD, f"{before} -> {after}")]
            assert compare(b'{"a": 1}', old, new) == expected
    assert compare(b"", Dropped("one"), Dropped("another")) == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("card-number.2_a", "card-number.2_a"),
        ("n1234", "n1234"),
        ("n12345", "?"),
        ("1-2-3-4-5", "?"),
        ("a@example", "?"),
        ("", "?"),
        ("é", "?"),
        ("a b", "?"),
        ("a" * 64, "a" * 64),
        ("a" * 65, "?"),
        ("line\n", "?"),
    ],
)
def test_a_name_that_may_hold_content_is_not_shown(name: str, shown: str) -> None:
    assert shown_path(["x", name]) == f"x.{shown}"
    assert differences({name: 1}, {name: 1}, {}) == [(shown, "released -> dropped")]


def test_no_code_of_a_plug_in_is_shown_that_may_hold_content() -> None:
    (difference,) = compare(b"", released({}), Rejected("4111111111111111"))
    assert difference == (RECORD, "released -> rejected (?)")


def test_what_can_not_be_compared_is_said_to_be_so() -> None:
    class Hostile:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError("4111111111111111")

        __hash__ = None  # type: ignore[assignment]

    hostile: Any = {"a": Hostile()}
    deep: dict[str, Any] = {"a": 1}
    for _ in range(3000):
        deep = {"a": deep}
    pairs: list[tuple[Any, Any]] = [(hostile, {"a": Hostile()}), (deep, {"a": deep})]
    for one, other in pairs:
        old, new = Released(one, b"1"), Released(other, b"2")
        assert compare(b'{"a": 1}', old, new) == [Difference(RECORD, NOT_COMPARED)]
    assert compare(b"", Rejected(None), released({})) == [  # type: ignore[arg-type]
        Difference(RECORD, NOT_COMPARED)
    ]


def test_a_payload_that_is_no_json_is_compared_by_its_outputs_alone() -> None:
    assert compare(b"a;b", released({"a": 1, "b": 2}), released({"a": "****", "c": 3})) == [
        Difference("a", "changed"),
        Difference("b", "removed"),
        Difference("c", "added"),
    ]


def test_two_policies_are_told_apart() -> None:
    text = 'name: x\nversion: "1"\nextends: default\ndetectors: {phone: release}\nfields:\n'
    text += "  - {id: amount, action: mask, names: [amount]}\n  - {id: card_field, action: {mask: {keep: bin_last4}}}"
    old, new = PolicyRedactor(load_policy("default")), PolicyRedactor(parse_policy(text, "x.yaml"))
    payload = b'{"card": "4111 1111 1111 1111", "amount": 1.5, "note": "call +1 202 555 0143", "ssn": "078-05-1120"}'
    assert compare(payload, old.redact([payload])[0], new.redact([payload])[0]) == [
        Difference("card", "less hidden"),
        Difference("amount", "released -> hidden"),
        Difference("note", "hidden -> released"),
    ]


_scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet="0123*ab@", max_size=6)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab1@", max_size=6), inner, max_size=3),
)
_documents = st.dictionaries(st.sampled_from(["a", "b", "c", "12345", "a@b"]), _values, max_size=4)
_MIRRORED = {"less hidden": "more hidden", "more hidden": "less hidden", "added": "removed", "removed": "added"}


@given(_documents, _documents, _documents)
def test_what_differs_one_way_differs_the_other_way_round(raw: Any, old: Any, new: Any) -> None:
    there, back = differences(raw, old, new), differences(raw, new, old)
    assert all(change != NOT_COMPARED for _, change in there)
    assert bool(there) == (not same(old, new))
    mirrored = {(path, _MIRRORED.get(change, " -> ".join(reversed(change.split(" -> "))))) for path, change in back}
    assert set(there) == mirrored


@given(_documents, _documents)
def test_what_is_released_as_it_came_is_never_called_hidden(raw: Any, other: Any) -> None:
    assert all(change.endswith((" -> released", "removed")) for _, change in differences(raw, other, raw))
    assert differences(raw, other, json.loads(serialize(other))) == []
