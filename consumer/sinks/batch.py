"""Puts items in batches, whatever stands in their places: the cheapest way to write."""

from collections.abc import Sequence
from typing import Final

import orjson

from consumer.record import AttributeValue, Item
from consumer.sinks.table_writers import TableWriter

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
