"""A sanitised document as DynamoDB attribute values, and back.

DynamoDB's limits are enforced here and not left to the service, because emulators do not enforce them and because one
refused item would fail a whole batch. Source: AWS, "Quotas in Amazon DynamoDB" and "Supported data types".
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import orjson

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
_MAX_NAME_BYTES: Final = 64 * 1024 - 1
# Between these, `repr` writes a float without an exponent and with 17 digits at most.
_FLOAT_MIN, _FLOAT_MAX = 1e-4, 1e15
_CONTAINER_OVERHEAD: Final = 3
_ELEMENT_OVERHEAD: Final = 1


def encode_document(document: Mapping[str, object]) -> dict[str, AttributeValue]:
    """Return the item's attributes.

    :raises EncodeError: ``number_digits``, ``number_range``, ``nesting_too_deep``, ``attribute_name_empty`` or
        ``type_unsupported``.
    """
    attributes: dict[str, AttributeValue] = {}
    for name, value in document.items():
        # Most values are short texts; the rest takes a call.
        attributes[name] = {"S": value} if type(value) is str else _encode(value, 1)
    if "" in attributes:
        raise EncodeError("attribute_name_empty")
    return attributes


def write_item(attributes: Mapping[str, AttributeValue]) -> bytes:
    """Return the attributes as DynamoDB's JSON, which is never shorter than what DynamoDB counts.

    :raises EncodeError: ``attribute_name_too_long``, ``invalid_unicode`` or ``type_unsupported``.
    """
    try:
        body = orjson.dumps(attributes)
    except orjson.JSONEncodeError:  # a lone surrogate, or a name that is no text
        size_of(attributes)
        raise EncodeError("type_unsupported") from None
    if len(body) > _MAX_NAME_BYTES:
        size_of(attributes)
    return body


def size_of(attributes: Mapping[str, AttributeValue]) -> int:
    """Return the size in bytes, as DynamoDB counts it (AWS: "DynamoDB item sizes and formats").

    :raises EncodeError: ``attribute_name_too_long``, ``invalid_unicode`` or ``type_unsupported``.
    """
    try:
        return sum(_name_size(name) + _value_size(value) for name, value in attributes.items())
    except UnicodeEncodeError:  # a lone surrogate
        raise EncodeError("invalid_unicode") from None


def _name_size(name: object) -> int:
    if not isinstance(name, str):  # only a faulty plug-in releases such a document
        raise EncodeError("type_unsupported")
    size = len(name.encode())
    if size > _MAX_NAME_BYTES:
        raise EncodeError("attribute_name_too_long")
    return size


def _value_size(value: AttributeValue) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return _number_size(content)
        case "M":
            sizes = [_name_size(name) + _value_size(member) for name, member in content.items()]
        case "L":
            sizes = [_value_size(element) for element in content]
        case _:
            return 1
    return _CONTAINER_OVERHEAD + sum(sizes) + _ELEMENT_OVERHEAD * len(sizes)


def _number_size(text: str) -> int:
    """Return what a number takes: a byte, one for each pair of digits, and one for a minus.

    Pairs are counted from the decimal point both ways, as in base 100, and none of zeros at either end. AWS says
    "about"; this is what DynamoDB Local 2.6.1 counts, to the byte.
    """
    mantissa, _, exponent = text.lstrip("-").partition("E")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    if not digits.strip("0"):
        return 1
    unit = int(exponent or 0) - len(fraction)  # the power of ten of the last digit written
    highest = unit + len(digits.lstrip("0")) - 1
    lowest = unit + len(digits) - len(digits.rstrip("0"))
    return 1 + highest // 2 - lowest // 2 + 1 + text.startswith("-")


def _encode(value: object, depth: int) -> AttributeValue:  # noqa: PLR0911 - one branch a type
    """Encode one value; `depth` counts the attributes around it, the top level being 1."""
    if isinstance(value, str):
        return {"S": value}
    if value is None:
        return _NULL
    if value is True:
        return _TRUE
    if value is False:
        return _FALSE
    if isinstance(value, (int, float, Decimal)):
        return {"N": _number(value)}
    if depth > MAX_NESTING:
        raise EncodeError("nesting_too_deep")
    if isinstance(value, dict):
        return {"M": {name: _encode(member, depth + 1) for name, member in value.items()}}
    if isinstance(value, list):
        return {"L": [_encode(element, depth + 1) for element in value]}
    raise EncodeError("type_unsupported")


def _number(value: float | Decimal) -> str:
    # A float stands for its shortest spelling (see redaction.plugin.Released), not for its binary value.
    if isinstance(value, float) and (_FLOAT_MIN < value < _FLOAT_MAX or -_FLOAT_MAX < value < -_FLOAT_MIN):
        return repr(value)
    if isinstance(value, int) and -(10**18) < value < 10**18:
        return str(value)
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise EncodeError("number_range")
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    if not digits:
        return "0"
    if len(digits) > MAX_DIGITS:
        raise EncodeError("number_digits")
    if not MIN_EXPONENT <= number.adjusted() <= MAX_EXPONENT:
        raise EncodeError("number_range")
    return str(number)


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
