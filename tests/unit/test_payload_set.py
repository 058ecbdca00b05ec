"""The kinds of payload of the accuracy benchmark: what is labelled stands in them, and how they are judged."""

import pytest

from benchmarks.accuracy.payload_set import POLICIES, Payload, found_by, judge, payload_set

SET = payload_set()


def test_there_are_kinds_enough_each_with_a_name_of_its_own() -> None:
    assert len(SET) >= 60
    assert len({each.kind for each in SET}) == len(SET)


@pytest.mark.parametrize("payload", SET, ids=[each.name for each in SET])
def test_every_label_occurs_and_says_why(payload: Payload) -> None:
    labels = [*payload.hidden.items(), *payload.limit.items(), *payload.useful.items()]
    assert labels
    for piece, why in labels:
        assert piece in payload.text
        assert why
    assert len({piece for piece, _ in labels}) == len(labels)
    # What must go is no part of what must stay.
    assert not [(piece, kept) for piece in payload.hidden for kept in payload.useful if piece in kept]


@pytest.mark.parametrize("policy", POLICIES)
def test_each_policy_can_be_judged_by_them(policy: str) -> None:
    for judged in judge(policy, SET):
        assert set(judged.survives) <= set(judged.payload.hidden)
        assert set(judged.destroyed) <= set(judged.payload.useful)


def test_a_policy_is_judged_by_what_it_releases() -> None:
    payload = Payload(
        "a", "a", '{"email":"a@example.com","ssn":"078-05-1120","note":"x@y"}',
        hidden={"a@example.com": "", "078-05-1120": "", "x@y": ""},
        limit={"note": ""}, useful={'"email":': "", "@": ""},
    )  # fmt: skip
    (judged,) = judge("default", [payload])
    assert (judged.survives, judged.limits, judged.destroyed) == (("x@y",), ("note",), ())
    (judged,) = judge("default", [payload._replace(text="no JSON: a@example.com")])
    assert (judged.survives, judged.destroyed) == ((), ('"email":', "@"))


def test_a_tool_is_judged_by_what_it_overlaps_of_the_value() -> None:
    payload = Payload(
        "a", "a", '{"pin":"1234","id":"1234"}',
        hidden={'"pin":"1234"': "", "1234": ""}, limit={}, useful={'"id":"1234"': "", "pin": ""},
    )  # fmt: skip
    judged = found_by([[8, 12]], payload)
    assert (judged.survives, judged.destroyed) == (("1234",), ())
    judged = found_by([[0, 6], [20, 22]], payload)
    assert (judged.survives, judged.destroyed) == (('"pin":"1234"', "1234"), ('"id":"1234"', "pin"))
