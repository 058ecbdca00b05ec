"""The passes over whole batches: which lines match, and that nothing which a detector would find is passed over."""

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redaction import patterns
from redaction.detectors.registry import detectors
from redaction.engine import PolicyRedactor
from redaction.engine.finder import Finder
from redaction.engine.labels import Labels
from redaction.engine.prefilter import Prefilter
from redaction.parse import Limits, parse
from redaction.patterns import Sieve
from redaction.policy import load_policy
from redaction.policy.file import parse_policy
from redaction.policy.selectors import parse_name
from redaction.policy.words import Grammar
from redaction.serialize import serialize
from tests.kits.examples import examples

LIMITS = Limits(max_depth=32, max_bytes=2**24, max_values=10**6)
ALL = tuple(detectors().values())
FINDER = Finder(ALL)


def labels(*names: str) -> Labels:
    return Labels(map(parse_name, names), Grammar(()))


SCAN = Prefilter(ALL, labels())


# --- Lines.


def naive(pattern: bytes, lines: list[bytes]) -> list[int]:
    return [number for number, line in enumerate(lines) if re.search(pattern, line, re.DOTALL)]


PATTERNS = [rb"ab", rb"a[^\n]*b", rb"b|aab", rb"[^a\n]b", rb"x", rb"a{3,}", rb"(?:ab){2}"]


@given(st.sampled_from(PATTERNS), st.lists(st.text("ab \r", max_size=8).map(str.encode), max_size=12))
@example(rb"ab", [])
@example(rb"ab", [b""])
@example(rb"ab", [b"", b"", b"ab", b""])
def test_the_lines_that_match_are_named_in_order_and_once(pattern: bytes, lines: list[bytes]) -> None:
    assert Sieve(pattern).lines(lines) == naive(pattern, lines)


@given(st.sampled_from(PATTERNS), st.lists(st.text("ab", max_size=8).map(str.encode), max_size=12), st.integers(1, 12))
def test_chunks_make_no_difference(pattern: bytes, lines: list[bytes], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patterns, "_CHUNK_BYTES", size)
        assert Sieve(pattern).lines(lines) == naive(pattern, lines)


@given(st.sampled_from(PATTERNS), st.lists(st.text("ab\n", max_size=8).map(str.encode), max_size=12))
def test_newlines_within_lines_hide_nothing(pattern: bytes, lines: list[bytes]) -> None:
    """A line named in error does no harm; one that is not named would."""
    wanted = {number for number, line in enumerate(lines) if any(naive(pattern, line.split(b"\n")))}
    wanted |= {number for number, line in enumerate(lines) if naive(pattern, line.split(b"\n"))}
    found = Sieve(pattern).lines(lines)
    assert wanted <= set(found)
    assert found == sorted(set(found))


def test_lines_are_named_across_chunks_of_megabytes() -> None:
    clean, hit = b"." * 700_000, b"." * 699_990 + b"needle...."
    lines = [hit if number in {0, 5, 6, 7, 19} else clean for number in range(20)]
    assert sum(map(len, lines)) > 3 * patterns._CHUNK_BYTES
    assert Sieve(b"needle").lines(lines) == [0, 5, 6, 7, 19]
    huge = b"x" * (patterns._CHUNK_BYTES + 1)
    assert Sieve(b"needle").lines([huge, hit, huge + b"needle", huge]) == [1, 2]


def test_many_matches_in_a_line_cost_one() -> None:
    lines = [b"a" * 1_000_000, b"b", b"a" * 1_000_000]
    assert Sieve(b"a").lines(lines) == [0, 2]
    assert Sieve(b"a").within(b"a\nb", [2, 4]) == [0]


def test_bytes_are_bytes() -> None:
    assert Sieve(rb"[^0-9\n]4").lines(["\u00e9".encode() + b"4", b"4"]) == [0]


# --- What is found is seen.

digits = st.text("0123456789", min_size=1, max_size=20)
signs = st.sampled_from(
    [
        " ",
        "-",
        ".",
        "/",
        "+",
        "(",
        ")",
        ":",
        "@",
        "_",
        ",",
        "=",
        '"',
        "\\",
        "'",
        "\n",
        "\t",
        "\x00",
        "\x1c",
        "\x1d",
        "\x7f",
    ]
)
odd = st.sampled_from(
    [
        "\u00a0",
        "\u200b",
        "\u2011",
        "\uff0b",
        "\uff20",
        "\u00ad",
        "\ufeff",
        "\u00e9",
        "\u4e2d",
        "\U0001f600",
        "\u0664",
        "\uff21",
        "\u2028",
        "\x85",
    ]
)
values = st.sampled_from(
    [
        "4111 1111 1111 1111",
        "378282246310005",
        "5555-5555-5555-4444",
        "6011000990139424",
        "30569309025904",
        "4222222222222",
        "219-09-9999",
        "ssn 219099999",
        "900-70-0001",
        "social security: 219 09 9999",
        "tax id=900700001",
        "GB82 WEST 1234 5698 7654 32",
        "DE89370400440532013000",
        "NO9386011117947",
        "ibanGB82WEST12345698765432",
        "jane.doe@example.com",
        "j%40example.com",
        "müller@straße.example",
        "a@b.co",
        "+1 202 555 0143",
        "(202) 555-0143",
        "tel. 030 123456",
        "phone: 12025550143",
        "call me on 5550143",
        "0049 30 123456",
        "555-0143 fax",
        "01 23 45 67 89",
        "203.0.113.7",
        "2001:db8::1",
        "fe80::1%eth0",
        "::ffff:203.0.113.7",
        "64:ff9b::1",
        "eyJhbGciOiJIUzI1NiJ9.e30.x",
        "-----BEGIN PRIVATE KEY-----",
        "Bearer abc123def456ghi789",
        "AKIAIOSFODNN7EXAMPLE",
        "Authorization: Basic dXNlcjpwYXNz",
    ]
)
texts = st.lists(digits | signs | odd | values | st.text(max_size=3), max_size=6).map("".join)


def suspected(document: dict[str, Any], scan: Prefilter = SCAN) -> bool:
    return bool(scan.suspects([serialize(document)]))


@examples(1500)
@given(texts)
def test_what_is_found_in_a_text_is_seen_in_the_document(text: str) -> None:
    if FINDER.find_in(text):
        assert suspected({"a": text})
        assert suspected({"a": [1, text]})
        assert suspected({text: 1})
        assert suspected({"a": json.dumps({"b": text}, ensure_ascii=False)})


@examples(500)
@given(st.sampled_from(["phone", "ssn", "tel_no", "creditCard", "homePhone", "iban"]) | texts, texts)
def test_what_is_found_after_a_key_is_seen_in_the_document(key: str, text: str) -> None:
    before = len(key) + 3
    if any(finding.start >= before for finding in FINDER.find_in(f'{key}":"{text}')):
        assert suspected({key: text})


@given(
    st.sampled_from(["card", "phone", "ssn", "n"]),
    st.integers(10**6, 10**20) | st.sampled_from([4111111111111111, 378282246310005, 12025550143, 219099999]),
)
def test_what_is_found_in_a_number_is_seen_in_the_document(key: str, number: int) -> None:
    before = len(key) + 2
    if any(finding.start >= before for finding in FINDER.find_in(f'{key}":{number}')):
        assert suspected({key: number})


@pytest.mark.parametrize(
    "written",
    ["4.111111111111111E15", "4111111111111111.0", "41111111111111.11E2", "4.111111111111111e+15", "4.91761E15"],
)
def test_numbers_are_seen_however_they_are_written(written: str) -> None:
    document: Any = parse(f'{{"n":{written}}}'.encode(), LIMITS)
    assert suspected(document)


@examples(1000)
@given(st.lists(texts, max_size=5))
def test_each_document_of_a_batch_is_judged_alone(batch: list[str]) -> None:
    bodies = [serialize({"a": text, "b": text[::-1]}) for text in batch]
    assert SCAN.suspects(bodies) == [number for number, body in enumerate(bodies) if SCAN.suspects([body])]


@pytest.mark.parametrize(
    "text",
    [
        "4111%201111%201111%201111",
        "&#52;111111111111111",
        "\\u00341111",
        "NDExMTExMTExMTExMTExMQ==",
        "amFuZS5kb2Urc2hvcEBtYWlsLmV4YW1wbGUuY29t",
    ],
)
def test_encoded_pieces_are_seen(text: str) -> None:
    assert suspected({"a": text})
    assert suspected({text: 1})


LABELS = [
    "pin=1234",
    "x&PIN=12",
    '{"pin":1}',
    '{"Pin" : "1"}',
    "{'pin': 1}",
    "p-i-n = 9",
    "my_pin=1",
    '{"a":{"pin":[1]}}',
]


@pytest.mark.parametrize("text", LABELS)
def test_labels_in_texts_are_seen(text: str) -> None:
    scan = Prefilter((), labels("pin"))
    assert suspected({"a": text}, scan)
    assert suspected({"a": json.dumps({"b": text})}, scan)
    # A text that begins as JSON does is looked into, whatever its names.
    assert suspected({"a": text}, Prefilter((), labels("other"))) == text.startswith("{")
    assert not suspected({"a": text}, Prefilter((), labels()))


def test_keys_and_values_of_the_document_itself_are_no_labels() -> None:
    assert not suspected({"pin": "1234", "a": "pin", "b": "pin code", "c": "pinned"}, Prefilter((), labels("pin")))


def test_plain_documents_are_passed_over() -> None:
    scan = PolicyRedactor(load_policy("default"))._python._prefilter
    bodies = [
        b'{"user_id":"12345","amount":149.99,"merchant":"Amazon","timestamp":"2024-03-15T10:30:00Z"}',
        b'{"id":"0b9f7a52-7c1d-4e0a-9d2f-8a5b6c7d8e9f","items":[{"sku":"A-17","qty":3}],"note":"Thanks a lot!"}',
    ]
    assert scan.suspects(bodies) == []


def test_a_policy_without_names_and_detectors_suspects_only_what_is_encoded() -> None:
    scan = PolicyRedactor(parse_policy('name: t\nversion: "1"\n', "t.yaml"))._python._prefilter
    assert scan.suspects([b'{"a":"4111111111111111"}']) == []
