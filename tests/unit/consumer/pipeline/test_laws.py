"""The pipeline's laws under any mix of records, refusals, stops and failures, driven as KCL drives it.

Whatever happens: the outcomes sum up to what was delivered, no checkpoint passes a record that is not in its place, and
once the trouble is over every record is.
"""

from collections.abc import Sequence
from itertools import count
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import LeaseLost, SessionBroken
from consumer.metrics import Metrics
from consumer.pipeline.checkpoint import CheckpointRefused
from consumer.record import Item, Position, Record, place_of
from consumer.sink import Fate, Writing
from tests.kits.examples import examples
from tests.kits.pipeline import Bench, Lines, Table

SHARDS = count()
DOCUMENTS = st.fixed_dictionaries(
    {"k": st.sampled_from("abcdef")}, optional={"do": st.sampled_from(["drop", "reject", "odd", "refuse"])}
)
WRITES = st.none() | st.tuples(st.sampled_from(["stop", "fail"]), st.integers(0, 4))
CHECKPOINTS = st.sampled_from([None, None, CheckpointRefused, SessionBroken, LeaseLost])
RECORDS = st.lists(st.lists(DOCUMENTS, min_size=1, max_size=5), max_size=10)
STEPS = st.lists(st.integers(0, 7), max_size=12)


@pytest.fixture(autouse=True)
def _no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.pipeline.checkpoint.time.sleep", lambda _: None)
    monkeypatch.setattr("consumer.pipeline.decoding.BATCH_DOCUMENTS", 3)  # so that records reach over batches


class FaultyTable(Table):
    """Stores some of a call's items, then stops the session or fails, as its script says."""

    def __init__(self, script: list[Any], bench: Bench) -> None:
        super().__init__()
        self.script = script
        self.bench = bench

    def start(self, items: Sequence[Item], stop: Any) -> Writing:
        fault = self.script.pop(0) if self.script and items else None
        if fault is None:
            return super().start(items, stop)
        kind, survivors = fault
        self.fates = [lambda i: Fate.DURABLE if i < survivors else Fate.PENDING]
        writing = super().start(items, stop)
        if kind == "fail":
            raise RuntimeError
        self.bench.stop.set()
        return writing


class Stream:
    """KCL's side: delivers from the last accepted checkpoint, and checks each checkpoint against the tables."""

    def __init__(self, bench: Bench, records: list[list[dict[str, Any]]], refusals: list[Any]) -> None:
        self.bench = bench
        numbers = count()
        self.documents = [[document | {"n": next(numbers)} for document in documents] for documents in records]
        # Two sub-records a sequence number, as the KPL makes them.
        self.records = [
            Record(str(10 + i // 2), i % 2, 0, b"\n".join(map(orjson.dumps, documents)))
            for i, documents in enumerate(self.documents)
        ]
        self.refusals = refusals
        self.checkpointed = 0
        self.delivered_up_to = 0
        self.deliveries = 0
        self.ended = False

    def at(self, position: Position) -> None:
        self._refuse()
        index = [record.position for record in self.records].index(position) + 1
        assert self.checkpointed <= index <= self.delivered_up_to
        self.check_settled(index)
        self.checkpointed = index

    def at_end(self) -> None:
        self._refuse()
        self.check_settled(len(self.records))
        self.ended = True

    def _refuse(self) -> None:
        error = self.refusals.pop(0) if self.refusals else None
        if error is not None:
            raise error("x")

    def check_settled(self, end: int) -> None:
        """Look for each of the first `end` records where it must be, without asking the pipeline."""
        entries = self.bench.quarantined()
        for record, documents in zip(self.records[:end], self.documents, strict=False):
            for part, document in enumerate(documents):
                action = document.get("do")
                if action == "drop":
                    continue
                if f"{record.sequence}#{place_of(record.sub, part)}" in entries:
                    assert action in ("reject", "odd", "refuse") or action is None
                    continue
                assert action not in ("reject", "odd")
                # It, or a later document with its key, stands in the table or was refused.
                stored = self.bench.table.items.get((document["k"], document["k"]))
                assert stored is not None
                assert int(stored.attributes["n"]["N"]) >= document["n"] or action == "refuse"

    def session(self, steps: list[int]) -> None:
        """Deliver batches of the given sizes, then the rest, then the end; until something breaks."""
        pipeline = self.bench.open()
        position = self.checkpointed
        try:
            for size in [*steps, len(self.records)]:
                batch = self.records[position : position + size]
                position += len(batch)
                self.delivered_up_to = max(self.delivered_up_to, position)
                self.deliveries += len(batch)
                pipeline.process(batch, 0, self)
                if self.bench.stop.is_set():
                    pipeline.shut_down(self)
                    return
            pipeline.end_shard(self)
        except (LeaseLost, SessionBroken, RuntimeError):
            pass
        finally:
            pipeline.close()


@examples(150)
@given(
    RECORDS,
    st.lists(STEPS, min_size=1, max_size=4),
    st.lists(WRITES, max_size=5),
    st.lists(WRITES, max_size=3),
    st.lists(CHECKPOINTS, max_size=12),
)
def test_nothing_is_lost_and_everything_is_accounted_for(
    metrics: Metrics,
    records: list[list[dict[str, Any]]],
    sessions: list[list[int]],
    writes: list[Any],
    quarantine_writes: list[Any],
    refusals: list[Any],
) -> None:
    class Silent:
        def __getattr__(self, _: str) -> Any:
            return lambda *_args, **_fields: None

    bench = Bench(metrics, Silent(), f"law-{next(SHARDS)}", decoder=Lines())
    table, quarantine = FaultyTable(writes, bench), FaultyTable(quarantine_writes, bench)
    bench.use(table, quarantine)
    stream = Stream(bench, records, refusals)

    def assert_accounted_for() -> None:
        assert sum(bench.outcomes().values()) == stream.deliveries
        received = metrics.documents_received.labels(bench.shard)._value.get()
        assert sum(bench.outcomes(metrics.documents).values()) == received

    for steps in sessions:
        stream.session(steps)
        assert_accounted_for()
        stream.check_settled(stream.checkpointed)
    # The trouble is over.
    writes.clear()
    quarantine_writes.clear()
    refusals.clear()
    stream.session([])
    assert stream.ended
    stream.check_settled(len(records))
    assert_accounted_for()
