"""Puts records onto a stream at a steady rate."""

import time
from collections.abc import Iterable, Iterator
from typing import Final

from consumer.kinesis.producer import MAX_RECORDS, Producer, Put, calls
from consumer.local.transactions import transactions
from consumer.producing.filling import filled
from consumer.producing.formats import DEFAULT, format_named

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


def feed(stream: str, rate: int, records: int, name: str = DEFAULT, documents: int | None = None) -> None:
    """Put `records` generated transactions onto `stream`, `rate` a second.

    :param name: of the format in which they are written.
    :param documents: in one record of Kinesis, at most; None: as the format says.
    :raises ServiceError: see `Producer.put`.
    """
    producer = Producer(stream)
    format_ = format_named(name)
    most = documents or format_.most
    made = (Put(each.data, each.partition_key) for each in transactions(1, records, most))
    for call in paced(made if name == DEFAULT else filled(made, format_, documents), max(1, rate // most)):
        producer.put(call)
