"""What is shown of each field, and when it is said that one is redacted no longer."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.metrics import Metrics
from consumer.redactors.coverage import CLEAN_VALUES, TRUSTED_VALUES, UNKNOWN_LOG_SECONDS, Drift, FieldCoverage
from consumer.redactors.field_labels import OTHER, Bounded, shown
from redaction.engine import Coverage, PolicyRedactor
from redaction.policy.file import parse_policy

FEEDS = st.lists(st.integers(0, 2000).flatmap(lambda seen: st.tuples(st.just(seen), st.integers(0, seen))), max_size=60)

# What is tried here is what is shown of a name that has recurred; see test_field_labels.py for when it has.
pytestmark = pytest.mark.usefixtures("names_recur_at_once")


def policy(text: str) -> PolicyRedactor:
    return PolicyRedactor(parse_policy(f"name: t\nversion: '1'\n{text}", "t.yaml"))


def trusted() -> Drift:
    drift = Drift()
    assert not drift.feed(TRUSTED_VALUES, TRUSTED_VALUES)
    return drift


def test_a_field_that_was_always_redacted_and_is_no_more_drifts_once() -> None:
    drift = trusted()
    changes = [(drift.feed(1, 0), drift.drifts) for _ in range(5000)]
    assert changes.index((True, True)) == CLEAN_VALUES - 1
    assert changes[: CLEAN_VALUES - 1] == [(False, False)] * (CLEAN_VALUES - 1)
    assert changes[CLEAN_VALUES:] == [(False, True)] * (5000 - CLEAN_VALUES)


def test_it_recovers_when_its_values_are_redacted_again() -> None:
    drift = trusted()
    drift.feed(CLEAN_VALUES, 0)
    assert not drift.feed(CLEAN_VALUES, CLEAN_VALUES // 2)
    assert not drift.feed(CLEAN_VALUES - 1, CLEAN_VALUES - 1)
    assert drift.feed(1, 1)
    assert not drift.drifts
    assert drift.feed(CLEAN_VALUES, 0)


def test_a_field_with_too_few_values_or_too_few_redacted_is_not_trusted() -> None:
    few = Drift()
    few.feed(TRUSTED_VALUES - 1, TRUSTED_VALUES - 1)
    assert not few.feed(10**6, 0)
    mixed = Drift()
    mixed.feed(TRUSTED_VALUES, TRUSTED_VALUES * 98 // 100)
    assert not mixed.feed(10**6, 0)


def test_one_redacted_value_ends_a_run_of_clean_ones() -> None:
    drift = trusted()
    for _ in range(3):
        assert not drift.feed(2, 1)
        assert not drift.feed(CLEAN_VALUES - 1, 0)
    assert not drift.drifts


def test_trust_is_lost_as_the_older_values_fade() -> None:
    drift = trusted()
    drift.feed(100_000, 50_000)
    assert not drift.feed(100_000, 0)
    drift.feed(1_000_000, 1_000_000)
    assert drift.feed(CLEAN_VALUES, 0)


@given(FEEDS)
def test_a_drift_needs_trust_and_clean_values(feeds: list[tuple[int, int]]) -> None:
    drift = Drift()
    total = redacted = clean = 0
    for seen, hidden in feeds:
        total, redacted = total + seen, redacted + hidden
        clean = 0 if hidden else clean + seen
        if drift.feed(seen, hidden) and drift.drifts:
            assert clean >= CLEAN_VALUES
            assert redacted * 100 >= 99 * TRUSTED_VALUES
            assert total >= TRUSTED_VALUES + CLEAN_VALUES


@given(FEEDS)
def test_a_field_that_is_always_redacted_never_drifts(feeds: list[tuple[int, int]]) -> None:
    drift = Drift()
    assert not any(drift.feed(seen, seen) for seen, _ in feeds)


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_whatever_the_size_of_the_feeds_the_loss_of_redaction_is_noticed(before: int, after: int) -> None:
    drift = Drift()
    for _ in range(-(-TRUSTED_VALUES // before)):
        drift.feed(before, before)
    for _ in range(-(-CLEAN_VALUES // after)):
        drift.feed(after, 0)
    assert drift.drifts


class Counting:
    """Stands in for a redactor whose counts the test sets."""

    def __init__(self, text: str = "") -> None:
        self.policy = policy(text).policy
        self.counts: list[Coverage] = []

    def coverage(self) -> Iterator[Coverage]:
        return iter(self.counts)

    def set(self, *entries: tuple[str, int, int] | tuple[str, int, int, bool]) -> None:
        self.counts = [Coverage(tuple(e[0].split("/")), e[1], e[2], e[3] if len(e) > 3 else True) for e in entries]


@pytest.fixture
def values(metrics: Metrics) -> Any:
    """Return what was counted since the test began, as {(path, result): count}."""

    def read() -> dict[tuple[str, str], int]:
        (family,) = metrics.field_values.collect()
        return {
            (s.labels["path"], s.labels["result"]): int(s.value) for s in family.samples if s.name.endswith("_total")
        }

    before = read()
    return lambda: {key: n - before.get(key, 0) for key, n in read().items() if n != before.get(key, 0)}


def drifting(metrics: Metrics) -> dict[str, float]:
    (family,) = metrics.field_drift.collect()
    return {sample.labels["path"]: sample.value for sample in family.samples}


def covered(redactor: Any, payloads: Sequence[bytes], metrics: Metrics, log: Any) -> FieldCoverage:
    coverage = FieldCoverage(redactor, metrics, log)
    redactor.redact(payloads)
    coverage.flush()
    return coverage


def test_each_field_is_counted_by_what_became_of_its_values(metrics: Metrics, log: Any, values: Any) -> None:
    redactor = policy("fields: [{id: f, names: [card], action: mask}]\ndetectors: {card: mask}")
    payload = b'{"card":"4111 1111 1111 1111","note":"paid with 4111 1111 1111 1111","amount":1}'
    covered(redactor, [payload, payload, b'{"amount":2,"note":"cash"}'], metrics, log)
    assert values() == {
        ("card", "redacted"): 2,
        ("note", "redacted"): 2,
        ("note", "released"): 1,
        ("amount", "released"): 3,
    }


def test_counts_are_carried_over_once(metrics: Metrics, log: Any, values: Any) -> None:
    redactor = policy("")
    coverage = covered(redactor, [b'{"once":1}'], metrics, log)
    coverage.flush()
    redactor.redact([b'{"once":1}'])
    coverage.flush()
    assert values() == {("once", "released"): 2}


def test_unknown_fields_are_counted_without_their_names(metrics: Metrics, log: Any, values: Any) -> None:
    redactor = policy(
        "unknown_fields: drop\nfields: [{id: f, names: [user], paths: [customer.city, order.*.id], action: release}]"
    )
    payload = b'{"user":1,"customer":{"city":"Bonn","nick":"x"},"johnsmith":[1,2],"order":{"smith":{"id":7}}}'
    covered(redactor, [payload] * 3, metrics, log)
    counted = values()
    assert {key: n for key, n in counted.items() if key[1] == "unknown"} == {
        ("?", "unknown"): 3,
        ("customer.?", "unknown"): 3,
    }
    assert counted["user", "released"] == counted["customer.city", "released"] == 3
    assert "johnsmith" not in str(counted) + str(log.events)
    assert sorted(event["field"] for event in log.named("field.unknown")) == ["?", "customer.?"]


def test_unknown_fields_that_are_masked_keep_their_names(metrics: Metrics, log: Any, values: Any) -> None:
    covered(policy("unknown_fields: mask"), [b'{"odd_one":"x"}'], metrics, log)
    assert values() == {("odd_one", "unknown"): 1}


def test_a_name_that_a_rule_takes_out_is_not_shown_unless_the_rule_spells_it(
    metrics: Metrics, log: Any, values: Any
) -> None:
    dropped = "{id: f, names: ['secret*', pin], action: drop}"
    redactor = policy(f"fields: [{dropped}, {{id: g, paths: ['*_mail'], action: mask}}]")
    covered(redactor, [b'{"secret_of_smith":1,"PIN":1,"work_mail":"ab"}'], metrics, log)
    assert values() == {("?", "redacted"): 1, ("PIN", "redacted"): 1, ("work_mail", "redacted"): 1}


@pytest.mark.parametrize("name", ["a b", "a.b", "x" * 65, "n12345", "ä", "", "1-2-3-4-5", "{}"])
def test_a_name_that_may_be_content_is_not_shown(name: str) -> None:
    assert shown(name) == "?"


@given(st.text(), st.integers(0, 20))
def test_no_more_labels_pass_than_the_bound(text: str, limit: int) -> None:
    bounded = Bounded(limit)
    labels = [bounded(f"{text[:40]}{i % 30}") for i in range(90)]
    assert len(set(labels) - {OTHER}) == min(limit, 30)
    assert labels[:30] == labels[30:60] == labels[60:]


def test_paths_beyond_the_bound_are_one(metrics: Metrics, log: Any, values: Any) -> None:
    redactor = Counting()
    redactor.set(*((f"bound_{chr(97 + i // 26)}{chr(97 + i % 26)}", 2, 1) for i in range(300)))
    coverage = FieldCoverage(redactor, metrics, log)  # type: ignore[arg-type]
    coverage.flush()
    counted = values()
    assert len({path for path, _ in counted}) == 151
    assert counted[OTHER, "released"] == counted[OTHER, "redacted"] == 150


def test_a_drift_is_shown_and_said_and_taken_back(metrics: Metrics, log: Any) -> None:
    redactor = Counting()
    coverage = FieldCoverage(redactor, metrics, log)  # type: ignore[arg-type]
    redactor.set(("drift_a", 2000, 2000), ("drift_b", 2000, 0))
    coverage.flush()
    assert "drift_a" not in drifting(metrics)
    redactor.set(("drift_a", 2600, 2000), ("drift_b", 9000, 0))
    coverage.flush()
    assert drifting(metrics)["drift_a"] == 1
    assert "drift_b" not in drifting(metrics)
    assert log.named("field.no_longer_redacted") == [{"field": "drift_a"}]
    redactor.set(("drift_a", 3200, 2600), ("drift_b", 9000, 0))
    coverage.flush()
    assert drifting(metrics)["drift_a"] == 0


def test_values_of_a_batch_that_is_still_redacted_are_not_taken_for_clean(
    metrics: Metrics, log: Any, values: Any
) -> None:
    redactor = Counting()
    coverage = FieldCoverage(redactor, metrics, log)  # type: ignore[arg-type]
    for batch in range(20):  # polled in the middle of each batch: counted, and not yet redacted
        redactor.set(("slow", 600 * (batch + 1), 600 * batch))
        coverage.poll(0.0)
    redactor.set(("slow", 12_000, 12_000))
    coverage.flush()
    assert log.events == []
    assert values() == {("slow", "redacted"): 12_000}


def test_the_many_items_of_a_list_do_not_hide_a_drift(metrics: Metrics, log: Any, values: Any) -> None:
    redactor = Counting()
    coverage = FieldCoverage(redactor, metrics, log)  # type: ignore[arg-type]
    redactor.set(("tags", 1000, 1_000_000))
    coverage.flush()
    redactor.set(("tags", 1500, 1_000_000))
    coverage.flush()
    assert log.named("field.no_longer_redacted") == [{"field": "tags"}]
    assert values() == {("tags", "redacted"): 1000, ("tags", "released"): 500}


def test_names_that_are_redacted_to_the_same_one_are_summed(metrics: Metrics, log: Any, values: Any) -> None:
    redactor = Counting()
    redactor.set(("user_****", 3, 1), ("user_****", 4, 1))
    FieldCoverage(redactor, metrics, log).flush()  # type: ignore[arg-type]
    assert values() == {("?", "released"): 5, ("?", "redacted"): 2}


def test_unknown_fields_are_logged_now_and_then(metrics: Metrics, log: Any) -> None:
    redactor = Counting("unknown_fields: drop")
    coverage = FieldCoverage(redactor, metrics, log)  # type: ignore[arg-type]
    for count in range(1, 6):
        redactor.set(("smith", count, count, False))
        coverage.poll(float(count))
    assert log.named("field.unknown") == [{"field": "?", "count": 1}]
    coverage.poll(UNKNOWN_LOG_SECONDS + 2)
    assert log.named("field.unknown") == [{"field": "?", "count": 1}, {"field": "?", "count": 4}]
    coverage.poll(3 * UNKNOWN_LOG_SECONDS)
    assert len(log.named("field.unknown")) == 2


def test_a_defect_is_logged_without_content_and_ends_nothing(metrics: Metrics, log: Any) -> None:
    redactor = Counting()
    redactor.coverage = lambda: iter([1 // 0])  # type: ignore[method-assign, list-item]
    FieldCoverage(redactor, metrics, log).flush()  # type: ignore[arg-type]
    assert len(log.named("coverage.failed")) == 2
