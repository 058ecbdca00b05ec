"""Where documents and quarantine entries go, as the settings ask for: a worker's, a replay's and a backfill's alike."""

from collections.abc import Callable
from typing import Final, NamedTuple

from consumer.aws.connect import connect_dynamodb
from consumer.errors import UsageError
from consumer.logs import Logger
from consumer.metrics import Metrics
from consumer.quarantine.entry import KEY_NAMES
from consumer.settings import Settings
from consumer.sink import DocumentSink, Sink, SinkContext
from consumer.sinks.concurrency import Concurrency
from consumer.sinks.loading import open_sinks
from consumer.sinks.table_writers import BatchWriter

QUARANTINE_WRITES: Final = 2


class Outputs(NamedTuple):
    """The sinks of a process, and what closes their connections."""

    output: DocumentSink
    quarantine: Sink
    close: Callable[[], None]


def open_outputs(settings: Settings, policy: str, digest: str, metrics: Metrics, log: Logger) -> Outputs:
    """Return the sinks. The quarantine is a table of DynamoDB whatever the others are.

    :param policy: name and version of the redactor, ``name@version``.
    :param digest: the redactor's.
    :raises UsageError: a sink cannot be loaded, or its options are wrong.
    :raises StartError: see `connect_dynamodb`.
    """
    output = open_sinks(SinkContext(settings, policy, digest, metrics, log))
    try:
        # Slots and connections of its own: it must not wait for ever behind a slow table.
        transport = connect_dynamodb(settings.output.timeout_seconds, QUARANTINE_WRITES)
    except BaseException:
        output.close()
        raise
    slots = Concurrency(QUARANTINE_WRITES)
    entries = BatchWriter(transport, settings.quarantine.table, KEY_NAMES, slots, metrics, log)

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
