"""What Lambda does around a function: contexts, events, and the poller of an event source mapping."""

import base64
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from consumer.functions.environment import InvocationFailed
from consumer.kinesis.reader import RawRecord, ShardReader, Start
from consumer.kinesis.shards import kinesis_client

EVENTS = Path(__file__).parents[1] / "unit/consumer/functions/events"
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


class Context:
    """Lambda's, with a time-out in seconds."""

    aws_request_id = "8f507cfc-xmpl-4697-b07a-ac58fc914c95"

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)


def event(name: str) -> dict[str, Any]:
    """Return one of the recorded shapes."""
    read: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return read


def kinesis_event(stream: str, shard: str, records: Iterable[RawRecord]) -> dict[str, Any]:
    """Return the event of a mapping, through JSON, as Lambda's runtime does."""
    made = [
        {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record.partition_key,
                "sequenceNumber": record.sequence,
                "data": base64.b64encode(record.data).decode(),
                "approximateArrivalTimestamp": record.arrival_ms / 1000,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard}:{record.sequence}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "arn:aws:iam::123456789012:role/function",
            "awsRegion": "eu-central-1",
            "eventSourceARN": f"arn:aws:kinesis:eu-central-1:123456789012:stream/{stream}",
        }
        for record in records
    ]
    read: dict[str, Any] = json.loads(json.dumps({"Records": made}))
    return read


def read_shard(stream: str, shard: str) -> list[RawRecord]:
    """Return all records of a shard, aggregates as they are."""
    reader = ShardReader(kinesis_client(), stream, shard, Start())
    records: list[RawRecord] = []
    while True:
        page = reader.read()
        records += page.records
        if not page.records and not page.behind_ms:
            return records


class Mapping:
    """An event source mapping with ReportBatchItemFailures and BisectBatchOnFunctionError, tries without end.

    moto's (5.2.5) is no stand-in: it invokes a function for each single PutRecord, in the put itself, and looks
    neither at the answer nor at an error (`send_kinesis_message` of its Lambda backend).
    """

    def __init__(self, stream: str, shard: str, handler: Handler, contexts: Callable[[], Context] = Context) -> None:
        self._stream, self._shard, self._handler, self._contexts = stream, shard, handler, contexts
        self.invocations = self.errors = self.partial = 0

    def deliver(self, records: list[RawRecord], size: int, most: int = 100) -> None:
        """Deliver until all is acknowledged; AssertionError after `most` invocations."""
        left = [records[at : at + size] for at in range(0, len(records), size)]
        while left:
            batch = left.pop(0)
            self.invocations += 1
            assert self.invocations <= most, "the function makes no progress"
            try:
                answer = self._handler(kinesis_event(self._stream, self._shard, batch), self._contexts())
            except InvocationFailed:
                self.errors += 1
                middle = len(batch) // 2
                left[:0] = [batch[:middle], batch[middle:]] if middle else [batch]
                continue
            failed = [int(each["itemIdentifier"]) for each in answer["batchItemFailures"]]
            if failed:
                self.partial += 1
                rest = [record for record in batch if int(record.sequence) >= min(failed)]
                assert rest
                left.insert(0, rest)
