"""What the stream is like now: open shards and retention, for the alarms on scale and on records that expire unread."""

from typing import Final

from consumer import aws
from consumer.errors import StartError
from consumer.logs import Logger
from consumer.metrics import Metrics
from consumer.periodic import Periodic

PERIOD_SECONDS: Final = 300.0
_HOUR_SECONDS: Final = 3600


def stream_watch(stream: str, metrics: Metrics, log: Logger) -> Periodic:
    """Ask Kinesis every five minutes. A failure leaves the figures as they were, and is logged once in a row."""

    def look(_passed: float) -> None:
        client = aws.client("kinesis", timeout=5, retries=2)
        found = client.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        metrics.open_shards.set(found["OpenShardCount"])
        metrics.retention.set(found["RetentionPeriodHours"] * _HOUR_SECONDS)

    def failed(error: Exception) -> None:
        log.warning("stream.not_watched", stream=stream, code=aws.error_code(error))

    return Periodic("stream-watch", PERIOD_SECONDS, look, errors=(*aws.CALL_ERRORS, StartError), failed=failed)
