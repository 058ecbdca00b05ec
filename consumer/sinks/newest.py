"""Puts items one by one, each only where nothing newer stands.

So neither a redelivery nor a worker that lost its lease can put an old document over a newer one. The condition is
true of an item's own version too: a request may be carried out twice, and is repeated after an answer that got lost.
DynamoDB carries out the writes of one item one after the other, so that it does not matter which worker sends first.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from consumer.dynamodb.names import VERSION, VERSION_SOURCE
from consumer.dynamodb.versions import Versions
from consumer.metrics import Metrics
from consumer.record import Item
from consumer.sinks.concurrency import Concurrency
from consumer.sinks.service_writer import Caller
from consumer.sinks.table_writers import TableWriter

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
        metrics: Metrics,
        log: Any,
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
