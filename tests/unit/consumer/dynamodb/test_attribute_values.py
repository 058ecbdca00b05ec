"""The codec: what fits DynamoDB comes back equal, what does not is refused by its reason."""

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumer.dynamodb.attribute_values import decode_document, encode_document, size_of, write_item
from consumer.errors import EncodeError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = TEXT.filter(bool)
INTEGERS = st.integers(-(10**38) + 1, 10**38 - 1)
DECIMALS = st.builds(
    lambda coefficient, exponent: Decimal(coefficient).scaleb(exponent - (len(str(abs(coefficient))) - 1)),
    st.integers(-(10**28), 10**28),
    st.integers(-130, 125),
)
SCALARS = st.none() | st.booleans() | INTEGERS | DECIMALS | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=6)


def same(one: Any, other: Any) -> bool:
    """Compare as JSON values: true is no number, order of fields does not count."""
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, str):
        return isinstance(other, str) and one == other
    return isinstance(other, (int, Decimal)) and one == other


def published_size(value: dict[str, Any]) -> int:
    """AWS, "DynamoDB item sizes and formats", of a value in its wire form."""
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            digits = "".join(map(str, Decimal(content).as_tuple().digits)).strip("0")
            return math.ceil(len(digits) / 2) + 1
        case "M":
            return 3 + sum(len(name.encode()) + published_size(member) + 1 for name, member in content.items())
        case "L":
            return 3 + sum(published_size(element) + 1 for element in content)
        case _:
            return 1


def nested(levels: int, innermost: object = 1) -> Any:
    value = innermost
    for _ in range(levels):
        value = [value]
    return value


@given(DOCUMENTS)
def test_what_is_encoded_comes_back_as_an_equal_json_value(document: dict[str, Any]) -> None:
    attributes = encode_document(document)
    assert same(document, decode_document(attributes))


@given(DOCUMENTS)
def test_the_size_is_never_below_the_published_one(document: dict[str, Any]) -> None:
    attributes = encode_document(document)
    size = size_of(attributes)
    assert size >= sum(len(name.encode()) + published_size(value) for name, value in attributes.items())
    assert len(write_item(attributes)) >= size


@pytest.mark.parametrize(
    ("size", "numbers"),
    [
        (1, ["0", "-0.0"]),
        (2, ["1", "10", "100", "1000000", "1200", "1E+125", "0.1", "0.01", "0.001", "0.0012", "1E-130", "1.0"]),
        (3, ["-1", "120", "12000", "1.1", "1.01", "10.01", "0.123", "0.012", "0.0123"]),
        (4, ["-1.1", "10203", "100.5", "120.5"]),
        (5, ["-123.4", "1020.304"]),
        (6, ["1786461547"]),
        (19, ["123456789012345678901234567890.12345"]),
        (20, ["9" * 38]),
        (21, ["-" + "9" * 38, "9." + "9" * 37]),
    ],
)
def test_a_number_takes_what_dynamodb_local_was_measured_to_count(size: int, numbers: list[str]) -> None:
    assert [size_of({"n": {"N": number}}) for number in numbers] == [1 + size] * len(numbers)


@given(INTEGERS | DECIMALS)
def test_how_a_number_is_spelled_changes_nothing_of_its_size(number: int | Decimal) -> None:
    exact = Decimal(number)
    spellings = {str(number), str(exact), format(exact, "f"), f"{exact:.40E}"}
    assert len({size_of({"n": {"N": spelling}}) for spelling in spellings}) == 1


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not 0 < abs(number) < 1e-130))
@example(1e15)
@example(1e-4)
@example(-0.0)
def test_a_float_stands_for_its_shortest_spelling(number: float) -> None:
    if abs(number) < 1e126:
        (written,) = encode_document({"n": number})["n"].values()
        assert Decimal(written) == Decimal(repr(number))
        assert written != "-0.0"


@pytest.mark.parametrize("text", ["149.99", "1.50", "0.1", "1E+2", "-0.000000000000000000000000000000000001"])
def test_decimals_never_pass_through_a_binary_float(text: str) -> None:
    (number,) = decode_document(encode_document({"n": Decimal(text)})).values()
    assert number == Decimal(text)


def test_a_boolean_is_no_number_and_a_number_no_boolean() -> None:
    attributes = encode_document({"t": True, "f": False, "one": 1, "zero": 0})
    assert attributes == {"t": {"BOOL": True}, "f": {"BOOL": False}, "one": {"N": "1"}, "zero": {"N": "0"}}


@pytest.mark.parametrize(
    "value",
    [
        10**38 - 1,
        10**50,  # one significant digit
        Decimal("9.9999999999999999999999999999999999999E+125"),
        Decimal("1E-130"),
        Decimal("-0"),
        Decimal("0E+999999"),
        Decimal("1." + "0" * 60),
        nested(32),
        {"": "an empty name is allowed inside a map"},
    ],
    ids=str,
)
def test_what_lies_just_within_a_limit_passes(value: object) -> None:
    attributes = encode_document({"v": value})
    assert same(value, decode_document(attributes)["v"])


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"v": 10**38 + 1}, "number_digits"),
        ({"v": int("7" * 50)}, "number_digits"),
        ({"v": Decimal("1." + "0" * 37 + "1")}, "number_digits"),
        ({"v": Decimal("1E+126")}, "number_range"),
        ({"v": Decimal("-1E+126")}, "number_range"),
        ({"v": Decimal("9.9E-131")}, "number_range"),
        ({"v": 10**126}, "number_range"),
        ({"v": Decimal("NaN")}, "number_range"),
        ({"v": Decimal("sNaN")}, "number_range"),
        ({"v": Decimal("Infinity")}, "number_range"),
        ({"v": Decimal("-Infinity")}, "number_range"),
        ({"v": nested(33)}, "nesting_too_deep"),
        ({"v": nested(32, {})}, "nesting_too_deep"),
        ({"": 1}, "attribute_name_empty"),
        ({"x" * 65536: 1}, "attribute_name_too_long"),
        ({"ü" * 32768: 1}, "attribute_name_too_long"),
        ({"v": {"x" * 65536: 1}}, "attribute_name_too_long"),
        ({"v": "\ud800"}, "invalid_unicode"),
        ({"v": ["a", {"b": "x\udfff"}]}, "invalid_unicode"),
        ({"\ud800": 1}, "invalid_unicode"),
        ({"v": float("nan")}, "number_range"),
        ({"v": float("-inf")}, "number_range"),
        ({"v": b"bytes"}, "type_unsupported"),
        ({"v": (1, 2)}, "type_unsupported"),
        ({"v": {1: "a name that is no text"}}, "type_unsupported"),
        ({7: "a name that is no text"}, "type_unsupported"),
        ({"v": {None: 1}}, "type_unsupported"),
    ],
)
def test_what_dynamodb_cannot_hold_is_refused_by_its_reason(document: Any, code: str) -> None:
    with pytest.raises(EncodeError) as refusal:
        write_item(encode_document(document))
    assert refusal.value.code == code


def test_a_document_that_holds_itself_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["v"] = endless
    with pytest.raises(EncodeError) as refusal:
        encode_document(endless)
    assert refusal.value.code == "nesting_too_deep"


def test_a_type_that_this_service_never_writes_is_not_decoded() -> None:
    with pytest.raises(ValueError, match="SS"):
        decode_document({"v": {"SS": ["a"]}})
