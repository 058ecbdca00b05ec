"""The output table."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from consumer.aws.connect import connect_dynamodb
from consumer.dynamodb.item import ItemEncoder, item_encoder, key_names
from consumer.dynamodb.versions import versions_of
from consumer.errors import UsageError
from consumer.record import Item
from consumer.settings import Settings
from consumer.sink import Sink, SinkContext, Writing
from consumer.sinks.concurrency import Concurrency
from consumer.sinks.table_writers import BatchWriter, NewestWriter

__all__ = ["DynamoDBSink"]


class DynamoDBSink:
    """Writes to the table that the section `output` of the settings describes.

    The one sink that gets the settings: they are its options, and the service's own.

    :raises UsageError: it was given options.
    :raises StartError: see `connect_dynamodb`.
    """

    def __init__(self, options: Mapping[str, Any], context: SinkContext, settings: Settings) -> None:
        self.check_options(options, context.stream)
        self._context = context
        self._settings = settings
        output = settings.output
        self._transport = connect_dynamodb(output.timeout_seconds, output.concurrency)
        common = (
            self._transport,
            output.table,
            key_names(output),
            Concurrency(output.concurrency, context.metrics.may_send),
            context.metrics,
            context.log,
        )
        versions = versions_of(settings)
        self._writer: Sink
        if versions is None:
            self._writer = BatchWriter(*common)
        else:
            self._writer = NewestWriter(*common, reserved=output.reserved_attribute, versions=versions)

    @staticmethod
    def check_options(options: Mapping[str, Any], stream: str) -> None:  # noqa: ARG004 - all sinks are asked so
        """Refuse options. The table is looked at by `consumer.worker.preflight`, with the others.

        :raises UsageError: there are some.
        """
        if options:
            raise UsageError("it takes no options; its settings are those of the section output.")

    def encoder(self, shard: str) -> ItemEncoder:
        """See `DocumentSink.encoder`."""
        context = self._context
        return item_encoder(self._settings, shard, context.policy, context.digest)

    def start(self, items: Sequence[Item], stop: threading.Event) -> Writing:
        """See `Sink.start`."""
        return self._writer.start(items, stop)

    def close(self) -> None:
        """See `DocumentSink.close`."""
        self._transport.close()
