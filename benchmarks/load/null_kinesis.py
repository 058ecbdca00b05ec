"""A null Kinesis: any number of shards, any rate or backlog, at next to no cost.

It speaks HTTP/1.1 and JSON, as boto3 does, and HTTP/2 in clear and CBOR, as KCL does with AWS.

    python -m benchmarks.load.null_kinesis --shards 10 --rate 1000

Nothing is stored: which record stands at which place, and when it arrived, follows from its index. A pool of different
records repeats, so large that a text comes again after many seconds. A shard holds `backlog` records at the start, and
gets `rate` a second by the clock from then on. AWS's limits on reading (5 calls and 2 MB a second for a shard) are not
imposed.

Commands on stdin: `start`: the clock starts, till then all shards are empty; `stop`: no more records arrive; `cut`:
and those not yet read are taken back; `stats`.
"""

import argparse
import asyncio
import itertools
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson

from benchmarks.kinds import CLEAN, KINDS
from benchmarks.load import cbor, http1
from benchmarks.load.http2 import CBOR, JSON, Http2
from benchmarks.load.identity import INDEX_DIGITS, index_of, sequence_number, shard_prefix
from benchmarks.load.service import cpu_seconds, run

STREAM: Final = "load"
POOL: Final = 200_000
POOL_BYTES: Final = 60_000_000
MAX_READ_RECORDS: Final = 10_000

_HASH_SPACE: Final = 1 << 128
_PREFACE: Final = b"PRI"


def pool(kind: str, count: int = POOL) -> list[bytes]:
    """Return different records of a kind: so many, or as many as memory has room for."""
    return KINDS[kind].documents(min(count, POOL_BYTES // KINDS[kind].bytes))


class Refused(Exception):
    """A request that is none of those that are served: the `__type` of the answer."""


class NullStream:
    """The stream. The same index in the same shard is always the same record.

    :param rate: records a second for each shard.
    :param backlog: records that each shard holds at the start.
    :param data: the records that repeat.
    :param clock: epoch seconds.
    """

    def __init__(
        self, shards: int, rate: float, backlog: int, data: Iterable[bytes], clock: Callable[[], float] = time.time
    ) -> None:
        self._shards = shards
        self._rate = rate
        self._backlog = backlog
        # What does not vary of a record, as it stands in an answer; keys are the users', if it has any.
        pairs = [(each, str(orjson.loads(each).get("user_id", number))) for number, each in enumerate(data)]
        self._tails = [f'"Data":"{b64encode(each).decode()}","PartitionKey":"{user}"}}' for each, user in pairs]
        self._cbor_tails = [
            b"".join([cbor.text("Data"), cbor.binary(each), cbor.text("PartitionKey"), cbor.text(user)])
            for each, user in pairs
        ]
        self._clock = clock
        self._created = clock()
        self._started: float | None = None
        self._heads: list[int] | None = None
        self._read = [0] * shards
        self._polled: set[int] = set()
        self._calls: Counter[str] = Counter()
        self._served = 0

    # Commands

    def start(self) -> dict[str, Any]:
        self._started = self._clock()
        return self.stats()

    def stop(self) -> dict[str, Any]:
        self._heads = [self._head(shard) for shard in range(self._shards)]
        return self.stats()

    def cut(self) -> dict[str, Any]:
        self._heads = list(self._read)
        return self.stats()

    def stats(self) -> dict[str, Any]:
        """Return the counters: `put` and `delivered` count each record once, `served` each time it is read."""
        return {
            "started_at": self._started,
            "rate": self._rate,
            "backlog": self._backlog,
            "put": sum(self._head(shard) for shard in range(self._shards)),
            "delivered": sum(self._read),
            "served": self._served,
            "polled_shards": len(self._polled),
            "calls": self._calls,
            "cpu_seconds": cpu_seconds(),
        }

    # Requests

    def handle(self, operation: str, body: bytes, content_type: bytes = JSON) -> tuple[int, bytes]:
        """Return status and body of the answer, which is of the request's type."""
        self._calls[operation] += 1
        is_cbor = content_type == CBOR
        dumps = cbor.dumps if is_cbor else orjson.dumps
        request = cbor.loads(body) if is_cbor else orjson.loads(body)
        try:
            if operation == "GetRecords":
                return 200, self._get_records(request, is_cbor=is_cbor)
            return 200, dumps(self._describe(operation, request))
        except Refused as refused:
            return 400, dumps({"__type": str(refused), "message": f"{operation} is refused"})

    def _describe(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        match operation:
            case "GetShardIterator":
                return {"ShardIterator": self._iterator(request)}
            case "ListShards":
                return {"Shards": self._shard_list()}
            case "DescribeStream":
                return {"StreamDescription": self._summary() | {"Shards": self._shard_list(), "HasMoreShards": False}}
            case "DescribeStreamSummary":
                return {"StreamDescriptionSummary": self._summary() | {"OpenShardCount": self._shards}}
            case _:
                raise Refused("UnknownOperationException")

    def _get_records(self, request: dict[str, Any], *, is_cbor: bool) -> bytes:
        shard, position = map(int, request["ShardIterator"].split(":"))
        head = self._head(shard)
        end = min(position + request.get("Limit", MAX_READ_RECORDS), max(head, position))
        behind = max(0, round((self._clock() - self.arrival(end)) * 1000)) if end < head else 0
        self._polled.add(shard)
        self._read[shard] = max(self._read[shard], end)
        self._served += end - position
        return (self._as_cbor if is_cbor else self._as_json)(shard, range(position, end), behind)

    def _turn(self, shard: int) -> int:
        """Give where a shard begins among the records: as far from the others as can be."""
        return shard * len(self._tails) // self._shards

    def _as_json(self, shard: int, indexes: range, behind: int) -> bytes:
        prefix, tails, turn = shard_prefix(shard), self._tails, self._turn(shard)
        size, arrival = len(tails), self.arrival
        records = ",".join(
            [
                f'{{"SequenceNumber":"{prefix}{index:026d}","ApproximateArrivalTimestamp":{arrival(index):.3f},'
                f"{tails[(index + turn) % size]}"
                for index in indexes
            ]
        )
        end = indexes.stop
        return (f'{{"Records":[{records}],"NextShardIterator":"{shard}:{end}","MillisBehindLatest":{behind}}}').encode()

    def _as_cbor(self, shard: int, indexes: range, behind: int) -> bytes:
        tails, turn, arrival = self._cbor_tails, self._turn(shard), self.arrival
        size = len(tails)
        first = cbor.map_of(4) + cbor.text("SequenceNumber") + cbor.text(sequence_number(shard, 0))
        first = first[:-INDEX_DIGITS] + b"%026d" + cbor.text("ApproximateArrivalTimestamp") + b"\x1b%b"
        parts = [
            first % (index, round(arrival(index) * 1000).to_bytes(8, "big")) + tails[(index + turn) % size]
            for index in indexes
        ]
        return b"".join(
            [
                cbor.map_of(3) + cbor.text("Records") + cbor.array_of(len(parts)),
                *parts,
                cbor.text("NextShardIterator") + cbor.text(f"{shard}:{indexes.stop}"),
                cbor.text("MillisBehindLatest") + cbor.integer(behind),
            ]
        )

    def arrival(self, index: int) -> float:
        """When a record arrived, in epoch seconds."""
        return (self._started or 0) + (max(0, index - self._backlog) / self._rate if self._rate else 0)

    def _head(self, shard: int) -> int:
        """Return how many records a shard has got until now."""
        if self._heads is not None:
            return self._heads[shard]
        if self._started is None:
            return 0
        return self._backlog + int((self._clock() - self._started) * self._rate)

    def _iterator(self, request: dict[str, Any]) -> str:
        shard = int(request["ShardId"].rpartition("-")[2])
        if not shard < self._shards:
            raise Refused("ResourceNotFoundException")
        match request["ShardIteratorType"]:
            case "TRIM_HORIZON":
                position = 0
            case "LATEST":
                position = self._head(shard)
            case "AT_SEQUENCE_NUMBER":
                position = index_of(request["StartingSequenceNumber"])
            case "AFTER_SEQUENCE_NUMBER":
                position = index_of(request["StartingSequenceNumber"]) + 1
            case _:  # AT_TIMESTAMP: nobody here asks for it
                raise Refused("InvalidArgumentException")
        return f"{shard}:{position}"

    def _shard_list(self) -> list[dict[str, Any]]:
        bounds = [shard * _HASH_SPACE // self._shards for shard in range(self._shards + 1)]
        return [
            {
                "ShardId": f"shardId-{shard:012d}",
                "HashKeyRange": {"StartingHashKey": str(first), "EndingHashKey": str(end - 1)},
                "SequenceNumberRange": {"StartingSequenceNumber": sequence_number(shard, 0)},
            }
            for shard, (first, end) in enumerate(itertools.pairwise(bounds))
        ]

    def _summary(self) -> dict[str, Any]:
        return {
            "StreamName": STREAM,
            "StreamARN": f"arn:aws:kinesis:us-east-1:123456789012:stream/{STREAM}",
            "StreamStatus": "ACTIVE",
            "StreamModeDetails": {"StreamMode": "PROVISIONED"},
            "StreamCreationTimestamp": round(self._created, 3),
            "RetentionPeriodHours": 24,
            "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
            "EncryptionType": "NONE",
        }


class _Either(asyncio.Protocol):
    """Tells HTTP/2 from HTTP/1.1 by the first bytes of a connection."""

    def __init__(self, stream: NullStream) -> None:
        self._stream = stream
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        handle = self._stream.handle
        protocol: asyncio.Protocol = (
            Http2(handle)
            if data.startswith(_PREFACE)
            else http1.Http1(
                lambda request: http1.response(*handle(request.operation, request.body), content_type=JSON)
            )
        )
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, default=10)
    parser.add_argument("--rate", type=float, default=0, help="records a second for each shard")
    parser.add_argument("--backlog", type=int, default=0, help="records that each shard holds at the start")
    parser.add_argument("--kind", choices=list(KINDS), default=CLEAN, help="of the records")
    arguments = parser.parse_args()
    stream = NullStream(arguments.shards, arguments.rate, arguments.backlog, pool(arguments.kind))
    commands = {"start": stream.start, "stop": stream.stop, "cut": stream.cut, "stats": stream.stats}
    run(lambda: _Either(stream), commands)


if __name__ == "__main__":
    main()
