"""What the stream is like, asked of the embedded cloud."""

from typing import Any

import boto3
import pytest

from consumer.metrics import Metrics
from consumer.worker.stream_watch import stream_watch

pytestmark = pytest.mark.usefixtures("_in_the_cloud")


def shown(metrics: Metrics) -> tuple[float, float]:
    return metrics.open_shards._value.get(), metrics.retention._value.get()


def test_open_shards_and_retention_are_as_kinesis_says(metrics: Metrics, log: Any) -> None:
    kinesis = boto3.client("kinesis")
    kinesis.create_stream(StreamName="watched", ShardCount=2)
    watch = stream_watch("watched", metrics, log)
    watch.round(0.0)
    assert shown(metrics) == (2, 24 * 3600)
    kinesis.split_shard(StreamName="watched", ShardToSplit="shardId-000000000000", NewStartingHashKey="9")
    watch.round(0.0)
    assert shown(metrics) == (3, 24 * 3600)
    assert not log.events


def test_a_failure_is_logged_once_and_leaves_the_figures(metrics: Metrics, log: Any) -> None:
    metrics.open_shards.set(7)
    watch = stream_watch("missing", metrics, log)
    watch.round(0.0)
    watch.round(0.0)
    assert log.events == [("warning", "stream.not_watched", {"stream": "missing", "code": "ResourceNotFoundException"})]
    assert shown(metrics)[0] == 7
