"""Where documents and quarantine entries go, as the settings ask for: a worker's, a replay's and a backfill's alike."""

from collections.abc import Callable
from typing import Final, NamedTuple

from consumer import aws
from consumer.aws.connect import connect_dynamodb
from consumer.errors import UsageError
from consumer.logs import Logger
from consumer.metrics import Metrics, show_zeros
from consumer.quarantine.entry import KEY_NAMES
from consumer.settings import Settings
from consumer.sink import DocumentSink, Sink
from consumer.sinks.concurrency import Concurrency
from consumer.sinks.loading import open_sinks, sink_context
from consumer.sinks.service_writer import UNPROCESSED
from consumer.sinks.table_writers import BatchWriter
from redaction.plugin import Redactor

QUARANTINE_WRITES: Final = 2


class WriteMetrics:
    """`consumer.sink.SinkMetrics`: what all sinks of a process tell of their writes."""

    def __init__(self, metrics: Metrics) -> None:
        self._retries = metrics.write_retries
        show_zeros(self._retries, (*aws.REASONS, UNPROCESSED))
        self._seconds = metrics.write_seconds
        self._items = metrics.write_items
        self._concurrency = metrics.write_concurrency

    def wrote(self, items: int, seconds: float) -> None:
        self._seconds.observe(seconds)
        self._items.observe(items)

    def retried(self, reason: str) -> None:
        self._retries.labels(reason).inc()

    def may_send(self, requests: int) -> None:
        self._concurrency.set(requests)


class Outputs(NamedTuple):
    """The sinks of a process, and what closes their connections."""

    output: DocumentSink
    quarantine: Sink
    close: Callable[[], None]


def open_outputs(settings: Settings, redactor: Redactor, metrics: Metrics, log: Logger) -> Outputs:
    """Return the sinks. The quarantine is a table of DynamoDB whatever the others are.

    :param redactor: items name it.
    :raises UsageError: a sink cannot be loaded, or its options are wrong.
    :raises StartError: see `connect_dynamodb`.
    """
    told = WriteMetrics(metrics)
    output = open_sinks(settings, sink_context(settings, redactor, told, log))
    try:
        # Slots and connections of its own: it must not wait for ever behind a slow table.
        transport = connect_dynamodb(settings.output.timeout_seconds, QUARANTINE_WRITES)
    except BaseException:
        output.close()
        raise
    slots = Concurrency(QUARANTINE_WRITES)
    entries = BatchWriter(transport, settings.quarantine.table, KEY_NAMES, slots, told, log)

    def close() -> None:
        output.close()
        transport.close()

    return Outputs(output, entries, close)


def refuse_to_replace_newer(settings: Settings) -> None:
    """Refuse to write old records where that could put them in the place of newer ones.

    :raises UsageError: records can share an item, and nothing compares them.
    """
    unique = any(template.is_unique_per_record for template in settings.output.key_templates().values())
    if settings.has_table and settings.output.write_mode == "put" and not unique:
        msg = (
            "The key templates let records share an item, and with write_mode put an old record would replace a newer "
            "one's document: set output.write_mode to newest, or accept that with --overwrite."
        )
        raise UsageError(msg)
