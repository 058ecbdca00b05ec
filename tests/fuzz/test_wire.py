"""Whatever comes over a pipe or a socket: known errors, no content in them, and nothing acknowledged that is not so."""

import io
import threading
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
import pytest

from consumer.aws.transport import Answer, BadResponse
from consumer.kcl.delivery import Lines
from consumer.kcl.jvm.whole_records import WHOLE
from consumer.kcl.log import DaemonLog
from consumer.kcl.processor import ShardProcessor, _load_action, serve
from consumer.kinesis.kpl import HashRange, user_records
from consumer.kinesis.shards import HashRanges
from consumer.metrics import Metrics
from consumer.pipeline.byte_budget import ByteBudget
from consumer.record import Record
from consumer.sink import Fate
from consumer.sink_testing import NoMetrics
from consumer.sinks import service_writer
from consumer.sinks.concurrency import Concurrency
from consumer.sinks.table_writers import BatchWriter
from tests.fuzz.kit import CANARY, Fuzz
from tests.kits.dynamodb import TABLE, FakeDynamoDB, Raw, items
from tests.kits.kpl import Part, aggregate, sealed
from tests.kits.log import RecordingLog

INITIALIZE: Final = (
    b'{"action":"initialize","shardId":"shardId-000000000000","sequenceNumber":"TRIM_HORIZON","subSequenceNumber":0}\n'
)
_RECORD: Final = {
    "action": "record",
    "data": b64encode(CANARY.encode()).decode(),
    "partitionKey": CANARY,
    "approximateArrivalTimestamp": 1710498600000,
    "sequenceNumber": "49590338271490256608559692538361571095921575989136588898",
    "subSequenceNumber": WHOLE,
}
BATCH: Final = (
    orjson.dumps({"action": "processRecords", "records": [_RECORD, _RECORD], "millisBehindLatest": 7}) + b"\n"
)
LINES: Final = [
    INITIALIZE,
    BATCH,
    b'{"action":"checkpoint","sequenceNumber":"1","subSequenceNumber":0,"error":null}\n',
    b'{"action":"checkpoint","sequenceNumber":"1","subSequenceNumber":0,"error":"ThrottlingException"}\n',
    b'{"action":"shardEnded"}\n',
    b'{"action":"leaseLost"}\n',
    b'{"action":"shutdownRequested"}\n',
    b'{"action":"shutdown","reason":"ZOMBIE"}\n',
]


def test_a_line_of_the_daemon_is_an_action_or_the_end(fuzz: Fuzz) -> None:
    for line in fuzz.inputs(LINES):
        with fuzz.only(line, SystemExit):
            _load_action(line)


class _Pipeline:
    """Counts what it has settled."""

    def __init__(self) -> None:
        self.settled = self.ends = 0

    def process(self, records: Sequence[Record], _behind: float | None, checkpointer: Any) -> None:
        for record in records:
            assert record.position.sequence >= 0
        if records:
            checkpointer.at(records[-1].position)
        self.settled += 1

    def end_shard(self, checkpointer: Any) -> None:
        checkpointer.at_end()
        self.ends += 1

    def shut_down(self, checkpointer: Any) -> None:
        del checkpointer

    def close(self) -> None:
        pass


def test_a_session_acknowledges_what_it_settled_and_no_more(fuzz: Fuzz, log: RecordingLog) -> None:
    for line in fuzz.inputs([BATCH + LINES[2], BATCH + LINES[3], *LINES[4:]]):
        pipeline = _Pipeline()
        stop = threading.Event()
        processor = ShardProcessor(lambda _, made=pipeline: made, HashRanges("none"), stop, log)  # type: ignore[misc]
        answers = io.StringIO()
        with fuzz.only(line):
            serve(processor, Lines(INITIALIZE, io.BytesIO(line).read, ByteBudget(1 << 20), stop), answers)
        told = [orjson.loads(each) for each in answers.getvalue().split("\n") if each]
        done = [each["responseFor"] for each in told if each["action"] == "status"]
        assert done.count("processRecords") == pipeline.settled, line
        assert done.count("shardEnded") == pipeline.ends, line
        for _, _, fields in log.events:  # of an exception the log writes class and places only
            assert CANARY not in str({name: value for name, value in fields.items() if name != "exc_info"}), line
        log.events.clear()


def test_an_aggregate_is_taken_apart_or_left_whole(fuzz: Fuzz) -> None:
    corpus = [
        aggregate([Part(CANARY.encode()), Part(b"two", 0, 0)], [CANARY], ["170141183460469231731687303715884105728"]),
        aggregate([Part(b"x" * 300)], ["k"]),
        b"\xf3\x89\x9a\xc2",
    ]
    whole = HashRange(0, 2**128 - 1)
    for data in fuzz.inputs([*corpus, *(each[4:-16] for each in corpus)]):
        for each in (data, sealed(data)):
            with fuzz.only(data):
                found = user_records(each, "key", whole)
                size = sum(len(record.data) for record in found or ())
            assert size <= 2 * len(each)


def test_a_line_of_kcl_tells_nothing(fuzz: Fuzz, metrics: Metrics, log: RecordingLog) -> None:
    scheduler = "software.amazon.kinesis.coordinator.Scheduler"
    event = {"loggerName": scheduler, "level": "ERROR", "message": "Starting LeaseCoordinator", "throwable": None}
    denied = {
        "className": "software.amazon.awssdk.services.kinesis.model.KinesisException",
        "message": f"{CANARY} is not authorized to perform: kinesis:GetRecords on {CANARY} (Service: Kinesis, Status "
        f"Code: 400, Request ID: {CANARY}) (SDK Attempt Count: 1)",
    }
    corpus = [
        orjson.dumps(event),
        orjson.dumps(event | {"message": CANARY, "arguments": [CANARY]}),
        orjson.dumps(event | {"throwable": {"className": "java.lang.Error", "message": CANARY}}),
        orjson.dumps(event | {"throwable": {"className": "java.lang.Error", "cause": denied}}),
        b"Terminating due to java.lang.OutOfMemoryError: " + CANARY.encode(),
    ]
    reader = DaemonLog(metrics, log)
    for line in fuzz.inputs(corpus):
        with fuzz.only(line):
            reader.line(line)
            reader.close()
        for _, _, fields in log.events:
            # A class name passes, as a shape; what looks like a class cannot be told from one.
            assert CANARY not in str({k: v for k, v in fields.items() if k not in ("logger", "error", "cause")}), line
        log.events.clear()


def test_what_is_no_answer_is_refused(fuzz: Fuzz) -> None:
    corpus = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-amz-crc32: 2745614147\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 400 Bad\r\nconnection: close\r\ncontent-length: 30\r\n\r\n" + CANARY.encode(),
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ]
    for data in fuzz.inputs(corpus):
        answer = Answer()
        with fuzz.only(data, BadResponse):
            answer.feed(data)
            if answer.complete:
                assert answer.status >= 200
                assert isinstance(answer.body, bytes)


def _is_taken_by(answer: bytes, key: str) -> bool:
    """Judge an answer by AWS's description: no item that is listed was taken; what is no such answer says nothing."""
    try:
        told: Mapping[str, Any] = orjson.loads(answer)
        left = told["UnprocessedItems"]
        listed = left.get(TABLE, [])
        return (
            isinstance(listed, list)
            and not left.keys() - {TABLE}
            and key not in [each["PutRequest"]["Item"]["sk"]["S"] for each in listed]
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def test_an_answer_that_is_none_makes_nothing_durable(
    fuzz: Fuzz, log: RecordingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_writer, "BACKOFF_FIRST_SECONDS", 5.0)
    batch = items(3)
    left = [{"PutRequest": {"Item": orjson.loads(item.body)}} for item in batch[:2]]
    corpus = [
        orjson.dumps({"UnprocessedItems": told}) for told in ({}, {TABLE: left}, {TABLE: left[:1]}, {"other": left})
    ]
    for answer in fuzz.inputs([*corpus, b"<html>" + CANARY.encode(), b"{}", b"null"]):
        stop = threading.Event()
        writer = BatchWriter(FakeDynamoDB(Raw(answer)), TABLE, ("pk", "sk"), Concurrency(4), NoMetrics(), log)
        writing = writer.start(batch, stop)
        with fuzz.only(answer):
            writing.wait(0.0001)
            stop.set()
            while not writing.wait(0.1):
                pass
        for item, fate in zip(batch, writing.fates, strict=True):
            if fate is Fate.DURABLE:
                assert _is_taken_by(answer, item.key[1]), answer
        assert CANARY not in str(log.events)
        log.events.clear()
