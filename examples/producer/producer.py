"""Puts transactions onto a Kinesis stream: JSON lines from stdin; 0 when all are there."""

import json
import os
import random
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

import boto3

MAX_RECORDS = 500  # of a PutRecords call
MAX_BYTES = 4 << 20
ATTEMPTS = 12

Transaction = dict[str, object]
Record = dict[str, str | bytes]


class Producer:
    """Puts transactions; those of one user arrive in the order in which they were given.

    What not to do: take a call without an exception for a success (its answer names each record that was turned away);
    send the whole call again (the others would be there twice); have two records of one key in a call, or in two calls
    at once (the second may be taken when the first is turned away); log a transaction that failed.
    """

    def __init__(self, stream: str) -> None:
        self._client: Any = boto3.client("kinesis")
        self._stream = stream

    def put(self, transactions: Iterable[Transaction]) -> int:
        """Return how many are on the stream: all of them, else RuntimeError."""
        sent = 0
        for call in calls(map(record, transactions)):
            self._put(call)
            sent += len(call)
        return sent

    def _put(self, records: list[Record]) -> None:
        for attempt in range(ATTEMPTS):
            answer = self._client.put_records(StreamName=self._stream, Records=records)
            results = zip(records, answer["Records"], strict=True)
            records = [each for each, result in results if "ErrorCode" in result]
            if not records:
                return
            time.sleep(random.uniform(0.5, 1) * min(2, 0.05 * 2**attempt))  # noqa: S311 - not all at once
        raise RuntimeError(f"{len(records)} records were turned away {ATTEMPTS} times: the stream needs more shards")


def record(transaction: Transaction) -> Record:
    """Return it as Kinesis wants it; a transaction without a user is a mistake that is better found here."""
    data = json.dumps(transaction, ensure_ascii=False, separators=(",", ":")).encode()
    return {"Data": data, "PartitionKey": str(transaction["user_id"])}


def calls(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Split them into what one call takes, without two records of one key."""
    call: list[Record] = []
    keys: set[str | bytes] = set()
    size = 0
    for each in records:
        weight = len(each["Data"]) + len(each["PartitionKey"])
        if call and (len(call) == MAX_RECORDS or size + weight > MAX_BYTES or each["PartitionKey"] in keys):
            yield call
            call, keys, size = [], set(), 0
        call.append(each)
        keys.add(each["PartitionKey"])
        size += weight
    if call:
        yield call


if __name__ == "__main__":
    count = Producer(os.environ["STREAM"]).put(map(json.loads, sys.stdin))
    sys.stdout.write(f"{count} transactions are on the stream\n")
