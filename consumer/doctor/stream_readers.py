"""The doctor's look at who else reads the stream: registered consumers by list, polling applications by evidence."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from consumer import aws
from consumer.doctor.finding import Finding
from consumer.errors import StartError
from consumer.kinesis import registered_consumers
from consumer.settings import Settings
from consumer.settings.stream import SHARD_READS, SPACING_MS, idle_ms

if TYPE_CHECKING:
    from mypy_boto3_kinesis.client import KinesisClient

_PERIOD: Final = 300
_BACK: Final = timedelta(seconds=2 * _PERIOD)
_MOST_READS: Final = 1.1 * 1000 / SPACING_MS
"""Reads a second of a shard, by all who share as they should; a tenth more is chance."""

_DIVIDE: Final = (
    "count the applications that poll, set stream.polling_applications to their number in each, or read by FANOUT"
)


def check(settings: Settings, kinesis: "KinesisClient") -> Iterator[Finding]:
    """Yield what there is to say of the readers of a stream that is there."""
    try:
        summary = kinesis.describe_stream_summary(StreamName=settings.stream.name)["StreamDescriptionSummary"]
    except aws.CALL_ERRORS:
        return  # said of the stream already
    found = registered_consumers.look(kinesis, summary)
    yield _consumers(settings, found)
    if settings.kcl.retrieval_mode == "POLLING":
        yield _polling(settings, summary["OpenShardCount"])


def _consumers(settings: Settings, found: registered_consumers.Readers) -> Finding:
    known = "an unknown number" if found.number is None else str(found.number)
    if found.consumers is None:
        text = (
            f"{known} of {registered_consumers.MAX_CONSUMERS} consumers are registered for fan-out; which ones is not "
            f"known ({found.problem}): grant kinesis:ListStreamConsumers on the stream."
        )
        return Finding("readers", "skipped", text)
    names = ", ".join(f"{each.name} {each.status}" for each in found.consumers)
    most = registered_consumers.MAX_CONSUMERS
    text = f"{known} of {most} consumers are registered for fan-out{f': {names}' if names else ''}."
    kcl = settings.kcl
    if kcl.retrieval_mode == "POLLING":
        return Finding("readers", "ok", text)
    own = found.own(settings)
    if own is not None:
        is_active = own.status == "ACTIVE"
        text = f"{text} This application reads as {own.name}{'' if is_active else ', which is not ACTIVE: wait'}."
        return Finding("readers", "ok" if is_active else "warning", text)
    if kcl.registered_arn is not None:
        remedy = "register it and correct kcl.consumer_arn, or take it out, and KCL registers one by its name"
        return Finding("readers", "failed", f"{text} {kcl.registered_arn} is not among them: {remedy}.")
    if len(found.consumers) >= registered_consumers.MAX_CONSUMERS:
        remedy = "deregister one that nobody needs, or poll (50 are allowed with On-demand Advantage)"
        return Finding("readers", "warning", f"{text} KCL has to register {kcl.registered_name}: {remedy}.")
    return Finding("readers", "ok", f"{text} KCL registers {kcl.registered_name} at its first start.")


def _polling(settings: Settings, shards: int) -> Finding:
    count = settings.stream.polling_applications
    text = (
        f"By stream.polling_applications {count} share{'s' if count == 1 else ''} the {SHARD_READS} reads a second of "
        f"a shard; this one reads each shard once in {idle_ms(settings.stream, settings.kcl)} ms."
    )
    evidence = _evidence(settings.stream.name, shards)
    if evidence is None:
        return Finding("readers", "ok", f"{text} CloudWatch has no figures here that would tell of others.")
    reads, throttled = evidence
    text = f"{text} In the last ten minutes each was read {reads:.1f} times a second, by all together"
    if throttled:
        return Finding("readers", "warning", f"{text}, and {throttled:.0f} reads were throttled: {_DIVIDE}.")
    if reads > _MOST_READS:
        return Finding("readers", "warning", f"{text}, which is more than so many should need: {_DIVIDE}.")
    return Finding("readers", "ok", f"{text}; none was throttled.")


def _evidence(stream: str, shards: int) -> tuple[float, float] | None:
    """Return reads a second of a shard, and how many were throttled; None: no permission, no figures, or no CloudWatch.

    Each GetRecords call is a sample of ``GetRecords.Success``, whether it succeeded or not (AWS, monitoring Kinesis).
    """
    now = datetime.now(UTC)
    common = {"Namespace": "AWS/Kinesis", "Dimensions": [{"Name": "StreamName", "Value": stream}], "Period": _PERIOD}
    times = {"StartTime": now - _BACK, "EndTime": now}
    try:
        client = aws.client("cloudwatch", timeout=3)
        calls = client.get_metric_statistics(
            MetricName="GetRecords.Success", Statistics=["SampleCount"], **common, **times
        )["Datapoints"]
        if not calls:
            return None
        refused = client.get_metric_statistics(
            MetricName="ReadProvisionedThroughputExceeded", Statistics=["Sum"], **common, **times
        )["Datapoints"]
    except (*aws.CALL_ERRORS, StartError):
        return None
    busiest = max(point["SampleCount"] for point in calls)
    return float(busiest) / _PERIOD / max(1, shards), sum(float(point["Sum"]) for point in refused)
