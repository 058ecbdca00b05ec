"""Which of two documents with one key is the newer: a text beside each that orders as they do.

DynamoDB compares strings by the bytes of their UTF-8 form, which is the order of code points, and so Python's. Each
version ends with the record's place in the stream, so that no two records have the same one: whatever is delivered,
again or late, and by whom, the same document is left in the end.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Protocol

import orjson

from consumer.dynamodb.attribute_values import MAX_DIGITS, MAX_EXPONENT, MIN_EXPONENT
from consumer.errors import EncodeError
from consumer.record import Record
from consumer.settings import Settings
from consumer.settings.key_template import field_text

MAX_TEXT: Final = 1024
"""Characters of a version field. The version stands in the item twice."""

_SEQUENCE_DIGITS: Final = 56
_SUB_DIGITS: Final = 10
_PART_DIGITS: Final = 10
_PLACE_LENGTH: Final = _SEQUENCE_DIGITS + 1 + _SUB_DIGITS
# Below all that a value may hold, so that of two values the one that begins the other is the lesser.
_END: Final = "\x1f"
# Above all digits: of two negative numbers, the one whose digits begin the other's is the greater.
_NEGATIVE_END: Final = "~"
_NINES: Final = str.maketrans("0123456789", "9876543210")
_MISSING: Final = object()


class Versions(Protocol):
    """Makes the versions of one worker's documents.

    :ivar source: what they are made of; those of different sources say nothing of each other's age.
    :ivar field: the path of the field that they are made of, or checked by.
    """

    source: str
    field: str

    def of(self, document: Mapping[str, object], record: Record) -> str:
        """Return the version.

        :param document: as it was released.
        :raises EncodeError: ``partition_key_differs``, ``version_missing`` or ``version_unusable``.
        """
        ...


def versions_of(settings: Settings) -> Versions | None:
    """Return what makes the versions; None where `output.write_mode` asks for none."""
    output, field = settings.output, settings.stream.partition_key_field
    if output.write_mode == "put":
        return None
    if output.version_field is not None:
        return FieldVersions(output.version_field)
    if field is None:
        msg = "newest without a field is refused by the settings themselves"
        raise AssertionError(msg)
    return SequenceVersions(field, settings.stream.name)


class SequenceVersions:
    """Versions by the place in the stream, where the Kinesis partition key says which item a record belongs to.

    Records with one partition key are in one shard, and after a split or a merge in its successor, whose numbers are
    greater. That the document's field is the partition key is checked, record by record.

    :param key_field: path of the field that the producers use as the partition key, and the only one in the item's key.
    """

    def __init__(self, key_field: str, stream: str) -> None:
        self.field = key_field
        self._path = key_field.split(".")
        self.source = f"sequence number in {stream}"

    def of(self, document: Mapping[str, object], record: Record) -> str:
        """See `Versions.of`."""
        if field_text(document, self._path) != record.partition_key:
            raise EncodeError("partition_key_differs")
        return _place(record)


class FieldVersions:
    """Versions by a field of the document: a number, or a text such as an ISO 8601 time. Numbers are below all texts.

    :param field: the field's path.
    """

    def __init__(self, field: str) -> None:
        self.field = field
        self._path = field.split(".")
        self.source = f"field {field}"

    def of(self, document: Mapping[str, object], record: Record) -> str:
        """See `Versions.of`."""
        value = _at(document, self._path)
        if value is _MISSING or value is None:
            raise EncodeError("version_missing")
        if not self._is_as_received(value, record.data):
            raise EncodeError("version_unusable")
        return f"{encoded(value)}{_END}{_place(record)}"

    def _is_as_received(self, value: object, data: bytes) -> bool:
        """Whether redaction left the value alone: what a detector made of it would order at random."""
        try:
            received = _at(orjson.loads(data), self._path)
            if received is _MISSING or (type(received) is type(value) and received == value):
                return True
            # Numbers that only the slow parser reads to the digit.
            received = _at(json.loads(data, parse_float=Decimal), self._path)
        except ValueError:  # a plug-in's own format, or a field that is the plug-in's
            return True
        return _is_number(received) and _is_number(value) and _decimal(received) == _decimal(value)


def encoded(value: object) -> str:
    """Return a text that orders as the values do: numbers by size, then texts by code points.

    :raises EncodeError: ``version_unusable``: neither, or more than DynamoDB's numbers hold, or not printable.
    """
    if isinstance(value, str):
        if not 0 < len(value) <= MAX_TEXT or not value.isprintable():
            raise EncodeError("version_unusable")
        return f"t{value}"
    if not _is_number(value):
        raise EncodeError("version_unusable")
    return f"n{_encoded_number(_decimal(value))}"


def _encoded_number(number: Decimal) -> str:
    """Sign, exponent, digits; of a negative number the latter two complemented, so that a greater size is lower."""
    if not number.is_finite():
        raise EncodeError("version_unusable")
    digits = "".join(map(str, number.as_tuple().digits)).rstrip("0")
    if not digits:
        return "1"
    exponent = number.adjusted()
    if len(digits) > MAX_DIGITS or not MIN_EXPONENT <= exponent <= MAX_EXPONENT:
        raise EncodeError("version_unusable")
    if number > 0:
        return f"2{exponent - MIN_EXPONENT:03d}{digits}"
    return f"0{MAX_EXPONENT - exponent:03d}{digits.translate(_NINES)}{_NEGATIVE_END}"


def _place(record: Record) -> str:
    place = f"{record.sequence:0>{_SEQUENCE_DIGITS}}#{record.sub:0{_SUB_DIGITS}d}"
    if len(place) != _PLACE_LENGTH:
        raise EncodeError("version_unusable")
    return f"{place}+{record.part:0{_PART_DIGITS}d}" if record.part else place


def _at(document: Any, path: list[str]) -> Any:
    value = document
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return _MISSING
        value = value[name]
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _decimal(value: Any) -> Decimal:
    # A float stands for its shortest spelling (see redaction.plugin.Released), not for its binary value.
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
