"""Google's protobuf as the judge of KPL aggregates: `messages.proto` of awslabs/kinesis-aggregation, without protoc.

The texts are declared as bytes, since Java puts U+FFFD for what is no UTF-8, where Python refuses it.
"""

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

_Field = descriptor_pb2.FieldDescriptorProto
_REQUIRED, _OPTIONAL, _REPEATED = _Field.LABEL_REQUIRED, _Field.LABEL_OPTIONAL, _Field.LABEL_REPEATED
_BYTES, _UINT64, _MESSAGE = _Field.TYPE_BYTES, _Field.TYPE_UINT64, _Field.TYPE_MESSAGE
_MESSAGES: Final = {
    "Tag": [("key", _REQUIRED, _BYTES, ""), ("value", _OPTIONAL, _BYTES, "")],
    "Record": [
        ("partition_key_index", _REQUIRED, _UINT64, ""),
        ("explicit_hash_key_index", _OPTIONAL, _UINT64, ""),
        ("data", _REQUIRED, _BYTES, ""),
        ("tags", _REPEATED, _MESSAGE, ".kpl.Tag"),
    ],
    "AggregatedRecord": [
        ("partition_key_table", _REPEATED, _BYTES, ""),
        ("explicit_hash_key_table", _REPEATED, _BYTES, ""),
        ("records", _REPEATED, _MESSAGE, ".kpl.Record"),
    ],
}


def _message_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="kpl.proto", package="kpl", syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, label, kind, of) in enumerate(fields, 1):
            message.field.add(name=field, number=number, label=label, type=kind, type_name=of or None)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("kpl.AggregatedRecord"))


AggregatedRecord: Final = _message_class()


def judged(body: bytes) -> Any | None:
    """Return the message that the bytes are, if they are one."""
    message = AggregatedRecord()
    try:
        message.ParseFromString(body)
    except DecodeError:
        return None
    return message if message.IsInitialized() else None
