"""A sanitised document as DynamoDB attribute values, and back.

DynamoDB's limits are enforced here and not left to the service, because emulators do not enforce them and because one
refused item would fail a whole batch. Source: AWS, "Quotas in Amazon DynamoDB" and "Supported data types".
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from consumer.errors import EncodeError
from consumer.record import AttributeValue

MAX_ITEM_BYTES: Final = 400 * 1024
MAX_NESTING: Final = 32
MAX_DIGITS: Final = 38
MAX_EXPONENT: Final = 125  # 9.99...E+125
MIN_EXPONENT: Final = -130  # 1E-130

_NULL: Final[AttributeValue] = {"NULL": True}
_TRUE: Final[AttributeValue] = {"BOOL": True}
_FALSE: Final[AttributeValue] = {"BOOL": False}
_CONTAINER_OVERHEAD: Final = 3
_ELEMENT_OVERHEAD: Final = 1


def encode_document(document: Mapping[str, object]) -> tuple[dict[str, AttributeValue], int]:
    """Return the item's attributes and its size in bytes, as DynamoDB counts it.

    :raises EncodeError: ``number_digits``, ``number_range``, ``nesting_too_deep``, ``attribute_name_empty``,
        ``attribute_name_too_long``, ``invalid_unicode`` or ``type_unsupported``.
    """
    attributes: dict[str, AttributeValue] = {}
    size = 0
    try:
        for name, value in document.items():
            attributes[name], value_size = _encode(value, 1)
            size += _name_size(name) + value_size
    except UnicodeEncodeError:  # a lone surrogate
        raise EncodeError("invalid_unicode") from None
    return attributes, size


def _name_size(name: object) -> int:
    if not isinstance(name, str):  # only a faulty plug-in releases such a document
        raise EncodeError("type_unsupported")
    if not name:
        raise EncodeError("attribute_name_empty")
    size = len(name) if name.isascii() else len(name.encode())
    if size > 64 * 1024 - 1:  # AWS: attribute names are at most 64 KB
        raise EncodeError("attribute_name_too_long")
    return size


def _encode(value: object, depth: int) -> tuple[AttributeValue, int]:  # noqa: C901, PLR0911 - one branch a type
    """Encode one value; `depth` counts the attributes around it, the top level being 1."""
    if isinstance(value, str):
        return {"S": value}, len(value) if value.isascii() else len(value.encode())
    if value is None:
        return _NULL, 1
    if value is True:
        return _TRUE, 1
    if value is False:
        return _FALSE, 1
    if isinstance(value, (int, float, Decimal)):
        return _encode_number(value)
    if depth > MAX_NESTING:
        raise EncodeError("nesting_too_deep")
    if isinstance(value, dict):
        members: dict[str, AttributeValue] = {}
        size = _CONTAINER_OVERHEAD
        for name, member in value.items():
            members[name], member_size = _encode(member, depth + 1)
            # An empty name is allowed inside a map, unlike at the top level.
            size += (0 if name == "" else _name_size(name)) + member_size + _ELEMENT_OVERHEAD
        return {"M": members}, size
    if isinstance(value, list):
        elements: list[AttributeValue] = []
        size = _CONTAINER_OVERHEAD
        for element in value:
            encoded, element_size = _encode(element, depth + 1)
            elements.append(encoded)
            size += element_size + _ELEMENT_OVERHEAD
        return {"L": elements}, size
    raise EncodeError("type_unsupported")


def _encode_number(value: float | Decimal) -> tuple[AttributeValue, int]:
    if isinstance(value, int) and -(10**18) < value < 10**18:
        text = str(value)
        return {"N": text}, len(text) // 2 + 2
    # A float stands for its shortest spelling (see redaction.plugin.Released), not for its binary value.
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise EncodeError("number_range")
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    if not digits:
        return {"N": "0"}, 2
    if len(digits) > MAX_DIGITS:
        raise EncodeError("number_digits")
    if not MIN_EXPONENT <= number.adjusted() <= MAX_EXPONENT:
        raise EncodeError("number_range")
    # AWS counts about one byte for two significant digits, plus one.
    return {"N": str(number)}, (len(digits) + 1) // 2 + 2


def decode_document(attributes: Mapping[str, AttributeValue]) -> dict[str, Any]:
    """Return the document that `attributes` hold, numbers as int or Decimal."""
    return {name: _decode(value) for name, value in attributes.items()}


def _decode(value: AttributeValue) -> Any:
    ((kind, content),) = value.items()
    match kind:
        case "S" | "BOOL":
            return content
        case "NULL":
            return None
        case "N":
            number = Decimal(content)
            # AWS keeps no exponent: an integral number reads back as an integer.
            return int(number) if number == number.to_integral_value() and number.adjusted() < MAX_DIGITS else number
        case "M":
            return decode_document(content)
        case "L":
            return [_decode(element) for element in content]
        case _:
            msg = f"attribute type {kind} is none that this service writes"
            raise ValueError(msg)
