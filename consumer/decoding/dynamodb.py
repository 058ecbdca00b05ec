"""Changes of a DynamoDB table in a Kinesis stream: the item as it is now, its typed values as plain JSON.

AWS: "Using Kinesis Data Streams to capture changes to DynamoDB". Numbers keep their digits, sets become lists, binary
values stay base64.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from consumer.decoder import PART_BYTES, Decoded, DecoderContext, Kind, LeftOut, Part, Undecodable
from consumer.decoding.chain import TOO_LARGE
from consumer.decoding.envelope import (
    DELETION,
    EMPTY,
    FIELD,
    TAKEN,
    Refused,
    choice,
    field_at,
    kept,
    limits_of,
    opened,
)
from consumer.decoding.options import check_names
from redaction.plugin import JSONValue
from redaction.serialize import serialize_value

VALUE_UNKNOWN: Final = "dynamodb_value_unknown"
"""Code of a quarantine entry."""

_IMAGE: Final = ("dynamodb", "NewImage")
_KEEP: Final = (
    ("awsRegion",),
    ("eventID",),
    ("eventName",),
    ("tableName",),
    ("dynamodb", "ApproximateCreationDateTime"),
    ("dynamodb", "ApproximateCreationDateTimePrecision"),
)
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


class DynamoDBChanges:
    """New images as documents."""

    takes: Final = Kind.JSON
    gives: Final = Kind.JSON

    def __init__(self, options: Mapping[str, Any], context: DecoderContext) -> None:
        check_names(options, ("deletions",))
        self._drops_deletions = choice(options, "deletions", "drop")
        self._limits = limits_of(context)

    def decode(self, data: bytes) -> Sequence[Part]:
        """Return the item as it is now."""
        try:
            envelope = opened(data, self._limits)
            if envelope.get("eventName") == "REMOVE":
                return (LeftOut(DELETION) if self._drops_deletions else Undecodable(DELETION),)
            document = _item(field_at(envelope, _IMAGE))
        except Refused as refusal:
            return (Undecodable(refusal.code),)
        about = orjson.Fragment(serialize_value(kept(envelope, _KEEP)).encode())
        made = orjson.dumps({**document, FIELD: about})
        return (Decoded(made) if len(made) + PART_BYTES <= self._limits.max_bytes else Undecodable(TOO_LARGE),)


def _item(image: JSONValue) -> dict[str, Any]:
    if not isinstance(image, dict):
        raise Refused(EMPTY)
    if FIELD in image:
        raise Refused(TAKEN)
    return {name: _plain(value) for name, value in image.items()}


def _plain(typed: JSONValue) -> Any:
    """Return an attribute value as JSON; numbers as they are written.

    :raises Refused: it is none that DynamoDB knows.
    """
    if not isinstance(typed, dict) or len(typed) != 1:
        raise Refused(VALUE_UNKNOWN)
    made: Any = None
    match next(iter(typed.items())):
        case ("S" | "B", str() as text):
            made = text
        case ("N", str() as text):
            made = _number(text)
        case ("BOOL", bool() as truth):
            made = truth
        case ("NULL", True):
            pass
        case ("L", list() as values):
            made = [_plain(value) for value in values]
        case ("M", dict() as fields):
            made = {name: _plain(value) for name, value in fields.items()}
        case ("SS" | "BS", list() as texts) if all(isinstance(text, str) for text in texts):
            made = texts
        case ("NS", list() as texts):
            made = [_number(text) for text in texts]
        case _:
            raise Refused(VALUE_UNKNOWN)
    return made


def _number(text: JSONValue) -> orjson.Fragment:
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise Refused(VALUE_UNKNOWN)
    return orjson.Fragment(text.encode())
