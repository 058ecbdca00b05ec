"""Puts records onto a stream: what `sanitizer produce` and the demo do."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import orjson

from consumer import aws
from consumer.backoff import backoff
from consumer.errors import ServiceError, StartError

MAX_RECORDS: Final = 500
USUAL_RECORD_BYTES: Final = 1 << 20
MAX_RECORD_BYTES: Final = 10 << 20
MAX_CALL_BYTES: Final = 4 << 20
"""AWS: PutRecords takes 500 records and 10 MiB in all; a record, with its partition key, 1 MiB, or as much as the
stream's MaxRecordSizeInKiB says, 10 MiB at most. Of small ones less goes into a call, so that several are under way."""

ATTEMPTS: Final = 12
_PAUSE_SECONDS: Final = 0.05
_PAUSE_LIMIT_SECONDS: Final = 2.0


class Put(NamedTuple):
    """A record to put.

    :ivar documents: what was written into it, in order; None: nobody says.
    """

    data: bytes
    partition_key: str
    documents: tuple[bytes, ...] | None = None


class Placed(NamedTuple):
    """Where a record went, and when the call that put it began (epoch seconds).

    :ivar sub: of a user record in an aggregate, from 0.
    """

    shard: str
    sequence: str
    put_at: float
    sub: int = 0

    @property
    def name(self) -> str:
        """``shard/sequence/sub``."""
        return f"{self.shard}/{self.sequence}/{self.sub}"


class Producer:
    """Puts records onto one stream, in order within a call as long as none is turned away.

    :ivar retries: how often a record was sent again, by the code with which it was turned away.
    :ivar has_put: whether any record is known to be on the stream.
    """

    def __init__(self, stream: str) -> None:
        self._client = aws.client("kinesis", retries=2, timeout=10)
        self._stream = stream
        self.retries: Counter[str] = Counter()
        self.has_put = False

    def put(self, records: Sequence[Put]) -> list[Placed]:
        """Put at most 500 records; those that the stream turns away are sent again.

        :raises ServiceError: the stream is missing, out of reach or not permitted, or throttles for too long.
        """
        placed: list[Placed | None] = [None] * len(records)
        for attempt in range(ATTEMPTS):
            pending = [i for i, place in enumerate(placed) if place is None]
            if not pending:
                break
            if attempt:
                time.sleep(backoff(attempt, _PAUSE_SECONDS, _PAUSE_LIMIT_SECONDS))
            began = time.time()
            try:
                answer = self._client.put_records(
                    StreamName=self._stream,
                    Records=[{"Data": records[i].data, "PartitionKey": records[i].partition_key} for i in pending],
                )
            except aws.CALL_ERRORS as error:
                explained = aws.explain(error, "kinesis:PutRecords", f"stream {self._stream}")
                if any(size_of(records[i]) > USUAL_RECORD_BYTES for i in pending):
                    explained += " A record above 1 MiB takes a stream whose MaxRecordSizeInKiB allows it."
                raise ServiceError(explained) from None
            for i, result in zip(pending, answer["Records"], strict=True):
                if "SequenceNumber" in result:
                    placed[i] = Placed(result["ShardId"], result["SequenceNumber"], began)
                    self.has_put = True
                else:
                    self.retries[str(result.get("ErrorCode"))[:80]] += 1
        done = [place for place in placed if place is not None]
        if len(done) < len(records):
            left = len(records) - len(done)
            msg = f"The stream {self._stream} turned {left} records away {ATTEMPTS} times: add shards."
            raise ServiceError(msg)
        return done


def calls(records: Iterable[Put], limit: int = MAX_RECORDS, size_limit: int = MAX_CALL_BYTES) -> Iterator[list[Put]]:
    """Split `records` into lists that one call takes, of at most `limit` records and `size_limit` bytes."""
    call: list[Put] = []
    size = 0
    for record in records:
        weight = size_of(record)
        if call and (len(call) == limit or size + weight > size_limit):
            yield call
            call, size = [], 0
        call.append(record)
        size += weight
    if call:
        yield call


def read_lines(lines: Iterable[bytes], key_field: str) -> Iterator[Put]:
    """Turn lines into records, one each, blank ones too.

    :param key_field: top-level field whose value is the partition key; a line without it gets its number.
    :raises StartError: a line is longer than a record may be.
    """
    for number, line in enumerate(lines, start=1):
        data = line.rstrip(b"\r\n")
        key = _partition_key(data, key_field) or f"line-{number}"
        put = Put(data, key)
        if size_of(put) > MAX_RECORD_BYTES:
            msg = f"Line {number} has {len(data)} bytes; a Kinesis record holds at most 10 MiB with its partition key."
            raise StartError(msg)
        yield put


def size_of(record: Put) -> int:
    """Return what Kinesis counts."""
    return len(record.data) + len(record.partition_key.encode())


def _partition_key(data: bytes, field: str) -> str | None:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    value = document.get(field) if isinstance(document, dict) else None
    return str(value)[:256] if value not in (None, "") else None
