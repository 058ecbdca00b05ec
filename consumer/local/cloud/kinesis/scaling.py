"""How a stream gets more shards, or fewer: UpdateShardCount, and the on-demand mode.

Source: Kinesis API reference, UpdateShardCount and UpdateStreamMode; developer guide, "Choose the data stream capacity
mode". Differences, on purpose: how often is not limited; an on-demand stream grows within the second and not within
minutes, and never gives shards back.
"""

from typing import Final

from consumer.local.cloud.kinesis.limits import BYTES_PER_SECOND, RECORDS_PER_SECOND, Usage
from consumer.local.cloud.kinesis.shard import HASH_SPACE, KinesisError, NewRecord, Shard
from consumer.local.cloud.kinesis.store import Stream

ON_DEMAND_SHARDS: Final = 4
"""Of a new on-demand stream: 4 MB/s, or 4,000 records/s."""

MAX_ON_DEMAND_SHARDS: Final = 200
"""AWS: 200 MB/s, in most regions."""


def provisioned_only(stream: Stream) -> None:
    """Refuse what the owner of an on-demand stream does not decide.

    :raises KinesisError: ValidationException.
    """
    if stream.mode == "ON_DEMAND":
        msg = f"The stream {stream.name} is in the on-demand capacity mode, which scales by itself."
        raise KinesisError("ValidationException", msg)


def rescale(stream: Stream, target: int) -> None:
    """Split and merge until `target` shards own equal parts of the hash keys.

    As with AWS, this may make shards that are closed at once, without a record.

    :raises KinesisError: LimitExceededException: more than double, or less than half.
    """
    count = len(stream.open_shards)
    if not count <= 2 * target <= 4 * count:
        msg = f"UpdateShardCount from {count} to {target}: at most double, and at least half, is allowed in one call."
        raise KinesisError("LimitExceededException", msg)
    bounds = [index * HASH_SPACE // target for index in range(1, target)]
    for bound in bounds:
        shard = stream.route(bound)
        if shard.first_hash != bound:
            stream.split(shard.shard_id, bound)
    starts = {0, *bounds}
    while extra := next((shard for shard in stream.open_shards if shard.first_hash not in starts), None):
        stream.merge(stream.route(extra.first_hash - 1).shard_id, extra.shard_id)


class OnDemand:
    """Lets on-demand streams grow: a shard that takes more than half of what it may in a second is split in two.

    Half, since such a stream is to take twice its highest load so far.
    """

    def __init__(self) -> None:
        self._used: dict[Shard, Usage] = {}

    def note(self, stream: Stream, record: NewRecord) -> None:
        """Count a record that is about to be put."""
        if stream.mode != "ON_DEMAND":
            return
        shard = stream.route(record.hash_key())
        used = self._used.setdefault(shard, Usage())
        used.add(record)
        middle = (shard.first_hash + shard.last_hash) // 2 + 1
        if (
            (2 * used.records > RECORDS_PER_SECOND or 2 * used.size > BYTES_PER_SECOND)
            and len(stream.open_shards) < MAX_ON_DEMAND_SHARDS
            and middle <= shard.last_hash
        ):
            del self._used[shard]
            stream.split(shard.shard_id, middle)
