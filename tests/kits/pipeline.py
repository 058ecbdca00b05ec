"""A pipeline between fakes, for the tests of its flow."""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from consumer.decoder import (
    Decoded,
    Decoder,
    DecoderContext,
    DecoderUnavailable,
    Kind,
    LeftOut,
    Part,
    Undecodable,
)
from consumer.decoding.auto import Auto
from consumer.decoding.chain import Chain
from consumer.dynamodb.item import ItemEncoder
from consumer.metrics import Metrics
from consumer.pipeline import Pipeline, Stages
from consumer.pipeline.checkpoint import HighWaterMark
from consumer.pipeline.decoding import Decoding
from consumer.pipeline.isolation import Isolation
from consumer.quarantine.circuit_breaker import QuarantineBreaker
from consumer.quarantine.entry import QuarantineEncoder
from consumer.record import Item, Position, Record
from consumer.redactors.candidate import CandidateRun
from consumer.settings import Output
from consumer.sink import Fate, Writing
from redaction.plugin import Dropped, Rejected, Released, Verdict


class Redactor:
    """Does what the record says: `{"k": key, "do": "drop" | "reject" | "odd" | "refuse"}`."""

    name, version, digest = "fake", "1", "d"

    def redact(self, payloads: Sequence[bytes]) -> Sequence[Verdict]:
        return [self._one(orjson.loads(payload)) for payload in payloads]

    def _one(self, document: dict[str, Any]) -> Verdict:
        match document.get("do"):
            case "drop":
                return Dropped("rule")
            case "reject":
                return Rejected("code", "rule")
            case "odd":
                return Released(document | {"": 1}, b"{}")
        return Released(document, orjson.dumps(document), (("rule", "mask"),))


class KeptOut:
    """Counts what decoders keep out."""

    def __init__(self) -> None:
        self.fields = 0

    def kept_out(self, fields: int) -> None:
        self.fields += fields


class Lines:
    """A document a line; one that begins with `!` cannot be decoded, and one with `-` is none."""

    takes = Kind.BYTES
    gives = Kind.JSON

    def __init__(self) -> None:
        self.silent = 0
        self.calls = 0

    def decode(self, data: bytes) -> Sequence[Part]:
        self.calls += 1
        if self.silent:
            self.silent -= 1
            raise DecoderUnavailable("The registry does not answer.")
        return [self._part(line) for line in data.split(b"\n")]

    @staticmethod
    def _part(line: bytes) -> Part:
        if line.startswith(b"!"):
            return Undecodable("line_broken")
        return LeftOut("comment") if line.startswith(b"-") else Decoded(line)


class Slow(Writing):
    """A write that does what `go_on` says when it is waited for: to itself; the result is whether it has ended."""

    def __init__(self, count: int, go_on: Callable[["Slow"], bool]) -> None:
        super().__init__(count)
        self._go_on = go_on

    def wait(self, timeout: float) -> bool:
        assert timeout > 0
        return self._go_on(self)


class Table:
    """A sink in memory, which refuses what says so; `fates` overrides the fates of coming calls."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.calls: list[list[Item]] = []
        self.fates: list[Callable[[int], Fate]] = []
        self.before: Callable[[], None] = lambda: None

    def start(self, items: Sequence[Item], stop: threading.Event) -> Writing:
        del stop
        self.before()
        self.calls.append(list(items))
        writing = Writing(len(items))
        fate_of = self.fates.pop(0) if self.fates and items else lambda _: Fate.DURABLE
        assert len({item.key for item in items}) == len(items)
        for i, item in enumerate(items):
            writing.fates[i] = Fate.REFUSED if item.attributes.get("do") == {"S": "refuse"} else fate_of(i)
            if writing.fates[i] is Fate.DURABLE:
                self.items[item.key] = item
                writing.durable_at[i] = 1.0
        return writing


class Kcl:
    """Remembers checkpoints; raises what it is told."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.taken: list[Position | str] = []

    def at(self, position: Position) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.taken.append(position)

    def at_end(self) -> None:
        self.taken.append("end")


class Bench:
    """A pipeline between fakes; `open` begins another session of the same process."""

    def __init__(
        self, metrics: Metrics, log: Any, shard: str, redactor: Any = None, decoder: Decoder | None = None
    ) -> None:
        self.metrics, self.log, self.shard = metrics, log, shard
        self.redactor = redactor or Redactor()
        self.settled: dict[str, Position] = {}
        context = DecoderContext("orders", 1 << 25, KeptOut(), log)
        self.chain = Chain([decoder or Auto({}, context)], 1 << 25)
        self.use(Table(), Table())

    def use(self, table: Table, quarantine: Table) -> None:
        """Begin anew, with these sinks."""
        self.table, self.quarantine = table, quarantine
        shard = self.shard
        output = Output(partition_key="{k}", sort_key="{k}")
        self.stages = Stages(
            decoding=Decoding(self.chain, 1 << 25, self.metrics),
            redactor=self.redactor,
            encoder=ItemEncoder(output, "orders", shard, "fake@1", "d"),
            output=self.table,
            quarantine_encoder=QuarantineEncoder("orders", shard, "fake@1", "d", b"k"),
            quarantine=self.quarantine,
            isolation=Isolation(),
            breaker=QuarantineBreaker(1, 1000, lambda _: None),
            journals=Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]),  # the one folder that `metrics` has made
        )
        self.pipeline = self.open()

    def use_candidate(self, dry_run: CandidateRun) -> None:
        """Have a candidate policy tried in the sessions to come, the first of which begins."""
        self.stages = replace(self.stages, candidate=dry_run)
        self.open()

    def open(self) -> Pipeline:
        self.stop = threading.Event()
        books = self.metrics.shard(self.shard)
        mark = HighWaterMark(0.0, books, self.log)
        self.pipeline = Pipeline(self.shard, self.stages, mark, books, self.metrics, self.settled, self.stop, self.log)
        return self.pipeline

    def outcomes(self, of: Any = None) -> dict[str, int]:
        """Count the shard's records by outcome; or what another counter has, such as `metrics.documents`."""
        (family,) = (of or self.metrics.outcomes).collect()
        mine = (
            sample
            for sample in family.samples
            if sample.name.endswith("_total") and sample.labels["shard"] == self.shard
        )
        return {sample.labels["outcome"]: int(sample.value) for sample in mine if sample.value}

    def quarantined(self) -> dict[str, str]:
        return {key[1]: item.attributes["code"]["S"] for key, item in self.quarantine.items.items()}


def records(*documents: dict[str, Any], first: int = 1) -> list[Record]:
    return [Record(str(first + i), 0, 0, orjson.dumps(document)) for i, document in enumerate(documents)]
