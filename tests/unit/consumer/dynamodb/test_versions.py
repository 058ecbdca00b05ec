"""Versions: they order as what they are made of does, and what cannot be ordered is refused."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.dynamodb.attribute_values import MAX_EXPONENT, MIN_EXPONENT
from consumer.dynamodb.versions import MAX_TEXT, FieldVersions, SequenceVersions, encoded, versions_of
from consumer.errors import EncodeError
from consumer.record import Position, Record
from consumer.settings import Settings
from redaction.serialize import serialize

decimals = st.builds(
    lambda digits, exponent, sign: Decimal((sign, tuple(map(int, str(digits))), exponent - len(str(digits)) + 1)),
    st.integers(0, 10**38 - 1) | st.integers(0, 999),
    st.integers(MIN_EXPONENT, MAX_EXPONENT) | st.integers(-2, 2),
    st.integers(0, 1),
)
floats = st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not x or 1e-130 <= abs(x) < 9e125)
numbers = st.integers(-(10**38) + 1, 10**38 - 1) | decimals | floats
texts = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1, max_size=20)
positions = st.builds(Position, st.integers(0, 10**56 - 1) | st.integers(0, 3), st.integers(0, 10**6), part=st.just(0))


def exact(number: float | Decimal) -> Decimal:
    return Decimal(repr(number)) if isinstance(number, float) else Decimal(number)


def utf8(text: str) -> bytes:
    """DynamoDB compares the bytes of strings."""
    return text.encode()


@given(numbers, numbers)
def test_numbers_order_as_decimals_do(one: Any, other: Any) -> None:
    assert (utf8(encoded(one)) < utf8(encoded(other))) == (exact(one) < exact(other))
    assert (encoded(one) == encoded(other)) == (exact(one) == exact(other))


@given(decimals, st.integers(0, 5))
def test_how_a_number_is_written_makes_no_difference(number: Decimal, zeros: int) -> None:
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    assert encoded(Decimal((sign, digits + (0,) * zeros, exponent - zeros))) == encoded(number)


def test_neighbours_among_numbers_are_told_apart() -> None:
    rising = (
        "-9.99E125 -1.23E2 -123 -122.9 -12.3 -1.23 -1.2 -1 -1E-130 0 1E-130 0.12 0.123 1 1.2 1.23 9.9 10 11 100 9E125"
    )
    found = [encoded(Decimal(text)) for text in rising.split()]
    assert found[1] == found[2]
    assert all(one < other for one, other in pairwise(found[2:]))
    assert encoded(-0.0) == encoded(0) == encoded(Decimal("0E5"))


@given(texts, texts)
def test_texts_order_by_code_points(one: str, other: str) -> None:
    assert (utf8(encoded(one)) < utf8(encoded(other))) == (utf8(one) < utf8(other)) == (one < other)


@given(numbers, texts)
def test_every_text_is_above_every_number(number: Any, text: str) -> None:
    assert encoded(number) < encoded(text)


def record(position: Position = Position(1, 0), data: bytes = b"{}", key: str = "") -> Record:  # noqa: B008
    return Record(str(position.sequence), position.sub, 0, data, key)


values = st.one_of(numbers, texts)


@given(st.lists(st.tuples(values, positions), min_size=2, max_size=2))
def test_a_field_decides_and_where_it_is_equal_the_place_in_the_stream(pairs: list[tuple[Any, Position]]) -> None:
    def version(value: Any, position: Position) -> str:
        document = {"at": value}
        return FieldVersions("at").of(document, record(position, serialize(document)))

    def key(value: Any, position: Position) -> tuple[str, Position]:
        return encoded(value), position

    (one, other) = pairs
    assert (utf8(version(*one)) < utf8(version(*other))) == (key(*one) < key(*other))


@given(positions, positions)
def test_sequence_numbers_order_as_numbers_do(one: Position, other: Position) -> None:
    def version(position: Position) -> str:
        return SequenceVersions("user", "orders").of({"user": "a"}, record(position, key="a"))

    assert (utf8(version(one)) < utf8(version(other))) == (one < other)


def test_a_sequence_number_of_more_digits_is_not_guessed_at() -> None:
    versions = SequenceVersions("user", "orders")
    assert versions.of({"user": "a"}, record(Position(10**56 - 1, 3), key="a")) == "9" * 56 + "#0000000003"
    with pytest.raises(EncodeError) as refusal:
        versions.of({"user": "a"}, record(Position(10**56, 0), key="a"))
    assert refusal.value.code == "version_unusable"


@pytest.mark.parametrize(
    ("user", "key", "fits"),
    [
        ("a", "a", True),
        (12345, "12345", True),
        (Decimal("1.50"), "1.50", True),
        ("a", "b", False),
        ("****-9012", "4111-9012", False),
        ("a", "", False),
        ("ü", "u\u0308", False),
    ],
)
def test_the_released_field_must_be_the_partition_key(user: Any, key: str, fits: bool) -> None:  # noqa: FBT001
    versions = SequenceVersions("customer.id", "orders")
    document = {"customer": {"id": user}}
    if fits:
        assert versions.of(document, record(key=key))
        return
    with pytest.raises(EncodeError) as refusal:
        versions.of(document, record(key=key))
    assert refusal.value.code == "partition_key_differs"
    assert str(refusal.value) == "The document cannot be stored: partition_key_differs."


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({}, "version_missing"),
        ({"a": None}, "version_missing"),
        ({"a": "x"}, "version_missing"),
        ({"a": {"at": None}}, "version_missing"),
        ({"a": {"at": ""}}, "version_unusable"),
        ({"a": {"at": True}}, "version_unusable"),
        ({"a": {"at": [1]}}, "version_unusable"),
        ({"a": {"at": {}}}, "version_unusable"),
        ({"a": {"at": "x" * (MAX_TEXT + 1)}}, "version_unusable"),
        ({"a": {"at": "a\x1f"}}, "version_unusable"),
        ({"a": {"at": "\ud800"}}, "version_unusable"),
        ({"a": {"at": 10**38 + 1}}, "version_unusable"),
        ({"a": {"at": 1e126}}, "version_unusable"),
        ({"a": {"at": Decimal("1E-131")}}, "version_unusable"),
        ({"a": {"at": float("nan")}}, "version_unusable"),
        ({"a": {"at": float("inf")}}, "version_unusable"),
    ],
    ids=repr,
)
def test_what_orders_nothing_is_refused(document: dict[str, Any], code: str) -> None:
    with pytest.raises(EncodeError) as refusal:
        FieldVersions("a.at").of(document, record())
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("data", "released", "fits"),
    [
        (b'{"at":"2024"}', "2024", True),
        (b'{"at":1.10}', 1.1, True),
        (b'{"at":0.1234567890123456789}', Decimal("0.1234567890123456789"), True),
        (b'{"at":12345678901234567890123}', 12345678901234567890123, True),
        (b'{"at":"\\u0032024"}', "2024", True),
        (b'{"at":4111111111111111}', "************1111", False),
        (b'{"at":"4111 1111 1111 1111"}', "**** **** **** 1111", False),
        (b'{"at":1710498600}', 1710498000, False),
        (b'{"at":"1"}', 1, False),
        (b'{"at":null}', "x", False),
        # A plug-in's own: nothing to compare with.
        (b'{"other":1}', 5, True),
        (b"Obj\x01avro", 5, True),
    ],
    ids=repr,
)
def test_a_value_that_redaction_changed_orders_nothing(data: bytes, released: Any, fits: bool) -> None:  # noqa: FBT001
    if fits:
        assert FieldVersions("at").of({"at": released}, record(data=data)).startswith(encoded(released))
        return
    with pytest.raises(EncodeError) as refusal:
        FieldVersions("at").of({"at": released}, record(data=data))
    assert refusal.value.code == "version_unusable"


def test_the_settings_choose() -> None:
    assert versions_of(Settings()) is None
    keys = {"write_mode": "newest", "partition_key": "{u}", "sort_key": "{u}"}
    by_place = versions_of(Settings.model_validate({"output": keys, "stream": {"partition_key_field": "u"}}))
    by_field = versions_of(Settings.model_validate({"output": keys | {"version_field": "sequence number"}}))
    assert isinstance(by_place, SequenceVersions)
    assert isinstance(by_field, FieldVersions)
    assert by_place.source != by_field.source


@given(st.lists(values, max_size=4), st.randoms())
def test_released_numbers_and_texts_are_known_again_in_the_record(found: list[Any], random: Any) -> None:
    """What the engine releases as it was received is never taken for something changed."""
    random.shuffle(found)
    for value in found:
        document = {"at": value}
        assert orjson.loads(serialize(document)) is not None
        assert FieldVersions("at").of(document, record(data=serialize(document)))
