"""A stream of sanitised documents, for applications that must never see raw data.

Of records with one partition key, one is sent only when all before it are acknowledged: PutRecords goes on after a
record that it does not take, and what was sent once may arrive twice, so that two of them under way could change
places. A record may be on the stream more than once; its metadata says which one it is.
"""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import orjson

from consumer import aws
from consumer.aws.connect import connect_kinesis
from consumer.errors import EncodeError, StartError, UsageError
from consumer.record import Item, Record
from consumer.settings.key_template import KeyTemplate
from consumer.sink import SinkContext
from consumer.sinks.concurrency import Concurrency
from consumer.sinks.json_documents import JsonWriter
from consumer.sinks.service_writer import Caller, ServiceWriter

__all__ = [
    "DEFAULT_KEY",
    "MAX_CALL_BYTES",
    "MAX_KEY_CHARACTERS",
    "MAX_RECORDS",
    "MAX_RECORD_BYTES",
    "KinesisSink",
    "RecordEncoder",
]

MAX_RECORDS: Final = 500
MAX_CALL_BYTES: Final = 10 * 2**20
MAX_RECORD_BYTES: Final = 2**20
"""AWS: PutRecords takes 500 records and 10 MiB; a record, with its key, 1 MiB unless the stream allows more."""

MAX_KEY_CHARACTERS: Final = 256
"""AWS: PutRecordsRequestEntry, PartitionKey."""

DEFAULT_KEY: Final = "{user_id}"

_OPTIONS: Final = frozenset({"stream", "partition_key"})
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_UTF8_BYTES: Final = 4


class RecordEncoder:
    """Makes the records of one source shard: the document as JSON, with its metadata under the reserved name."""

    has_unique_keys = True

    def __init__(
        self, template: str, context: SinkContext, shard: str, max_record_bytes: int = MAX_RECORD_BYTES
    ) -> None:
        self._max_bytes = max_record_bytes
        same = {"stream": context.stream, "shard": shard}
        self._key = KeyTemplate(template, _UTF8_BYTES * MAX_KEY_CHARACTERS, same)
        self._writer = JsonWriter(context, shard)
        self._shard = shard

    def encode(self, document: Mapping[str, object], record: Record) -> Item:
        """See `Encoder.encode`.

        :raises EncodeError: the codes of the key template, ``reserved_attribute``, ``type_unsupported``, and
            ``record_too_large`` above what the stream takes.
        """
        key = self._key.render(document, record.key_fields)
        # AWS does not say of what a character is one; UTF-16, as in Java, counts the most.
        if 2 * len(key) > MAX_KEY_CHARACTERS and len(key.encode("utf-16-le", "surrogatepass")) > 2 * MAX_KEY_CHARACTERS:
            raise EncodeError("key_too_long")
        data = self._writer.write(document, record)
        if len(data) + _UTF8_BYTES * len(key) > self._max_bytes and len(data) + len(key.encode()) > self._max_bytes:
            raise EncodeError("record_too_large")
        try:
            body = b'{"Data":"%b","PartitionKey":%b}' % (b64encode(data), orjson.dumps(key))
        except TypeError:  # a lone surrogate, from a plug-in
            raise EncodeError("invalid_unicode") from None
        return Item((key, f"{self._shard}/{record.sequence}/{record.place}"), body)


class KinesisSink(ServiceWriter):
    """Puts documents onto a stream.

    :raises UsageError: see `check_options`.
    :raises StartError: see `connect_kinesis`.
    """

    service: ClassVar[str] = "kinesis"
    operation: ClassVar[str] = "PutRecords"
    most_items: ClassVar[int] = MAX_RECORDS
    most_bytes: ClassVar[int] = MAX_CALL_BYTES  # of base64, so that it is less than AWS counts
    in_order: ClassVar[bool] = True

    def __init__(self, options: Mapping[str, Any], context: SinkContext, transport: Caller | None = None) -> None:
        stream, self._template = _read(options, context.stream)
        self._context = context
        self._max_record_bytes = MAX_RECORD_BYTES if transport else _largest_of(stream)
        self._connection = None if transport else connect_kinesis(context.timeout_seconds, context.concurrency)
        slots = Concurrency(context.concurrency)
        way = transport or self._connection
        if way is None:
            raise AssertionError("one of the two is there")
        super().__init__(way, {"stream": stream}, slots, context.metrics, context.log)
        self._before = b'{"StreamName":%b,"Records":[' % orjson.dumps(stream)

    @staticmethod
    def check_options(options: Mapping[str, Any], stream: str) -> None:
        """See `consumer.sinks.loading`.

        :raises UsageError: no stream, the source itself, an unusable key template, or unknown options.
        """
        _read(options, stream)

    @staticmethod
    def check(options: Mapping[str, Any], stream: str) -> None:
        """See `consumer.sinks.loading`.

        :raises UsageError: see `check_options`.
        :raises StartError: there is no such stream, or it cannot be reached.
        """
        target, _ = _read(options, stream)
        summary = _summary(target)
        if summary["StreamStatus"] not in ("ACTIVE", "UPDATING"):
            raise StartError(f"the stream {target} is {summary['StreamStatus']}, not ACTIVE.")

    def encoder(self, shard: str) -> RecordEncoder:
        """See `DocumentSink.encoder`."""
        return RecordEncoder(self._template, self._context, shard, self._max_record_bytes)

    def request(self, items: Sequence[Item]) -> bytes:
        """See `ServiceWriter.request`."""
        return self._before + b",".join([item.body for item in items]) + b"]}"

    def left(self, answer: bytes, items: Sequence[Item]) -> list[int]:
        """See `ServiceWriter.left`."""
        results = orjson.loads(answer)["Records"]
        if len(results) != len(items):
            raise ValueError  # not believed
        return [i for i, result in enumerate(results) if "ErrorCode" in result or not result["SequenceNumber"]]

    def log_retried(self, **fields: Any) -> None:
        """See `ServiceWriter.log_retried`."""
        self.log.error("kinesis.write_retried", **fields)

    def log_refused(self, **fields: Any) -> None:
        """See `ServiceWriter.log_refused`."""
        self.log.error("kinesis.item_refused", **fields)

    def close(self) -> None:
        """See `DocumentSink.close`."""
        if self._connection:
            self._connection.close()


def _summary(stream: str) -> dict[str, Any]:
    client = aws.client("kinesis", retries=2)
    try:
        summary = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    except aws.CALL_ERRORS as error:
        raise StartError(aws.explain(error, "kinesis:DescribeStreamSummary", f"stream {stream}")) from None
    return dict(summary)


def _largest_of(stream: str) -> int:
    """Ask what a record may have; where it may not be asked, as in a function, it is what each stream takes."""
    try:
        return _largest_record(_summary(stream))
    except StartError:
        return MAX_RECORD_BYTES


def _largest_record(summary: Mapping[str, Any]) -> int:
    kib = summary.get("MaxRecordSizeInKiB")  # emulators may not know it
    return MAX_RECORD_BYTES if kib is None else int(kib) * 1024


def _read(options: Mapping[str, Any], source: str) -> tuple[str, str]:
    unknown = sorted(set(options) - _OPTIONS)
    if unknown:
        raise UsageError(f"it has no option {unknown[0]!r}; there are stream and partition_key.")
    stream, template = options.get("stream"), options.get("partition_key", DEFAULT_KEY)
    if not isinstance(stream, str) or not _NAME.fullmatch(stream):
        raise UsageError("its option stream must name a stream: 1 to 128 letters, digits, _ . -")
    if stream == source:
        raise UsageError(f"its stream is {stream}, which is also what is read: each document would be read again.")
    if not isinstance(template, str):
        raise UsageError("its option partition_key must be a template such as '{user_id}'.")
    try:
        KeyTemplate(template, MAX_KEY_CHARACTERS)
    except ValueError as error:  # it shows the template, which holds no content
        raise UsageError(f"its option partition_key is not valid: {error}.") from None
    return stream, template
