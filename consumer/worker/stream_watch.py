"""What the stream is like now: open shards and retention, for the alarms on scale and on records that expire unread."""

import threading
from typing import Final

from consumer import aws
from consumer.errors import StartError
from consumer.logs import Logger
from consumer.metrics import Metrics

PERIOD_SECONDS: Final = 300.0
_HOUR_SECONDS: Final = 3600


class StreamWatch:
    """Asks Kinesis every five minutes. A failure leaves the figures as they were, and is logged once in a row."""

    def __init__(self, stream: str, metrics: Metrics, log: Logger) -> None:
        self._stream = stream
        self._metrics = metrics
        self._log = log
        self._out_of_reach = False

    def start(self) -> None:
        """Watch in a thread of its own, for as long as the process lives."""
        threading.Thread(target=self._run, name="stream-watch", daemon=True).start()

    def _run(self) -> None:
        never = threading.Event()
        while True:
            self.look()
            never.wait(PERIOD_SECONDS)

    def look(self) -> None:
        """Ask once."""
        try:
            client = aws.client("kinesis", timeout=5, retries=2)
            found = client.describe_stream_summary(StreamName=self._stream)["StreamDescriptionSummary"]
        except (*aws.CALL_ERRORS, StartError) as error:
            if not self._out_of_reach:
                code = type(error).__name__ if isinstance(error, StartError) else aws.error_code(error)
                self._log.warning("stream.not_watched", stream=self._stream, code=code)
            self._out_of_reach = True
            return
        self._out_of_reach = False
        self._metrics.open_shards.set(found["OpenShardCount"])
        self._metrics.retention.set(found["RetentionPeriodHours"] * _HOUR_SECONDS)
