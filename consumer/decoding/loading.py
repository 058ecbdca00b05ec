"""Finds decoders by their names, and makes the chain that `stream.format` names."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Any, Final

from consumer.decoder import ENTRY_POINT_GROUP, Decoder, DecoderContext, DecoderFactory, DecoderMetrics, Kind
from consumer.decoding.chain import Chain
from consumer.errors import SanitizerError, UsageError
from consumer.logs import Logger
from consumer.plugins import find_factory
from consumer.settings import Settings

_BUILT_IN: Final = tuple(
    EntryPoint(name, f"consumer.decoding.{made_by}", ENTRY_POINT_GROUP)
    for name, made_by in {
        "auto": "auto:Auto",
        "confluent": "confluent:Confluent",
        "glue": "glue:Glue",
        "gzip": "compression:Gzip",
        "json": "framing:Json",
        "json_array": "framing:JsonArray",
        "json_concatenated": "framing:JsonConcatenated",
        "ndjson": "framing:Ndjson",
        "zlib": "compression:Zlib",
        "zstd": "compression:Zstd",
    }.items()
)


def open_chain(settings: Settings, metrics: DecoderMetrics, log: Logger) -> Chain:
    """Return the chain of `stream.format`.

    :raises UsageError: a decoder cannot be loaded, its options are wrong, or it does not fit what comes before it.
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
    return Chain(steps, stream.max_decoded_bytes)


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
