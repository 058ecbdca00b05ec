"""The null services of the benchmarks: what they serve, count and refuse has to be right, or no figure is."""

import itertools
import json
import socket
import subprocess
import sys
import zlib
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, StreamEnded
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.kinds import CLEAN, WEB_ORDER
from benchmarks.load import cbor, null_kinesis
from benchmarks.load.http1 import Request
from benchmarks.load.http2 import CBOR
from benchmarks.load.identity import IN_BYTES, index_of, sequence_number
from benchmarks.load.null_dynamodb import Limits, NullTables
from benchmarks.load.null_kinesis import NullStream, pool
from benchmarks.load.process_costs import ProcessTree, worker_kind
from benchmarks.load.service import Service
from benchmarks.load.written import Written

TABLE = "documents"
DATA = [b'{"user_id": "1", "note": "one"}', b'{"user_id": "2", "note": "two"}', b'{"user_id": "3", "note": "three"}']


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def ask(stream: NullStream, operation: str, **request: Any) -> Any:
    status, body = stream.handle(operation, json.dumps(request).encode())
    assert status == 200
    return json.loads(body)


def iterator(stream: NullStream, shard: int, kind: str = "TRIM_HORIZON", **more: str) -> str:
    answer = ask(
        stream, "GetShardIterator", StreamName="s", ShardId=f"shardId-{shard:012d}", ShardIteratorType=kind, **more
    )
    return str(answer["ShardIterator"])


def item(shard: int, index: int) -> dict[str, Any]:
    number = sequence_number(shard, index)
    return {
        "_sanitizer_sk": {"S": f"2024-03-15T10:30:00Z#shardId-{shard:012d}#{number}#0"},
        "_sanitizer": {"M": {"sequence": {"S": number}}},
    }


def batch(items: list[dict[str, Any]], table: str = TABLE) -> Request:
    puts = [{"PutRequest": {"Item": each}} for each in items]
    return Request(b"", "BatchWriteItem", json.dumps({"RequestItems": {table: puts}}).encode())


def answered(tables: NullTables, request: Request) -> tuple[int, Any]:
    """Return status and body, after a look at what a client checks."""
    raw = tables.handle(request)
    assert isinstance(raw, bytes)
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert int(headers["x-amz-crc32"]) == zlib.crc32(body)
    assert int(headers["content-length"]) == len(body)
    assert headers["content-type"] == "application/x-amz-json-1.0"
    return int(lines[0].split()[1]), json.loads(body)


# Sequence numbers


@given(st.integers(0, 10**8 - 1), st.integers(0, 10**9), st.integers(1, 10**9))
def test_sequence_numbers_grow_and_say_which_record_they_stand_for(shard: int, index: int, step: int) -> None:
    one, later = sequence_number(shard, index), sequence_number(shard, index + step)
    assert len(one) == len(later) == 56
    assert one < later
    assert int(one) < int(later)
    assert index_of(one) == index
    found = IN_BYTES.findall(b"x#" + one.encode() + b"#0")
    assert [tuple(map(int, pair)) for pair in found] == [(shard, index)]


# Kinesis


def test_shards_are_empty_until_the_start_and_then_fill_by_the_clock() -> None:
    clock = Clock()
    stream = NullStream(2, 100, 0, DATA, clock)
    place = iterator(stream, 0)
    clock.now += 50
    assert ask(stream, "GetRecords", ShardIterator=place)["Records"] == []
    stream.start()
    clock.now += 2
    answer = ask(stream, "GetRecords", ShardIterator=place, Limit=150)
    assert len(answer["Records"]) == 150
    assert answer["MillisBehindLatest"] == 500  # record 150 arrived half a second ago
    rest = ask(stream, "GetRecords", ShardIterator=answer["NextShardIterator"])
    assert len(rest["Records"]) == 50
    assert rest["MillisBehindLatest"] == 0
    assert rest["Records"][-1]["ApproximateArrivalTimestamp"] == pytest.approx(clock.now - 0.01, abs=0.001)
    stats = stream.stats()
    assert stats["put"] == 400
    assert stats["delivered"] == 200
    assert stats["polled_shards"] == 1


def test_numbers_grow_and_are_unique_over_the_stream() -> None:
    stream = NullStream(3, 0, 40, DATA)
    stream.start()
    numbers: list[str] = []
    for shard in range(3):
        records = ask(stream, "GetRecords", ShardIterator=iterator(stream, shard))["Records"]
        assert [record["SequenceNumber"] for record in records] == sorted(
            record["SequenceNumber"] for record in records
        )
        numbers += [record["SequenceNumber"] for record in records]
    assert len(set(numbers)) == 120


def test_a_read_again_is_the_same_and_counts_once_as_delivered() -> None:
    stream = NullStream(1, 0, 10, DATA)
    stream.start()
    first = ask(stream, "GetRecords", ShardIterator=iterator(stream, 0))["Records"]
    number = first[3]["SequenceNumber"]
    again = iterator(stream, 0, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=number)
    assert ask(stream, "GetRecords", ShardIterator=again)["Records"] == first[4:]
    at = iterator(stream, 0, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=number)
    assert ask(stream, "GetRecords", ShardIterator=at, Limit=1)["Records"] == [first[3]]
    assert stream.stats()["delivered"] == 10
    assert stream.stats()["served"] == 17


def test_a_stop_keeps_what_arrived_and_a_cut_only_what_was_read() -> None:
    clock = Clock()
    stream = NullStream(1, 10, 500, DATA, clock)
    stream.start()
    clock.now += 3
    ask(stream, "GetRecords", ShardIterator=iterator(stream, 0), Limit=20)
    assert stream.stop()["put"] == 530
    clock.now += 100
    assert stream.stats()["put"] == 530
    assert stream.cut()["put"] == 20


def test_cbor_has_the_same_records_as_json() -> None:
    clock = Clock()
    stream = NullStream(2, 100, 0, DATA, clock)
    stream.start()
    clock.now += 0.2
    request = {"ShardIterator": iterator(stream, 1), "Limit": 10}
    status, body = stream.handle("GetRecords", cbor.dumps(request), CBOR)
    assert status == 200
    read, as_json = cbor.loads(body), ask(stream, "GetRecords", **request)
    for record, other in zip(read["Records"], as_json["Records"], strict=True):
        assert record["Data"] == b64decode(other["Data"])
        assert record["ApproximateArrivalTimestamp"] == round(other["ApproximateArrivalTimestamp"] * 1000)
        assert all(record[name] == other[name] for name in ("SequenceNumber", "PartitionKey"))
    assert all(read[name] == as_json[name] for name in ("NextShardIterator", "MillisBehindLatest"))
    assert stream.handle("CreateStream", cbor.dumps({}), CBOR)[0] == 400


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(0, 2**64 - 1) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_cbor_is_read_as_it_was_written(document: Any) -> None:
    assert cbor.loads(cbor.dumps(document)) == document


def test_cbor_of_indefinite_length_is_read() -> None:
    written = bytes.fromhex("bf 61 61 9f 01 20 ff 61 62 7f 61 78 61 79 ff 61 63 c1 1a 00 01 00 00 ff")
    assert cbor.loads(written) == {"a": [1, -1], "b": "xy", "c": 65536}


def test_shards_cover_the_hash_keys() -> None:
    shards = ask(NullStream(7, 1, 0, DATA), "ListShards", StreamName="s")["Shards"]
    ranges = [(int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"])) for s in shards]
    assert ranges[0][0] == 0
    assert ranges[-1][1] == 2**128 - 1
    assert all(end + 1 == start for (_, end), (start, _) in itertools.pairwise(ranges))


def test_the_pool_holds_different_records_and_no_more_than_memory_does(monkeypatch: pytest.MonkeyPatch) -> None:
    made = pool(CLEAN, 50)
    assert len(set(made)) == 50
    assert all(230 <= len(each) <= 280 for each in made)
    monkeypatch.setattr(null_kinesis, "POOL_BYTES", 7100)
    assert len(pool(WEB_ORDER, 50)) == 10


def test_a_record_without_a_user_has_a_key_of_its_own() -> None:
    started = NullStream(1, 0, 2, [b'{"a": 1}', b'{"a": 2}'])
    started.start()
    found = ask(started, "GetRecords", ShardIterator="0:0")["Records"]
    assert [each["PartitionKey"] for each in found] == ["0", "1"]


# DynamoDB


def test_writes_are_counted_and_each_record_is_known_once() -> None:
    written = Written()
    tables = NullTables([TABLE], Limits(), written=written)
    assert answered(tables, batch([item(0, i) for i in range(25)])) == (200, {"UnprocessedItems": {}})
    assert answered(tables, batch([item(1, 7), item(0, 3)])) == (200, {"UnprocessedItems": {}})
    body = json.dumps({"TableName": TABLE, "Item": item(70_000, 10**6)}).encode()
    assert answered(tables, Request(b"", "PutItem", body)) == (200, {})
    stats = tables.stats()
    assert stats["items"] == {TABLE: 28}
    assert stats["distinct"] == 27
    assert stats["rewritten"] == 1
    samples = written.take_samples()
    assert len(samples) == 3
    assert samples[2][:2] == (70_000, 10**6)
    assert written.take_samples() == []


def test_more_than_25_items_are_refused() -> None:
    tables = NullTables([TABLE], Limits(), written=Written())
    status, body = answered(tables, batch([item(0, i) for i in range(26)]))
    assert status == 400
    assert body["__type"].endswith("#ValidationException")
    assert tables.stats()["distinct"] == 0


def test_the_share_that_is_refused_comes_back_and_is_not_known_as_written() -> None:
    tables = NullTables([TABLE], Limits(throttled=0.3), written=Written())
    left = 0
    for call in range(200):
        items = [item(0, call * 25 + i) for i in range(25)]
        status, body = answered(tables, batch(items))
        assert status == 200
        refused = [put["PutRequest"]["Item"] for put in body["UnprocessedItems"].get(TABLE, [])]
        assert all(each in items for each in refused)
        left += len(refused)
    stats = tables.stats()
    assert 0.27 < left / 5000 < 0.33
    assert stats["unprocessed_items"] == left
    assert stats["items"][TABLE] == stats["distinct"] == 5000 - left


def test_a_call_of_which_nothing_is_taken_is_refused_as_a_whole() -> None:
    tables = NullTables([TABLE], Limits(throttled=1), written=Written())
    status, body = answered(tables, batch([item(0, 1), item(0, 2)]))
    assert status == 400
    assert body["__type"].endswith("#ProvisionedThroughputExceededException")
    assert tables.stats()["distinct"] == 0


def test_the_capacity_holds_over_time_and_is_lifted_on_demand() -> None:
    clock = Clock()
    tables = NullTables([TABLE], Limits(capacity=10), written=Written(), clock=clock)

    def offer() -> int:
        before = tables.stats()["distinct"]
        answered(tables, batch([item(0, before + i) for i in range(25)]))
        return int(tables.stats()["distinct"] - before)

    assert [offer(), offer()] == [10, 0]
    clock.now += 0.5
    assert [offer(), offer()] == [5, 0]
    clock.now += 60
    assert offer() == 10  # a second's worth is saved up, no more
    tables.open()
    assert offer() == 25


def test_a_conditional_put_is_taken_and_known_by_its_record() -> None:
    tables = NullTables([TABLE], Limits(), written=Written())
    number = sequence_number(3, 7)
    put = {
        "TableName": TABLE,
        "ConditionExpression": "attribute_not_exists(#a.#v) OR #a.#v <= :v",
        "ExpressionAttributeNames": {"#a": "_sanitizer", "#v": "version"},
        "ExpressionAttributeValues": {":v": {"S": f"t2024\x1f{number}#0000000000"}},
        "Item": item(3, 7),
    }
    for _ in range(2):
        assert answered(tables, Request(b"", "PutItem", json.dumps(put).encode())) == (200, {})
    assert (tables.stats()["distinct"], tables.stats()["rewritten"]) == (1, 1)
    assert tables.stats()["items"] == {TABLE: 2}


# Over the wire


@contextmanager
def client(name: Any, endpoint: str) -> Iterator[Any]:
    made: Any = boto3.client(name, endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}, proxies={}))
    try:
        yield made
    finally:
        made.close()


def test_boto3_and_the_services_understand_each_other() -> None:
    with (
        Service("benchmarks.load.null_dynamodb", "--table", "other") as behind,
        Service(
            "benchmarks.load.null_dynamodb", "--table", TABLE, "--forward", behind.endpoint, "--verify", "--latency", 1
        ) as service,
        client("dynamodb", service.endpoint) as dynamodb,
    ):
        puts = [{"PutRequest": {"Item": item(2, i)}} for i in range(25)]
        assert dynamodb.batch_write_item(RequestItems={TABLE: puts})["UnprocessedItems"] == {}
        dynamodb.put_item(TableName="other", Item={"key": {"S": "1"}})
        with pytest.raises(botocore.exceptions.ClientError, match="ResourceNotFoundException"):
            dynamodb.describe_table(TableName=TABLE)
        assert service.ask("stats")["distinct"] == 25
        assert service.ask("stats")["calls"] == {"BatchWriteItem": 1, "forwarded": 2}
        assert behind.ask("stats")["items"] == {"other": 1}
        assert len(service.ask("samples")) == 1


def test_kinesis_answers_over_http1_and_over_http2_in_clear() -> None:
    with Service("benchmarks.load.null_kinesis", "--shards", 2, "--backlog", 2000) as service:
        service.ask("start")
        with client("kinesis", service.endpoint) as kinesis:
            shard = kinesis.list_shards(StreamName="load")["Shards"][1]["ShardId"]
            place = kinesis.get_shard_iterator(StreamName="load", ShardId=shard, ShardIteratorType="TRIM_HORIZON")
            records = kinesis.get_records(ShardIterator=place["ShardIterator"], Limit=500)["Records"]
        assert json.loads(records[0]["Data"])["user_id"] == records[0]["PartitionKey"]
        read = _over_http2(service.port, "GetRecords", {"ShardIterator": place["ShardIterator"]})
        assert len(read["Records"]) == 2000  # more than the client's window: it is sent in pieces
        assert [each["SequenceNumber"] for each in read["Records"][:500]] == [
            each["SequenceNumber"] for each in records
        ]
        assert service.ask("stats")["delivered"] == 2000


def _over_http2(port: int, operation: str, request: dict[str, Any]) -> Any:
    connection = H2Connection(H2Configuration(client_side=True))
    connection.initiate_connection()
    headers = [
        (":method", "POST"),
        (":path", "/"),
        (":scheme", "http"),
        (":authority", "localhost"),
        ("x-amz-target", f"Kinesis_20131202.{operation}"),
    ]
    connection.send_headers(1, headers)
    connection.send_data(1, json.dumps(request).encode(), end_stream=True)
    body = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(connection.data_to_send())
        while received := wire.recv(65536):
            for event in connection.receive_data(received):
                if isinstance(event, DataReceived):
                    body += event.data
                    connection.acknowledge_received_data(event.flow_controlled_length, 1)
                elif isinstance(event, StreamEnded):
                    return json.loads(body)
            wire.sendall(connection.data_to_send())
    pytest.fail("the connection was closed before the end of the answer")


# What processes cost

BURN = "import time\nwhile time.process_time() < 0.3: pass\n"
PARENT = f"""
import subprocess, sys
print(subprocess.run([sys.executable, "-c", {BURN!r}]).returncode, flush=True)
child = subprocess.Popen([sys.executable, "-c", {BURN!r} + "print('burnt', flush=True)\\ninput()", "sanitizer-shim"],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(child.stdout.readline(), flush=True)
input()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_the_cost_of_a_tree_holds_the_living_and_the_dead_by_kind() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == b"0\n"
        assert b"burnt" in parent.stdout.readline()
        tree = ProcessTree(parent.pid, lambda line: "child" if "sanitizer-shim" in line.split()[-1] else "parent")
        cpu, pss, threads = tree.cpu(), tree.pss(), tree.threads("child")
        parent.kill()
    assert 0.25 < cpu["child"] < 0.6
    assert 0.25 < cpu["ended"] < 0.6
    assert cpu["parent"] < 0.25
    assert sum(threads.values()) == pytest.approx(cpu["child"], abs=0.05)
    assert set(pss) == {"child", "parent"}
    assert all(1 << 20 < each < 1 << 28 for each in pss.values())


@pytest.mark.parametrize(
    ("command_line", "kind"),
    [
        ("/usr/bin/java -Xmx256m software.amazon.kinesis.multilang.MultiLangDaemon --properties-file x", "jvm"),
        ("sanitizer-shim -c read _; exit 0 shardId-000000000000", "shim"),
        ("sanitizer-pipeline 1", "pipeline"),
        ("sanitizer-supervisor kinesis-sanitizer", "supervisor"),
        ("/bin/sleep 1", "other"),
    ],
)
def test_processes_are_told_apart_by_their_names(command_line: str, kind: str) -> None:
    assert worker_kind(command_line) == kind
