"""From a released document to the item that is stored: its own fields, the keys, and what the service adds."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson

from consumer.dynamodb.attribute_values import MAX_ITEM_BYTES, decode_document, encode_document, size_of, write_item
from consumer.dynamodb.names import VERSION, VERSION_SOURCE, names_of
from consumer.dynamodb.versions import Versions, versions_of
from consumer.errors import EncodeError
from consumer.record import AttributeValue, Item, Record
from consumer.settings import Output, Settings
from redaction.compiled import MOST_BYTES, installed
from redaction.plugin import Released

if TYPE_CHECKING:
    from redaction_native import Items

_DAY_SECONDS: Final = 86_400
_EMPTY: Final = len(b"{}")
_PLACE: Final = b'"%b"},"sub":{"N":"%d"},"arrival_ms":{"N":"%d"}'


def key_names(output: Output) -> tuple[str, str]:
    """Return the attribute names of the partition and the sort key."""
    names = names_of(output.reserved_attribute)
    return names.partition, names.sort


_Written: TypeAlias = "tuple[bytes, dict[str, Any]]"
"""A document as DynamoDB's JSON, and the fields that are asked for; objects and lists of these as they are written."""


class ItemEncoder:
    """Makes the items of one shard.

    :param policy: name and version of the redactor, for the reserved attribute.
    :param digest: the redactor's digest.
    :param versions: gives the items versions; needed with `write_mode: newest`.
    """

    def __init__(
        self, output: Output, stream: str, shard: str, policy: str, digest: str, versions: Versions | None = None
    ) -> None:
        if versions is None and output.write_mode == "newest":
            raise ValueError("items that are to be compared need versions")
        same = {"stream": stream, "shard": shard}
        keys = output.key_templates(same)
        self._partition, self._sort = keys["partition_key"], keys["sort_key"]
        names = names_of(output.reserved_attribute)
        self._partition_name, self._sort_name = names.partition, names.sort
        self.has_unique_keys = self._partition.is_unique_per_record or self._sort.is_unique_per_record
        """Whether no two records can share a key."""
        self._own = frozenset(names)
        index = output.index_templates(same)
        index_names = {"index.partition_key": names.index_partition, "index.sort_key": names.index_sort}
        self._index_keys = {index_names[setting]: template for setting, template in index.items()}
        self._expires = names.expires
        self._lifetime = output.ttl_days * _DAY_SECONDS
        self._has_more = bool(self._index_keys or self._lifetime)
        added = {name: {"S": text} for name, text in (*same.items(), ("policy", policy), ("digest", digest))}
        self._versions = versions
        if versions:
            added[VERSION_SOURCE] = {"S": versions.source}
        # The reserved attribute comes last: what is the same in all is written once.
        self._added = orjson.dumps({output.reserved_attribute: {"M": added}})[1:-3] + b',"sequence":{"S":'

        self._compiled: Items | None = None
        if module := installed():
            asked_for = {
                name.partition(".")[0] for template in (*keys.values(), *index.values()) for name in template.names
            }
            asked_for.update(names, [versions.field.partition(".")[0]] if versions else [])
            self._compiled = module.Items([name.encode() for name in sorted(asked_for)], MOST_BYTES)

    def encode(self, document: Mapping[str, object], record: Record) -> Item:
        """Return the item.

        :raises EncodeError: the codes of the codec, the key templates and the versions, ``reserved_attribute`` when the
            document has a field of ours, ``index_key_unusable`` when the second index could not hold it,
            ``item_too_large`` above 400 KB.
        """
        if not self._own.isdisjoint(document):
            raise EncodeError("reserved_attribute")
        attributes = encode_document(document)
        key, added, version = self._ours(document, record)
        body = write_item(attributes)
        if len(body) > MAX_ITEM_BYTES and size_of(attributes) > MAX_ITEM_BYTES:
            raise EncodeError("item_too_large")  # before it is copied
        item = Item(key, b"%b%b%b" % (body[:-1], b"," if attributes else b"", added), version)
        if len(item.body) > MAX_ITEM_BYTES and size_of(item.attributes) > MAX_ITEM_BYTES:
            raise EncodeError("item_too_large")
        return item

    def encode_all(self, released: Sequence[Released], records: Sequence[Record]) -> list[Item | EncodeError]:
        """Do the same with many; where the compiled part can, no document is read from its body."""
        written: list[_Written | None] = [None] * len(released)
        if self._compiled:
            unread = [number for number, each in enumerate(released) if each.is_unread]
            for number, known in zip(unread, self._compiled.write([released[n].body for n in unread]), strict=True):
                written[number] = known
        made: list[Item | EncodeError] = []
        for each, known, record in zip(released, written, records, strict=True):
            try:
                made.append(self._from_written(known, record) if known else self.encode(each.document, record))
            except EncodeError as error:
                made.append(EncodeError(error.code))  # without what it was raised by, which holds the whole item
        return made

    def _from_written(self, written: "_Written", record: Record) -> Item:
        """Return the item of a document whose other fields are only known as written.

        None is too large: of `MOST_BYTES` DynamoDB's JSON makes five times as many at most, of small numbers in a list.
        """
        body, fields = written
        if bytes in map(type, fields.values()):  # objects and lists
            fields = {name: orjson.loads(each) if type(each) is bytes else each for name, each in fields.items()}
        if not self._own.isdisjoint(fields):
            raise EncodeError("reserved_attribute")
        key, added, version = self._ours(fields, record)
        return Item(key, b"%b%b%b" % (body[:-1], b"," if len(body) > _EMPTY else b"", added), version)

    def _ours(self, fields: Mapping[str, object], record: Record) -> tuple[tuple[str, str], bytes, str]:
        """Return the key, what stands behind the document's own attributes as it is written, and the version."""
        metadata = record.key_fields
        partition = self._partition.render(fields, metadata)
        sort = self._sort.render(fields, metadata)
        keys: dict[str, AttributeValue] = {self._partition_name: {"S": partition}, self._sort_name: {"S": sort}}
        if self._has_more:
            if self._lifetime:
                keys[self._expires] = {"N": str(_seconds(record) + self._lifetime)}
            if self._index_keys:
                keys |= self._index_key(fields, metadata)
        place = _PLACE % (record.sequence.encode(), record.sub, record.arrival_ms)
        if record.part is not None:
            place += b',"part":{"N":"%d"}' % record.part
        if record.schema:
            name, schema_version = map(orjson.dumps, record.schema[:2])
            place += b',"schema":{"S":%b},"schema_version":{"S":%b}' % (name, schema_version)
        version = ""
        if self._versions:
            version = self._versions.of(fields, record)
            place += b',"%b":{"S":%b}' % (VERSION.encode(), orjson.dumps(version))
        return (partition, sort), b"%b,%b%b}}}" % (write_item(keys)[1:-1], self._added, place), version

    def _index_key(self, document: Mapping[str, object], metadata: Mapping[str, str]) -> dict[str, AttributeValue]:
        """Return the attributes by which the item stands in the second index: none where it lacks a field of them.

        DynamoDB refuses an item whose index key is there, but empty or too long.
        """
        try:
            return {name: {"S": key.render(document, metadata)} for name, key in self._index_keys.items()}
        except EncodeError as error:
            if error.code == "key_missing":
                return {}
            raise EncodeError("index_key_unusable") from None


def item_encoder(settings: Settings, shard: str, policy: str, digest: str) -> ItemEncoder:
    """Return the encoder that the settings ask for; see `ItemEncoder`."""
    return ItemEncoder(settings.output, settings.stream.name, shard, policy, digest, versions_of(settings))


def decode_item(attributes: Mapping[str, AttributeValue], output: Output) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the stored document as it was released, and what the service added to it."""
    names = names_of(output.reserved_attribute)
    document = decode_document({name: value for name, value in attributes.items() if name not in names})
    added = attributes.get(names.added, {"M": {}})
    return document, decode_document(added["M"])


def _seconds(record: Record) -> int:
    """Return when a record arrived, in epoch seconds: the same at each delivery, and now if Kinesis did not say."""
    return record.arrival_ms // 1000 or int(time.time())
