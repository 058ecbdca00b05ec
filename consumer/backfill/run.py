"""A bounded run over the stream: from a position or time to an end, beside the live workers, under a name of its own.

The records of a shard are worked through in its order, and a shard after its parents; shards that do not depend on each
other take turns, since each may be read only now and then. What a batch goes through is the worker's own pipeline.
"""

import heapq
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile
from typing import Any, Final, Protocol

from consumer.errors import SanitizerError, StartError
from consumer.kinesis.reader import MAX_RECORDS, NotInShard, Page, ShardReader, Start
from consumer.kinesis.shards import Shard, kinesis_client, list_shards, shards_of
from consumer.record import Position, Record

BATCH_RECORDS: Final = 500
"""Records that are worked on at once: a page of aggregates may hold very many."""

TRIM_HORIZON: Final = "TRIM_HORIZON"

NOT_BEGUN: Final = "not begun"
STOPPED: Final = "stopped"
REACHED: Final = "up to the time"
ENDED: Final = "to its end"
"""How far a shard was read."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be read.

    :ivar since: where it begins; None: with the oldest records of the stream.
    :ivar until: records that arrived later are not read.
    :ivar rate: records a second at most, over all shards.
    """

    application: str
    since: datetime | None
    until: datetime
    rate: int | None = None

    @property
    def began(self) -> str:
        """Where it begins, as a text."""
        return self.since.isoformat() if self.since else TRIM_HORIZON

    @property
    def start(self) -> Start:
        """Where a shard begins that was not begun before."""
        return Start(at_ms=round(self.since.timestamp() * 1000)) if self.since else Start()


@dataclass
class Account:
    """What became of a shard's records.

    :ivar read: records, aggregates taken apart.
    :ivar outcomes: of those; they add up to `read`.
    :ivar foreign: user records of aggregates that came to the wrong shard: their producer sends them again.
    """

    shard: str
    read: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    foreign: int = 0
    state: str = NOT_BEGUN


@dataclass
class Report:
    """The ledger.

    :ivar trouble: what ended the run early, as a sentence.
    """

    accounts: list[Account]
    is_stopped: bool = False
    trouble: str | None = None

    @property
    def read(self) -> int:
        return sum(account.read for account in self.accounts)

    @property
    def outcomes(self) -> Counter[str]:
        return sum((account.outcomes for account in self.accounts), Counter())

    @property
    def foreign(self) -> int:
        return sum(account.foreign for account in self.accounts)

    @property
    def is_complete(self) -> bool:
        """Whether everything was read, and all of it is accounted for."""
        settled = sum(count for outcome, count in self.outcomes.items() if outcome != "abandoned")
        return not (self.is_stopped or self.trouble) and settled == self.read


class ShardTask(Protocol):
    """What is done with the records of one shard.

    :ivar done: the last position that an earlier run has settled.
    :ivar is_ended: an earlier run has read the shard to its end.
    """

    done: Position | None
    is_ended: bool

    def process(self, records: Sequence[Record], behind_ms: int) -> None:
        """Settle a batch."""
        ...

    def end(self) -> None:
        """The shard was read to its end."""
        ...

    def pause(self) -> None:
        """Nothing more is read; remember how far it was."""
        ...


class ShardTasks(Protocol):
    """Makes what is done with each shard."""

    def open(self, shards: Sequence[Mapping[str, Any]], accounts: dict[str, Account]) -> dict[str, ShardTask]:
        """Return the work of each shard; `shards` as ListShards describes them."""
        ...

    def close(self) -> None:
        """Let go of everything, also where `open` failed."""
        ...


class Backfill:
    """One run.

    :param works: what is done with the records.
    :param stop: ends the run after the batch in hand.
    :param say: is told how far it is.
    """

    def __init__(
        self,
        stream: str,
        plan: Plan,
        works: ShardTasks,
        stop: threading.Event,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._stream = stream
        self._plan = plan
        self._tasks = works
        self._stop = stop
        self._say = say
        self._client = kinesis_client()
        self._until_ms = round(plan.until.timestamp() * 1000)
        self._began = time.monotonic()
        self._read = 0

    def run(self) -> Report:
        """Read to the end, or until stopped.

        :raises SanitizerError: it could not begin.
        """
        described = list_shards(self._client, self._stream)
        shards = shards_of(described)
        accounts = {shard: Account(shard) for shard in shards}
        report = Report(list(accounts.values()))
        try:
            works = self._tasks.open(described, accounts)
            try:
                self._read_all(shards, works, accounts)
            except SanitizerError as error:
                report.trouble = str(error)
            report.is_stopped = self._stop.is_set()
            for shard, work in works.items():
                self._pause(work, accounts[shard], report)
        finally:
            self._tasks.close()
        return report

    def _pause(self, work: ShardTask, account: Account, report: Report) -> None:
        """Remember how far a shard is in the middle of which the run ends."""
        if account.state != STOPPED:
            return
        try:
            work.pause()
        except SanitizerError as error:
            report.trouble = report.trouble or str(error)

    def _read_all(self, shards: dict[str, Shard], works: dict[str, ShardTask], accounts: dict[str, Account]) -> None:
        readers: dict[str, ShardReader] = {}
        waiting = dict(shards)
        due: list[tuple[float, str]] = []
        ended = {shard for shard, work in works.items() if work.is_ended}
        for shard_id in ended:
            accounts[shard_id].state = ENDED
            del waiting[shard_id]
        while not self._stop.is_set():
            for ready in [shard for shard in waiting.values() if ended.issuperset(shard.parents)]:
                del waiting[ready.id]
                done = works[ready.id].done
                start = Start(sequence=str(done.sequence)) if done else self._plan.start
                readers[ready.id] = ShardReader(self._client, self._stream, ready.id, start)
                accounts[ready.id].state = STOPPED
                heapq.heappush(due, (0.0, ready.id))
            if not due:
                return
            _, shard_id = heapq.heappop(due)
            reader = readers[shard_id]
            self._wait(reader)
            if self._stop.is_set():
                return
            page = self._page(reader, shard_id)
            state = self._work_through(shards[shard_id], page, works[shard_id], accounts[shard_id])
            if self._stop.is_set():
                return
            if state == STOPPED:
                heapq.heappush(due, (reader.due_at, shard_id))
                continue
            if state == ENDED:
                works[shard_id].end()
                ended.add(shard_id)
            else:
                works[shard_id].pause()
            accounts[shard_id].state = state
            del readers[shard_id]

    def _page(self, reader: ShardReader, shard: str) -> Page:
        try:
            return reader.read(self._plan.rate or MAX_RECORDS)
        except NotInShard:
            raise StartError(
                f"The checkpoint of {shard} is none of this stream's, which was made anew: take another name."
            ) from None

    def _wait(self, reader: ShardReader) -> None:
        due_at = reader.due_at
        if self._plan.rate:
            due_at = max(due_at, self._began + self._read / self._plan.rate)
        self._stop.wait(max(0.0, due_at - time.monotonic()))

    def _work_through(self, shard: Shard, page: Page, work: ShardTask, account: Account) -> str:
        """Settle a page; return how far the shard is read: `STOPPED` if there is more to come."""
        # Up to the first that came later: the checkpoint may pass nothing that was not read.
        wanted = list(takewhile(lambda raw: raw.arrival_ms <= self._until_ms, page.records))
        batch: list[Record] = []
        for raw in wanted:
            records, _, foreign = raw.taken_apart(shard.hash_range)
            account.foreign += foreign
            for each in records:
                if work.done is None or each.position > work.done:
                    batch.append(each)
                if len(batch) >= BATCH_RECORDS:
                    self._settle(batch, page, work)
                    batch = []
        if batch:
            self._settle(batch, page, work)
        if len(wanted) < len(page.records):
            return REACHED
        if page.is_end:
            return ENDED
        return REACHED if not page.records and not page.behind_ms else STOPPED

    def _settle(self, batch: list[Record], page: Page, work: ShardTask) -> None:
        if not self._stop.is_set():
            work.process(batch, page.behind_ms)
            self._read += len(batch)
            if self._say:
                self._say(f"{self._read} records read")


def rows(report: Report) -> Iterator[dict[str, Any]]:
    """Return what became of each shard, for a table or a script."""
    for account in report.accounts:
        yield {
            "shard": account.shard,
            "read": account.read,
            **account.outcomes,
            "foreign": account.foreign,
            "state": account.state,
        }
