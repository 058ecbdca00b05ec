"""The embedded cloud over real HTTP: what boto3 and KCL see of it, its life and its end."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import h2.connection
import h2.events
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from consumer.local.cloud.process import Cloud

STREAM = "transactions"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud(region="eu-central-1") as cloud:
        yield cloud


def client(cloud: Cloud, service: Any) -> Any:
    return boto3.client(
        service,
        endpoint_url=cloud.endpoint,
        region_name=cloud.region,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="module")
def kinesis(cloud: Cloud) -> Any:
    return client(cloud, "kinesis")


@pytest.fixture(scope="module")
def dynamodb(cloud: Cloud) -> Any:
    return client(cloud, "dynamodb")


@pytest.fixture
def stream(kinesis: Any) -> Iterator[str]:
    kinesis.create_stream(StreamName=STREAM, ShardCount=2)
    yield STREAM
    kinesis.delete_stream(StreamName=STREAM)


def get(cloud: Cloud, path: str) -> Any:
    with urllib.request.urlopen(cloud.endpoint + path, timeout=5) as answer:  # noqa: S310
        return json.load(answer)


def iterator(kinesis: Any, shard: str, kind: Any = "TRIM_HORIZON", **more: Any) -> str:
    answer = kinesis.get_shard_iterator(StreamName=STREAM, ShardId=shard, ShardIteratorType=kind, **more)
    return str(answer["ShardIterator"])


def read_shard(kinesis: Any, shard: str) -> tuple[list[bytes], list[Any]]:
    """Read to the tip or the end; return the data and the child shards."""
    position: str | None = iterator(kinesis, shard)
    data: list[bytes] = []
    while position is not None:
        answer = kinesis.get_records(ShardIterator=position, Limit=7)
        data += [record["Data"] for record in answer["Records"]]
        position = answer.get("NextShardIterator")
        if position is None or not (answer["MillisBehindLatest"] or answer["Records"]):
            return data, answer.get("ChildShards", [])
    raise AssertionError


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_puts_and_reads_bytes_as_they_came(kinesis: Any, stream: str) -> None:
    sent = [bytes(range(256)), b"", b"x", "ü".encode()] + [str(number).encode() for number in range(46)]
    records = [{"Data": data, "PartitionKey": str(index)} for index, data in enumerate(sent)]
    answer = kinesis.put_records(StreamName=stream, Records=records)
    assert answer["FailedRecordCount"] == 0
    read = [data for number in range(2) for data in read_shard(kinesis, f"shardId-{number:012d}")[0]]
    assert sorted(read) == sorted(sent)


def test_an_explicit_hash_key_chooses_the_shard(kinesis: Any, stream: str) -> None:
    low = kinesis.put_record(StreamName=stream, Data=b"a", PartitionKey="k", ExplicitHashKey="0")
    high = kinesis.put_record(StreamName=stream, Data=b"a", PartitionKey="k", ExplicitHashKey=str(2**128 - 1))
    assert (low["ShardId"], high["ShardId"]) == ("shardId-000000000000", "shardId-000000000001")
    assert int(high["SequenceNumber"]) > int(low["SequenceNumber"])


def test_a_reshard_loses_nothing_and_leads_from_parents_to_children(kinesis: Any, stream: str) -> None:
    def put(part: str) -> None:
        records = [{"Data": f"{part}-{n}".encode(), "PartitionKey": f"{n}"} for n in range(20)]
        kinesis.put_records(StreamName=stream, Records=records)

    put("before")
    kinesis.split_shard(StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**126))
    put("split")
    kinesis.merge_shards(
        StreamName=stream, ShardToMerge="shardId-000000000003", AdjacentShardToMerge="shardId-000000000001"
    )
    put("merged")

    data, children = read_shard(kinesis, "shardId-000000000000")
    assert [child["ShardId"] for child in children] == ["shardId-000000000002", "shardId-000000000003"]
    assert all(child["ParentShards"] == ["shardId-000000000000"] for child in children)
    for shard in ("shardId-000000000001", "shardId-000000000003"):
        part, children = read_shard(kinesis, shard)
        assert [child["ShardId"] for child in children] == ["shardId-000000000004"]
        assert children[0]["ParentShards"] == ["shardId-000000000003", "shardId-000000000001"]
        data += part
    for shard in ("shardId-000000000002", "shardId-000000000004"):
        part, children = read_shard(kinesis, shard)
        assert children == []
        data += part
    assert sorted(data) == sorted(f"{part}-{n}".encode() for part in ("before", "split", "merged") for n in range(20))

    shards = {shard["ShardId"][-1]: shard for shard in kinesis.list_shards(StreamName=stream)["Shards"]}
    assert shards["4"]["ParentShardId"] == "shardId-000000000003"
    assert shards["4"]["AdjacentParentShardId"] == "shardId-000000000001"
    assert "EndingSequenceNumber" in shards["3"]["SequenceNumberRange"]
    assert "EndingSequenceNumber" not in shards["4"]["SequenceNumberRange"]
    assert kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["OpenShardCount"] == 2


def test_shards_are_listed_by_filter_and_page(kinesis: Any, stream: str) -> None:
    kinesis.split_shard(StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**126))
    created = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamCreationTimestamp"]

    def numbers(**shard_filter: Any) -> str:
        shards = kinesis.list_shards(StreamName=stream, ShardFilter=shard_filter)["Shards"]
        return "".join(shard["ShardId"][-1] for shard in shards)

    assert numbers(Type="AT_TRIM_HORIZON") == "01"
    assert numbers(Type="FROM_TRIM_HORIZON") == "0123"
    assert numbers(Type="AT_LATEST") == "123"
    assert numbers(Type="AFTER_SHARD_ID", ShardId="shardId-000000000001") == "23"
    assert numbers(Type="FROM_TIMESTAMP", Timestamp=time.time() + 60) == "123"
    assert numbers(Type="FROM_TIMESTAMP", Timestamp=created) == "0123"
    assert numbers(Type="AT_TIMESTAMP", Timestamp=time.time() + 60) == "123"

    first = kinesis.list_shards(StreamName=stream, MaxResults=3)
    rest = kinesis.list_shards(NextToken=first["NextToken"], MaxResults=3)
    assert [len(page["Shards"]) for page in (first, rest)] == [3, 1]
    assert "NextToken" not in rest


def test_iterators_start_where_they_are_told(kinesis: Any, stream: str) -> None:
    shard = "shardId-000000000000"

    def put(data: bytes) -> Any:
        return kinesis.put_record(StreamName=stream, Data=data, PartitionKey="k", ExplicitHashKey="0")["SequenceNumber"]

    def first(position: str) -> bytes | None:
        records = kinesis.get_records(ShardIterator=position, Limit=1)["Records"]
        return records[0]["Data"] if records else None

    number = put(b"one")
    latest = iterator(kinesis, shard, "LATEST")
    assert first(latest) is None
    put(b"two")
    assert first(latest) == b"two"
    assert first(iterator(kinesis, shard)) == b"one"
    assert first(iterator(kinesis, shard, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=number)) == b"one"
    assert first(iterator(kinesis, shard, "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=number)) == b"two"
    assert first(iterator(kinesis, shard, "AT_TIMESTAMP", Timestamp=time.time() - 60)) == b"one"
    assert first(iterator(kinesis, shard, "AT_TIMESTAMP", Timestamp=time.time() + 60)) is None
    with pytest.raises(ClientError) as error:
        iterator(kinesis, shard, "AT_SEQUENCE_NUMBER", StartingSequenceNumber="12")
    assert refusal(error) == ("InvalidArgumentException", 400)


def test_a_stream_goes_by_its_arn_too(kinesis: Any, stream: str) -> None:
    arn = kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamARN"]
    assert arn == f"arn:aws:kinesis:eu-central-1:123456789012:stream/{stream}"
    assert kinesis.put_record(StreamARN=arn, Data=b"a", PartitionKey="k")["SequenceNumber"]
    assert len(kinesis.list_shards(StreamARN=arn)["Shards"]) == 2
    with pytest.raises(ClientError) as error:
        kinesis.list_shards(StreamARN=arn + "x")
    assert refusal(error) == ("ResourceNotFoundException", 400)


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ([{"Data": b"", "PartitionKey": "k"}] * 501, "ValidationException"),
        ([{"Data": bytes(1024 * 1024), "PartitionKey": "k"}], "ValidationException"),
        ([{"Data": bytes(1024 * 1024 - 1), "PartitionKey": "k"}] * 10 + [{"Data": b"1", "PartitionKey": "k"}],
         "InvalidArgumentException"),
        ([{"Data": b"", "PartitionKey": "k" * 257}], "ValidationException"),
        ([{"Data": b"", "PartitionKey": "k", "ExplicitHashKey": str(2**128)}], "InvalidArgumentException"),
        ([{"Data": b"", "PartitionKey": "k", "ExplicitHashKey": "007"}], "ValidationException"),
    ],
    ids=["501 records", "long record", "long call", "long key", "hash key too high", "hash key spelt oddly"],
)  # fmt: skip
def test_what_exceeds_a_limit_is_refused_as_a_whole(kinesis: Any, stream: str, records: Any, code: str) -> None:
    with pytest.raises(ClientError) as error:
        kinesis.put_records(StreamName=stream, Records=records)
    assert refusal(error) == (code, 400)
    assert [read_shard(kinesis, f"shardId-{number:012d}")[0] for number in range(2)] == [[], []]


def test_the_largest_allowed_call_is_taken(kinesis: Any, stream: str) -> None:
    records = [{"Data": bytes(1024 * 1024 - 1), "PartitionKey": "k"}] * 10
    assert kinesis.put_records(StreamName=stream, Records=records)["FailedRecordCount"] == 0


def test_a_stream_takes_records_as_large_as_it_is_set_to(kinesis: Any, stream: str) -> None:
    large = {"Data": bytes(10 * 1024 * 1024 - 1), "PartitionKey": "k"}
    with pytest.raises(ClientError) as error:
        kinesis.put_record(StreamName=stream, **large)
    assert refusal(error) == ("ValidationException", 400)
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["MaxRecordSizeInKiB"] == 1024
    kinesis.update_max_record_size(StreamARN=summary["StreamARN"], MaxRecordSizeInKiB=10_240)
    shard = kinesis.put_record(StreamName=stream, **large)["ShardId"]
    assert [len(data) for data in read_shard(kinesis, shard)[0]] == [10 * 1024 * 1024 - 1]
    kinesis.create_stream(StreamName="large", ShardCount=1, MaxRecordSizeInKiB=2048)
    summary = kinesis.describe_stream_summary(StreamName="large")["StreamDescriptionSummary"]
    assert summary["MaxRecordSizeInKiB"] == 2048


def test_unknown_names_and_operations_are_refused_in_aws_terms(kinesis: Any, stream: str) -> None:
    with pytest.raises(ClientError) as error:
        kinesis.describe_stream(StreamName="nothing")
    assert refusal(error) == ("ResourceNotFoundException", 400)
    with pytest.raises(ClientError) as error:
        kinesis.create_stream(StreamName=stream)
    assert refusal(error) == ("ResourceInUseException", 400)
    with pytest.raises(ClientError) as error:
        kinesis.get_records(ShardIterator="no iterator")
    assert refusal(error) == ("InvalidArgumentException", 400)
    with pytest.raises(ClientError, match="EnableEnhancedMonitoring") as error:
        kinesis.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["ALL"])
    assert refusal(error) == ("UnknownOperationException", 400)


def post(cloud: Cloud, target: str, body: bytes) -> tuple[int, Any]:
    request = urllib.request.Request(cloud.endpoint, body, {"X-Amz-Target": target})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.parametrize(
    "body",
    [
        b"\xbf\x6aStreamName",
        b"[]",
        b'{"StreamName":1}',
        b'{"StreamName":"s","Records":{}}',
        b'{"StreamARN":[]}',
    ],
)
def test_nonsense_is_answered_with_an_error(cloud: Cloud, body: bytes) -> None:
    status, answer = post(cloud, "Kinesis_20131202.PutRecords", body)
    assert status == 400
    assert answer["__type"]


def test_full_shards_refuse_record_by_record() -> None:
    with Cloud(shard_limits=True) as limited:
        kinesis = client(limited, "kinesis")
        kinesis.create_stream(StreamName=STREAM, ShardCount=1)
        records = [{"Data": b"", "PartitionKey": "k"}] * 500
        answers = [kinesis.put_records(StreamName=STREAM, Records=records) for _ in range(5)]
        refused = [record for answer in answers for record in answer["Records"] if "ErrorCode" in record]
        assert 0 < len(refused) == sum(answer["FailedRecordCount"] for answer in answers)
        assert {record["ErrorCode"] for record in refused} == {"ProvisionedThroughputExceededException"}
        assert all("SequenceNumber" not in record for record in refused)
        assert len(read_shard(kinesis, "shardId-000000000000")[0]) == 2500 - len(refused)


def h2c_exchange(cloud: Cloud, target: str, body: bytes) -> tuple[str, bytes]:
    """Send one request as KCL's Kinesis client does: HTTP/2 in clear, with prior knowledge."""
    connection = h2.connection.H2Connection()
    connection.initiate_connection()
    connection.send_headers(
        1,
        [
            (":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "localhost"),
            ("x-amz-target", target), ("content-type", "application/x-amz-json-1.1"),
        ],
    )  # fmt: skip
    connection.send_data(1, body, end_stream=True)
    status, answer = "", b""
    with socket.create_connection(("127.0.0.1", int(cloud.endpoint.rpartition(":")[2])), timeout=5) as wire:
        wire.sendall(connection.data_to_send())
        while True:
            received = wire.recv(65536)
            assert received, "the connection was closed"
            for event in connection.receive_data(received):
                if isinstance(event, h2.events.ResponseReceived):
                    status = dict(event.headers or [])[b":status"].decode()
                elif isinstance(event, h2.events.DataReceived):
                    answer += event.data or b""
                    connection.acknowledge_received_data(event.flow_controlled_length or 0, 1)
                elif isinstance(event, h2.events.StreamEnded):
                    return status, answer
            wire.sendall(connection.data_to_send())


def test_http2_in_clear_gives_long_answers_whole(cloud: Cloud, kinesis: Any, stream: str) -> None:
    sent = [os.urandom(100_000) for _ in range(10)]
    for data in sent:
        kinesis.put_record(StreamName=stream, Data=data, PartitionKey="k", ExplicitHashKey="0")
    body = json.dumps({"ShardIterator": iterator(kinesis, "shardId-000000000000")}).encode()
    status, answer = h2c_exchange(cloud, "Kinesis_20131202.GetRecords", body)
    assert status == "200"
    assert len(json.loads(answer)["Records"]) == len(sent)


def item(key: str, sequence: str) -> Any:
    mark = {"shard": {"S": "shardId-0"}, "sequence": {"S": sequence}, "sub": {"N": "0"}}
    return {"k": {"S": key}, "_sanitizer": {"M": mark}}


def test_durable_times_are_those_of_the_first_successful_write(cloud: Cloud, dynamodb: Any) -> None:
    dynamodb.create_table(
        TableName="documents",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    before = time.time() * 1000
    dynamodb.batch_write_item(RequestItems={"documents": [{"PutRequest": {"Item": item("a", "1")}}]})
    dynamodb.put_item(TableName="documents", Item=item("b", "2"))
    dynamodb.put_item(TableName="documents", Item={"k": {"S": "other"}})
    with pytest.raises(ClientError):
        dynamodb.put_item(TableName="documents", Item=item("b", "3"), ConditionExpression="attribute_not_exists(k)")
    after = time.time() * 1000
    times = get(cloud, "/_cloud/durable")
    assert set(times) == {"shardId-0/1/0", "shardId-0/2/0"}
    assert all(before <= moment <= after for moment in times.values())
    dynamodb.put_item(TableName="documents", Item=item("a", "1"))
    assert get(cloud, "/_cloud/durable") == times


def test_it_is_ready_when_it_says_so(cloud: Cloud) -> None:
    assert get(cloud, "/_cloud/health") == {}


def test_its_name_stands_on_its_command_line(cloud: Cloud) -> None:
    assert b"sanitizer-cloud" in Path(f"/proc/{cloud.pid}/cmdline").read_bytes()


def test_boto3_finds_it_by_the_environment_alone(cloud: Cloud, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    assert stream in boto3.Session().client("kinesis").list_streams()["StreamNames"]
    assert "TableNames" in boto3.Session().client("dynamodb").list_tables()
    assert "Metrics" in boto3.Session().client("cloudwatch").list_metrics()


def test_an_interrupt_is_ignored_and_close_ends_it() -> None:
    cloud = Cloud()
    os.kill(cloud.pid, signal.SIGINT)
    assert get(cloud, "/_cloud/health") == {}
    cloud.close()
    cloud.close()
    with pytest.raises(OSError, match="refused"):
        get(cloud, "/_cloud/health")


def test_it_ends_when_its_starter_is_killed() -> None:
    script = (
        "import os, signal\n"
        "from consumer.local.cloud.process import Cloud\n"
        "print(Cloud().endpoint, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    starter = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=False, timeout=30)
    assert starter.returncode == -signal.SIGKILL
    port = int(starter.stdout.decode().strip().rpartition(":")[2])
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return
    pytest.fail("it went on listening")


def test_an_items_size_is_checked_however_its_attributes_come(cloud: Cloud, dynamodb: Any) -> None:
    dynamodb.create_table(
        TableName="sizes",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
    )
    item = {"key": {"S": "k"}, "one": {"S": "x" * 200_000}, "two": {"S": "y" * 200_000}}
    dynamodb.put_item(TableName="sizes", Item=item)
    assert cloud.table("sizes") == [item]
    for _ in range(5):  # what is replaced is taken off again
        dynamodb.update_item(
            TableName="sizes",
            Key={"key": {"S": "k"}},
            UpdateExpression="SET one = :one",
            ExpressionAttributeValues={":one": {"S": "z" * 200_000}},
        )
    with pytest.raises(ClientError, match="size"):
        dynamodb.put_item(TableName="sizes", Item=item | {"three": {"S": "z" * 10_000}})


@pytest.mark.parametrize(
    "words", [["consumer.local.cloud"], ["consumer.local", "cloud"], ["consumer.cli", "local", "cloud"]]
)
def test_a_port_that_is_taken_is_one_sentence(cloud: Cloud, words: list[str]) -> None:
    taken = cloud.endpoint.rpartition(":")[2]
    command = [sys.executable, "-m", *words, "--port", taken]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.read()  # stdin is still open, as when a terminal stands behind it
    assert process.returncode == 1
    assert said == (
        f"sanitizer: Port {taken} of 127.0.0.1 cannot be listened on (Address already in use): "
        "free it, or name another with --port.\n"
    )


def test_a_host_that_is_none_of_this_machines_is_one_sentence() -> None:
    command = [sys.executable, "-m", "consumer.local.cloud", "--host", "192.0.2.1"]
    ran = subprocess.run(command, stdin=subprocess.PIPE, capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("sanitizer: Port 0 of 192.0.2.1 cannot be listened on (Cannot assign requested")
    assert ran.stderr.count("\n") == 1


def test_the_command_starts_it_as_the_module_does() -> None:
    command = [sys.executable, "-m", "consumer.cli", "local", "cloud", "--alone"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"http://127.0.0.1:{port}/_cloud/health", timeout=10
        ) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 0
