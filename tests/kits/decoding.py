"""What tests of decoders share: a context, and what was decoded."""

from collections.abc import Sequence

from consumer.decoder import Decoded, DecoderContext, Part
from consumer.decoder_testing import Log, NoMetrics


def context(max_bytes: int = 32 * 2**20) -> DecoderContext:
    return DecoderContext("stream", max_bytes, NoMetrics(), Log())


def data_of(parts: Sequence[Part]) -> list[bytes]:
    assert all(type(part) is Decoded for part in parts), parts
    return [part.data for part in parts if isinstance(part, Decoded)]
