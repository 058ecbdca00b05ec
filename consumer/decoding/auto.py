"""Goes by a record's first bytes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from consumer.decoder import Decoded, DecoderContext, Kind, Part
from consumer.errors import UsageError


class Auto:
    """One JSON object, as it is."""

    takes: Final = Kind.BYTES
    gives: Final = Kind.JSON

    def __init__(self, options: Mapping[str, Any], context: DecoderContext) -> None:
        del context
        if options:
            raise UsageError("it has no options.")

    def passes(self, data: bytes) -> bool:  # noqa: ARG002
        """Tell whether it is one document."""
        return True

    def decode(self, data: bytes) -> Sequence[Part]:
        """Return the document."""
        return (Decoded(data),)
