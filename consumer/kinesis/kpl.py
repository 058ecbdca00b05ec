"""The aggregates of the Kinesis Producer Library: makes them, and takes them apart as KCL does, but loses nothing.

An aggregate is four magic bytes, a protobuf message and the MD5 of that message. Source: awslabs/kinesis-aggregation,
"KPL Aggregated Record Format", and its `messages.proto`. What becomes of it (in brackets what KCL's `AggregatorUtil`
does, where that is something else):

    no magic, 20 bytes or less, another MD5, no such message    one record as it is, sub-sequence number 0
    an index beyond a table, a hash key that is no number       the user records before it, then the whole aggregate
                                                                as one more record, which no redactor takes for a
                                                                document [the rest is lost]
    a user record outside of the shard's hash range             none, not even those before it: KPL sends them again
    no user records                                             none

The position of a user record in its aggregate is its sub-sequence number.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

MAGIC: Final = b"\xf3\x89\x9a\xc2"
_DIGEST_BYTES: Final = 16
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,80}")
_INDEX: Final = 0xFFFFFFFF
"""Java's index; from 2^31 on it is negative there, and beyond the table here."""


class HashRange(NamedTuple):
    """The hash keys that a shard owns, both ends included."""

    first: int
    last: int


ALL_KEYS: Final = HashRange(0, (1 << 128) - 1)

_Field: Final = descriptor_pb2.FieldDescriptorProto


def _message_class() -> Any:
    """Return the class of an aggregate's message; its texts are bytes, since Java lets through what is no UTF-8."""
    required, optional, repeated = _Field.LABEL_REQUIRED, _Field.LABEL_OPTIONAL, _Field.LABEL_REPEATED
    binary, number, message = _Field.TYPE_BYTES, _Field.TYPE_UINT64, _Field.TYPE_MESSAGE
    messages: dict[str, list[tuple[str, Any, Any, str | None]]] = {
        "Tag": [("key", required, binary, None), ("value", optional, binary, None)],
        "Record": [
            ("partition_key_index", required, number, None),
            ("explicit_hash_key_index", optional, number, None),
            ("data", required, binary, None),
            ("tags", repeated, message, ".kpl.Tag"),
        ],
        "AggregatedRecord": [
            ("partition_key_table", repeated, binary, None),
            ("explicit_hash_key_table", repeated, binary, None),
            ("records", repeated, message, ".kpl.Record"),
        ],
    }
    file = descriptor_pb2.FileDescriptorProto(name="kpl.proto", package="kpl", syntax="proto2")
    for name, fields in messages.items():
        made = file.message_type.add(name=name)
        for place, (field, label, kind, of) in enumerate(fields, 1):
            made.field.add(name=field, number=place, label=label, type=kind, type_name=of)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("kpl.AggregatedRecord"))


_Aggregate: Final = _message_class()


class UserRecord(NamedTuple):
    """A record as a producer's application put it."""

    data: bytes
    partition_key: str


class UserRecords:
    """What an aggregate holds; each is made when it is asked for, since they may be many times as large as it is.

    :ivar is_foreign: none of them is this shard's to deliver.
    :ivar count: how many it holds, the foreign ones among them.
    """

    def __init__(self, data: bytes, partition_key: str, message: Any, hash_range: HashRange) -> None:
        self._whole = UserRecord(data, partition_key)
        self._message = message
        self._keys = [_text(each) for each in message.partition_key_table]
        self.count = len(message.records)
        self.is_foreign = False
        self._good = 0
        places = _Places(self._keys, [_text(each) for each in message.explicit_hash_key_table])
        for each in message.records:
            explicit = each.explicit_hash_key_index if each.HasField("explicit_hash_key_index") else None
            place = places.of(each.partition_key_index, explicit)
            if place is None:
                break
            if not hash_range.first <= place <= hash_range.last:
                self.is_foreign = True
                break
            self._good += 1

    def __len__(self) -> int:
        """Return how many are to be delivered."""
        return 0 if self.is_foreign else self._good + (self._good < self.count)

    def __iter__(self) -> Iterator[UserRecord]:
        """Yield what is to be delivered; the index is the sub-sequence number."""
        if self.is_foreign:
            return
        for index in range(self._good):
            each = self._message.records[index]
            yield UserRecord(each.data, self._keys[each.partition_key_index & _INDEX])
        if self._good < self.count:
            yield self._whole


class _Places:
    """Where user records belong."""

    def __init__(self, keys: list[str], explicit_keys: list[str]) -> None:
        self._keys = keys
        self._explicit_keys = explicit_keys
        self._known: dict[tuple[int, int | None], int | None] = {}

    def of(self, key: int, explicit: int | None) -> int | None:
        """Return the hash key of a user record, by its indices; None: where Java finds none."""
        found = self._known.get((key, explicit), -1)
        if found == -1:
            found = self._known[key, explicit] = self._find(key & _INDEX, explicit)
        return found

    def _find(self, key: int, explicit: int | None) -> int | None:
        if key >= len(self._keys):
            return None
        if explicit is None:
            return hash_of(self._keys[key])
        explicit &= _INDEX
        text = self._explicit_keys[explicit] if explicit < len(self._explicit_keys) else ""
        # Python's integers may also have blanks and underscores, and must not be too long for it.
        return int(text) if _INTEGER.fullmatch(text) else None


def hash_of(partition_key: str) -> int:
    """Return the hash key that decides on a record's shard."""
    return int.from_bytes(_md5(partition_key.encode()), "big")


def aggregated(records: Sequence[UserRecord]) -> bytes:
    """Put user records into one record; all must belong to the shard that it is put into, else none is delivered."""
    keys = {key: index for index, key in enumerate(dict.fromkeys(record.partition_key for record in records))}
    message = _Aggregate(partition_key_table=[key.encode() for key in keys])
    for each in records:
        message.records.add(partition_key_index=keys[each.partition_key], data=each.data)
    body: bytes = message.SerializeToString()
    return MAGIC + body + _md5(body)


def user_records(data: bytes, partition_key: str, hash_range: HashRange) -> UserRecords | None:
    """Take a record apart; None: it is no aggregate.

    :param data: as it is on the stream, like `partition_key`.
    :param hash_range: of the shard that it was read from.
    """
    body = data[len(MAGIC) : -_DIGEST_BYTES]
    if not data.startswith(MAGIC) or not body or _md5(body) != data[-_DIGEST_BYTES:]:
        return None
    message = _Aggregate()
    try:
        message.ParseFromString(body)
    except DecodeError:
        return None
    return UserRecords(data, partition_key, message, hash_range) if message.IsInitialized() else None


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")
