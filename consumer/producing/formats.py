"""In which forms `sanitizer produce` and the demo write records, by name.

The parts of a name are joined by a dash: what the documents are compressed with, and how they are framed.
"""

import gzip
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from consumer.errors import UsageError
from consumer.extras import extra_named
from consumer.producing import envelopes

Compress = Callable[[bytes], bytes]
Setting = str | list[Any]

DEFAULT: Final = "json"

_SEVERAL: Final = 20
"""Documents of a record, unless told otherwise."""


class Format(NamedTuple):
    """How a record is written.

    :ivar setting: the value of `stream.format` that reads it.
    :ivar holds: whether a document can be told from what stands around it. One that cannot has a record for itself.
    :ivar write: makes the data of a record; of one document where `most` is 1.
    :ivar alone: makes the data of a record of a document that is not held.
    :ivar most: so many documents a record, unless told otherwise.
    :ivar control: a record without a document, such as some services put between.
    """

    setting: Setting
    holds: Callable[[bytes], bool]
    write: Callable[[Sequence[bytes]], bytes]
    alone: Compress = bytes
    most: int = 1
    control: bytes | None = None


def is_object(document: bytes) -> bool:
    """Tell whether it is one JSON object."""
    try:
        return type(orjson.loads(document)) is dict
    except orjson.JSONDecodeError:
        return False


def _is_line(document: bytes) -> bool:
    return b"\n" not in document and bool(document.strip())


def _is_text(document: bytes) -> bool:
    try:
        return bool(document.decode())
    except UnicodeDecodeError:
        return False


def _always(_: bytes) -> bool:
    return True


_FRAMINGS: Final[Mapping[str, Format]] = {
    "json": Format(["json"], _always, lambda documents: documents[0]),
    "ndjson": Format(["ndjson"], _is_line, lambda documents: b"\n".join(documents) + b"\n", most=_SEVERAL),
    "json-array": Format(
        ["json_array"], is_object, lambda documents: b"[" + b",".join(documents) + b"]", most=_SEVERAL
    ),
    "json-concatenated": Format(["json_concatenated"], is_object, b"".join, most=_SEVERAL),
}


def _zstd() -> Compress:
    with extra_named():
        try:
            from compression import zstd  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415 - Python 3.14
        except ModuleNotFoundError:
            from backports import zstd  # noqa: PLC0415 - not in each install
    compress: Compress = zstd.compress
    return compress


_COMPRESSIONS: Final[Mapping[str, Callable[[], Compress]]] = {
    "gzip": lambda: lambda data: gzip.compress(data, mtime=0),
    "zlib": lambda: zlib.compress,
    "zstd": _zstd,
}

_ENVELOPES: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "cloudevents": envelopes.cloudevents,
    "debezium": envelopes.debezium,
    "dms": envelopes.dms,
    "dynamodb": envelopes.dynamodb,
    "eventbridge": envelopes.eventbridge,
    "sns": envelopes.sns,
}

_CLOUDWATCH_LOGS: Final = "cloudwatch-logs"
_AVRO_GLUE: Final = "avro-glue"

NAMES: Final = (
    *_FRAMINGS,
    *(name for each in _COMPRESSIONS for name in (each, *(f"{each}-{framing}" for framing in _FRAMINGS))),
    _CLOUDWATCH_LOGS,
    _AVRO_GLUE,
    *_ENVELOPES,
)


def format_named(name: str) -> Format:
    """Return a format.

    :raises UsageError: there is none of that name, or it needs an extra that is not installed.
    """
    if name not in NAMES:
        raise UsageError(f"There is no format {name}; there are: {', '.join(NAMES)}.")
    if name == _CLOUDWATCH_LOGS:
        return Format(
            ["auto", "cloudwatch_logs"],
            _is_text,
            envelopes.cloudwatch_logs,
            most=_SEVERAL,
            control=envelopes.cloudwatch_control(),
        )
    if name == _AVRO_GLUE:
        from consumer.producing.avro import AvroGlue  # noqa: PLC0415 - AWS's clients: not for a list of names

        avro = AvroGlue()
        return Format(["glue"], avro.holds, avro.write)
    if name in _ENVELOPES:
        return _enveloped(name)
    compression, _, framing = name.partition("-")
    if compression in _COMPRESSIONS:
        return _compressed(_FRAMINGS[framing or DEFAULT], compression)
    return _FRAMINGS[name]


def _enveloped(name: str) -> Format:
    write = _ENVELOPES[name]
    holds = envelopes.fits_dynamodb if name == "dynamodb" else is_object
    return Format(["auto", name], holds, lambda documents: write(documents[0]))


def _compressed(format_: Format, compression: str) -> Format:
    compress = _COMPRESSIONS[compression]()
    return format_._replace(
        setting=[compression, *format_.setting],
        write=lambda documents: compress(format_.write(documents)),
        alone=compress,
    )
