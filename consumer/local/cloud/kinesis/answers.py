"""How streams and shards look in answers."""

from typing import Any

from consumer.local.cloud.kinesis.requests import token
from consumer.local.cloud.kinesis.shard import Shard
from consumer.local.cloud.kinesis.store import Stream

RETENTION = {
    "RetentionPeriodHours": 24,
    "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
    "EncryptionType": "NONE",
}


def stream_summary(stream: Stream) -> dict[str, Any]:
    """Return what DescribeStream, DescribeStreamSummary and ListStreams say alike."""
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": stream.mode},
        "StreamCreationTimestamp": stream.created,
    }


def hash_range(shard: Shard) -> dict[str, str]:
    """Return the range of hash keys that a shard owns or owned."""
    return {"StartingHashKey": str(shard.first_hash), "EndingHashKey": str(shard.last_hash)}


def shard_description(shard: Shard) -> dict[str, Any]:
    """Return a shard as ListShards and DescribeStream show it."""
    sequences = {"StartingSequenceNumber": shard.first_sequence}
    if shard.last_sequence is not None:
        sequences["EndingSequenceNumber"] = shard.last_sequence
    answer: dict[str, Any] = {
        "ShardId": shard.shard_id,
        "HashKeyRange": hash_range(shard),
        "SequenceNumberRange": sequences,
    }
    if shard.parent is not None:
        answer["ParentShardId"] = shard.parent
    if shard.adjacent_parent is not None:
        answer["AdjacentParentShardId"] = shard.adjacent_parent
    return answer


def shard_iterator(stream: Stream, shard: Shard, position: int) -> str:
    """Return the shard iterator for a position: it says all by itself, and never expires."""
    return token({"n": stream.name, "c": stream.created, "s": shard.shard_id, "p": position})
