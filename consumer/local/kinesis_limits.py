"""The write limits of a shard, 1,000 records and 1 MiB a second: where they are on, a full shard refuses."""

import time
from dataclasses import dataclass

from consumer.local.kinesis_shard import NewRecord, Shard
from consumer.local.kinesis_store import Stream

RECORDS_PER_SECOND = 1000
BYTES_PER_SECOND = 1024 * 1024


@dataclass(slots=True)
class _Used:
    second: int = 0
    records: int = 0
    size: int = 0


class WriteLimits:
    """Counts what each open shard took in the current second."""

    def __init__(self) -> None:
        self._used: dict[Shard, _Used] = {}

    def refuse(self, stream: Stream, record: NewRecord) -> str | None:
        """Count `record` against its shard; return why it must be refused, or None."""
        shard = stream.route(record.hash_key())
        used = self._used.setdefault(shard, _Used())
        now = int(time.monotonic())
        if used.second != now:
            used.second, used.records, used.size = now, 0, 0
        if used.records >= RECORDS_PER_SECOND or used.size + record.size > BYTES_PER_SECOND:
            return f"Rate exceeded for shard {shard.shard_id} in stream {stream.name}."
        used.records += 1
        used.size += record.size
        return None
