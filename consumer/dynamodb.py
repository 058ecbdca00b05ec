"""The batch writer: BatchWriteItem until every item is durable, refused, or the work is stopped."""

import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from consumer import aws
from consumer.metrics import Metrics
from consumer.record import AttributeValue, Item
from consumer.sink import Fate, Writing

MAX_ITEMS: Final = 25
"""AWS: BatchWriteItem takes at most 25 put requests."""

MAX_CALL_BYTES: Final = 2_500_000
"""Item bytes in one call. AWS's limit is 16 MB on the wire, where JSON spells one byte with up to six."""

UNPROCESSED: Final = "unprocessed"
NOT_DYNAMODB: Final = (KeyError, AttributeError, TypeError)
"""What a 200 leads to that is not DynamoDB's, such as a proxy's page: botocore takes it for an empty answer."""

BACKOFF_FIRST_SECONDS: Final = 0.05
BACKOFF_LIMIT_SECONDS: Final = 10.0


class BatchWriter:
    """Writes items to one table, several batches at a time. Thread-safe.

    :param client: a botocore DynamoDB client without retries of its own.
    :param table: the table's name.
    :param key_names: attribute names of partition and sort key.
    :param pool: bounds the batches in flight.
    :param log: a structured logger.
    """

    def __init__(
        self,
        client: Any,
        table: str,
        key_names: tuple[str, str],
        pool: ThreadPoolExecutor,
        metrics: Metrics,
        log: Any,
    ) -> None:
        self._client = client
        self._table = table
        self._key_names = key_names
        self._pool = pool
        self._metrics = metrics
        self._log = log
        for why in (*aws.REASONS, UNPROCESSED):
            metrics.write_retries.labels(why)  # shown as 0, so that a first retry is an increase and not a new series

    def start(self, items: Sequence[Item], stop: threading.Event) -> Writing:
        """See `Sink.start`."""
        writing = Writing(len(items))
        for chunk in _chunks(items):
            writing.futures.append(self._pool.submit(self._write, items, chunk, writing, stop))
        return writing

    def _write(self, items: Sequence[Item], chunk: list[int], writing: Writing, stop: threading.Event) -> None:
        pending = chunk
        attempt = 0
        while pending and not stop.is_set():
            began = time.perf_counter()
            try:
                response = self._client.batch_write_item(
                    RequestItems={self._table: [{"PutRequest": {"Item": items[i].attributes}} for i in pending]}
                )
                left = response["UnprocessedItems"].get(self._table, [])
            except (*aws.CALL_ERRORS, *NOT_DYNAMODB) as error:
                why = aws.reason(error)
                if why == "refused":
                    self._refused(items, pending, writing, stop, error)
                    return
                attempt += 1
                self._back_off(attempt, why, stop, error)
                continue
            self._metrics.write_seconds.observe(time.perf_counter() - began)
            self._metrics.write_items.observe(len(pending))
            still = self._indices_of(left, items, pending) if left else []
            now = time.time()
            for i in set(pending).difference(still) if still else pending:
                writing.durable_at[i] = now
                writing.fates[i] = Fate.DURABLE
            if still:
                # Progress resets the wait: a table at its capacity takes some of each batch.
                attempt = 1 if len(still) < len(pending) else attempt + 1
                pending = still
                self._back_off(attempt, UNPROCESSED, stop, None)
            else:
                return

    def _refused(
        self,
        items: Sequence[Item],
        pending: list[int],
        writing: Writing,
        stop: threading.Event,
        error: Exception,
    ) -> None:
        """Find the item at fault by halving, so that its companions are stored."""
        if len(pending) == 1:
            self._log.error(
                "dynamodb.item_refused",
                table=self._table,
                code=aws.error_code(error),
                request_id=aws.request_id(error),
                bytes=items[pending[0]].size,
            )
            writing.fates[pending[0]] = Fate.REFUSED
            return
        middle = len(pending) // 2
        self._metrics.write_retries.labels("refused").inc()
        self._write(items, pending[:middle], writing, stop)
        self._write(items, pending[middle:], writing, stop)

    def _back_off(self, attempt: int, why: str, stop: threading.Event, error: Exception | None) -> None:
        self._metrics.write_retries.labels(why).inc()
        ceiling = min(BACKOFF_LIMIT_SECONDS, BACKOFF_FIRST_SECONDS * 2 ** min(attempt, 16))
        delay = random.uniform(ceiling / 2, ceiling)  # noqa: S311 - jitter
        # The first retries of a throttled table are daily business; what lasts, or needs a person, is said.
        loud = why in ("permission", "credentials", "missing") or attempt % 5 == 0
        if loud and error is not None:
            self._log.error(
                "dynamodb.write_retried",
                table=self._table,
                reason=why,
                code=aws.error_code(error),
                request_id=aws.request_id(error),
                attempt=attempt,
                delay_seconds=round(delay, 3),
                missing="dynamodb:BatchWriteItem" if why == "permission" else None,
            )
        stop.wait(delay)

    def _indices_of(self, left: list[dict[str, Any]], items: Sequence[Item], pending: list[int]) -> list[int]:
        partition, sort = self._key_names
        by_key = {items[i].key: i for i in pending}

        def key_of(item: dict[str, AttributeValue]) -> tuple[str, str]:
            return item[partition]["S"], item[sort]["S"]

        return [by_key[key_of(request["PutRequest"]["Item"])] for request in left]


def _chunks(items: Sequence[Item]) -> list[list[int]]:
    chunks: list[list[int]] = []
    chunk: list[int] = []
    size = 0
    for i, item in enumerate(items):
        if chunk and (len(chunk) == MAX_ITEMS or size + item.size > MAX_CALL_BYTES):
            chunks.append(chunk)
            chunk, size = [], 0
        chunk.append(i)
        size += item.size
    if chunk:
        chunks.append(chunk)
    return chunks
