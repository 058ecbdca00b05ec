"""Splits and merges the shards of a laboratory's stream."""

from collections.abc import Mapping
from typing import Any

from consumer import aws
from tests.lab.lab import Lab
from tests.lab.watched import wait_for

Shard = Mapping[str, Any]


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
    rows = {row["leaseKey"]["S"]: row for row in lab.cloud.table(lab.settings.kcl.application) if "checkpoint" in row}
    return shard not in rows or rows[shard]["checkpoint"]["S"] == "SHARD_END"


def scale(lab: Lab, count: int) -> list[str]:
    """Have Kinesis split or merge until there are so many open shards; return those that are closed by it."""
    before = {shard["ShardId"] for shard in open_shards(lab)}
    aws.client("kinesis").update_shard_count(StreamName=lab.name, TargetShardCount=count, ScalingType="UNIFORM_SCALING")
    wait_for(lambda: len(open_shards(lab)) == count, f"{count} open shards")
    return sorted(before - {shard["ShardId"] for shard in open_shards(lab)})
