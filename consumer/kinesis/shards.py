"""A stream's shards, as ListShards has them."""

import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from consumer import aws
from consumer.errors import ServiceError
from consumer.kinesis.kpl import ALL_KEYS, HashRange

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient
    from mypy_boto3_kinesis.type_defs import ShardTypeDef


_RETRIES: Final = 2


class Shard(NamedTuple):
    """A shard as ListShards shows it; `parents` are those that are still listed."""

    id: str
    parents: tuple[str, ...]
    hash_range: HashRange


def kinesis_client() -> "KinesisClient":
    """Return a client that waits out throttling and short failures."""
    return aws.client("kinesis", retries=6, timeout=20)


def list_shards(client: "KinesisClient", stream: str, since: int | None = None) -> "list[ShardTypeDef]":
    """Return the shards of a stream, closed ones within retention among them, as ListShards describes them.

    :param since: epoch seconds: without those that were closed before.
    :raises ServiceError: the stream is missing, out of reach or not permitted.
    """
    shards: list[ShardTypeDef] = []
    request: dict[str, Any] = {"StreamName": stream}
    if since is not None:
        request["ShardFilter"] = {"Type": "FROM_TIMESTAMP", "Timestamp": datetime.fromtimestamp(since, UTC)}
    while request:
        try:
            page = client.list_shards(**request)
        except aws.CALL_ERRORS as error:
            raise ServiceError(aws.explain(error, "kinesis:ListShards", f"stream {stream}")) from None
        shards += page["Shards"]
        request = {"NextToken": page["NextToken"]} if page.get("NextToken") else {}
    return shards


def open_shards(descriptions: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the shards that records are still put into."""
    return [each["ShardId"] for each in descriptions if not each["SequenceNumberRange"].get("EndingSequenceNumber")]


def shards_of(descriptions: Iterable[Mapping[str, Any]]) -> dict[str, Shard]:
    """Return the shards by id, parents before their children."""
    listed = {each["ShardId"]: each for each in descriptions}
    sorted_: dict[str, Shard] = {}

    def add(shard_id: str) -> None:
        if shard_id in sorted_:
            return
        each = listed[shard_id]
        named = (each.get("ParentShardId", ""), each.get("AdjacentParentShardId", ""))
        parents = tuple(parent for parent in named if parent in listed)
        for parent in parents:
            add(parent)
        bounds = each["HashKeyRange"]
        hash_range = HashRange(int(bounds["StartingHashKey"]), int(bounds["EndingHashKey"]))
        sorted_[shard_id] = Shard(shard_id, parents, hash_range)

    for shard_id in listed:
        add(shard_id)
    return sorted_


class HashRanges:
    """The shards' hash ranges, which never change; asked for when the first aggregate is met."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._known: dict[str, HashRange] = {}

    def of(self, shard: str) -> HashRange:
        """Return a shard's; of one that is listed no longer, as KCL does, all that there is.

        :raises ServiceError: it may not be asked for, or not now.
        """
        with self._lock:
            if shard not in self._known:
                client = aws.client("kinesis", retries=_RETRIES)
                listed = shards_of(list_shards(client, self._stream)).values()
                self._known = {shard: ALL_KEYS} | {each.id: each.hash_range for each in listed}
            return self._known[shard]
