"""A Kinesis event source mapping's function: each invocation is a short session of the shard's pipeline.

What Lambda must not take for done is named in the answer, by the lowest sequence number: from there on it delivers
again. So the answer is the checkpoint, and the same invariants hold as for the worker's.
"""

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from consumer.functions.environment import Context, Environment, guarded
from consumer.functions.events import KinesisBatch, kinesis_batch
from consumer.kinesis.kpl import MAGIC
from consumer.kinesis.reader import RawRecord
from consumer.kinesis.shards import HashRanges
from consumer.metrics import Metrics, ShardBooks
from consumer.record import Outcome, Position, Record


class _Books(ShardBooks):
    """The worker's books, and the account of one invocation."""

    def __init__(self, metrics: Metrics, shard: str) -> None:
        super().__init__(metrics, shard)
        self.counts: Counter[str] = Counter()

    def ended(self, outcome: Outcome, records: int) -> None:
        """See `ShardBooks.ended`."""
        super().ended(outcome, records)
        self.counts[outcome.value] += records


class _Progress:
    """`consumer.pipeline.checkpoint.Checkpointer` that remembers."""

    def __init__(self) -> None:
        self.position: Position | None = None

    def at(self, position: Position) -> None:
        self.position = position

    def at_end(self) -> None:
        raise AssertionError("Lambda itself goes on to a shard's children")


class KinesisFunction:
    """Settles what a Kinesis event source mapping delivers."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._ranges = HashRanges(environment.settings.stream.name)

    def handle(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """Return the partial batch response (AWS: "Configuring partial batch response with Kinesis Data Streams").

        :raises InvocationFailed: nothing of the batch counts as done.
        """
        return guarded(lambda: self._handle(event, context))

    def _handle(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        began = time.perf_counter()
        batch = kinesis_batch(event)
        if not batch.records:
            return {"batchItemFailures": []}
        self._environment.expect(batch.stream)
        parts = [self._taken_apart(batch.shard, raw) for raw in batch.records]
        progress, books = self._settle(batch, parts, context)
        failed = _first_open(batch, parts, progress)
        self._environment.log.info(
            "invocation.ended",
            shard=batch.shard,
            request_id=context.aws_request_id,
            records=sum(map(len, parts)),
            bytes=sum(len(raw.data) for raw in batch.records),
            seconds=round(time.perf_counter() - began, 3),
            sequence=failed,
            **{outcome.value: books.counts[outcome.value] for outcome in Outcome},
        )
        return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}

    def _taken_apart(self, shard: str, raw: RawRecord) -> list[Record]:
        """Return a record, or those of an aggregate: the event source mapping leaves them together."""
        if not raw.data.startswith(MAGIC):
            return [Record(raw.sequence, 0, raw.arrival_ms, raw.data, raw.partition_key)]
        records, _, foreign = raw.taken_apart(self._ranges.of(shard))
        if foreign:
            self._environment.log.warning("aggregate.foreign", shard=shard, sequence=raw.sequence, count=foreign)
        return list(records)

    def _settle(
        self, batch: KinesisBatch, parts: list[list[Record]], context: Context
    ) -> tuple[Position | None, _Books]:
        environment, progress = self._environment, _Progress()
        log = environment.log.bind(shard=batch.shard)
        books = _Books(environment.metrics, batch.shard)
        with environment.until_time_is_short(context) as stop:
            # What is settled is not remembered: with a parallelization factor above 1, records before the last one that
            # was settled here may be for other invocations, and not settled at all.
            pipeline = environment.pipelines.open(
                batch.shard, settled={}, stop=stop, log=log, books=books, checkpoint_seconds=0.0
            )
            try:
                pipeline.process([record for part in parts for record in part], 0.0, progress)
                pipeline.shut_down(progress)
            finally:
                pipeline.close()
        return progress.position, books


def _first_open(batch: KinesisBatch, parts: list[list[Record]], done: Position | None) -> str | None:
    """Return the sequence number of the first record that is not, with all its user records, settled."""
    for raw, part in zip(batch.records, parts, strict=True):
        if part and (done is None or part[-1].position > done):
            return raw.sequence
    return None
