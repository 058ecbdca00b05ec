"""One shard's flow, case by case; its laws under any mix of events are in test_pipeline_laws."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest

from consumer import thread_turns
from consumer.errors import EncodeError, LeaseLost, SessionBroken
from consumer.metrics import Metrics
from consumer.pipeline.checkpoint import CheckpointRefused
from consumer.pipeline.flow import _encoded
from consumer.record import Item, Position, Record
from consumer.sink import Fate
from redaction.plugin import Released, Verdict
from tests.kits.pipeline import Bench, Kcl, Redactor, Slow, records

CANARY = "4111111111111111"


@pytest.fixture(autouse=True)
def _no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.pipeline.checkpoint.time.sleep", lambda _: None)


@pytest.fixture
def bench(metrics: Metrics, log: Any, request: pytest.FixtureRequest) -> Bench:
    return Bench(metrics, log, f"shard-{request.node.name}")


def test_each_record_ends_where_it_belongs(bench: Bench) -> None:
    kcl = Kcl()
    batch = records({"k": "a"}, {"k": "b", "do": "drop"}, {"k": "c", "do": "reject"}, {"k": "d", "do": "odd"}, {"x": 1})
    bench.pipeline.process(batch, 0.5, kcl)
    assert bench.outcomes() == {"stored": 1, "dropped": 1, "quarantined": 3}
    assert bench.quarantined() == {"3#0": "code", "4#0": "attribute_name_empty", "5#0": "key_missing"}
    assert kcl.taken[-1] == Position(5, 0)


def quarantined_by_code(metrics: Metrics) -> dict[str, float]:
    (family,) = metrics.quarantined.collect()
    return {sample.labels["code"]: sample.value for sample in family.samples if sample.name.endswith("_total")}


def test_what_is_quarantined_is_counted_by_its_code_and_a_plug_ins_own_codes_together(bench: Bench) -> None:
    before = quarantined_by_code(bench.metrics)
    refused = {"k": "r", "do": "refuse"}
    batch = records({"k": "a", "do": "reject"}, {"k": "b", "do": "odd"}, {"x": 1}, {"x": 2}, refused, {"k": "c"})
    bench.pipeline.process(batch, 0, Kcl())
    after = quarantined_by_code(bench.metrics)
    added = {code: count - before.get(code, 0) for code, count in after.items()}
    assert {code: count for code, count in added.items() if count} == {
        "other": 1,
        "attribute_name_empty": 1,
        "key_missing": 2,
        "item_refused": 1,
    }


def test_an_entry_that_is_not_durable_is_not_counted(bench: Bench) -> None:
    before = quarantined_by_code(bench.metrics)
    bench.quarantine.fates = [lambda _: Fate.PENDING]
    bench.table.before = bench.stop.set
    bench.pipeline.process(records({"k": "a", "do": "reject"}, {"k": "b"}), 0, Kcl())
    assert bench.outcomes() == {"stored": 1, "abandoned": 1}
    assert quarantined_by_code(bench.metrics) == before


def arrived(*seconds: float) -> list[Record]:
    made = records(*({"k": str(index)} for index in range(len(seconds))))
    return [record._replace(arrival_ms=int(1000 * at)) for at, record in zip(seconds, made, strict=True)]


def up_to(bench: Bench) -> float:
    """Return the time up to which the shard is shown as finished."""
    return float(bench.metrics.up_to.labels(bench.shard)._value.get())


def test_the_lag_follows_the_oldest_unfinished_record(bench: Bench) -> None:
    seen: list[float] = []

    def one_after_the_other(writing: Slow) -> bool:
        seen.append(up_to(bench))
        open_ = [i for i, fate in enumerate(writing.fates) if fate is Fate.PENDING]
        writing.fates[open_[0]] = Fate.DURABLE
        return len(open_) == 1

    bench.table.start = lambda items, _: Slow(len(items), one_after_the_other)  # type: ignore[assignment, method-assign]
    bench.pipeline.process(arrived(100, 200, 300), 0, Kcl())
    assert seen == [100, 200, 300]
    assert up_to(bench) == 300  # more may wait behind it
    begun = time.time()
    bench.pipeline.process([], 5, Kcl())
    assert begun - 5 <= up_to(bench) <= time.time() - 5


def test_the_lag_grows_from_the_first_record_that_was_abandoned(bench: Bench) -> None:
    bench.table.fates = [lambda i: Fate.PENDING if i == 1 else Fate.DURABLE]
    bench.pipeline.process(arrived(100, 200, 300), 0, Kcl())
    bench.pipeline.process([], 0, Kcl())
    assert up_to(bench) == 200


def test_a_record_that_says_nothing_of_its_arrival_leaves_the_lag_to_kcl(bench: Bench) -> None:
    begun = time.time()
    bench.pipeline.process(records({"k": "a"}), 7, Kcl())
    assert begun - 7 <= up_to(bench) <= time.time() - 7


def test_an_empty_batch_is_a_heartbeat_that_checkpoints(bench: Bench) -> None:
    kcl = Kcl(CheckpointRefused("x"))
    bench.pipeline.process(records({"k": "a"}), 0, kcl)
    assert kcl.taken == [Position(1, 0)]  # refused while it was written, taken at the end
    refused = Kcl(CheckpointRefused("x"), CheckpointRefused("x"), CheckpointRefused("x"))
    bench.pipeline.process(records({"k": "b"}, first=2), 0, refused)
    assert refused.taken == []
    bench.pipeline.process([], 0, kcl)
    assert kcl.taken == [Position(1, 0), Position(2, 0)]


def test_of_equal_keys_the_later_wins_and_the_earlier_is_a_duplicate(bench: Bench) -> None:
    bench.pipeline.process(records({"k": "a", "n": 1}, {"k": "b"}, {"k": "a", "n": 2}, {"k": "a", "n": 3}), 0, Kcl())
    assert bench.outcomes() == {"stored": 2, "duplicate": 2}
    assert bench.table.items["a", "a"].attributes["n"] == {"N": "3"}
    assert len(bench.table.calls) == 1


def test_where_the_newest_is_refused_the_one_before_it_is_stored(bench: Bench) -> None:
    refused = {"k": "a", "do": "refuse"}
    bench.pipeline.process(records({"k": "a", "n": 1}, {"k": "a", "n": 2}, refused, refused, {"k": "b"}), 0, Kcl())
    assert bench.table.items["a", "a"].attributes["n"] == {"N": "2"}
    assert bench.quarantined() == {"3#0": "item_refused", "4#0": "item_refused"}
    assert bench.outcomes() == {"stored": 2, "duplicate": 1, "quarantined": 2}


def test_a_redelivery_of_what_is_settled_is_a_duplicate_and_not_written_again(bench: Bench) -> None:
    batch = records({"k": "a"}, {"k": "b", "do": "reject"}, {"k": "c"})
    bench.pipeline.process(batch[:2], 0, Kcl())
    bench.open()
    kcl = Kcl()
    bench.pipeline.process(batch, 0, kcl)
    assert bench.outcomes() == {"stored": 2, "quarantined": 1, "duplicate": 2}
    assert [item.key for item in bench.table.calls[-1]] == [("c", "c")]
    assert kcl.taken[-1] == Position(3, 0)


def test_a_sequence_number_with_more_digits_is_no_redelivery(bench: Bench) -> None:
    batch = records({"k": "a"}, {"k": "b"}, first=9)
    bench.pipeline.process(batch[:1], 0, Kcl())
    bench.open()
    kcl = Kcl()
    bench.pipeline.process(batch, 0, kcl)
    assert bench.outcomes() == {"stored": 2, "duplicate": 1}
    assert kcl.taken[-1] == Position(10, 0)


def test_records_of_one_aggregate_differ_in_their_sub_sequence_number(bench: Bench) -> None:
    batch = [Record("7", sub, 0, orjson.dumps({"k": str(sub)})) for sub in range(3)]
    bench.pipeline.process(batch[:2], 0, Kcl())
    bench.open()
    kcl = Kcl()
    bench.pipeline.process(batch, 0, kcl)
    assert bench.outcomes() == {"stored": 3, "duplicate": 2}
    assert kcl.taken[-1] == Position(7, 2)


def test_a_stop_abandons_the_rest_and_nothing_beyond_it_is_ever_checkpointed(bench: Bench) -> None:
    bench.table.fates = [lambda i: Fate.PENDING if i == 1 else Fate.DURABLE]
    kcl = Kcl()
    bench.pipeline.process(records({"k": "a"}, {"k": "b"}, {"k": "c"}), 0, kcl)
    bench.pipeline.process(records({"k": "d"}, first=4), 0, kcl)
    bench.pipeline.process([], 0, kcl)
    bench.pipeline.shut_down(kcl)
    assert set(kcl.taken) == {Position(1, 0)}
    assert bench.outcomes() == {"stored": 2, "abandoned": 2}
    with pytest.raises(SessionBroken):
        bench.pipeline.end_shard(kcl)
    assert "end" not in kcl.taken
    bench.open()
    bench.pipeline.process(records({"k": "b"}, {"k": "c"}, {"k": "d"}, first=2), 0, kcl)
    assert kcl.taken[-1] == Position(4, 0)


def test_the_end_of_a_settled_shard_is_checkpointed_even_when_it_is_refused_at_first(bench: Bench) -> None:
    bench.pipeline.process(records({"k": "a"}), 0, Kcl())
    refusals = [CheckpointRefused("ThrottlingException")] * 3

    class Throttled(Kcl):
        def at_end(self) -> None:
            if refusals:
                raise refusals.pop()
            super().at_end()

    kcl = Throttled()
    bench.pipeline.end_shard(kcl)
    assert kcl.taken == ["end"]


@pytest.mark.parametrize("error", [LeaseLost(), SessionBroken()])
def test_what_a_checkpoint_raises_ends_the_work_and_closes_the_books(bench: Bench, error: Exception) -> None:
    with pytest.raises(type(error)):
        bench.pipeline.process(records({"k": "a"}, {"k": "b"}), 0, Kcl(error))
    assert sum(bench.outcomes().values()) == 2
    bench.pipeline.close()
    assert bench.stop.is_set()


def test_a_lost_lease_halts_and_stops_what_is_still_written(bench: Bench) -> None:
    with pytest.raises(LeaseLost):
        bench.pipeline.process(records({"k": "a"}), 0, Kcl(LeaseLost()))
    assert bench.stop.is_set()
    kcl, written = Kcl(), len(bench.table.calls)
    bench.pipeline.process(records({"k": "b"}, first=2), 0, kcl)
    assert bench.outcomes() == {"stored": 1, "abandoned": 1}
    assert (kcl.taken, len(bench.table.calls)) == ([], written)


def test_a_defect_in_a_sink_is_never_an_acknowledged_batch(bench: Bench) -> None:
    def broken(_: Slow) -> bool:
        raise ZeroDivisionError

    kcl = Kcl()
    bench.table.start = lambda items, _: Slow(len(items), broken)  # type: ignore[assignment, method-assign]
    with pytest.raises(ZeroDivisionError):
        bench.pipeline.process(records({"k": "a"}), 0, kcl)
    assert kcl.taken == []
    assert bench.outcomes() == {"abandoned": 1}


def test_quarantine_entries_are_not_held_up_by_a_slow_table(bench: Bench) -> None:
    """What is under way to the quarantine holds one of its few slots until somebody reads the answer."""
    waited_for: list[str] = []

    def slow(writing: Slow) -> bool:
        waited_for.append("table")
        if len(waited_for) > 10:
            bench.stop.set()
        if "quarantine" not in waited_for:
            return False
        writing.fates[0] = Fate.DURABLE
        return True

    def quick(writing: Slow) -> bool:
        waited_for.append("quarantine")
        writing.fates[0] = Fate.DURABLE
        return True

    bench.table.start = lambda items, _: Slow(len(items), slow)  # type: ignore[assignment, method-assign]
    bench.quarantine.start = lambda items, _: Slow(len(items), quick)  # type: ignore[assignment, method-assign]
    bench.pipeline.process(records({"k": "a"}, {"k": "b", "do": "reject"}), 0, Kcl())
    assert bench.outcomes() == {"stored": 1, "quarantined": 1}


def test_whatever_was_begun_is_waited_for_in_the_end(bench: Bench) -> None:
    """Also where the work stops after the newest of some equal keys was refused, and others are under way."""
    open_: list[Slow] = []

    def stopping(writing: Slow) -> bool:
        writing.fates[0] = Fate.REFUSED
        if bench.pipeline._halted:
            open_.remove(writing)
            return True
        bench.stop.set()
        return False

    def start(items: Any, _: Any) -> Slow:
        open_.append(Slow(len(items), stopping))
        return open_[-1]

    bench.table.start = start  # type: ignore[assignment, method-assign]
    bench.pipeline.process(records({"k": "a"}, {"k": "a"}), 0, Kcl())
    bench.pipeline.close()
    assert open_ == []


def test_what_was_begun_is_waited_for_where_the_quarantine_cannot_begin(bench: Bench) -> None:
    ended: list[bool] = []

    def slow(_: Slow) -> bool:
        ended.append(True)
        return True

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    bench.table.start = lambda items, _: Slow(len(items), slow)  # type: ignore[assignment, method-assign]
    bench.quarantine.start = broken  # type: ignore[assignment, method-assign]
    with pytest.raises(ZeroDivisionError):
        bench.pipeline.process(records({"k": "a"}), 0, Kcl())
    bench.pipeline.close()
    assert ended


def test_a_quarantine_that_refuses_breaks_the_session(bench: Bench) -> None:
    bench.quarantine.fates = [lambda _: Fate.REFUSED]
    kcl = Kcl()
    with pytest.raises(SessionBroken):
        bench.pipeline.process(records({"k": "a", "do": "reject"}), 0, kcl)
    assert kcl.taken == []
    assert bench.outcomes() == {"abandoned": 1}


def _raise(_: Any) -> Any:
    raise RuntimeError(CANARY)


@pytest.mark.parametrize(
    "redact",
    [
        _raise,
        lambda _: None,
        lambda _: [],
        lambda payloads: [None] * len(payloads),
        lambda payloads: [Released({1: "no text"}, b"{}")] * len(payloads),  # type: ignore[dict-item]
        lambda payloads: [Released({"k": object()}, b"{}")] * len(payloads),  # type: ignore[dict-item]
        lambda payloads: [Released({"k": "a", "f": float("nan")}, b"{}")] * len(payloads),
        lambda payloads: payloads,
        lambda payloads: [payload.decode() for payload in payloads],
    ],
)
def test_whatever_a_plug_in_does_wrong_its_records_are_quarantined(
    metrics: Metrics, log: Any, redact: Any, request: pytest.FixtureRequest
) -> None:
    redactor = Redactor()
    redactor.redact = redact  # type: ignore[method-assign]
    bench, kcl = Bench(metrics, log, request.node.name, redactor), Kcl()
    bench.pipeline.process(records({"k": CANARY}, {"k": "b"}), 0, kcl)
    assert bench.outcomes() == {"quarantined": 2}
    assert bench.table.items == {}
    assert kcl.taken[-1] == Position(2, 0)
    assert CANARY not in str(bench.quarantine.items) + str(log.events)


class _Watching:
    """Notes, for each call, how many records it is shown, and whether others may have their turn meanwhile."""

    name, version, digest = "watching", "1", "d"

    def __init__(self) -> None:
        self.calls: list[tuple[int, bool]] = []

    def redact(self, payloads: Sequence[bytes]) -> list[Verdict]:
        self.calls.append((len(payloads), not thread_turns._TURN.holder))
        documents = [orjson.loads(payload) for payload in payloads]
        return [Released({"k": document["k"]}, b"{}", ()) for document in documents]


def test_no_shard_waits_while_a_large_record_is_redacted(metrics: Metrics, log: Any) -> None:
    redactor = _Watching()
    bench = Bench(metrics, log, "shard-large", redactor)
    large = {"pad": "x" * thread_turns.LARGE_BYTES}
    batch = records({"k": "a"}, {"k": "b"}, {"k": "c"} | large, {"k": "d"} | large, {"k": "e"})
    with thread_turns.working():
        bench.pipeline.process(batch, 0, Kcl())
    assert redactor.calls == [(2, False), (2, True), (1, False)]
    assert {key for key, _ in bench.table.items} == set("abcde")
    bench.pipeline.close()


def test_what_an_encoder_refuses_holds_no_document_in_memory() -> None:
    class Refusing:
        has_unique_keys = True

        def encode(self, document: Mapping[str, object], record: Record) -> Item:  # noqa: ARG002
            raise EncodeError("item_too_large")

    [made] = _encoded(Refusing(), [Released({}, b"{}")], records({}))
    assert isinstance(made, EncodeError)
    assert (made.code, made.__traceback__) == ("item_too_large", None)
