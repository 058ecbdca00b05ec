"""One assembly for the worker, the functions and the backfill."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from consumer import logs
from consumer.errors import SessionBroken
from consumer.metrics import Metrics
from consumer.pipeline.assembly import PipelineFactory
from consumer.pipeline.decoding import open_decoding
from consumer.pipeline.outputs import Outputs
from consumer.quarantine.entry import fingerprint
from consumer.record import Item, Position, Record
from consumer.settings import Settings
from consumer.sink import Encoder
from consumer.thread_turns import working
from redaction.plugin import Rejected, Released, Verdict
from tests.kits.log import RecordingLog
from tests.kits.pipeline import Kcl, Table

KEY = b"k" * 32


class _UserEncoder:
    has_unique_keys = True

    def encode(self, document: object, record: Record) -> Item:
        del document
        return Item((record.sequence, ""), b"{}")


class _Output(Table):
    def encoder(self, shard: str) -> Encoder:
        del shard
        return _UserEncoder()

    def close(self) -> None: ...


class _Plugin:
    """Refuses what says so; else it waits for `meanwhile`."""

    name, version, digest = "plug-in", "7", "d"

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self._meanwhile = meanwhile

    def redact(self, payloads: Sequence[bytes]) -> list[Verdict]:
        self._meanwhile()
        return [Rejected("no") if each == b"no" else Released({}, b"{}", ()) for each in payloads]


def factory(folder: Path, metrics: Metrics, plugin: _Plugin, **more: Callable[[float], None]) -> PipelineFactory:
    settings = Settings.model_validate(
        {"stream": {"name": "orders"}, "quarantine": {"judged_records": 4, "max_share": 0.5}}
    )
    outputs = Outputs(_Output(), Table(), lambda: None)
    flooding = more.get("flooding", lambda _: None)
    decoding = open_decoding(settings, metrics, logs.get_logger("test"))
    return PipelineFactory(
        settings, plugin, outputs, decoding, metrics, fingerprint_key=KEY, journals=folder, flooding=flooding
    )


def settle(made: PipelineFactory, shard: str, *payloads: bytes) -> Kcl:
    kcl = Kcl()
    pipeline = made.open(shard, settled={}, stop=threading.Event(), log=RecordingLog(), checkpoint_seconds=0.0)
    try:
        pipeline.process([Record(str(n), 0, 1, data) for n, data in enumerate(payloads, start=1)], 0.0, kcl)
    finally:
        pipeline.close()
    return kcl


def test_a_batch_goes_all_the_way(tmp_path: Path, metrics: Metrics) -> None:
    made = factory(tmp_path, metrics, _Plugin())
    assert settle(made, "shardId-0", b"yes", b"no", b"yes").taken[-1] == Position(3, 0)
    outputs = made._outputs
    assert isinstance(outputs.output, _Output)
    assert isinstance(outputs.quarantine, Table)
    assert set(outputs.output.items) == {("1", ""), ("3", "")}
    (entry,) = outputs.quarantine.items.values()
    assert entry.key == ("orders/shardId-0", "2#0")
    assert entry.attributes["policy"] == {"S": "plug-in@7"}
    assert entry.attributes["fingerprint"] == {"S": fingerprint(KEY, b"no")}


def test_the_shards_of_a_process_share_one_breaker(tmp_path: Path, metrics: Metrics) -> None:
    told: list[float] = []
    made = factory(tmp_path, metrics, _Plugin(), flooding=told.append)
    settle(made, "shardId-0", b"no", b"no")
    with pytest.raises(SessionBroken):
        settle(made, "shardId-1", b"no", b"no")
    assert told == [1.0]
    with pytest.raises(SessionBroken):
        settle(made, "shardId-2", b"yes")


def test_wherever_a_plug_in_waits_the_other_shards_go_on(tmp_path: Path, metrics: Metrics) -> None:
    """The functions' and the backfill's plug-ins once held the others up, which the worker's did not."""
    others = threading.Event()

    def other() -> None:
        with working():
            others.set()

    def meanwhile() -> None:
        threading.Thread(target=other).start()
        assert others.wait(10)

    made = factory(tmp_path, metrics, _Plugin(meanwhile))
    with working():
        settle(made, "shardId-0", b"yes")
