"""Which paths of fields are shown: a policy's own, and those that come again and again; no few records decide it."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.metrics import Metrics
from consumer.redactors.coverage import FieldCoverage
from consumer.redactors.field_labels import (
    MAX_PATHS,
    ONE_IN,
    OTHER,
    PERIOD_SECONDS,
    PERIODS,
    TIMES,
    Recurring,
)
from redaction.engine import PolicyRedactor
from redaction.policy.file import parse_policy

_LETTERS = str.maketrans("0123456789", "ghijklmnop")
POLICY = "name: t\nversion: '1'\nfields: [{id: f, names: [card], action: mask}]\ndetectors: {ssn: mask}"


def recur(labels: Recurring, label: str, now: float, times: int = TIMES, *, is_chosen: bool = True) -> str:
    seconds = [now + period * PERIOD_SECONDS for period in range(PERIODS)]
    return [labels(label, times, is_chosen=is_chosen, now=second) for second in seconds][-1]


def test_a_name_is_shown_once_it_has_come_often_enough_for_long_enough() -> None:
    labels = Recurring()
    assert labels("often", 1000, is_chosen=True, now=0.0) == OTHER
    assert labels("often", 1000, is_chosen=True, now=1.0) == OTHER
    assert [recur(Recurring(), "often", 0.0, times) for times in (1, TIMES)] == [OTHER, "often"]
    assert recur(labels, "often", 2.0) == "often"


def test_a_name_that_is_lost_among_others_is_not_shown() -> None:
    labels = Recurring()
    for period in range(100):
        labels("usual", ONE_IN * 10, is_chosen=True, now=period * PERIOD_SECONDS)
        assert labels("rare", 1, is_chosen=True, now=period * PERIOD_SECONDS) == OTHER
    assert labels("usual", is_chosen=True, now=0.0) == "usual"


def test_a_policys_own_paths_are_shown_at_once_and_have_room_whatever_senders_do() -> None:
    labels = Recurring()
    assert labels("card", is_chosen=False, now=0.0) == "card"
    chosen = [recur(labels, f"chosen_{number}", 0.0) for number in range(MAX_PATHS)]
    assert OTHER in chosen
    nested = [labels(f"card.{number}", is_chosen=False, now=0.0) for number in range(MAX_PATHS)]
    assert OTHER in nested  # a sender may nest them in any way
    assert recur(labels, "card.x", 100.0, is_chosen=False) == "card.x"


@given(st.lists(st.tuples(st.text(max_size=300), st.booleans()), max_size=400))
def test_no_more_are_shown_than_the_bound(seen: list[tuple[str, bool]]) -> None:
    labels = Recurring()
    shown = {recur(labels, label, 0.0, is_chosen=chosen) for label, chosen in seen} - {OTHER}
    assert len(shown) <= MAX_PATHS
    assert all(len(label) <= 256 for label in shown)


def test_the_memory_of_names_that_came_once_is_bounded() -> None:
    labels = Recurring()
    for number in range(50_000):
        labels(f"name_{number}", is_chosen=True, now=float(number % 7))
    assert len(labels._pending) <= 2_000
    assert recur(labels, "new", 100.0, 10_000) == "new"


def flood(number: int) -> bytes:
    """Make a record of 2,900 names that look like any others."""
    names = (f"name_{number}_{field}".translate(_LETTERS) for field in range(2_900))
    return orjson.dumps(dict.fromkeys(names, 1))


class Watched:
    """A worker's redactor and its coverage, polled as the worker does."""

    def __init__(self, metrics: Metrics, log: Any) -> None:
        self.redactor = PolicyRedactor(parse_policy(POLICY, "t.yaml"))
        self.coverage = FieldCoverage(self.redactor, metrics, log)
        self.now = 0.0

    def feed(self, payloads: list[bytes]) -> None:
        self.redactor.redact(payloads)
        self.now += PERIOD_SECONDS
        self.coverage.poll(self.now)


def paths(metrics: Metrics) -> set[str]:
    return {sample.labels["path"] for family in metrics.field_values.collect() for sample in family.samples}


@pytest.fixture
def watched(metrics: Metrics, log: Any) -> Watched:
    return Watched(metrics, log)


def test_names_of_five_records_blind_nobody_and_are_shown_to_nobody(watched: Watched, metrics: Metrics) -> None:
    usual = [orjson.dumps({"card": "4111", "amount": 1})] * 20
    watched.feed(usual)
    before = paths(metrics)
    for number in range(5):
        watched.feed([*usual, flood(number)])
    renamed = [orjson.dumps({"card": "4111", "amount": 1, "note": "x"})] * 20
    for _ in range(int(60 / PERIOD_SECONDS)):
        watched.feed(renamed)
    assert "note" in paths(metrics)
    assert paths(metrics) - before <= {"card", "amount", "note", OTHER}


def test_a_drift_is_told_after_a_flood_of_names(watched: Watched, log: Any) -> None:
    for number in range(5):
        watched.feed([flood(number)])
    for _ in range(10):
        watched.feed([orjson.dumps({"payer": "123-45-6789"})] * 200)
    for _ in range(5):
        watched.feed([flood(9), *[orjson.dumps({"payer": "as of today something else"})] * 200])
    assert log.named("field.no_longer_redacted") == [{"field": "payer"}]


def test_a_flood_of_names_ends_nothing_that_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    redactor = PolicyRedactor(parse_policy(POLICY, "t.yaml"))
    tree = redactor._tree
    for number in range(20):
        redactor.redact([flood(number)])
    payload = orjson.dumps({"first": {"name": "x"}, "second": [{"name": 1}]})
    redactor.redact([payload])
    worked_out: list[str] = []
    child = tree.child

    def noting(parent: Any, name: str) -> Any:
        worked_out.append(name)
        return child(parent, name)

    monkeypatch.setattr(tree, "child", noting)
    redactor.redact([payload] * 10)
    assert worked_out == []
    assert sum(1 for _ in tree.nodes()) <= 30_001
