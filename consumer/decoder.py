"""How a record's bytes become documents: the protocol between the pipeline and what decodes for it.

All that an author of a decoder imports. A decoder is one step of the chain that `stream.format` names. It is registered
as a factory ``(options, context) -> Decoder`` in the entry point group `kinesis_sanitizer.decoders`.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from consumer.errors import DecoderUnavailable
from consumer.logs import Logger
from consumer.record import ANY_NAME, ANY_NAMES, Schema, Tag

__all__ = [
    "ANY_NAME",
    "ANY_NAMES",
    "ENTRY_POINT_GROUP",
    "MAX_SCHEMA_NAME",
    "PART_BYTES",
    "Decoded",
    "Decoder",
    "DecoderContext",
    "DecoderFactory",
    "DecoderMetrics",
    "DecoderUnavailable",
    "Kind",
    "LeftOut",
    "Part",
    "Schema",
    "Tag",
    "Undecodable",
]

ENTRY_POINT_GROUP: Final = "kinesis_sanitizer.decoders"
"""Under which a package registers its decoders' factories."""

PART_BYTES: Final = 256
"""What each part weighs beside its data: many empty documents are large, too."""

MAX_SCHEMA_NAME: Final = 128
"""Characters of a schema's name, and of its version, which stand in items and metrics."""


class Kind(StrEnum):
    """What goes into a decoder, and what comes out."""

    BYTES = "bytes"
    """Anything."""
    JSON = "json"
    """Each the text of one document, so far as the decoder can tell: the redactor is the one to read it strictly."""


class Decoded(NamedTuple):
    """What a record holds, for the next step, or for the redactor.

    :ivar data: as the decoder's `gives` says.
    :ivar schema: what the document was written with, if the decoder knows it.
    """

    data: bytes
    schema: Schema | None = None


class Undecodable(NamedTuple):
    """Nobody can tell what it is: it goes to quarantine.

    :ivar code: why, in snake case; holds nothing of the content.
    """

    code: str


class LeftOut(NamedTuple):
    """It is no document, and nobody misses it: a rule of the format says so.

    :ivar rule: in snake case.
    """

    rule: str


Part: TypeAlias = Decoded | Undecodable | LeftOut
"""One of what a record holds."""


class Decoder(Protocol):
    """One step. Used by the threads of a process, one after the other or at once.

    One that takes bytes may have another method, ``passes(data) -> bool``: whether the data are one document as they
    are. Where it is the only step, it is asked of each record, and must cost next to nothing; or of many at once, as
    ``not_passing(payloads) -> Sequence[int]``, which gives the numbers of those that are not.

    One that takes JSON may have another method, ``moved(tags) -> Sequence[Tag]``: where those fields stand in what it
    gives that a schema tags in what it takes; those that are gone have no place. Behind a step without it, documents
    with tagged fields are refused.
    """

    @property
    def takes(self) -> Kind:
        """What it is given."""
        ...

    @property
    def gives(self) -> Kind:
        """What it makes of that."""
        ...

    def decode(self, data: bytes) -> Sequence[Part]:
        """Return what the data hold, in order: at least one part, always the same for the same data.

        All of `data` is accounted for: what was not understood is `Undecodable`, never skipped. The parts, each with
        `PART_BYTES` beside its data, are not larger together than the context's `max_bytes`; memory on the way there is
        bounded likewise.

        :raises DecoderUnavailable: something that is asked, such as a registry, does not answer. The record is held,
            and decoded again later.
        """
        ...


class DecoderMetrics(Protocol):
    """What a decoder tells of its work. Thread-safe."""

    def kept_out(self, fields: int) -> None:
        """Enter fields that the schema does not know, and that were therefore left out of a document."""
        ...


class DecoderContext(NamedTuple):
    """What a decoder is told.

    :ivar stream: the name of the stream.
    :ivar max_bytes: what one record may become.
    :ivar metrics: to be told of its work.
    :ivar log: a structured logger: fields of fixed names (docs/logs.md), never content.
    """

    stream: str
    max_bytes: int
    metrics: DecoderMetrics
    log: Logger


DecoderFactory: TypeAlias = Callable[[Mapping[str, Any], DecoderContext], Decoder]
"""What is registered: makes a decoder of its options and what it is told."""
