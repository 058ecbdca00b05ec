import json
import time
import tracemalloc
from decimal import Decimal
from typing import Any, TypeAlias

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redaction.parse import MAX_DIGITS, Limits, Unparsable, parse, parse_all, parse_text
from redaction.serialize import serialize

LIMITS = Limits(max_depth=32, max_bytes=2**20, max_values=5000)
SMALL = Limits(max_depth=3, max_bytes=60, max_values=8)


Result: TypeAlias = dict[str, Any] | str


def strictly(payload: bytes, limits: Limits) -> Result:
    try:
        return parse(payload, limits)
    except Unparsable as refusal:
        return refusal.code


def together(payloads: list[bytes], limits: Limits) -> list[Result]:
    parsed = parse_all(payloads, limits)
    return [each.code if isinstance(each, Unparsable) else each for each in parsed]


def typed(value: object) -> object:
    """Tell 1 from 1.0, -0.0 from 0.0, and one order of keys from another, which `==` does not."""
    if isinstance(value, dict):
        return [(key, typed(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [typed(item) for item in value]
    return type(value).__name__, repr(value)


def code_of(payload: bytes, limits: Limits = LIMITS) -> str:
    result = strictly(payload, limits)
    assert together([payload, b"{}", payload], limits) == [result, {}, result]
    assert isinstance(result, str), "it was accepted"
    return result


def accepted(payload: bytes, limits: Limits = LIMITS) -> dict[str, Any]:
    result = strictly(payload, limits)
    assert isinstance(result, dict), result
    assert typed(together([b"{}", payload], limits)) == [typed({}), typed(result)]
    return result


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "empty"),
        (b" \n\t\r", "empty"),
        (b'{"a": "\xff"}', "invalid_utf8"),
        (b'{"a": "\xed\xa0\x80"}', "invalid_utf8"),  # a surrogate, encoded
        (b'{"a": "\xc0\xb1"}', "invalid_utf8"),  # overlong
        ('{"a": 1}'.encode("utf-16"), "invalid_utf8"),
        ('{"a": 1}'.encode("utf-16-le"), "invalid_json"),
        ('{"a": 1}'.encode("utf-32-be"), "invalid_json"),
        (b'\xef\xbb\xbf{"a": 1}', "byte_order_mark"),
        (b' \xef\xbb\xbf{"a": 1}', "byte_order_mark"),
        (b"{", "invalid_json"),
        (b'{"a": 1} {"a": 2}', "invalid_json"),
        (b'{"a": 1}x', "invalid_json"),
        (b"{'a': 1}", "invalid_json"),
        (b'{"a": 01}', "invalid_json"),
        (b'{"a": "\n"}', "invalid_json"),
        (b'\xc2\xa0{"a": 1}', "invalid_json"),  # NBSP is no white space of JSON
        (b"[1]", "not_an_object"),
        (b'"a"', "not_an_object"),
        (b"null", "not_an_object"),
        (b'{"a": 1, "a": 1}', "duplicate_key"),
        (b'{"a":1,"a":1}', "duplicate_key"),
        (b'{"a": 1, "\\u0061": 2}', "duplicate_key"),
        (b'{"a" :1,"a":"\\":"}', "duplicate_key"),
        (b'{"a\\\\":1,"a\\\\":2}', "duplicate_key"),
        (b'{"a\\"":1,"a\\"":2}', "duplicate_key"),
        (b'{"b": [{"a": 1, "a": 1}]}', "duplicate_key"),
        (b'{"b": {"a": 1, "a": 1}, "c": "\\\\\\":"}', "duplicate_key"),
        (b'{"a": "\\ud800"}', "invalid_unicode"),
        (b'{"\\udc00x": 1}', "invalid_unicode"),
        (b'{"a": ["\\udbff"]}', "invalid_unicode"),
        (b'{"a": NaN}', "number_unsupported"),
        (b'{"a": -Infinity}', "number_unsupported"),
        (b'{"a": ' + b"9" * 1001 + b"}", "number_unsupported"),
        (b'{"a": 0.' + b"1" * 1001 + b"}", "number_unsupported"),
        (b'{"a": 1e999999}', "number_unsupported"),
        (b'{"a": 1E-999999}', "number_unsupported"),
        (b'{"a": 1e99999999999999999999}', "number_unsupported"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too_deep"),
        (b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "too_deep"),
        (b"[" * 10_000, "too_deep"),
        (b'{"a":[' + b"1," * 5000 + b"1]}", "too_many_values"),
        (b"{" + b",".join(b'"%d":1' % number for number in range(5001)) + b"}", "too_many_values"),
    ],
)
def test_what_is_refused_and_why(payload: bytes, code: str) -> None:
    assert code_of(payload) == code


@pytest.mark.parametrize("depth", [1, 2, 32])
def test_nesting_is_allowed_up_to_the_limit(depth: int) -> None:
    limits = Limits(max_depth=depth, max_bytes=2**20, max_values=5000)
    fits = b'{"a":' * depth + b"1" + b"}" * depth
    assert serialize(accepted(fits, limits)) == fits
    assert code_of(b'{"a":' + fits + b"}", limits) == "too_deep"
    assert code_of(b'{"a":' * depth + b"[]" + b"}" * depth, limits) == "too_deep"


def test_many_brackets_side_by_side_are_not_deep() -> None:
    payload = b'{"a":[' + b",".join([b"[]"] * 100) + b'],"b":"[[[[{{{{"}'
    assert serialize(accepted(payload)) == payload


@pytest.mark.parametrize("max_values", [1, 5, 5000])
def test_size_is_limited_before_anything_else_whatever_the_other_limits(max_values: int) -> None:
    limits = Limits(max_depth=32, max_bytes=8, max_values=max_values)
    assert accepted(b'{"a":12}', limits) == {"a": 12}
    assert code_of(b'{"a":123}', limits) == "too_large"
    assert code_of(b"\xff" * 9, limits) == "too_large"


@pytest.mark.parametrize(
    "fits", [b'{"a":1,"b":2,"c":3}', b'{"a":[0,0]}', b'{"a":[[{}]]}', b'{"a":{"a":1},"c":{}}', b'{"a":"[,,,,,,{}:"}']
)
def test_values_are_counted_at_all_levels(fits: bytes) -> None:
    limits = Limits(max_depth=32, max_bytes=2**20, max_values=3)
    accepted(fits, limits)
    assert code_of(b'{"x":[0,0],' + fits[1:], limits) == "too_many_values"


@pytest.mark.parametrize("value", [b"{}", b"[]", b"1", b'"a"', b'"\\",\\""', b'{"a":"b,c"}'])
def test_more_values_than_are_allowed_are_refused_before_they_are_made(value: bytes) -> None:
    limits = Limits(max_depth=32, max_bytes=10 * 2**20, max_values=3000)
    payload = b'{"a":[' + b",".join([value] * (2**20 // len(value))) + b"]}"
    tracemalloc.start()
    try:
        assert code_of(payload, limits) == "too_many_values"
        assert tracemalloc.get_traced_memory()[1] < 4 * len(payload)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("count", "fits"), [(2999, True), (3000, False)])
@pytest.mark.parametrize("value", [b"1", b'"\\",,,,\\""', b"{}"])
def test_commas_in_texts_are_no_values(value: bytes, count: int, fits: bool) -> None:  # noqa: FBT001
    limits = Limits(max_depth=32, max_bytes=10 * 2**20, max_values=3000)
    payload = b'{"a":[' + b",".join([value] * count) + b"]}"
    if fits:
        accepted(payload, limits)
    else:
        assert code_of(payload, limits) == "too_many_values"


def test_strings_without_commas_between_them_are_no_json() -> None:
    limits = Limits(max_depth=32, max_bytes=10 * 2**20, max_values=3000)
    assert code_of(b'{"a":"' + b"," * 4000 + b'",' + b'""' * 2**20, limits) == "invalid_json"


def test_a_string_without_an_end_is_looked_for_once() -> None:
    limits = Limits(max_depth=32, max_bytes=10 * 2**20, max_values=3000)
    payload = rb"[1*1*pa=,\"deep\\===================================<" * 80_000
    began = time.process_time()
    with pytest.raises(Unparsable, match="invalid_json"):
        parse(payload, limits)
    assert time.process_time() - began < 5  # it would take minutes


def test_numbers_keep_their_decimal_value() -> None:
    payload = b'{"a":149.99,"b":0.1,"c":1.50,"d":123456789012345678901234567890,"e":-0.0,"f":1E+3,"g":7}'
    document = accepted(payload)
    assert document["a"] == 149.99
    assert type(document["a"]) is float
    assert document["f"] == 1000
    assert type(document["d"]) is int
    assert type(document["g"]) is int
    assert serialize(document) == payload.replace(b"1.50", b"1.5").replace(b"1E+3", b"1000.0")


def test_escaped_pairs_of_surrogates_are_one_character() -> None:
    assert accepted(b'{"a": "\\ud83d\\ude00"}') == {"a": "\U0001f600"}


def test_integers_up_to_the_limit_of_digits_pass() -> None:
    digits = b"9" * MAX_DIGITS
    payload = b'{"a":' + digits + b',"b":[1.5,{"c":-' + digits + b"}]}"
    assert serialize(accepted(payload)) == payload


@pytest.mark.parametrize(
    ("text", "value"), [(' {"a":1} ', {"a": 1}), ("[1.5]", [1.5]), ('"x"', "x"), ("7", 7), ("null", None)]
)
def test_a_text_may_hold_any_value(text: str, value: object) -> None:
    assert parse_text(text, LIMITS) == value


@pytest.mark.parametrize("text", ["", "{", '{"a":1,"a":1}', '["\\ud800"]', "NaN", "[" * 10_000, "{} {}", "\ufeff{}"])
def test_a_text_is_refused_as_a_payload_is(text: str) -> None:
    with pytest.raises(Unparsable):
        parse_text(text, LIMITS)


# --- Laws.

numbers = st.integers() | st.decimals(allow_nan=False, allow_infinity=False).filter(
    lambda number: abs(number.adjusted()) <= 6144
)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), values, max_size=5))
def test_what_is_written_is_read_back_equal(document: dict[str, Any]) -> None:
    body = serialize(document)
    read = accepted(body)
    assert decimals(read) == decimals(document)
    assert list(read) == list(document)


digits = st.text("0123456789", min_size=1, max_size=22)
written_numbers = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-"]),
    st.sampled_from(["0", "7"]) | st.integers(1, 10**25).map(str),
    st.just("") | digits.map(".{}".format),
    st.sampled_from(["", "", "", "e5", "E-3", "e+15", "e310", "E-400", "e0"]),
)


def decimals(value: object) -> object:
    """Write each number as the decimal that it stands for."""
    if isinstance(value, dict):
        return {key: decimals(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decimals(item) for item in value]
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return value


@given(st.lists(written_numbers, max_size=4), st.sampled_from(["", " ", "\n\t"]))
@example(["-0", "-0.0", "0.1", "999999999999999.9", "9999999999999.999"], " ")
@example(["0.00000000000001", "1.7976931348623157e308", "9007199254740993"], "")
def test_numbers_are_the_decimals_that_were_written(texts: list[str], space: str) -> None:
    payload = f'{{"n":{space}[{f",{space}".join(texts)}{space}]}}'.encode()
    read = accepted(payload)["n"]
    assert isinstance(read, list)
    written = [Decimal(text) for text in texts]
    assert decimals(read) == written
    again = json.loads(serialize({"n": read}), parse_float=Decimal, parse_int=Decimal)["n"]
    assert again == written


spaces = st.sampled_from(["", "", "", " ", "\n", "\t ", "\r\n", "   "])
strings = st.lists(
    st.sampled_from(
        [
            "a",
            "b",
            '\\"',
            "\\\\",
            ":",
            '\\":',
            ",",
            "{",
            "[",
            "}",
            "\\u0061",
            "\\ud83d\\ude00",
            "\\ud800",
            "é",
            "1" * 17,
            ":1234567890123456789",
            "[1e5",
            "\\/",
            "\\n",
            " ",
            "\x7f",
        ]
    ),
    max_size=5,
).map(lambda parts: '"' + "".join(parts) + '"')


@st.composite
def written(draw: st.DrawFn, depth: int = 0) -> str:
    """JSON as somebody else might write it: any white space, keys that may be equal, any escapes."""
    kind = draw(st.integers(0, 5 if depth < 4 else 3))
    if kind == 0:
        return draw(written_numbers)
    if kind == 1:
        return draw(st.sampled_from(["true", "false", "null", "1", '""']))
    if kind <= 3:
        return draw(strings)
    items = draw(st.lists(written(depth + 1), max_size=4))
    if kind == 5:
        items = [f"{draw(strings)}{draw(spaces)}:{draw(spaces)}{item}" for item in items]
    body = ",".join(f"{draw(spaces)}{item}{draw(spaces)}" for item in items)
    return f"[{body}]" if kind == 4 else f"{{{body}}}"


@st.composite
def objects(draw: st.DrawFn) -> bytes:
    pairs = draw(st.lists(st.tuples(strings, spaces, spaces, written()), max_size=4))
    body = ",".join(f"{key}{before}:{after}{item}" for key, before, after, item in pairs)
    return f"{draw(spaces)}{{{body}}}{draw(spaces)}".encode()


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    payload = bytearray(draw(objects()))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(payload)))
        new = draw(
            st.sampled_from([b"", b'"', b"\\", b":", b",", b"{", b"[", b"}", b"]", b"1", b".", b"e", b"-", b" "])
        )
        payload[place : place + draw(st.integers(0, 2))] = new
    return bytes(payload)


payloads = (
    objects()
    | mutated()
    | st.binary(max_size=40)
    | st.builds(
        lambda depth, inner: b'{"a":' + b'[{"a":' * depth + inner + b"}]" * depth + b"}",
        st.integers(0, 40),
        st.sampled_from([b"1", b"[]", b"{}", b"", b'"{"']),
    )
    | st.text('{}[]":,\\u0d89e+-. \n', max_size=40).map(str.encode)
)


@given(st.lists(payloads, max_size=5), st.sampled_from([LIMITS, SMALL, Limits(2, 10_000, 4), Limits(128, 30, 10_000)]))
@example([b'{"a":"\\\\":1}', b'{"a" :1,"a":2}'], LIMITS)
@example([b'{"a":1,"b":2}', b'{"a":1,"a":2}'], LIMITS)
@example([b'"{"', b'{"a":1}', b'{"a":1234567890123456789}'], LIMITS)
@example([b'{"k":' + b"[" * 60 + b"]" * 60 + b"}"], Limits(128, 100, 10_000))
def test_the_fast_way_agrees_with_the_strict_one(batch: list[bytes], limits: Limits) -> None:
    strict = [strictly(payload, limits) for payload in batch]
    assert typed(together(batch, limits)) == typed(strict)
    careful = parse_all(batch, limits, careful=True)
    assert typed([each.code if isinstance(each, Unparsable) else each for each in careful]) == typed(strict)


@given(payloads)
def test_any_bytes_give_a_document_or_a_code(payload: bytes) -> None:
    result = strictly(payload, LIMITS)
    if isinstance(result, str):
        assert result.isidentifier()
    else:
        assert decimals(accepted(serialize(result))) == decimals(result)


@pytest.mark.parametrize(
    "number",
    [
        *("12345678901234567890", "18446744073709551616", "123456789012345678", "9" * 999),
        *("0.30000000000000004", "0.1000000000000000055511151231257827", "1.10", "1e5", "1e-7", "-0", "-0.0", "1E400"),
    ],
)
@pytest.mark.parametrize("form", ['{{"a":{{"n":{}}}}}', '{{"a": {{"n": {}}}}}', '{{"n":{}}}'])
def test_numbers_are_read_alike_whatever_stands_around_them(number: str, form: str) -> None:
    payload = form.format(number).encode()
    [usual], [careful] = (parse_all([payload], LIMITS, careful=each) for each in (False, True))
    assert repr(usual) == repr(careful)
