"""How near shards are to their limits, and whether one key makes it so: found out by reading a few seconds of each.

It reads what producers wrote, aggregates as one, whoever else reads. Keys are counted and thrown away.
"""

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NamedTuple

from consumer import aws
from consumer.kinesis.kpl import ALL_KEYS, UserRecord, user_records
from consumer.kinesis.reader import RawRecord, ShardReader, Start
from consumer.settings.shard_limits import BYTES_A_SECOND, HOT_SHARE, RECORDS_A_SECOND

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient

SPAN_SECONDS: Final = 10.0
PAGES: Final = 3
"""Reads of a shard, one a second: what a worker beside it hardly notices."""

ONE_KEY_SHARE: Final = 0.5
_READERS: Final = 16


class ShardLoad(NamedTuple):
    """What a shard took in the last seconds.

    :ivar share: of the limit that is nearer, in records or in bytes.
    :ivar top_key_share: of the key that has most, in user records or in bytes, whichever the limit is.
    """

    records_per_second: float
    bytes_per_second: float
    share: float
    top_key_share: float

    @property
    def advice(self) -> str | None:
        """Say what to do about a hot shard."""
        if self.share <= HOT_SHARE:
            return None
        if self.top_key_share > ONE_KEY_SHARE:
            return f"one key has {self.top_key_share:.0%} of it: a split does not help; give that key a suffix"
        return f"many keys, the largest has {self.top_key_share:.0%}: split it"


def measure(stream: str, shards: Sequence[str]) -> dict[str, ShardLoad]:
    """Read the last ten seconds of each shard, or their beginning if that is much; takes up to three seconds.

    :raises ServiceError: a shard cannot be read.
    """
    client = aws.client("kinesis", retries=3, connections=_READERS)
    with ThreadPoolExecutor(_READERS) as pool:
        return dict(zip(shards, pool.map(lambda shard: _measure(client, stream, shard), shards), strict=True))


def _measure(client: "KinesisClient", stream: str, shard: str) -> ShardLoad:
    began = time.time() - SPAN_SECONDS
    reader = ShardReader(client, stream, shard, Start(at_ms=round(began * 1000)))
    found: list[RawRecord] = []
    for _ in range(PAGES):
        time.sleep(max(0.0, reader.due_at - time.monotonic()))
        page = reader.read()
        found += page.records
        if page.is_end or not page.behind_ms:
            return load_of(found, SPAN_SECONDS)
    return load_of(found, found[-1].arrival_ms / 1000 - began if found else SPAN_SECONDS)


def load_of(records: Sequence[RawRecord], seconds: float) -> ShardLoad:
    """Return the load of records that arrived within some seconds."""
    seconds = max(seconds, 0.001)
    per_second = len(records) / seconds
    size = sum(len(record.data) + len(record.partition_key.encode()) for record in records) / seconds
    by_records = per_second / RECORDS_A_SECOND
    by_bytes = size / BYTES_A_SECOND
    keys: Counter[str] = Counter()
    for record in records:
        found = user_records(record.data, record.partition_key, ALL_KEYS)
        for each in (UserRecord(record.data, record.partition_key),) if found is None else found:
            keys[each.partition_key] += len(each.data) if by_bytes > by_records else 1
    top = max(keys.values(), default=0) / max(1, keys.total())
    return ShardLoad(round(per_second, 1), round(size, 1), round(max(by_records, by_bytes), 4), round(top, 4))
