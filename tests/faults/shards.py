"""Splits and merges the shards of a laboratory's stream."""

from typing import Any

from consumer import aws
from tests.lab.lab import Lab

Shard = dict[str, Any]


def open_shards(lab: Lab) -> list[Shard]:
    """Return the shards that take records, in the order of their hash keys."""
    shards = aws.client("kinesis").list_shards(StreamName=lab.name)["Shards"]
    is_open = [shard for shard in shards if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]
    return sorted(is_open, key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))


def split(lab: Lab, shard: Shard) -> None:
    """Split a shard in the middle."""
    first, last = (int(shard["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
    aws.client("kinesis").split_shard(
        StreamName=lab.name, ShardToSplit=shard["ShardId"], NewStartingHashKey=str((first + last) // 2)
    )


def merge(lab: Lab, one: Shard, next_one: Shard) -> None:
    """Merge two neighbours."""
    aws.client("kinesis").merge_shards(
        StreamName=lab.name, ShardToMerge=one["ShardId"], AdjacentShardToMerge=next_one["ShardId"]
    )


def has_ended(lab: Lab, shard: str) -> bool:
    """Whether the shard's checkpoint says that it was read to its end."""
    rows = {row["leaseKey"]["S"]: row for row in lab.cloud.table(f"{lab.name}-app") if "checkpoint" in row}
    return shard not in rows or rows[shard]["checkpoint"]["S"] == "SHARD_END"
