"""The package async-kinesis, which polls from Python, with aiobotocore's client for the writes.

    python -m benchmarks.peers.async_kinesis STREAM TABLE

It hands out payloads without their sequence numbers, so that no deterministic key can be made: a record delivered again
is stored again. Keys are random here, and what was written can be counted, but not told apart. Only this module needs
the package; see `environment.py`.
"""

import asyncio
import os
import sys
from typing import Any, Final
from uuid import uuid4

from aiobotocore.session import get_session  # type: ignore[import-not-found]
from boto3.dynamodb.types import TypeSerializer
from kinesis import Consumer  # type: ignore[import-not-found]
from kinesis.aggregators import SimpleAggregator  # type: ignore[import-not-found]
from kinesis.processors import Processor  # type: ignore[import-not-found]

from benchmarks.peers.redact import document_of

MAX_ITEMS: Final = 25
"""AWS: BatchWriteItem takes at most 25 put requests."""


class Documents(Processor, SimpleAggregator):  # type: ignore[misc]
    """Makes the item of a payload. The package's own JsonProcessor yields floats, which DynamoDB's types refuse."""

    def deserialize(self, data: bytes) -> dict[str, Any]:
        return document_of(data, str(uuid4()))


async def consume(stream: str, table: str) -> None:
    """Write batch after batch, each before the next is asked for, since asking is what checkpoints."""
    serialize = TypeSerializer().serialize
    region, endpoint = os.environ["AWS_REGION"], os.environ["AWS_ENDPOINT_URL_KINESIS"]
    async with (
        get_session().create_client("dynamodb", region_name=region) as dynamodb,
        Consumer(
            stream, endpoint_url=endpoint, region_name=region, processor=Documents(), iterator_type="TRIM_HORIZON"
        ) as consumer,
    ):
        puts: list[dict[str, Any]] = []
        while True:
            async for document in consumer:  # ends when the stream is quiet for two seconds
                puts.append({"PutRequest": {"Item": serialize(document)["M"]}})
                if len(puts) == MAX_ITEMS:
                    await _write(dynamodb, table, puts)
                    puts = []
            if puts:
                await _write(dynamodb, table, puts)
                puts = []


async def _write(dynamodb: Any, table: str, puts: list[dict[str, Any]]) -> None:
    while puts:
        answer = await dynamodb.batch_write_item(RequestItems={table: puts})
        puts = answer["UnprocessedItems"].get(table, [])
        if puts:
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(consume(sys.argv[1], sys.argv[2]))
