"""Of which stream an application's leases are, and where its shards without a checkpoint begin.

Both are found out once, by `sanitizer tables create` or the first worker, and remembered for all (`Facts`). A stream
that is deleted and made anew under its name has shards of the same names, in which KCL would look for the old one's
sequence numbers, or which it would take for read to their ends. And to KCL ``LATEST`` is a word that it looks up anew
at each start: whatever arrived before a shard's first checkpoint would be passed over by a restart. So KCL is given the
time that LATEST was, and AT_TIMESTAMP.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from consumer import aws
from consumer.dynamodb.schema import MISSING, call, create_each, schema_problem
from consumer.errors import ServiceError, StartError
from consumer.kcl.leases.application_item import ApplicationItem, Facts
from consumer.kcl.leases.tables import AT_TIMESTAMP, LATEST, TRIM_HORIZON, Lease, LeaseTables, tables_of
from consumer.kinesis.shards import list_shards, open_shards
from consumer.settings import Settings, lease_tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_kinesis.client import KinesisClient

_TRIED: Final = 3
"""Checkpoints that are held against a stream of which nothing is remembered."""


class Sight(NamedTuple):
    """The stream as it is now.

    :ivar at: when AWS said so, in whole epoch seconds by its own clock: a time of ours could lie in its future.
    """

    facts: Facts
    at: int


def beginning(settings: Settings) -> str:
    """Return what the lease of a shard says of which nothing was settled yet."""
    return AT_TIMESTAMP if settings.stream.initial_position == LATEST else TRIM_HORIZON


def enter(settings: Settings) -> Facts:
    """Remember what is not remembered yet, and have the leases say where they begin.

    :return: what holds for all workers.
    :raises StartError: the leases are of another stream; the sentence says what to do.
    :raises ServiceError: stream or tables cannot be read or written.
    """
    kinesis, dynamodb = aws.client("kinesis", retries=3), aws.client("dynamodb", retries=3)
    leases, _, coordinator = tables_of(settings.kcl.application)
    if settings.kcl.may_create_tables and schema_problem(dynamodb, coordinator) == MISSING:
        create_each([coordinator])  # KCL would, too late
    item = ApplicationItem(dynamodb, settings.kcl.application)
    tables = LeaseTables(dynamodb, settings.kcl.application)
    sight = look(kinesis, settings.stream.name)
    known: Facts = call(item.read, "dynamodb:GetItem", coordinator.name)
    present = _leases(tables, leases.name)
    _refuse(_problem(settings, kinesis, sight.facts, known, present))
    starts_at = None
    if settings.stream.initial_position == LATEST and known.starts_at is None:
        # Leases that are there already are no older than their table, and one without a checkpoint is of a shard of
        # which nothing has been settled since.
        starts_at = int(call(tables.created_at, "dynamodb:DescribeTable", leases.name)) if present else sight.at
    told = Facts(sight.facts.stream_arn, sight.facts.stream_created_ms, starts_at)
    facts: Facts = call(lambda: item.settle(told), "dynamodb:UpdateItem", coordinator.name)
    _refuse(other_stream(settings, sight.facts, facts))  # one of another stream was faster
    call(lambda: restate(settings, tables, present), "dynamodb:UpdateItem", leases.name)
    return facts


def restate(settings: Settings, tables: LeaseTables, leases: Iterable[Lease]) -> int:
    """Have leases without a checkpoint begin where the settings say, by a time; return how many said something else.

    TRIM_HORIZON stays: it is also where the children of a shard begin.

    Raises what its calls raise.
    """
    wanted = beginning(settings)
    return sum(
        tables.restate(lease, wanted) for lease in leases if lease.checkpoint in {LATEST, AT_TIMESTAMP} - {wanted}
    )


def problem(settings: Settings, kinesis: "KinesisClient", dynamodb: "DynamoDBClient") -> str | None:
    """Say what is wrong if the leases are of another stream than the settings'; None: they are not, or there are none.

    :raises ServiceError: stream or tables cannot be read.
    """
    leases, _, coordinator = lease_tables(settings.kcl.application)
    item = ApplicationItem(dynamodb, settings.kcl.application)
    try:
        known = item.read()
    except aws.CALL_ERRORS as error:
        if aws.reason(error) == "missing":
            return None
        raise ServiceError(aws.explain(error, "dynamodb:GetItem", f"table {coordinator}")) from None
    present = _leases(LeaseTables(dynamodb, settings.kcl.application), leases)
    return _problem(settings, kinesis, look(kinesis, settings.stream.name).facts, known, present)


def look(kinesis: "KinesisClient", stream: str) -> Sight:
    """Return which stream bears the name now.

    :raises ServiceError: it cannot be read.
    """
    try:
        answer: Any = kinesis.describe_stream_summary(StreamName=stream)
    except aws.CALL_ERRORS as error:
        raise ServiceError(aws.explain(error, "kinesis:DescribeStreamSummary", f"stream {stream}")) from None
    at = time.time()
    with suppress(KeyError, ValueError):
        at = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp()
    return Sight(facts_of(answer["StreamDescriptionSummary"]), int(at))


def facts_of(summary: Any) -> Facts:
    """Return what a stream is known by, from DescribeStreamSummary."""
    created = summary.get("StreamCreationTimestamp")
    return Facts(summary.get("StreamARN"), None if created is None else round(created.timestamp() * 1000))


def identity(facts: Facts) -> str:
    """Return what tells a stream from others and from its predecessors, as one text."""
    return f"{_name(facts.stream_arn or '')}@{facts.stream_created_ms}"


def other_stream(settings: Settings, seen: Facts, known: Facts) -> str | None:
    """Say so if what is remembered is of another stream than the one that was seen.

    Name and time of creation tell them apart; account and region, which emulators make up, need not.
    """
    name, application = settings.stream.name, settings.kcl.application
    if known.stream_arn is not None and (before := _name(known.stream_arn)) != name:
        return f"The application {application} reads the stream {before}, and not {name}: {_advice(settings)}"
    if known.stream_created_ms is None or seen.stream_created_ms in (None, known.stream_created_ms):
        return None
    return (
        f"The stream {name} was made anew at {_time(seen)}, and the leases of the application {application} are of the "
        f"one before it, made at {_time(known)}: {_advice(settings)}"
    )


def _problem(
    settings: Settings, kinesis: "KinesisClient", seen: Facts, known: Facts, leases: Iterable[Lease]
) -> str | None:
    if known.stream_created_ms is not None:
        return other_stream(settings, seen, known)
    shard = _foreign(kinesis, settings.stream.name, leases)
    return None if shard is None else foreign(settings, shard)


def foreign(settings: Settings, shard: str) -> str:
    """Say that a shard's lease cannot be of the stream."""
    return (
        f"The lease of {shard} of the application {settings.kcl.application} is none of the stream "
        f"{settings.stream.name}, which was made anew, or it is another stream's: {_advice(settings)}"
    )


def _foreign(kinesis: "KinesisClient", stream: str, leases: Iterable[Lease]) -> str | None:
    """Return a shard whose lease cannot be of this stream."""
    if not (by_shard := {lease.shard: lease for lease in leases}):
        return None
    shards = list_shards(kinesis, stream)
    for shard in open_shards(shards):
        if shard in by_shard and by_shard[shard].is_finished:
            return shard
    listed = (by_shard.get(shard["ShardId"]) for shard in shards)
    for lease in islice((lease for lease in listed if lease and lease.position), _TRIED):
        try:
            kinesis.get_shard_iterator(
                StreamName=stream,
                ShardId=lease.shard,
                ShardIteratorType="AFTER_SEQUENCE_NUMBER",
                StartingSequenceNumber=str(lease.checkpoint),
            )
        except aws.CALL_ERRORS as error:
            if aws.error_code(error) == "InvalidArgumentException":
                return lease.shard
            target = f"shard {lease.shard} of stream {stream}"
            raise ServiceError(aws.explain(error, "kinesis:GetShardIterator", target)) from None
    return None


def _leases(tables: LeaseTables, name: str) -> list[Lease]:
    try:
        return tables.leases()
    except aws.CALL_ERRORS as error:
        if aws.reason(error) == "missing":  # KCL makes it, with kcl.may_create_tables
            return []
        raise ServiceError(aws.explain(error, "dynamodb:Scan", f"table {name}")) from None


def _refuse(problem: str | None) -> None:
    if problem is not None:
        raise StartError(problem)


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _time(facts: Facts) -> str:
    created = datetime.fromtimestamp((facts.stream_created_ms or 0) / 1000, UTC)
    return created.isoformat(timespec="seconds").replace("+00:00", "Z")


def _advice(settings: Settings) -> str:
    leases, workers, coordinator = lease_tables(settings.kcl.application)
    return (
        "give it a kcl.application of its own; or, to begin anew under this one, stop all of its workers, delete the "
        f"tables {leases}, {workers} and {coordinator}, and run `sanitizer tables create`."
    )
