"""What Lambda hands over, taken apart; whatever is not of that shape is refused as a whole.

Sources: AWS Lambda, "Using Lambda to process records from Amazon Kinesis Data Streams"; Amazon Data Firehose,
"Transform source data".
"""

from binascii import a2b_base64
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from consumer.errors import UsageError
from consumer.kinesis.reader import RawRecord
from consumer.record import Record

_STREAM: Final = ":stream/"


class KinesisBatch(NamedTuple):
    """Records of one shard, in its order; none at all in an event without records."""

    stream: str
    shard: str
    records: list[RawRecord]


class FirehoseRecord(NamedTuple):
    """A record that Firehose read from a stream, already de-aggregated."""

    id: str
    shard: str
    record: Record


class FirehoseBatch(NamedTuple):
    """Records of any shards of one stream."""

    stream: str
    records: list[FirehoseRecord]


def kinesis_batch(event: Mapping[str, Any]) -> KinesisBatch:
    """Read the event of a Kinesis event source mapping.

    :raises UsageError: it is none, or holds records of several shards, which a mapping never mixes.
    """
    try:
        pairs = [(_raw(each["kinesis"]), each) for each in event["Records"]]
        places = {(stream_of(each["eventSourceARN"]), str(each["eventID"]).partition(":")[0]) for _, each in pairs}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UsageError("The event is none of a Kinesis event source mapping: check what invokes it.") from None
    if not places:
        return KinesisBatch("", "", [])
    if len(places) > 1:
        raise UsageError("The event holds records of several shards, so that no progress could be reported.")
    ((stream, shard),) = places
    # What is named as failed is a place in the shard: the order of the list is not relied on.
    return KinesisBatch(stream, shard, sorted((raw for raw, _ in pairs), key=lambda raw: int(raw.sequence)))


def firehose_batch(event: Mapping[str, Any]) -> FirehoseBatch:
    """Read the event of a Firehose transformation whose source is a Kinesis stream.

    :raises UsageError: it is none. What is put to Firehose directly has no place to be read from again, so that a
        record which cannot be released could only be lost or leaked.
    """
    try:
        stream = stream_of(event["sourceKinesisStreamArn"])
        return FirehoseBatch(stream, [_of_firehose(each) for each in event["records"]])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UsageError(
            "The event is none of a Firehose transformation that reads a Kinesis stream: direct puts are not supported."
        ) from None


def stream_of(arn: str) -> str:
    """Return the name of the stream that an ARN, of itself or of a consumer of its, names.

    :raises ValueError: it names none.
    """
    _, separator, name = arn.partition(_STREAM)
    if not separator or not name:
        raise ValueError
    return name.partition("/")[0]


def _raw(kinesis: Mapping[str, Any]) -> RawRecord:
    # Seconds as a number with a fraction; a float holds the milliseconds exactly enough.
    arrival_ms = round(float(kinesis["approximateArrivalTimestamp"]) * 1000)
    return RawRecord(
        _sequence(kinesis), arrival_ms, a2b_base64(kinesis["data"], strict_mode=True), str(kinesis["partitionKey"])
    )


def _of_firehose(each: Mapping[str, Any]) -> FirehoseRecord:
    metadata = each["kinesisRecordMetadata"]
    arrival = metadata.get("approximateArrivalTimestamp")
    if not isinstance(arrival, int):  # documented as a text, seen as milliseconds
        arrival = each["approximateArrivalTimestamp"]
    record = Record(
        _sequence(metadata),
        int(metadata.get("subsequenceNumber") or 0),
        int(arrival),
        a2b_base64(each["data"], strict_mode=True),
        str(metadata["partitionKey"]),
    )
    return FirehoseRecord(str(each["recordId"]), str(metadata["shardId"]), record)


def _sequence(fields: Mapping[str, Any]) -> str:
    sequence = fields["sequenceNumber"]
    if not (isinstance(sequence, str) and sequence.isascii() and sequence.isdigit()):
        raise ValueError
    return sequence
