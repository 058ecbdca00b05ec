"""A candidate policy beside the live one: counted by field, never stored, never in the way."""

import threading
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from consumer.metrics import Metrics
from consumer.record import Item
from consumer.redactors.candidate import CandidateRun
from consumer.redactors.field_labels import OTHER
from consumer.sink import Fate, Writing
from redaction.engine import PolicyRedactor
from redaction.guard import redact_guarded
from redaction.plugin import Dropped, Released
from redaction.policy.file import parse_policy
from tests.kits.pipeline import Bench, Kcl, Redactor, Slow, records

CARD = "4111 1111 1111 1111"

# What is tried here is what is shown of a name that has recurred; see test_field_labels.py for when it has.
pytestmark = pytest.mark.usefixtures("names_recur_at_once")


def policy(text: str) -> PolicyRedactor:
    return PolicyRedactor(parse_policy(f"name: t\nversion: '1'\n{text}", "t.yaml"))


class Counts:
    """What was counted since it was made."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._before = self._read()

    def _read(self) -> dict[tuple[str, ...], int]:
        families = [*self._metrics.candidate_records.collect(), *self._metrics.candidate_differences.collect()]
        return {
            (sample.labels["result"],)
            if "result" in sample.labels
            else (sample.labels["path"], sample.labels["change"]): int(sample.value)
            for family in families
            for sample in family.samples
            if sample.name.endswith("_total")
        }

    def __call__(self) -> dict[tuple[str, ...], int]:
        now = self._read()
        return {key: n - self._before.get(key, 0) for key, n in now.items() if n != self._before.get(key, 0)}


@pytest.fixture
def counts(metrics: Metrics) -> Counts:
    return Counts(metrics)


def tried(candidate: Any, live: Any, payloads: Sequence[bytes], metrics: Metrics, log: Any) -> None:
    CandidateRun(candidate, live, metrics, log).compare(payloads, redact_guarded(live, payloads))


def test_what_a_candidate_does_differently_is_counted_by_field(metrics: Metrics, log: Any, counts: Counts) -> None:
    live = policy("fields: [{id: f, names: [card], action: mask}, {id: g, names: [pin], action: drop}]")
    candidate = policy("fields: [{id: f, names: [card], action: drop}, {id: g, names: [note], action: mask}]")
    payloads = [b'{"id":1}', b'{"card":"4111 1111 1111 1111","pin":"1234","note":"x"}', b'{"note":"y"}']
    tried(candidate, live, payloads, metrics, log)
    assert counts() == {
        ("same",): 1,
        ("different",): 2,
        ("card", "hidden -> dropped"): 1,
        ("pin", "dropped -> released"): 1,
        ("note", "released -> hidden"): 2,
    }


def test_equal_policies_are_the_same(metrics: Metrics, log: Any, counts: Counts) -> None:
    payloads = [orjson.dumps({"credit_card": CARD, "ssn": "123-45-6789", "n": n}) for n in range(20)]
    text = "extends: default"
    tried(policy(text), policy(text), [*payloads, b"no json", b""], metrics, log)
    assert counts() == {("same",): 22}


def test_whole_records_that_end_elsewhere_are_counted_as_such(metrics: Metrics, log: Any, counts: Counts) -> None:
    live = policy("drop_records: [{id: t, field: kind, equals: test}]")
    candidate = policy("fields: [{id: q, names: [iban], action: quarantine}]")
    tried(candidate, live, [b'{"kind":"test"}', b'{"iban":"x"}'], metrics, log)
    assert counts() == {
        ("different",): 2,
        ("(record)", "dropped -> released"): 1,
        ("(record)", "released -> rejected (field_forbidden)"): 1,
    }


def test_a_name_that_the_live_policy_does_not_release_is_not_shown(metrics: Metrics, log: Any, counts: Counts) -> None:
    live = policy("unknown_fields: drop\nfields: [{id: f, names: [user], paths: [a.user], action: release}]")
    candidate = policy("fields: [{id: f, names: [spelled], action: mask}]")
    payload = b'{"johnsmith":1,"user":"x","a":{"smith":[{"jr":2}]},"spelled":1,"4111111":1,"o.k":1}'
    tried(candidate, live, [payload], metrics, log)
    shown = {path for path, *_ in counts() if path not in ("same", "different")}
    assert shown == {"?", "a.?.?", "spelled", "?.?"}
    assert "smith" not in str(counts())


def test_a_name_that_the_live_policy_releases_in_a_list_is_shown(metrics: Metrics, log: Any, counts: Counts) -> None:
    payload = b'{"items":[{"n":1},[{"price":"x"}]]}'
    tried(policy("fields: [{id: f, names: ['*rice'], action: mask}]"), policy(""), [payload], metrics, log)
    assert counts() == {("different",): 1, ("items.price", "released -> hidden"): 1}


def test_paths_beyond_the_bound_are_one(metrics: Metrics, log: Any, counts: Counts) -> None:
    names = [f"field_{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(300)]
    tried(policy("unknown_fields: mask"), policy(""), [orjson.dumps({name: "x"}) for name in names], metrics, log)
    counted = counts()
    assert counted[OTHER, "released -> hidden"] == 150
    assert len(counted) == 152  # 150 paths, the others, and the records


class Hostile:
    """A candidate that does what it is told."""

    name, version, digest = "hostile", "1", "d"

    def __init__(self, redact: Any) -> None:
        self.redact = redact


def _raise(error: BaseException) -> Any:
    def redact(_: Any) -> Any:
        raise error

    return redact


HOSTILE = [
    _raise(RuntimeError(CARD)),
    _raise(SystemExit(CARD)),
    _raise(MemoryError()),
    lambda _: None,
    lambda _: [],
    list,
    lambda payloads: [Dropped(CARD)] * len(payloads),
    lambda payloads: [Released({7: object()}, b"?") for _ in payloads],  # type: ignore[dict-item]
]


@pytest.mark.parametrize("redact", HOSTILE)
def test_whatever_a_candidate_does_wrong_the_live_records_are_stored(
    redact: Any, metrics: Metrics, log: Any, counts: Counts, request: pytest.FixtureRequest
) -> None:
    bench = Bench(metrics, log, request.node.name)
    bench.use_candidate(CandidateRun(Hostile(redact), bench.redactor, metrics, log))
    kcl = Kcl()
    bench.pipeline.process(records({"k": "a"}, {"k": "b", "do": "drop"}, {"k": "c", "do": "reject"}), 0, kcl)
    assert bench.outcomes() == {"stored": 1, "dropped": 1, "quarantined": 1}
    assert kcl.taken[-1].sequence == 3  # type: ignore[union-attr]
    counted = counts()
    released_oddly = {("different",): 2, ("(record)", "dropped -> released"): 1}
    released_oddly[("(record)", "rejected (code) -> released")] = 1
    assert counted in ({("failed",): 3}, {("failed",): 1} | released_oddly)
    assert CARD not in str(counted) + str(log.events)


def test_a_defect_of_the_comparison_is_said_once_and_counted(
    metrics: Metrics, log: Any, counts: Counts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError(CARD)

    monkeypatch.setattr("consumer.redactors.candidate.compare", broken)
    tried(policy(""), policy(""), [b"{}"] * 5, metrics, log)
    assert counts() == {("failed",): 5}
    assert len(log.named("candidate.failed")) == 1


@pytest.mark.parametrize("batch", [({"k": "a"}, {"k": "b"}), ({"k": "a", "do": "drop"}, {"k": "b", "do": "drop"})])
def test_each_record_is_tried_once_after_its_write_began(
    batch: tuple[dict[str, Any], ...], metrics: Metrics, log: Any, request: pytest.FixtureRequest
) -> None:
    bench = Bench(metrics, log, request.node.name)
    seen: list[tuple[bytes, int]] = []

    def redact(payloads: Sequence[bytes]) -> list[Any]:
        seen.extend((payload, len(bench.table.calls)) for payload in payloads)
        return list(Redactor().redact(payloads))

    bench.use_candidate(CandidateRun(Hostile(redact), bench.redactor, metrics, log))
    sent = records(*batch)
    bench.pipeline.process(sent, 0, Kcl())
    stored = int("do" not in batch[0])
    assert seen == [(record.data, stored) for record in sent]
    more = [*sent, *records({"k": "c"}, first=3)]
    bench.pipeline.process(more, 0, Kcl())  # about what was settled already nobody is asked
    assert [payload for payload, _ in seen] == [record.data for record in more]


def test_the_candidate_is_tried_while_dynamodb_is_at_work(
    metrics: Metrics, log: Any, request: pytest.FixtureRequest
) -> None:
    bench = Bench(metrics, log, request.node.name)
    order: list[str] = []

    def start(items: Sequence[Item], _: threading.Event) -> Writing:
        order.append("sent")
        return Slow(len(items), answered)

    def answered(writing: Slow) -> bool:
        order.append("answered")
        writing.fates = [Fate.DURABLE] * len(writing.fates)
        return True

    def redact(payloads: Sequence[bytes]) -> list[Any]:
        order.append("tried")
        return list(Redactor().redact(payloads))

    bench.table.start = start  # type: ignore[assignment, method-assign]
    bench.use_candidate(CandidateRun(Hostile(redact), bench.redactor, metrics, log))
    bench.pipeline.process(records({"k": "a"}), 0, Kcl())
    assert order == ["sent", "tried", "answered"]
    assert bench.outcomes() == {"stored": 1}
