"""Writes to a table of DynamoDB: many items at once, or each under the condition that it is the newest.

BatchWriteItem takes no conditions (AWS), so `output.write_mode: newest` is a PutItem for each.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import orjson

from consumer.dynamodb.names import VERSION, VERSION_SOURCE
from consumer.dynamodb.versions import Versions
from consumer.logs import Logger
from consumer.record import AttributeValue, Item
from consumer.sink import SinkMetrics
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
        metrics: SinkMetrics,
        log: Logger,
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


MAX_ITEMS: Final = 25
"""AWS: BatchWriteItem takes at most 25 put requests."""


_BETWEEN: Final = b'}},{"PutRequest":{"Item":'


class BatchWriter(TableWriter):
    """Puts items, 25 at once, whatever stands in their places."""

    operation = "BatchWriteItem"
    most_items = MAX_ITEMS

    def request(self, items: Sequence[Item]) -> bytes:
        """See `TableWriter.request`."""
        puts = _BETWEEN.join([item.body for item in items])
        return b'{"RequestItems":{%b:[{"PutRequest":{"Item":%b}}]}}' % (self.table_json, puts)

    def left(self, answer: bytes, items: Sequence[Item]) -> list[int]:
        """See `TableWriter.left`."""
        unprocessed = orjson.loads(answer)["UnprocessedItems"]
        requests = unprocessed.pop(self.table, [])
        if unprocessed or not isinstance(requests, list):
            raise ValueError  # another table's, or no list: not believed
        if not requests:
            return []
        partition, sort = self.key_names
        by_key = {item.key: i for i, item in enumerate(items)}

        def key_of(item: dict[str, AttributeValue]) -> tuple[str, str]:
            return item[partition]["S"], item[sort]["S"]

        return [by_key[key_of(request["PutRequest"]["Item"])] for request in requests]


# The first: no item, or one from before there were versions. The second: one whose versions mean something else.
_CONDITION: Final = "attribute_not_exists(#a.#v) OR #a.#s <> :s OR #a.#v <= :v"


_ANSWER: Final = {"Attributes", "ConsumedCapacity", "ItemCollectionMetrics"}
"""What PutItem's answer may hold (AWS: PutItem, response elements); none of it is asked for."""


class NewestWriter(TableWriter):
    """Puts items that `consumer.dynamodb.item.ItemEncoder` gave a version.

    :param reserved: the attribute that the version stands in.
    :param versions: what made the versions.
    """

    operation = "PutItem"
    most_items = 1
    superseded = "ConditionalCheckFailedException"

    def __init__(
        self,
        transport: Caller,
        table: str,
        key_names: tuple[str, str],
        concurrency: Concurrency,
        metrics: SinkMetrics,
        log: Logger,
        reserved: str,
        versions: Versions,
    ) -> None:
        super().__init__(transport, table, key_names, concurrency, metrics, log)
        request = {
            "TableName": self.table,
            "ConditionExpression": _CONDITION,
            "ExpressionAttributeNames": {"#a": reserved, "#v": VERSION, "#s": VERSION_SOURCE},
            "ExpressionAttributeValues": {":s": {"S": versions.source}},
        }
        self._before = orjson.dumps(request)[:-2] + b',":v":{"S":'

    def request(self, items: Sequence[Item]) -> bytes:
        """See `TableWriter.request`."""
        (item,) = items
        if not item.version:
            raise AssertionError("an item without a version cannot be compared")
        return b'%b%b}},"Item":%b}' % (self._before, orjson.dumps(item.version), item.body)

    def left(self, answer: bytes, items: Sequence[Item]) -> list[int]:  # noqa: ARG002 - it is one, and was taken
        """See `TableWriter.left`."""
        if not orjson.loads(answer).keys() <= _ANSWER:
            raise ValueError
        return []
