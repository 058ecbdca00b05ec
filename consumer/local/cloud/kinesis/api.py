"""The Kinesis API in JSON (target prefix ``Kinesis_20131202``) over `store`.

Validation, limits and errors follow the API reference, as far as KCL, the producer and the tests use them.
Differences, all on purpose: streams and reshards are active at once, nothing expires (neither records nor
iterators), and nothing is throttled unless shard limits are asked for. For those of scaling see `scaling`.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from consumer.local.cloud.kinesis.answers import (
    RETENTION,
    hash_range,
    shard_description,
    shard_iterator,
    stream_summary,
)
from consumer.local.cloud.kinesis.consumers import Consumers
from consumer.local.cloud.kinesis.limits import WriteLimits
from consumer.local.cloud.kinesis.requests import (
    MAX_RECORD_KIB,
    MIN_RECORD_KIB,
    Request,
    constraint,
    filtered_shards,
    from_token,
    hash_key,
    integer,
    mode,
    new_record,
    optional_text,
    parsed,
    text,
    timestamp,
    token,
)
from consumer.local.cloud.kinesis.scaling import ON_DEMAND_SHARDS, OnDemand, provisioned_only, rescale
from consumer.local.cloud.kinesis.shard import KinesisError, NewRecord, Shard, invalid_argument
from consumer.local.cloud.kinesis.store import Stream, Streams

TARGET_PREFIX = "Kinesis_20131202."

MAX_CALL_BYTES = 10 * 1024 * 1024
MAX_CALL_RECORDS = 500
MAX_READ_RECORDS = 10_000
MAX_SHARDS_LISTED = 10_000
MAX_SHARDS_DESCRIBED = 100
MAX_STREAM_NAME = 128

Answer = dict[str, Any] | None


class KinesisApi:
    """Answers Kinesis requests. Not thread-safe: everything runs on one event loop, between two awaits.

    :param streams: the store.
    :param limits: the write limits of a shard; None for none.
    """

    def __init__(self, streams: Streams, limits: WriteLimits | None = None) -> None:
        self._streams = streams
        self._limits = limits
        self._on_demand = OnDemand()
        self._operations: dict[str, Callable[[Request], Answer]] = {
            "CreateStream": self._create_stream,
            "DeleteStream": self._delete_stream,
            "DescribeStream": self._describe_stream,
            "DescribeStreamSummary": self._describe_stream_summary,
            "GetRecords": self._get_records,
            "GetShardIterator": self._get_shard_iterator,
            "ListShards": self._list_shards,
            "ListStreams": self._list_streams,
            "MergeShards": self._merge_shards,
            "PutRecord": self._put_record,
            "PutRecords": self._put_records,
            "SplitShard": self._split_shard,
            "UpdateMaxRecordSize": self._update_max_record_size,
            "UpdateShardCount": self._update_shard_count,
            "UpdateStreamMode": self._update_stream_mode,
        } | Consumers(self._stream).operations()

    def handle(self, operation: str, body: bytes) -> tuple[int, bytes]:
        """Answer one request with (HTTP status, body). Never raises for what a client sent."""
        handler = self._operations.get(operation)
        if handler is None:
            msg = f"The embedded Kinesis has no operation {operation}."
            return 400, orjson.dumps({"__type": "UnknownOperationException", "message": msg})
        try:
            answer = handler(parsed(body))
        except KinesisError as error:
            return 400, orjson.dumps({"__type": error.code, "message": error.message})
        return 200, b"" if answer is None else orjson.dumps(answer)

    # Streams

    def _create_stream(self, request: Request) -> Answer:
        name = text(request, "StreamName", MAX_STREAM_NAME)
        max_record_kib = integer(request, "MaxRecordSizeInKiB", MIN_RECORD_KIB, MAX_RECORD_KIB, default=MIN_RECORD_KIB)
        if mode(request, default="PROVISIONED") == "ON_DEMAND":
            if request.get("ShardCount") is not None:
                msg = "ShardCount is for streams in the provisioned capacity mode."
                raise KinesisError("ValidationException", msg)
            self._streams.create(name, ON_DEMAND_SHARDS, "ON_DEMAND")
        else:
            self._streams.create(name, integer(request, "ShardCount", 1, MAX_SHARDS_LISTED, default=1))
        self._streams.get(name).max_record_kib = max_record_kib
        return None

    def _update_max_record_size(self, request: Request) -> Answer:
        stream = self._stream(request)
        stream.max_record_kib = integer(request, "MaxRecordSizeInKiB", MIN_RECORD_KIB, MAX_RECORD_KIB)
        return None

    def _delete_stream(self, request: Request) -> Answer:
        self._streams.delete(self._stream(request).name)
        return None

    def _list_streams(self, request: Request) -> Answer:
        after = optional_text(request, "NextToken") or optional_text(request, "ExclusiveStartStreamName")
        limit = integer(request, "Limit", 1, 10_000, default=100)
        names = [name for name in self._streams.names() if name > after]
        answer: dict[str, Any] = {
            "StreamNames": names[:limit],
            "StreamSummaries": [stream_summary(self._streams.get(name)) for name in names[:limit]],
            "HasMoreStreams": len(names) > limit,
        }
        if len(names) > limit:
            answer["NextToken"] = names[limit - 1]
        return answer

    def _describe_stream(self, request: Request) -> Answer:
        stream = self._stream(request)
        limit = min(integer(request, "Limit", 1, 10_000, default=MAX_SHARDS_DESCRIBED), MAX_SHARDS_DESCRIBED)
        after = optional_text(request, "ExclusiveStartShardId")
        shards = [shard for shard in stream.shards if shard.shard_id > after]
        description = stream_summary(stream) | {
            "Shards": [shard_description(shard) for shard in shards[:limit]],
            "HasMoreShards": len(shards) > limit,
            **RETENTION,
        }
        return {"StreamDescription": description}

    def _describe_stream_summary(self, request: Request) -> Answer:
        stream = self._stream(request)
        summary = stream_summary(stream) | {
            "OpenShardCount": len(stream.open_shards),
            "ConsumerCount": len(stream.consumers),
            "MaxRecordSizeInKiB": stream.max_record_kib,
            **RETENTION,
        }
        return {"StreamDescriptionSummary": summary}

    def _update_stream_mode(self, request: Request) -> Answer:
        self._stream(request).mode = mode(request)
        return None

    # Shards

    def _list_shards(self, request: Request) -> Answer:
        next_token = request.get("NextToken")
        if next_token is not None:
            if request.get("StreamName") or request.get("StreamARN"):
                msg = "NextToken and StreamName cannot be provided together."
                raise invalid_argument(msg)
            limit_again = request.get("MaxResults")
            request = from_token(next_token, "NextToken")
            if limit_again is not None:
                request["MaxResults"] = limit_again
        stream = self._stream(request)
        limit = integer(request, "MaxResults", 1, MAX_SHARDS_LISTED, default=1000)
        after = optional_text(request, "ExclusiveStartShardId")
        shards = [shard for shard in filtered_shards(stream, request.get("ShardFilter")) if shard.shard_id > after]
        answer: dict[str, Any] = {"Shards": [shard_description(shard) for shard in shards[:limit]]}
        if len(shards) > limit:
            rest = request | {"StreamName": stream.name, "ExclusiveStartShardId": shards[limit - 1].shard_id}
            answer["NextToken"] = token(rest)
        return answer

    def _split_shard(self, request: Request) -> Answer:
        stream = self._stream(request)
        provisioned_only(stream)
        start = hash_key(text(request, "NewStartingHashKey", 39))
        stream.split(text(request, "ShardToSplit", 128), start)
        return None

    def _merge_shards(self, request: Request) -> Answer:
        stream = self._stream(request)
        provisioned_only(stream)
        stream.merge(text(request, "ShardToMerge", 128), text(request, "AdjacentShardToMerge", 128))
        return None

    def _update_shard_count(self, request: Request) -> Answer:
        stream = self._stream(request)
        provisioned_only(stream)
        target = integer(request, "TargetShardCount", 1, MAX_SHARDS_LISTED)
        if text(request, "ScalingType", 32) != "UNIFORM_SCALING":
            raise constraint("scalingType")
        count = len(stream.open_shards)
        rescale(stream, target)
        return {
            "StreamName": stream.name,
            "StreamARN": stream.arn,
            "CurrentShardCount": count,
            "TargetShardCount": target,
        }

    # Reading

    def _get_shard_iterator(self, request: Request) -> Answer:
        stream = self._stream(request)
        shard = stream.shard(text(request, "ShardId", 128))
        kind = text(request, "ShardIteratorType", 32)
        if kind == "TRIM_HORIZON":
            position = 0
        elif kind == "LATEST":
            position = len(shard.records)
        elif kind == "AT_TIMESTAMP":
            position = shard.position_at_time(timestamp(request))
        elif kind in {"AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"}:
            sequence = text(request, "StartingSequenceNumber", 128)
            if not stream.owns_sequence(shard, sequence):
                msg = f"StartingSequenceNumber did not come from {shard.shard_id} of stream {stream.name}."
                raise invalid_argument(msg)
            at = kind == "AT_SEQUENCE_NUMBER"
            position = shard.position_at_sequence(sequence) if at else shard.position_after_sequence(sequence)
        else:
            raise constraint("shardIteratorType")
        return {"ShardIterator": shard_iterator(stream, shard, position)}

    def _get_records(self, request: Request) -> Answer:
        limit = integer(request, "Limit", 1, MAX_READ_RECORDS, default=MAX_READ_RECORDS)
        shard, stream, position = self._resolved(text(request, "ShardIterator", 512))
        records = shard.read(position, limit)
        position += len(records)
        answer: dict[str, Any] = {
            "Records": records,
            "MillisBehindLatest": shard.millis_behind(position, time.time()),
        }
        if shard.is_open or position < len(shard.records):
            answer["NextShardIterator"] = shard_iterator(stream, shard, position)
        else:
            answer["NextShardIterator"] = None
            answer["ChildShards"] = [
                {"ShardId": child.shard_id, "ParentShards": child.parents, "HashKeyRange": hash_range(child)}
                for child in shard.children
            ]
        return answer

    def _resolved(self, token_text: str) -> tuple[Shard, Stream, int]:
        place = from_token(token_text, "ShardIterator")
        stream = self._streams.get(str(place.get("n")))
        position = place.get("p")
        if place.get("c") != stream.created or not isinstance(position, int) or position < 0:
            msg = "Invalid ShardIterator."
            raise invalid_argument(msg)
        return stream.shard(str(place.get("s"))), stream, position

    # Writing

    def _put_record(self, request: Request) -> Answer:
        stream = self._stream(request)
        record = new_record(request, "", stream)
        if self._limits and (refusal := self._limits.refuse(stream, record)):
            raise KinesisError("ProvisionedThroughputExceededException", refusal)
        self._on_demand.note(stream, record)
        shard_id, sequence = stream.put(record)
        return {"ShardId": shard_id, "SequenceNumber": sequence, "EncryptionType": "NONE"}

    def _put_records(self, request: Request) -> Answer:
        stream = self._stream(request)
        entries = request.get("Records")
        if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_CALL_RECORDS:
            raise constraint("records")
        # All are checked before one is put: a call that is refused has no effect.
        records = [new_record(entry, f"records.{index}.member.", stream) for index, entry in enumerate(entries, 1)]
        if sum(record.size for record in records) > MAX_CALL_BYTES:
            msg = "Records size exceeds 10 MB limit"
            raise invalid_argument(msg)
        results = list(self._put_each(stream, records))
        failed = sum("ErrorCode" in result for result in results)
        return {"FailedRecordCount": failed, "Records": results, "EncryptionType": "NONE"}

    def _put_each(self, stream: Stream, records: Iterable[NewRecord]) -> Iterable[dict[str, str]]:
        for record in records:
            if self._limits and (refusal := self._limits.refuse(stream, record)):
                yield {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": refusal}
                continue
            self._on_demand.note(stream, record)
            shard_id, sequence = stream.put(record)
            yield {"ShardId": shard_id, "SequenceNumber": sequence}

    def _stream(self, request: Request) -> Stream:
        name, arn = request.get("StreamName"), request.get("StreamARN")
        if arn is not None:
            from_arn = self._streams.name_from_arn(text(request, "StreamARN", 2048))
            if name is not None and name != from_arn:
                msg = "StreamName and StreamARN name different streams."
                raise invalid_argument(msg)
            name = from_arn
        if not name:
            msg = "Either StreamARN or StreamName should be provided."
            raise invalid_argument(msg)
        return self._streams.get(str(name))
