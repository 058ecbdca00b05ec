"""Reads a stream beside the workers, with GetRecords: from a position or time on, or single records by their number.

A shard answers five reads and 2 MB a second to all of its polling readers together (AWS: "Quotas and limits"). A reader
here takes at most one read and about half of the bytes, so that a worker on the same stream hardly notices.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from consumer import aws
from consumer.errors import ServiceError
from consumer.kinesis.kpl import HashRange, user_records
from consumer.record import Record

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient
    from mypy_boto3_kinesis.type_defs import GetRecordsOutputTypeDef, RecordTypeDef

PAUSE_SECONDS: Final = 1.0
BYTES_A_SECOND: Final = 1 << 20
FIRST_RECORDS: Final = 1000
MAX_RECORDS: Final = 10_000
"""AWS: GetRecords returns at most so many."""

_EMPTY_READS: Final = 200
"""Reads without any record after which a search is given up: a shard may be silent over long stretches."""


class Start(NamedTuple):
    """Where reading begins: at a time in epoch milliseconds, at or after a sequence number, else at `TRIM_HORIZON`."""

    at_ms: int | None = None
    sequence: str | None = None
    after: str | None = None

    @property
    def kind(self) -> str:
        """Return the type of shard iterator."""
        if self.sequence is not None:
            return "AT_SEQUENCE_NUMBER"
        if self.after is not None:
            return "AFTER_SEQUENCE_NUMBER"
        return "TRIM_HORIZON" if self.at_ms is None else "AT_TIMESTAMP"

    def request(self) -> dict[str, Any]:
        """Return GetShardIterator's parameters."""
        request: dict[str, Any] = {"ShardIteratorType": self.kind}
        if number := self.sequence or self.after:
            request["StartingSequenceNumber"] = number
        elif self.at_ms is not None:
            request["Timestamp"] = datetime.fromtimestamp(self.at_ms / 1000, UTC)
        return request


class Held(NamedTuple):
    """What a record of the stream holds.

    :ivar records: made one by one.
    :ivar own: how many they are.
    :ivar foreign: how many are not this shard's to deliver.
    """

    records: Iterator[Record]
    own: int
    foreign: int = 0


class RawRecord(NamedTuple):
    """A record as it is on the stream, which may be an aggregate."""

    sequence: str
    arrival_ms: int
    data: bytes
    partition_key: str

    def taken_apart(self, hash_range: HashRange) -> Held:
        """Return the records that it holds."""
        found = user_records(self.data, self.partition_key, hash_range)
        if found is None:
            return Held(iter((Record(self.sequence, 0, self.arrival_ms, self.data, self.partition_key),)), 1)
        records = (
            Record(self.sequence, sub, self.arrival_ms, each.data, each.partition_key) for sub, each in enumerate(found)
        )
        return Held(records, len(found), found.count if found.is_foreign else 0)


class Page(NamedTuple):
    """An answer of GetRecords.

    :ivar behind_ms: how far its end lies behind the tip of the shard.
    :ivar is_end: the shard is closed, and nothing comes after this.
    """

    records: list[RawRecord]
    behind_ms: int
    is_end: bool


class NotInShard(Exception):
    """A sequence number that this shard never gave out, such as one of a stream that was deleted and made anew."""


class ShardReader:
    """Reads one shard, in order. The caller waits until `due_at` before each read.

    :param limit: records of the first read (None: a thousand); of the next ones as many as are about a MiB.

    :ivar due_at: `time.monotonic()` from which on the next read is fair to others.
    """

    def __init__(
        self, client: "KinesisClient", stream: str, shard: str, start: Start, limit: int | None = None
    ) -> None:
        self._client = client
        self._stream = stream
        self._shard = shard
        self._start = start
        self._iterator: str | None = None
        self._limit = limit or FIRST_RECORDS
        self.due_at = 0.0

    def seek(self, start: Start) -> None:
        """Go on from somewhere else."""
        self._start, self._iterator = start, None

    def read(self, most: int = MAX_RECORDS) -> Page:
        """Read what comes next, about a MiB; it may be nothing, though more follows.

        :param most: records.
        :raises NotInShard: the start is a sequence number of something else.
        :raises ServiceError: the stream is out of reach, not permitted, or throttles for long.
        """
        answer = self._get(min(self._limit, most))
        records = [_raw(each) for each in answer["Records"]]
        size = sum(len(each.data) for each in records)
        if records:
            self._start = Start(after=records[-1].sequence)
            self._limit = max(1, min(MAX_RECORDS, BYTES_A_SECOND * len(records) // max(1, size)))
        self.due_at = time.monotonic() + max(PAUSE_SECONDS, size / BYTES_A_SECOND)
        self._iterator = answer.get("NextShardIterator")
        return Page(records, int(answer.get("MillisBehindLatest") or 0), self._iterator is None)

    def _get(self, limit: int) -> "GetRecordsOutputTypeDef":
        is_fresh = self._iterator is None
        if self._iterator is None:
            self._iterator = self._position()
        try:
            answer = self._client.get_records(ShardIterator=self._iterator, Limit=limit)
        except aws.CALL_ERRORS as error:
            if aws.error_code(error) == "ExpiredIteratorException" and not is_fresh:  # after five minutes
                self._iterator = None
                return self._get(limit)
            raise ServiceError(aws.explain(error, "kinesis:GetRecords", self._target)) from None
        return answer

    def _position(self) -> str:
        try:
            answer = self._client.get_shard_iterator(
                StreamName=self._stream, ShardId=self._shard, **self._start.request()
            )
        except aws.CALL_ERRORS as error:
            if aws.error_code(error) == "InvalidArgumentException" and (self._start.sequence or self._start.after):
                raise NotInShard from None
            raise ServiceError(aws.explain(error, "kinesis:GetShardIterator", self._target)) from None
        return str(answer["ShardIterator"])

    @property
    def _target(self) -> str:
        return f"shard {self._shard} of stream {self._stream}"

    def find(self, sequences: Sequence[str], wait: Callable[[float], object] = time.sleep) -> Iterator[list[RawRecord]]:
        """Yield the records with these sequence numbers, as far as the shard still holds them, in its order.

        :param sequences: all are of this shard.
        :param wait: is called with the seconds until the next read.
        :raises ServiceError: as `read`; or the shard gives nothing for very long.
        """
        missing = sorted({int(sequence): sequence for sequence in sequences}.items(), reverse=True)
        while missing:
            self.seek(Start(sequence=missing[-1][1]))
            try:
                # Others may be near: a whole page costs the shard one read, as a single record does.
                page = self._first_page(1 if len(missing) == 1 else MAX_RECORDS, wait)
            except NotInShard:
                missing.pop()
                continue
            if not page.records:  # nothing is there from here on
                return
            last = int(page.records[-1].sequence)
            wanted = dict(missing)
            found = [each for each in page.records if int(each.sequence) in wanted]
            while missing and missing[-1][0] <= last:
                missing.pop()
            if found:
                yield found

    def _first_page(self, most: int, wait: Callable[[float], object]) -> Page:
        for _ in range(_EMPTY_READS):
            wait(max(0.0, self.due_at - time.monotonic()))
            page = self.read(most)
            if page.records or page.is_end or not page.behind_ms:
                return page
        raise ServiceError(f"The {self._target} gives no record in {_EMPTY_READS} reads.")


def _raw(record: "RecordTypeDef") -> RawRecord:
    arrival = record.get("ApproximateArrivalTimestamp")
    arrival_ms = round(arrival.timestamp() * 1000) if arrival else 0
    return RawRecord(record["SequenceNumber"], arrival_ms, record["Data"], record["PartitionKey"])
