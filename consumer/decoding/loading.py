"""Finds decoders by their names, and makes the chain that `stream.format` names."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Any, Final

from consumer.decoder import ENTRY_POINT_GROUP, Decoder, DecoderContext, DecoderFactory, DecoderMetrics, Kind
from consumer.decoding.chain import Chain
from consumer.decoding.compression import COMPRESSIONS, MAX_NESTED
from consumer.errors import SanitizerError, UsageError
from consumer.logs import Logger, get_logger
from consumer.plugins import find_factory
from consumer.settings import Settings

_BUILT_IN: Final = tuple(
    EntryPoint(name, f"consumer.decoding.{made_by}", ENTRY_POINT_GROUP)
    for name, made_by in {
        "auto": "auto:Auto",
        "cloudevents": "envelope:cloudevents",
        "cloudwatch_logs": "cloudwatch_logs:CloudWatchLogs",
        "confluent": "confluent:Confluent",
        "debezium": "envelope:debezium",
        "dms": "envelope:dms",
        "dynamodb": "dynamodb:DynamoDBChanges",
        "envelope": "envelope:envelope",
        "eventbridge": "envelope:eventbridge",
        "glue": "glue:Glue",
        "gzip": "compression:Gzip",
        "json": "framing:Json",
        "json_array": "framing:JsonArray",
        "json_concatenated": "framing:JsonConcatenated",
        "ndjson": "framing:Ndjson",
        "sns": "envelope:sns",
        "zlib": "compression:Zlib",
        "zstd": "compression:Zstd",
    }.items()
)


def open_chain(settings: Settings, metrics: DecoderMetrics, log: Logger) -> Chain:
    """Return the chain of `stream.format`.

    :raises UsageError: a decoder cannot be loaded, needs an extra that is missing, its options are wrong, or it does
        not fit what comes before it.
    """
    stream = settings.stream
    context = DecoderContext(stream.name, stream.max_decoded_bytes, metrics, log)
    steps = [_opened(name, options, context) for name, options in stream.steps]
    given = Kind.BYTES
    for (name, _), step in zip(stream.steps, steps, strict=True):
        if step.takes != given:
            raise UsageError(f"stream.format: {name} takes {step.takes}, and what comes before it gives {given}.")
        given = step.gives
    if given is not Kind.JSON:
        raise UsageError("stream.format ends with bytes: name a decoder that makes JSON of them, such as auto.")
    if sum(name in COMPRESSIONS for name, _ in stream.steps) > MAX_NESTED:
        raise UsageError(f"stream.format names more than {MAX_NESTED} compressions, one within the other.")
    return Chain(steps, stream.max_decoded_bytes)


def check_format(settings: Settings) -> None:
    """Find out what can be known of `stream.format` without a record, and without asking anything else.

    :raises UsageError: see `open_chain`.
    """
    open_chain(settings, Unread(), get_logger("decoding"))


def has_plugins(settings: Settings) -> bool:
    """Tell whether `stream.format` names a decoder that is not built in, which may have codes of its own."""
    return not {name for name, _ in settings.stream.steps} <= {each.name for each in _BUILT_IN}


class Unread:
    """Metrics of a chain that decodes nothing."""

    def kept_out(self, fields: int) -> None:
        """See `DecoderMetrics.kept_out`."""


def _opened(name: str, options: Mapping[str, Any], context: DecoderContext) -> Decoder:
    factory: DecoderFactory = find_factory("decoder", ENTRY_POINT_GROUP, name, _BUILT_IN)
    try:
        step = factory(options, context)
    except SanitizerError as error:
        raise type(error)(f"stream.format: {name}: {error}") from None
    except Exception as error:  # a plug-in may raise anything; its text may hold a secret of its options
        raise UsageError(f"The decoder {name!r} cannot be made: {type(error).__name__}.") from error
    missing = [each for each in ("takes", "gives", "decode") if not hasattr(step, each)]
    if missing:
        raise UsageError(f"The decoder {name!r} lacks {', '.join(missing)}; see consumer.decoder.Decoder.")
    return step
