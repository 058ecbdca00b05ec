"""The write limits of a shard, 1,000 records and 1 MiB a second: where they are on, a full shard refuses."""

import time
from dataclasses import dataclass

from consumer.local.cloud.kinesis.shard import NewRecord, Shard
from consumer.local.cloud.kinesis.store import Stream

RECORDS_PER_SECOND = 1000
BYTES_PER_SECOND = 1024 * 1024


@dataclass(slots=True)
class Usage:
    """What a shard took in the current second."""

    second: int = 0
    records: int = 0
    size: int = 0

    def is_full_for(self, record: NewRecord) -> bool:
        """Whether `record` would be too much."""
        self._turn()
        return self.records >= RECORDS_PER_SECOND or self.size + record.size > BYTES_PER_SECOND

    def add(self, record: NewRecord) -> None:
        """Count a record."""
        self._turn()
        self.records += 1
        self.size += record.size

    def _turn(self) -> None:
        now = int(time.monotonic())
        if self.second != now:
            self.second, self.records, self.size = now, 0, 0


class WriteLimits:
    """Counts what each open shard took in the current second."""

    def __init__(self) -> None:
        self._used: dict[Shard, Usage] = {}

    def refuse(self, stream: Stream, record: NewRecord) -> str | None:
        """Count `record` against its shard; return why it must be refused, or None."""
        shard = stream.route(record.hash_key())
        used = self._used.setdefault(shard, Usage())
        if used.is_full_for(record):
            return f"Rate exceeded for shard {shard.shard_id} in stream {stream.name}."
        used.add(record)
        return None
