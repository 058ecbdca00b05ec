"""Puts records onto a stream at a steady rate."""

import time
from collections.abc import Iterable, Iterator
from typing import Final

from consumer.kinesis.producer import MAX_RECORDS, Producer, Put, calls
from consumer.local.transactions import transactions

CALLS_PER_SECOND: Final = 20
DEFAULT_RECORDS: Final = 200_000
"""The embedded cloud forgets nothing, and a record takes 10 KB of its memory: these are 2 GB."""


def paced(records: Iterable[Put], rate: int) -> Iterator[list[Put]]:
    """Yield `records` in lists, one for each call, no faster than `rate` records a second."""
    began = time.monotonic()
    sent = 0
    for call in calls(records, limit=max(1, min(MAX_RECORDS, rate // CALLS_PER_SECOND))):
        yield call
        sent += len(call)
        time.sleep(max(0.0, sent / rate - (time.monotonic() - began)))


def feed(stream: str, rate: int, records: int) -> None:
    """Put `records` generated transactions onto `stream`, `rate` a second.

    :raises ServiceError: see `Producer.put`.
    """
    producer = Producer(stream)
    generated = (Put(made.data, made.partition_key) for made in transactions(seed=1, count=records))
    for call in paced(generated, rate):
        producer.put(call)
