"""Records that hold several documents: each settled for itself, and the record checkpointed when all are."""

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumer.decoder import Decoded, Part, Schema
from consumer.decoding.asking import asking
from consumer.decoding.chain import Chain
from consumer.errors import SessionBroken
from consumer.metrics import Metrics
from consumer.pipeline.batch import Batch
from consumer.pipeline.crash_journal import CrashJournal, Stage, sights
from consumer.pipeline.decoding import BATCH_DOCUMENTS, Decoding, ShardDecoding
from consumer.pipeline.isolation import Isolation
from consumer.record import Position, Record
from tests.kits.pipeline import Bench, Kcl, Lines

MANY = 2 * BATCH_DOCUMENTS + 200


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def bench(metrics: Metrics, log: Any, lines: Lines, request: pytest.FixtureRequest) -> Bench:
    return Bench(metrics, log, f"shard-{request.node.name}", decoder=lines)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.pipeline.decoding._PAUSE_SECONDS", 0.0)


def record(number: int, *documents: dict[str, Any] | bytes) -> Record:
    return Record(
        str(number), 0, 0, b"\n".join(each if isinstance(each, bytes) else orjson.dumps(each) for each in documents)
    )


def named(*names: str) -> list[dict[str, Any]]:
    return [{"k": name} for name in names]


def test_each_document_ends_where_it_belongs_and_the_record_as_the_worst(bench: Bench) -> None:
    kcl = Kcl()
    batch = [
        record(1, {"k": "a"}, {"k": "b", "do": "reject"}, b"!", {"k": "c"}),
        record(2, {"k": "d"}, b"-", {"k": "e", "do": "drop"}),
        record(3, b"-", {"k": "f", "do": "drop"}),
        record(4, b"!"),
        record(5, {"k": "g"}),
    ]
    bench.pipeline.process(batch, 0.5, kcl)
    assert bench.outcomes() == {"quarantined": 2, "stored": 2, "dropped": 1}
    documents = bench.outcomes(bench.metrics.documents)
    assert documents == {"stored": 4, "quarantined": 3, "dropped": 4}
    assert bench.quarantined() == {"1#0+1": "code", "1#0+2": "line_broken", "4#0": "line_broken"}
    assert kcl.taken[-1] == Position(5, 0)


def test_what_is_stored_says_which_document_of_the_record_it_is(bench: Bench) -> None:
    bench.pipeline.process([record(1, *named("a", "b")), record(2, {"k": "c"})], 0, Kcl())
    added = {key[0]: item.attributes["_sanitizer"]["M"] for key, item in bench.table.items.items()}
    assert {key: (each["sequence"]["S"], each.get("part")) for key, each in added.items()} == {
        "a": ("1", {"N": "0"}),
        "b": ("1", {"N": "1"}),
        "c": ("2", None),  # as it was put
    }


def test_an_entry_names_the_record_that_a_document_was_decoded_from(bench: Bench) -> None:
    whole = record(1, {"k": "a"}, {"k": "b", "do": "reject"}, b"!")
    bench.pipeline.process([whole], 0, Kcl())
    entries = [item.attributes for item in bench.quarantine.items.values()]
    assert [entry["part"]["N"] for entry in entries] == ["1", "2"]
    assert {entry["bytes"]["N"] for entry in entries} == {str(len(whole.data))}
    assert len({entry["fingerprint"]["S"] for entry in entries}) == 1


def test_a_record_of_many_documents_is_one_record_and_checkpointed_at_its_end(bench: Bench) -> None:
    kcl = Kcl()
    batch = [record(1, {"k": "first"}), record(2, *named(*map(str, range(MANY)))), record(3, {"k": "last"})]
    bench.pipeline.process(batch, 0, kcl)
    assert bench.outcomes() == {"stored": 3}
    assert bench.outcomes(bench.metrics.documents) == {"stored": MANY + 2}
    assert len(bench.table.items) == MANY + 2
    assert kcl.taken == [Position(1, 0), Position(3, 0)]  # none within the second


def test_a_stop_in_the_middle_leaves_the_record_to_be_delivered_again(bench: Bench) -> None:
    kcl = Kcl()
    calls: Iterator[int] = iter(range(10))
    bench.table.before = lambda: bench.stop.set() if next(calls) else None
    batch = [record(1, *named(*map(str, range(MANY)))), record(2, {"k": "last"})]
    bench.pipeline.process(batch, 0, kcl)
    assert kcl.taken == []
    first = bench.outcomes(bench.metrics.documents)
    assert first["stored"] >= BATCH_DOCUMENTS
    assert bench.outcomes() == {"abandoned": 2}
    bench.table.before = lambda: None
    bench.open()
    bench.pipeline.process(batch, 0, kcl)
    again = bench.outcomes(bench.metrics.documents)
    assert again["duplicate"] == first["stored"]
    assert again["stored"] == MANY + 1
    assert bench.outcomes() == {"abandoned": 2, "stored": 2}
    assert kcl.taken[-1] == Position(2, 0)


def test_a_broken_session_in_the_middle_of_a_record_closes_its_books(bench: Bench) -> None:
    batch = [record(1, *named(*map(str, range(BATCH_DOCUMENTS))), {"k": "x", "do": "reject"})]
    bench.quarantine.fates = [lambda _: (_ for _ in ()).throw(SessionBroken("no"))]
    with pytest.raises(SessionBroken):
        bench.pipeline.process(batch, 0, Kcl())
    assert bench.outcomes() == {"abandoned": 1}


def test_what_a_decoder_asks_is_waited_for(bench: Bench, lines: Lines) -> None:
    lines.silent = 3
    told: list[float] = []
    bench.pipeline._decoding._held_since = told.append
    bench.pipeline.process([record(1, *named("a", "b"))], 0, Kcl())
    assert bench.outcomes() == {"stored": 1}
    assert lines.calls == 4
    assert told[0] > 0
    assert told[1:] == [0]
    assert [each["attempt"] for each in bench.log.named("decoder.unavailable")] == [1, 2, 3]


def test_a_stop_ends_the_waiting_and_nothing_is_lost(bench: Bench, lines: Lines) -> None:
    kcl = Kcl()
    lines.silent = 1000
    warning = bench.log.warning

    def warned(event: str, **fields: Any) -> None:
        warning(event, **fields)
        bench.stop.set()

    bench.log.warning = warned
    bench.pipeline.process([record(1, {"k": "a"}), record(2, {"k": "b"})], 0, kcl)
    bench.log.warning = warning
    assert bench.outcomes() == {"abandoned": 2}
    assert not bench.table.items
    assert not bench.quarantine.items
    assert kcl.taken == []


def test_documents_are_counted_by_their_schemas_the_first_hundred_by_name(bench: Bench, lines: Lines) -> None:
    def decode(data: bytes) -> Sequence[Part]:
        return [Decoded(data, Schema(f"orders-{orjson.loads(data)['k']}", "3"))]

    lines.decode = decode  # type: ignore[method-assign]
    bench.pipeline.process([record(number, {"k": str(number)}) for number in range(1, 103)], 0, Kcl())
    counted = bench.metrics.schema_documents
    assert counted.labels("orders-7", "3")._value.get() == 1
    assert counted.labels("(other)", "")._value.get() == 2
    item = bench.table.items["7", "7"].attributes["_sanitizer"]["M"]
    assert (item["schema"], item["schema_version"]) == ({"S": "orders-7"}, {"S": "3"})


def test_large_records_of_several_shards_are_held_side_by_side_as_far_as_they_have_room(
    bench: Bench, lines: Lines, tmp_path: Path
) -> None:
    shared = Decoding(Chain([lines], 1 << 22), 1 << 22, bench.metrics)
    each = record(1, *[{"k": str(number), "text": "x" * 1000} for number in range(900)])
    stop = threading.Event()
    taken: list[Generator[Batch, None, None]] = []
    for shard in "abcde":
        journal = CrashJournal(tmp_path, shard)
        decoding = ShardDecoding(shared, Isolation(), journal, stop, lambda _: None, bench.log)
        batches = decoding.batches([each])
        if len(taken) == 3:  # a megabyte each, counted with what documents weigh: there is no room for a fourth
            stop.set()
        next(batches)
        taken.append(batches)
    held = shared.budget._held
    assert 3 * 900_000 < held < 1 << 22
    for batches in taken:
        batches.close()
    assert shared.budget._held == 0


class Killed(KeyboardInterrupt):
    """The process is gone."""


def test_a_record_that_kills_the_process_while_it_is_decoded_is_quarantined_at_the_third_sight(
    bench: Bench, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless: list[object] = []  # a block that is let go of would end
    in_hand = CrashJournal._in_hand
    decode = lines.decode

    def dies(data: bytes) -> Sequence[Part]:
        if b"poison" in data:
            raise Killed
        return decode(data)

    lines.decode = dies  # type: ignore[method-assign]
    batch = [record(1, {"k": "a"}), record(2, {"k": "poison"}, {"k": "b"}), record(3, {"k": "c"})]

    def leaves_the_block_open(self: Any, first: Any, part: int, last: Any, last_part: int, *, alone: bool) -> Any:
        stack = ExitStack()
        endless.append(block := in_hand(self, first, part, last, last_part, alone=alone))
        block.__enter__()

        def leave(kind: Any, *_: object) -> None:
            if kind is not Killed:
                block.__exit__(None, None, None)

        stack.push(leave)
        return stack

    monkeypatch.setattr(CrashJournal, "_in_hand", leaves_the_block_open)
    for _ in range(2):
        with pytest.raises(Killed):
            bench.open().process(batch, 0, Kcl())
    kcl = Kcl()
    bench.open().process(batch, 0, kcl)
    assert bench.quarantined() == {"2#0": "redactor_died"}
    assert sorted(key[0] for key in bench.table.items) == ["a", "c"]
    assert kcl.taken[-1] == Position(3, 0)


def test_a_record_is_not_in_hand_while_a_registry_is_asked(bench: Bench, lines: Lines) -> None:
    decode = lines.decode
    stages: list[Stage] = []

    def asks(data: bytes) -> Sequence[Part]:
        def note() -> None:
            stages.append(sights(bench.stages.journals)[bench.shard].stage)

        note()
        with asking():
            note()
        note()
        return decode(data)

    lines.decode = asks  # type: ignore[method-assign]
    bench.pipeline.process([record(1, {"k": "a"})], 0, Kcl())
    assert stages == [Stage.REDACTING, Stage.SETTLING, Stage.REDACTING]
