"""One shard's flow where items are compared: one write for each key, and what is superseded is settled."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.dynamodb.item import ItemEncoder
from consumer.dynamodb.versions import FieldVersions, SequenceVersions, Versions
from consumer.metrics import Metrics
from consumer.record import Item, Position, Record
from consumer.settings import Output
from consumer.sink import Fate, Writing
from tests.kits.log import RecordingLog
from tests.kits.pipeline import Bench, Kcl, Table, records

NUMBERS = count()


class ComparingTable(Table):
    """Takes an item only where nothing newer stands."""

    def start(self, items: Sequence[Item], stop: threading.Event) -> Writing:
        old = [i for i, item in enumerate(items) if (held := self.items.get(item.key)) and held.version > item.version]
        writing = super().start([item for i, item in enumerate(items) if i not in old], stop)
        self.calls[-1] = list(items)
        for i in old:
            writing.fates.insert(i, Fate.SUPERSEDED)
            writing.durable_at.insert(i, 1.0)
        return writing


def bench_with(metrics: Metrics, log: Any, versions: Versions, shard: str | None = None) -> Bench:
    bench = Bench(metrics, log, shard or f"newest-{next(NUMBERS)}")
    output = Output(partition_key="{k}", sort_key="{k}", write_mode="newest", version_field="n")
    bench.table = ComparingTable()
    encoder = ItemEncoder(output, "orders", bench.shard, "fake@1", "d", versions)
    bench.stages = replace(bench.stages, encoder=encoder, output=bench.table)
    bench.open()
    return bench


@pytest.fixture
def bench(metrics: Metrics, log: Any) -> Bench:
    return bench_with(metrics, log, FieldVersions("n"))


def n_of(bench: Bench, key: str = "a") -> str:
    return str(bench.table.items[key, key].attributes["n"]["N"])


def test_of_one_key_only_the_highest_version_is_written_wherever_it_stands(bench: Bench) -> None:
    kcl = Kcl()
    bench.pipeline.process(
        records({"k": "a", "n": 2}, {"k": "a", "n": 10}, {"k": "b", "n": 1}, {"k": "a", "n": 9}), 0, kcl
    )
    assert [[item.key[0] for item in call] for call in bench.table.calls] == [["a", "b"]]
    assert n_of(bench) == "10"
    assert bench.outcomes() == {"stored": 2, "duplicate": 2}
    assert kcl.taken[-1] == Position(4, 0)


def test_of_equal_versions_the_last_in_the_stream_is_written(bench: Bench) -> None:
    bench.pipeline.process(records({"k": "a", "n": 1, "x": 1}, {"k": "a", "n": 1, "x": 2}), 0, Kcl())
    assert bench.table.items["a", "a"].attributes["x"] == {"N": "2"}


def test_what_is_superseded_is_a_duplicate_and_its_checkpoint_passes(bench: Bench) -> None:
    bench.pipeline.process(records({"k": "a", "n": 5}), 0, Kcl())
    kcl = Kcl()
    old = records({"k": "a", "n": 3}, {"k": "a", "n": 4}, {"k": "b", "n": 1}, first=2)
    bench.pipeline.process(old, 0, kcl)
    assert n_of(bench) == "5"
    assert bench.outcomes() == {"stored": 2, "duplicate": 2}
    assert kcl.taken[-1] == Position(4, 0)
    assert bench.quarantine.items == {}


def test_where_the_newest_is_refused_the_next_one_may_be_superseded(bench: Bench) -> None:
    bench.pipeline.process(records({"k": "a", "n": 5}), 0, Kcl())
    batch = records({"k": "a", "n": 9, "do": "refuse"}, {"k": "a", "n": 4}, {"k": "a", "n": 3}, first=2)
    bench.pipeline.process(batch, 0, Kcl())
    assert n_of(bench) == "5"
    assert bench.outcomes() == {"stored": 1, "duplicate": 2, "quarantined": 1}


@pytest.mark.parametrize(
    ("document", "code"),
    [({"k": "a"}, "version_missing"), ({"k": "a", "n": [1]}, "version_unusable")],
)
def test_what_cannot_be_compared_is_quarantined(bench: Bench, document: dict[str, Any], code: str) -> None:
    bench.pipeline.process(records(document, {"k": "b", "n": 1}), 0, Kcl())
    assert bench.quarantined() == {"1#0": code}
    assert bench.outcomes() == {"stored": 1, "quarantined": 1}


def test_another_partition_key_is_quarantined_and_not_shown(metrics: Metrics, log: Any) -> None:
    bench = bench_with(metrics, log, SequenceVersions("k", "orders"))
    data = orjson.dumps({"k": "a"})
    batch = [Record("1", 0, 0, data, "a"), Record("2", 0, 0, data, "4111111111111111")]
    bench.pipeline.process(batch, 0, Kcl())
    assert bench.quarantined() == {"2#0": "partition_key_differs"}
    assert "4111111111111111" not in str(bench.quarantine.items) + str(bench.table.items) + str(log.events)


documents = st.fixed_dictionaries({"k": st.sampled_from("abc"), "n": st.integers(0, 3)})


@given(st.lists(documents, min_size=1, max_size=12), st.data())
def test_shards_and_redeliveries_in_any_order_leave_the_newest(
    metrics: Metrics, made: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Two workers' shards, each delivering its records in any batches, some of them again."""
    one = bench_with(metrics, RecordingLog(), FieldVersions("n"))
    other = bench_with(metrics, RecordingLog(), FieldVersions("n"))
    other.table = one.table
    other.stages = replace(other.stages, output=one.table)
    other.open()
    # Numbers of the whole stream; even ones are in one shard, odd ones in the other.
    all_records = [Record(str(i), 0, 0, orjson.dumps(document | {"i": i})) for i, document in enumerate(made)]
    for _ in range(data.draw(st.integers(1, 6))):
        bench, parity = data.draw(st.sampled_from([(one, 0), (other, 1)]))
        first = data.draw(st.integers(0, len(made)))
        bench.settled.clear()  # another process has the shard now
        bench.pipeline.process(all_records[parity::2][first:], 0, Kcl())
    for bench, parity in ((one, 0), (other, 1)):
        bench.settled.clear()
        bench.pipeline.process(all_records[parity::2], 0, Kcl())
    for key in {document["k"] for document in made}:
        newest = max((document["n"], i) for i, document in enumerate(made) if document["k"] == key)
        stored = one.table.items[key, key].attributes
        assert (int(stored["n"]["N"]), int(stored["i"]["N"])) == newest
