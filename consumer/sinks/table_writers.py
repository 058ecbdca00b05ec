"""What all writes to a table of DynamoDB have in common.

What one request is, the subclasses say: `consumer.sinks.batch.BatchWriter` and `consumer.sinks.newest.NewestWriter`.
"""

from typing import Any, ClassVar, Final

import orjson

from consumer.metrics import Metrics
from consumer.sinks.concurrency import Concurrency
from consumer.sinks.service_writer import Caller, ServiceWriter

MAX_CALL_BYTES: Final = 15_000_000
"""Bytes of items in one call. AWS's limit is 16 MB."""


class TableWriter(ServiceWriter):
    """Writes items to one table; see `ServiceWriter`.

    :param table: the table's name.
    :param key_names: attribute names of partition and sort key.
    """

    service: ClassVar[str] = "dynamodb"
    most_bytes: ClassVar[int] = MAX_CALL_BYTES

    def __init__(
        self,
        transport: Caller,
        table: str,
        key_names: tuple[str, str],
        concurrency: Concurrency,
        metrics: Metrics,
        log: Any,
    ) -> None:
        super().__init__(transport, {"table": table}, concurrency, metrics, log)
        self.table = table
        self.table_json = orjson.dumps(table)
        self.key_names = key_names

    def log_retried(self, **fields: Any) -> None:
        """See `ServiceWriter.log_retried`."""
        self.log.error("dynamodb.write_retried", **fields)

    def log_refused(self, **fields: Any) -> None:
        """See `ServiceWriter.log_refused`."""
        self.log.error("dynamodb.item_refused", **fields)
