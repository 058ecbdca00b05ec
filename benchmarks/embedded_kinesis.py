"""moto's Kinesis against the project's own, over HTTP on loopback: docs/decisions/0001-embedded-kinesis.md.

    python benchmarks/embedded_kinesis.py [--held 1000 40000] [--calls 20]

Each server runs in a process of its own behind the same hypercorn. One shard is filled to the given number of
records, then timed: PutRecords with 500 records of 250 bytes a call, then GetRecords with 1,000 records a
call, from near the end of what was held to the tip. The client's own cost is in both figures.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config

from consumer.local.cloud.process import Cloud

STREAM = "benchmark"
RECORD = {"Data": b"x" * 250, "PartitionKey": "user"}

MOTO = """
import asyncio, json, socket
from hypercorn.asyncio import serve
from hypercorn.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
listener = socket.create_server(("127.0.0.1", 0))
print(json.dumps(listener.getsockname()[1]), flush=True)
config = Config()
config.bind = [f"fd://{listener.fileno()}"]
config.loglevel = "ERROR"
asyncio.run(serve(DomainDispatcherApplication(create_backend_app), config, mode="wsgi"))
"""


@contextmanager
def moto() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-c", MOTO], stdout=subprocess.PIPE)
    assert process.stdout  # noqa: S101
    try:
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def own() -> Iterator[str]:
    with Cloud() as cloud:
        yield cloud.endpoint


def measure(endpoint: str, held: int, calls: int) -> tuple[float, float]:
    """Return records a second (put, got) with `held` records in the shard."""
    kinesis: Any = boto3.client(
        "kinesis",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
    )
    kinesis.create_stream(StreamName=STREAM, ShardCount=1)
    shard = kinesis.list_shards(StreamName=STREAM)["Shards"][0]["ShardId"]
    last = ""
    for _ in range(held // 500):
        answer = kinesis.put_records(StreamName=STREAM, Records=[RECORD] * 500)
        last = answer["Records"][0]["SequenceNumber"]

    start = time.perf_counter()
    for _ in range(calls):
        kinesis.put_records(StreamName=STREAM, Records=[RECORD] * 500)
    put = calls * 500 / (time.perf_counter() - start)

    got = 0
    start = time.perf_counter()
    position = kinesis.get_shard_iterator(
        StreamName=STREAM, ShardId=shard, ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=last
    )["ShardIterator"]
    while records := (answer := kinesis.get_records(ShardIterator=position, Limit=1000))["Records"]:
        got += len(records)
        position = answer["NextShardIterator"]
    return put, got / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held", type=int, nargs="+", default=[1000, 40_000], help="records in the shard")
    parser.add_argument("--calls", type=int, default=20, help="timed PutRecords calls, 500 records each")
    arguments = parser.parse_args()
    print("| server | records held | PutRecords, records/s | GetRecords, records/s |")
    print("|---|---|---|---|")
    for name, server in (("moto", moto), ("own", own)):
        for held in arguments.held:
            with server() as endpoint:
                put, got = measure(endpoint, held, arguments.calls)
            print(f"| {name} | {held:,} | {put:,.0f} | {got:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
