"""A Lambda function behind an event source mapping, called in this process: what its Python costs, and only that.

    python -m benchmarks.peers.lambda_handler [--batch 100] [--records 20000]

The mapping's poller, the invocation and the runtime come on top, as AWS's costs and not as CPU that could be measured
here. A batch of one shard for each call, base64 as in an event; boto3's `batch_writer` over real HTTP to a null
DynamoDB in another process, which tells by identity what arrived.
"""

import argparse
import base64
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

import boto3

from benchmarks.kinds import CLEAN
from benchmarks.load.identity import sequence_number
from benchmarks.load.null_kinesis import pool
from benchmarks.load.service import Service
from benchmarks.load.worker import environment
from benchmarks.peers.redact import document_of

TABLE: Final = "documents"
_WARM_UP_BATCHES: Final = 4

Event = dict[str, Any]
Handler = Callable[[Event, Any], dict[str, Any]]


@dataclass(frozen=True)
class HandlerCost:
    """What the calls cost: CPU of this process, all threads; `written` are distinct records at the table."""

    batch: int
    records: int
    core_seconds: float
    core_seconds_per_million: float
    seconds: float
    written: int


def make_handler() -> Handler:
    """Return the function, with the client that a Lambda function makes when its module is loaded."""
    table = boto3.session.Session().resource("dynamodb").Table(TABLE)

    def handler(event: Event, context: object) -> dict[str, Any]:
        del context
        with table.batch_writer() as batch:
            for record in event["Records"]:
                kinesis = record["kinesis"]
                batch.put_item(Item=document_of(base64.b64decode(kinesis["data"]), kinesis["sequenceNumber"]))
        return {"batchItemFailures": []}

    return handler


def make_event(shard: int, first: int, count: int, data: list[bytes]) -> Event:
    """Return an event in the shape of AWS's documentation, "Using Lambda with Kinesis"."""
    name = f"shardId-{shard:012d}"
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": str(index),
                    "sequenceNumber": sequence_number(shard, index),
                    "data": base64.b64encode(data[index % len(data)]).decode(),
                    "approximateArrivalTimestamp": 1_700_000_000.0 + index / 1000,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"{name}:{sequence_number(shard, index)}",
                "eventName": "aws:kinesis:record",
                "awsRegion": "us-east-1",
                "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/load",
            }
            for index in range(first, first + count)
        ]
    }


def measure(
    batch: int, records: int, kind: str = CLEAN, make: Callable[[], Handler] = make_handler, context: object = None
) -> HandlerCost:
    """Handle `records` records in batches of `batch`; the last one may be smaller.

    :param make: makes the function once the table is there, as Lambda does before the first event.
    """
    data = pool(kind, records)
    with (
        Service("benchmarks.load.null_dynamodb", "--verify", "--table", TABLE) as table,
        environment(
            {
                "AWS_ENDPOINT_URL_DYNAMODB": table.endpoint,
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "bench",
                "AWS_SECRET_ACCESS_KEY": "bench",
            }
        ),
    ):
        handler = make()
        for number in range(_WARM_UP_BATCHES):
            handler(make_event(1, number * batch, batch, data), context)
        warm = table.ask("stats")["distinct"]
        events = [make_event(0, first, min(batch, records - first), data) for first in range(0, records, batch)]
        began, cpu = time.perf_counter(), time.process_time()
        for event in events:
            handler(event, context)
        cpu, seconds = time.process_time() - cpu, time.perf_counter() - began
        written = table.ask("stats")["distinct"] - warm
    return HandlerCost(batch, records, cpu, cpu / records * 1e6, seconds, written)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=100, help="records in an event")
    parser.add_argument("--records", type=int, default=20_000)
    arguments = parser.parse_args()
    cost = measure(arguments.batch, arguments.records)
    print(json.dumps(asdict(cost), indent=2))
    sys.exit(cost.written != cost.records)


if __name__ == "__main__":
    main()
