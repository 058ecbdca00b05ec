"""Where documents and quarantine entries go, as the settings ask for: a worker's, a replay's and a backfill's alike."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from consumer.batch import BatchWriter
from consumer.concurrency import Concurrency
from consumer.config import Settings
from consumer.connect import connect_dynamodb
from consumer.document import key_names
from consumer.errors import UsageError
from consumer.metrics import Metrics
from consumer.newest import NewestWriter
from consumer.quarantine import KEY_NAMES
from consumer.sink import Sink
from consumer.versions import versions_of

QUARANTINE_WRITES: Final = 2


class Writers(NamedTuple):
    """The two sinks of a process, and what closes their connections."""

    output: Sink
    quarantine: Sink
    close: Callable[[], None]


def open_writers(settings: Settings, metrics: Metrics, log: Any) -> Writers:
    """Return the sinks, which share connections.

    :raises StartError: see `connect_dynamodb`.
    """
    output = settings.output
    transport = connect_dynamodb(output.timeout_seconds, output.concurrency + QUARANTINE_WRITES)
    common = (
        transport,
        output.table,
        key_names(output),
        Concurrency(output.concurrency, metrics.write_concurrency.set),
        metrics,
        log,
    )
    versions = versions_of(settings)
    documents: Sink
    if versions is None:
        documents = BatchWriter(*common)
    else:
        documents = NewestWriter(*common, reserved=output.reserved_attribute, versions=versions)
    # Slots of its own: it must not wait behind a slow table for ever.
    entries = BatchWriter(transport, settings.quarantine.table, KEY_NAMES, Concurrency(QUARANTINE_WRITES), metrics, log)
    return Writers(documents, entries, transport.close)


def refuse_to_replace_newer(settings: Settings) -> None:
    """Refuse to write old records where that could put them in the place of newer ones.

    :raises UsageError: records can share an item, and nothing compares them.
    """
    unique = any(template.is_unique_per_record for template in settings.output.key_templates().values())
    if settings.output.write_mode == "put" and not unique:
        msg = (
            "The key templates let records share an item, and with write_mode put an old record would replace a newer "
            "one's document: set output.write_mode to newest, or accept that with --overwrite."
        )
        raise UsageError(msg)
