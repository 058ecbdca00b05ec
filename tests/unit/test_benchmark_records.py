"""What the benchmarks measure with: records that differ where real ones do, and what is judged of them."""

import base64
import json
import random
from typing import Any

import pytest

from benchmarks.accuracy.data import iban_valid, luhn_valid
from benchmarks.kinds import KINDS, Kind
from benchmarks.peers.removal import CLEAN, PAYLOADS, Example, examples, judge
from benchmarks.redrawn import filled, template
from redaction.engine import PolicyRedactor
from redaction.plugin import Released
from redaction.policy import load_policy

REDACTOR = PolicyRedactor(load_policy("default"))
COUNT = 40
BYTES = {name: kind.bytes for name, kind in KINDS.items()}


def share_with_findings(documents: list[bytes]) -> float:
    verdicts = REDACTOR.redact(documents)
    return sum(not isinstance(each, Released) or bool(each.applied) for each in verdicts) / len(verdicts)


def drawn(document: Any, kept: dict[str, bool] | None = None, seed: int = 1) -> Any:
    return json.loads(filled(template(document, kept or {}), random.Random(seed)))  # noqa: S311


@pytest.mark.parametrize(("name", "kind"), KINDS.items(), ids=list(KINDS))
def test_a_kind_gives_different_json_of_about_its_size(name: str, kind: Kind) -> None:
    documents = kind.documents(COUNT)
    assert len(documents) == COUNT
    assert len(set(documents)) >= 0.9 * COUNT, name
    assert all(isinstance(json.loads(each), dict) for each in documents)
    assert 0.4 < sum(map(len, documents)) / COUNT / kind.bytes < 2.5
    assert kind.documents(5) == kind.documents(COUNT)[:5] or "shapes" in name


@pytest.mark.parametrize("name", [name for name in KINDS if name.endswith(", clean")])
def test_nothing_is_found_in_a_clean_kind(name: str) -> None:
    assert share_with_findings(KINDS[name].documents(COUNT)) <= 0.1


@pytest.mark.parametrize("name", [name for name in KINDS if name.endswith("hide in all")])
def test_something_is_found_in_each_record_of_a_sensitive_kind(name: str) -> None:
    assert share_with_findings(KINDS[name].documents(COUNT)) >= 0.85


@pytest.mark.parametrize(
    ("kind", "paths"),
    [
        ("web order", ("email", "ip", "order_id", "shipping.phone", "shipping.street", "card.number")),
        ("charge", ("id", "receipt_url", "description", "billing_details.name", "billing_details.email")),
    ],
)
def test_a_text_comes_twice_only_where_real_ones_would(kind: str, paths: tuple[str, ...]) -> None:
    documents = [json.loads(each) for each in KINDS[kind].documents(1000)]
    for path in paths:
        assert len({at(each, path) for each in documents}) > 500, path


def at(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = document[name]
    return document


def test_names_and_short_values_stay_and_what_varies_is_drawn() -> None:
    document: dict[str, Any] = {
        "status": "succeeded", "live": True, "count": 3, "id": "ch_3MmlLrLkdIwHu7ix0snN0B15",
        "at": "2024-03-15T10:30:00Z", "order": 123456789, "ip": "198.51.100.24", "mail": "ann@example.org",
        "note": "please ring your neighbour twice",
        "first_name": "Lena",
    }  # fmt: skip
    found = drawn(document)
    assert list(found) == list(document)
    assert {name: found[name] for name in ("status", "live", "count")} == {
        "status": "succeeded",
        "live": True,
        "count": 3,
    }
    assert all(found[name] != document[name] for name in ("id", "at", "order", "ip", "mail", "note", "first_name"))
    assert found["id"].startswith("ch_")
    assert len(found["id"]) == len(document["id"])
    assert found["mail"].endswith("@example.org")
    assert found != drawn(document, seed=2)


def test_check_digits_stay_right_and_nothing_gets_them_by_chance() -> None:
    for seed in range(50):
        found = drawn(
            {"card": "4111 1111 1111 1111", "iban": "DE89370400440532013000", "ref": 4111111111111112}, seed=seed
        )
        assert luhn_valid(found["card"].replace(" ", ""))
        assert iban_valid(found["iban"])
        assert not luhn_valid(str(found["ref"]))


def test_what_is_wrapped_is_drawn_within() -> None:
    inner = json.dumps({"card": "4111111111111111"})
    found = drawn({"json": inner, "base64": base64.b64encode(inner.encode()).decode()})
    for text in (found["json"], base64.b64decode(found["base64"]).decode()):
        card = json.loads(text)["card"]
        assert card != "4111111111111111"
        assert luhn_valid(card)


def test_a_piece_that_has_to_stay_stays_and_one_whose_end_may_vary_varies() -> None:
    document = {"a": "code RSSMRA80A01H501U, phone +49 151 23456789 ok", "tax": "RSSMRA80A01H501U"}
    found = drawn(document, {"RSSMRA80A01H501U": False, "+49 151 23456789": True})
    assert found["tax"] == "RSSMRA80A01H501U"
    assert found["a"].startswith("code RSSMRA80A01H501U, phone +49 151 2345")
    assert "23456789" not in found["a"]


def test_an_engine_is_judged_by_what_is_left_and_what_is_changed() -> None:
    asked = [
        Example("a", '{"mail":"a@b.co","pin":"1234"}', ("a@b.co", '"pin":"1234"'), ("mail",)),
        Example("a", '{"id":"7"}', (), ('"id":"7"',)),
        Example("b", '{"id":"8"}', (), ('"id":"8"',)),
    ]
    found = judge(asked, ['{"mail":"*","pin":"1234"}', "", '{"id":"8"}'])
    assert found == {"removed": {"a": [1, 2]}, "changed": {"a": [1, 2], "b": [0, 1]}}


def test_all_that_is_looked_for_stands_in_the_examples() -> None:
    asked = examples()
    assert {PAYLOADS, CLEAN, "web order", "charge"} <= {each.of for each in asked}
    for each in asked:
        assert all(piece in each.text for piece in (*each.hidden, *each.useful))
