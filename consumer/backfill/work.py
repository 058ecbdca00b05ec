"""What a backfill does with the records of a shard: the worker's own pipeline, or a dry run's comparison."""

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consumer.backfill.comparison import Comparer
from consumer.backfill.leases import BackfillLeases, LeaseCheckpointer
from consumer.backfill.run import Account, Plan, ShardTask
from consumer.decoding.patience import Patient
from consumer.kcl.leases import origin
from consumer.kinesis.shards import kinesis_client
from consumer.logs import Logger
from consumer.metrics import Metrics, ShardBooks
from consumer.pipeline import Pipeline
from consumer.pipeline.assembly import PipelineFactory
from consumer.pipeline.decoding import open_decoding
from consumer.pipeline.outputs import Outputs
from consumer.quarantine.fingerprint_key import fingerprint_key
from consumer.record import Outcome, Position, Record
from consumer.settings import Settings
from redaction.plugin import Redactor


class _Books(ShardBooks):
    """The worker's books, and the backfill's account."""

    def __init__(self, metrics: Metrics, account: Account) -> None:
        super().__init__(metrics, account.shard)
        self._account = account

    def received(self, records: int, size: int) -> None:
        """See `ShardBooks.received`."""
        super().received(records, size)
        self._account.read += records

    def ended(self, outcome: Outcome, records: int) -> None:
        """See `ShardBooks.ended`."""
        super().ended(outcome, records)
        if records:
            self._account.outcomes[outcome.value] += records


@dataclass
class StoringTask:
    """Runs one shard's pipeline."""

    pipeline: Pipeline
    checkpointer: LeaseCheckpointer
    done: Position | None
    is_ended: bool

    def process(self, records: Sequence[Record], behind_ms: int) -> None:
        """See `ShardTask.process`."""
        self.pipeline.process(records, behind_ms / 1000, self.checkpointer)

    def end(self) -> None:
        """See `ShardTask.end`."""
        self.pipeline.end_shard(self.checkpointer)

    def pause(self) -> None:
        """See `ShardTask.pause`."""
        self.pipeline.shut_down(self.checkpointer)


class StoringTasks:
    """Stores what the policy releases, and quarantines what it does not, as the worker would.

    :param folder: of the crash journals.
    :param stop: ends the writing; is set too when anything breaks.
    """

    def __init__(
        self,
        settings: Settings,
        plan: Plan,
        redactor: Redactor,
        outputs: Outputs,
        metrics: Metrics,
        folder: Path,
        stop: threading.Event,
        log: Logger,
    ) -> None:
        self._plan = plan
        self._outputs = outputs
        self._metrics = metrics
        self._stop = stop
        self._log = log
        owner = f"backfill-{uuid.uuid4()}"
        stream = origin.look(kinesis_client(), settings.stream.name)
        self._leases = BackfillLeases(plan.application, plan.began, origin.identity(stream.facts), owner)
        self._pipelines = PipelineFactory(
            settings,
            redactor,
            outputs,
            open_decoding(settings, metrics, log),
            metrics,
            fingerprint_key=fingerprint_key(settings.quarantine),
            journals=folder,
            flooding=lambda _: None,
        )
        self._made: dict[str, StoringTask] = {}

    def open(self, shards: Sequence[Mapping[str, Any]], accounts: dict[str, Account]) -> dict[str, ShardTask]:
        """See `ShardTasks.open`."""
        for shard, (lease, checkpointer) in self._leases.claim(shards, self._plan.start.kind).items():
            books = _Books(self._metrics, accounts[shard])
            pipeline = self._pipelines.open(shard, settled={}, stop=self._stop, log=self._log, books=books)
            self._made[shard] = StoringTask(pipeline, checkpointer, lease.position, lease.is_finished)
        return dict(self._made)

    def close(self) -> None:
        """See `ShardTasks.close`."""
        for work in self._made.values():
            work.pipeline.close()
        self._leases.release(list(self._made))
        self._outputs.close()


class ComparingTask:
    """Compares one shard's records with what is stored."""

    done: Position | None = None
    is_ended = False

    def __init__(self, comparer: Comparer, account: Account) -> None:
        self._comparer = comparer
        self._account = account

    def process(self, records: Sequence[Record], behind_ms: int) -> None:  # noqa: ARG002 - nobody asks for the lag
        """See `ShardTask.process`."""
        self._account.read += len(records)
        for finding, count in self._comparer.compare(records).items():
            self._account.outcomes[finding.value] += count

    def end(self) -> None:
        """See `ShardTask.end`."""

    def pause(self) -> None:
        """See `ShardTask.pause`."""


class ComparingTasks:
    """A dry run, which writes nothing and begins where it is told, whatever was done before."""

    def __init__(
        self, settings: Settings, redactor: Redactor, metrics: Metrics, stop: threading.Event, log: Logger
    ) -> None:
        self._settings = settings
        self._redactor = redactor
        self._chain = Patient(open_decoding(settings, metrics, log).chain, stop.wait)

    def open(self, shards: Sequence[Mapping[str, Any]], accounts: dict[str, Account]) -> dict[str, ShardTask]:
        """See `ShardTasks.open`."""
        del shards
        return {
            shard: ComparingTask(Comparer(self._settings, self._redactor, self._chain, shard), account)
            for shard, account in accounts.items()
        }

    def close(self) -> None:
        """See `ShardTasks.close`."""
