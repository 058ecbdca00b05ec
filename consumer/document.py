"""From a released document to the item that is stored: its own fields, the keys, and what the service adds."""

from collections.abc import Mapping
from typing import Any

from consumer.codec import MAX_ITEM_BYTES, decode_document, encode_document
from consumer.config import Output
from consumer.errors import EncodeError
from consumer.keys import MAX_PARTITION_KEY_BYTES, MAX_SORT_KEY_BYTES, KeyTemplate
from consumer.record import AttributeValue, Item, Record

_MAP_OVERHEAD = 3


def key_names(output: Output) -> tuple[str, str]:
    """Return the attribute names of the partition and the sort key."""
    return f"{output.reserved_attribute}_pk", f"{output.reserved_attribute}_sk"


class ItemEncoder:
    """Makes the items of one shard.

    :param policy: name and version of the redactor, for the reserved attribute.
    :param digest: the redactor's digest.
    """

    def __init__(self, output: Output, stream: str, shard: str, policy: str, digest: str) -> None:
        self._partition = KeyTemplate(output.partition_key, MAX_PARTITION_KEY_BYTES)
        self._sort = KeyTemplate(output.sort_key, MAX_SORT_KEY_BYTES)
        self._reserved = output.reserved_attribute
        self._partition_name, self._sort_name = key_names(output)
        self._stream = stream
        self._shard = shard
        self._common: dict[str, AttributeValue] = {
            "stream": {"S": stream},
            "shard": {"S": shard},
            "policy": {"S": policy},
            "digest": {"S": digest},
        }
        names = (*self._common, "sequence", "sub", "arrival_ms")
        self._fixed_size = (
            len(self._reserved)
            + len(self._partition_name)
            + len(self._sort_name)
            + sum(len(name) + 1 for name in names)
            + sum(len(value["S"].encode()) for value in self._common.values())
            + _MAP_OVERHEAD
        )

    def encode(self, document: Mapping[str, object], record: Record) -> Item:
        """Return the item.

        :raises EncodeError: the codec's and the key templates' codes, ``reserved_attribute`` when the document has a
            field of ours, ``item_too_large`` above 400 KB.
        """
        if self._reserved in document or self._partition_name in document or self._sort_name in document:
            raise EncodeError("reserved_attribute")
        attributes, size = encode_document(document)
        sub, arrival = str(record.sub), str(record.arrival_ms)
        metadata = {
            "stream": self._stream,
            "shard": self._shard,
            "sequence": record.sequence,
            "sub": sub,
            "arrival": arrival,
        }
        try:
            partition = self._partition.render(document, metadata)
            sort = self._sort.render(document, metadata)
            size += self._fixed_size + len(partition.encode()) + len(sort.encode())
        except UnicodeEncodeError:
            raise EncodeError("invalid_unicode") from None
        attributes[self._partition_name] = {"S": partition}
        attributes[self._sort_name] = {"S": sort}
        attributes[self._reserved] = {
            "M": {
                **self._common,
                "sequence": {"S": record.sequence},
                "sub": {"N": sub},
                "arrival_ms": {"N": arrival},
            }
        }
        size += len(record.sequence) + len(sub) + len(arrival) + 2  # a number is never smaller than 2 bytes
        if size > MAX_ITEM_BYTES:
            raise EncodeError("item_too_large")
        return Item((partition, sort), attributes, size)


def decode_item(attributes: Mapping[str, AttributeValue], output: Output) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the stored document as it was released, and what the service added to it."""
    own = {output.reserved_attribute, *key_names(output)}
    document = decode_document({name: value for name, value in attributes.items() if name not in own})
    added = attributes.get(output.reserved_attribute, {"M": {}})
    return document, decode_document(added["M"])
