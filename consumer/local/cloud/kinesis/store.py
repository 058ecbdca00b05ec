"""Streams in memory, with the rules of Kinesis: routing, order, resharding.

Knows nothing of HTTP or JSON. There is no retention: records stay until their stream is deleted, so the
process that holds them is meant to be short-lived.
"""

import time
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

from consumer.local.cloud.kinesis.shard import HASH_SPACE, KinesisError, NewRecord, Shard, invalid_argument, not_found

Mode = Literal["PROVISIONED", "ON_DEMAND"]


class Stream:
    """A stream: its shards in the order of their creation, and which open one owns which hash keys.

    :ivar mode: who decides on the number of shards, the stream's owner or Kinesis.
    :ivar max_record_kib: what a record may have, its partition key included.
    """

    def __init__(self, name: str, arn: str, shard_count: int, mode: Mode = "PROVISIONED") -> None:
        self.name = name
        self.arn = arn
        self.mode: Mode = mode
        self.max_record_kib = 1024
        self.created = round(time.time(), 3)
        # 56 digits like AWS's. Equal lengths let numbers be compared as text, and the time in front keeps a
        # stream that was deleted and created again from giving out numbers twice.
        self._sequence_prefix = f"49{time.time_ns():020d}{0:018d}"
        self._issued = 0
        self.consumers: dict[str, dict[str, Any]] = {}
        self.shards: list[Shard] = []
        self.by_id: dict[str, Shard] = {}
        self._open: list[Shard] = []
        self._open_starts: list[int] = []
        bounds = [index * HASH_SPACE // shard_count for index in range(shard_count + 1)]
        for first, end in pairwise(bounds):
            self._add_shard(first, end - 1, self.created)
        self._refresh_routing()

    def shard(self, shard_id: str) -> Shard:
        """Return a shard.

        :raises KinesisError: ResourceNotFoundException.
        """
        try:
            return self.by_id[shard_id]
        except KeyError:
            what = f"Shard {shard_id} in stream {self.name}"
            raise not_found(what) from None

    @property
    def open_shards(self) -> Sequence[Shard]:
        """The shards that take records, in the order of their hash ranges."""
        return self._open

    def route(self, hash_key: int) -> Shard:
        """Return the open shard that owns `hash_key`."""
        return self._open[bisect_right(self._open_starts, hash_key) - 1]

    def put(self, record: NewRecord) -> tuple[str, str]:
        """Append a record to its shard; return (shard id, sequence number)."""
        shard = self.route(record.hash_key())
        # Never earlier than the record before it, whatever the clock does: positions by time are bisected.
        arrival = round(time.time(), 3)
        if shard.arrivals and arrival < shard.arrivals[-1]:
            arrival = shard.arrivals[-1]
        sequence = self._next_sequence()
        shard.records.append(
            {
                "Data": record.data,
                "PartitionKey": record.partition_key,
                "SequenceNumber": sequence,
                "ApproximateArrivalTimestamp": arrival,
            }
        )
        shard.sequences.append(sequence)
        shard.arrivals.append(arrival)
        shard.ends.append((shard.ends[-1] if shard.ends else 0) + record.size)
        return shard.shard_id, sequence

    def split(self, shard_id: str, new_starting_hash: int) -> None:
        """Close a shard and open two in its place, the second beginning at `new_starting_hash`.

        :raises KinesisError: unknown or closed shard, or a hash key that leaves one side empty.
        """
        parent = self._open_shard(shard_id)
        if not parent.first_hash < new_starting_hash <= parent.last_hash:
            msg = f"NewStartingHashKey must lie in the range of shard {shard_id} and not be its start."
            raise invalid_argument(msg)
        now = self._close(parent)
        parent.children = (
            self._add_shard(parent.first_hash, new_starting_hash - 1, now, shard_id),
            self._add_shard(new_starting_hash, parent.last_hash, now, shard_id),
        )
        self._refresh_routing()

    def merge(self, shard_id: str, adjacent_id: str) -> None:
        """Close two neighbouring shards and open one in their place.

        :raises KinesisError: unknown or closed shards, or such that are not neighbours.
        """
        one, other = self._open_shard(shard_id), self._open_shard(adjacent_id)
        low, high = sorted((one, other), key=lambda shard: shard.first_hash)
        if low.last_hash + 1 != high.first_hash:
            msg = f"Shards {shard_id} and {adjacent_id} in stream {self.name} are not adjacent."
            raise invalid_argument(msg)
        now = max(self._close(one), self._close(other))
        child = self._add_shard(low.first_hash, high.last_hash, now, shard_id, adjacent_id)
        one.children = other.children = (child,)
        self._refresh_routing()

    def owns_sequence(self, shard: Shard, sequence: str) -> bool:
        """Whether `sequence` is a number that was given out while `shard` took records."""
        last = shard.last_sequence or self._sequence(self._issued)
        return len(sequence) == len(last) and sequence.isdecimal() and shard.first_sequence <= sequence <= last

    def _open_shard(self, shard_id: str) -> Shard:
        shard = self.shard(shard_id)
        if not shard.is_open:
            msg = f"Shard {shard_id} in stream {self.name} is already closed."
            raise invalid_argument(msg)
        return shard

    def _add_shard(
        self, first: int, last: int, now: float, parent: str | None = None, adjacent: str | None = None
    ) -> Shard:
        shard_id = f"shardId-{len(self.shards):012d}"
        shard = Shard(shard_id, first, last, self._next_sequence(), now, parent, adjacent)
        self.shards.append(shard)
        self.by_id[shard_id] = shard
        return shard

    def _close(self, shard: Shard) -> float:
        now = round(time.time(), 3)
        shard.closed = max(now, shard.arrivals[-1]) if shard.arrivals else now
        shard.last_sequence = self._next_sequence()
        return shard.closed

    def _refresh_routing(self) -> None:
        self._open = sorted((shard for shard in self.shards if shard.is_open), key=lambda shard: shard.first_hash)
        self._open_starts = [shard.first_hash for shard in self._open]

    def _sequence(self, number: int) -> str:
        return f"{self._sequence_prefix}{number:016d}"

    def _next_sequence(self) -> str:
        self._issued += 1
        return self._sequence(self._issued)


class Streams:
    """All streams of the embedded cloud: one account, one region."""

    def __init__(self, region: str, account: str = "123456789012") -> None:
        self._arn_prefix = f"arn:aws:kinesis:{region}:{account}:stream/"
        self._streams: dict[str, Stream] = {}

    def create(self, name: str, shard_count: int, mode: Mode = "PROVISIONED") -> None:
        """Add a stream, active at once.

        :raises KinesisError: ResourceInUseException when the name is taken.
        """
        if name in self._streams:
            msg = f"Stream {name} already exists."
            raise KinesisError("ResourceInUseException", msg)
        self._streams[name] = Stream(name, self._arn_prefix + name, shard_count, mode)

    def delete(self, name: str) -> None:
        """Drop a stream with all its records.

        :raises KinesisError: ResourceNotFoundException.
        """
        del self._streams[self.get(name).name]

    def get(self, name: str) -> Stream:
        """Return a stream.

        :raises KinesisError: ResourceNotFoundException.
        """
        try:
            return self._streams[name]
        except KeyError:
            what = f"Stream {name}"
            raise not_found(what) from None

    def name_from_arn(self, arn: str) -> str:
        """Return the name in a stream's ARN.

        :raises KinesisError: not the ARN of a stream in this account and region.
        """
        if not arn.startswith(self._arn_prefix):
            msg = "StreamARN names no stream of this account and region."
            raise invalid_argument(msg)
        return arn.removeprefix(self._arn_prefix)

    def names(self) -> list[str]:
        """Return the names of all streams, sorted."""
        return sorted(self._streams)
