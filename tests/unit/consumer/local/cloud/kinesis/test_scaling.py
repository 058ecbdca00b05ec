"""Streams that change their number of shards: on request, and by themselves."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.local.cloud.kinesis.api import KinesisApi
from consumer.local.cloud.kinesis.limits import RECORDS_PER_SECOND, WriteLimits
from consumer.local.cloud.kinesis.scaling import MAX_ON_DEMAND_SHARDS, ON_DEMAND_SHARDS, rescale
from consumer.local.cloud.kinesis.shard import HASH_SPACE, KinesisError
from consumer.local.cloud.kinesis.store import Stream, Streams

ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/s"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A second that ends when a test says so."""
    now = [1000.0]
    monkeypatch.setattr("consumer.local.cloud.kinesis.limits.time.monotonic", lambda: now[0])
    return now


class Api:
    def __init__(self, limits: WriteLimits | None = None) -> None:
        self._api = KinesisApi(Streams("us-east-1"), limits)

    def __call__(self, operation: str, **request: Any) -> Any:
        status, body = self._api.handle(operation, json.dumps({"StreamName": "s"} | request).encode())
        answer = json.loads(body or b"{}")
        return answer if status == 200 else answer["__type"]

    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = self("DescribeStreamSummary")["StreamDescriptionSummary"]
        return found

    def put(self, keys: int, copies: int = 1) -> Any:
        return [
            self("PutRecords", Records=[{"Data": "", "PartitionKey": f"k{key}"} for _ in range(copies)])
            for key in range(keys)
        ]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_after_rescaling_the_shards_own_equal_parts(targets: list[int]) -> None:
    stream = Stream("s", ARN, 8)
    for target in targets:
        count = len(stream.open_shards)
        if count <= 2 * target <= 4 * count:
            rescale(stream, target)
            bounds = [index * HASH_SPACE // target for index in range(target + 1)]
            assert [shard.first_hash for shard in stream.open_shards] == bounds[:-1]
            assert [shard.last_hash + 1 for shard in stream.open_shards] == bounds[1:]
        else:
            with pytest.raises(KinesisError, match="at most double"):
                rescale(stream, target)
            assert len(stream.open_shards) == count


def test_doubling_splits_each_shard_once_and_halving_merges_pairs() -> None:
    stream = Stream("s", ARN, 4)
    rescale(stream, 8)
    assert len(stream.shards) == 12
    assert [shard.parent for shard in stream.open_shards] == [f"shardId-{i // 2:012d}" for i in range(8)]
    rescale(stream, 4)
    assert len(stream.shards) == 16
    assert all(shard.parent and shard.adjacent_parent for shard in stream.open_shards)


def test_the_shard_count_is_updated_as_the_api_says() -> None:
    api = Api()
    api("CreateStream", ShardCount=4)
    answer = api("UpdateShardCount", TargetShardCount=8, ScalingType="UNIFORM_SCALING")
    assert answer == {"StreamName": "s", "StreamARN": ARN, "CurrentShardCount": 4, "TargetShardCount": 8}
    assert api.summary()["OpenShardCount"] == 8
    assert api("UpdateShardCount", TargetShardCount=3, ScalingType="UNIFORM_SCALING") == "LimitExceededException"
    assert api("UpdateShardCount", TargetShardCount=17, ScalingType="UNIFORM_SCALING") == "LimitExceededException"
    for wrong in ({"TargetShardCount": 4}, {"ScalingType": "UNIFORM_SCALING"}):
        assert api("UpdateShardCount", **wrong) == "ValidationException"
    assert api("UpdateShardCount", TargetShardCount=4, ScalingType="ODD") == "ValidationException"
    assert api.summary()["OpenShardCount"] == 8


def test_an_on_demand_stream_is_scaled_by_nobody_else() -> None:
    api = Api()
    assert api("CreateStream", ShardCount=2, StreamModeDetails={"StreamMode": "ON_DEMAND"}) == "ValidationException"
    api("CreateStream", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert api.summary()["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert api.summary()["OpenShardCount"] == ON_DEMAND_SHARDS
    assert api("UpdateShardCount", TargetShardCount=8, ScalingType="UNIFORM_SCALING") == "ValidationException"
    assert api("SplitShard", ShardToSplit="shardId-000000000000", NewStartingHashKey="7") == "ValidationException"
    merged = api("MergeShards", ShardToMerge="shardId-000000000000", AdjacentShardToMerge="shardId-000000000001")
    assert merged == "ValidationException"
    assert api("UpdateStreamMode", StreamARN=ARN, StreamModeDetails={"StreamMode": "SOME"}) == "ValidationException"
    assert api("UpdateStreamMode", StreamARN=ARN) == "ValidationException"
    assert api("UpdateStreamMode", StreamARN=ARN, StreamModeDetails={"StreamMode": "PROVISIONED"}) == {}
    assert api("UpdateShardCount", TargetShardCount=8, ScalingType="UNIFORM_SCALING")["TargetShardCount"] == 8


def test_an_on_demand_stream_grows_where_the_load_is(clock: list[float]) -> None:
    api = Api()
    api("CreateStream", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    half = RECORDS_PER_SECOND // 2
    for _ in range(2):  # half of the limit in each second is not more than half
        api.put(1, half)
        clock[0] += 1
    assert api.summary()["OpenShardCount"] == ON_DEMAND_SHARDS
    api.put(1, half)
    api.put(1)
    assert api.summary()["OpenShardCount"] == ON_DEMAND_SHARDS + 1
    closed = [s for s in api("ListShards")["Shards"] if "EndingSequenceNumber" in s["SequenceNumberRange"]]
    assert len(closed) == 1


def test_a_provisioned_stream_never_grows_by_itself() -> None:
    api = Api()
    api("CreateStream", ShardCount=1)
    api.put(4, 500)
    assert api.summary()["OpenShardCount"] == 1


def test_an_on_demand_stream_has_an_end(clock: list[float]) -> None:
    api = Api(WriteLimits())
    api("CreateStream", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    for _ in range(MAX_ON_DEMAND_SHARDS):  # one key: no split ever helps
        api.put(1, 500)
        api.put(1, 100)
        clock[0] += 1
    assert api.summary()["OpenShardCount"] <= MAX_ON_DEMAND_SHARDS
    assert api("PutRecord", Data="", PartitionKey="k0")["SequenceNumber"]
