import json
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.detectors import DETECTORS, card, ssn
from redaction.scan import suspects
from redaction.serialize import serialize

PUBLISHED = Path(__file__).parents[4] / "shared/data/pii/test_pans.jsonl"
VISA = "4111111111111111"


def masked(name: str, text: str) -> str:
    detector = DETECTORS[name]
    for start, end in reversed(detector.find(text)):
        text = text[:start] + detector.mask(text[start:end]) + text[end:]
    return text


def published() -> list[dict[str, Any]]:
    if not PUBLISHED.exists():
        pytest.skip("the shared folder with published test numbers is not beside this checkout")
    return [json.loads(line) for line in PUBLISHED.read_text("utf-8").splitlines()]


def test_published_numbers_with_a_valid_check_digit_are_found() -> None:
    rows = [row["value"] for row in published() if row["valid"] and row["luhn"]]
    assert len(rows) > 100
    assert [value for value in rows if card.find(f"paid with {value}.") != [(10, 10 + len(value))]] == []


def test_published_numbers_with_a_wrong_check_digit_are_not() -> None:
    rows = [row["value"] for row in published() if not row["luhn"]]
    assert rows
    assert [value for value in rows if card.find(value)] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4111 1111 1111 1111", "**** **** **** 1111"),
        ("4111-1111-1111-1111", "****-****-****-1111"),
        ("4111.1111.1111.1111", "****.****.****.1111"),
        ("4111\u00a01111\u00a01111\u00a01111", "****\u00a0****\u00a0****\u00a01111"),
        ("4111\u20111111\u20111111\u20111111", "****\u2011****\u2011****\u20111111"),
        ("4111 - 1111 - 1111 - 1111", "**** - **** - **** - 1111"),
        ("4111\u200b1111\u200b1111\u200b1111", "****\u200b****\u200b****\u200b1111"),
        ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "* * * * * * * * * * * * 1 1 1 1"),
        ("\uff14\uff11" + "\uff11" * 14, "*" * 12 + "\uff11" * 4),
        ("\u0664\u0661" + "\u0661" * 14, "*" * 12 + "\u0661" * 4),
        ("3782 822463 10005", "**** ****** *0005"),
        ("card4111111111111111,", "card************1111,"),
        ("4111111111111111.00", "************1111.00"),
        (";4111111111111111=2512", ";************1111=2512"),
        ("call 42: 4242424242424242 4111111111111111", "call 42: ************4242 ************1111"),
        ("4111 1111 1111 1111 12/26", "**** **** **** 1111 12/26"),
        ("2223003122003222", "************3222"),
        ("6799990100000000019", "***************0019"),
    ],
)
def test_cards_in_text(text: str, expected: str) -> None:
    assert masked("card", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # check digit
        "41111111111111111111",  # 20 digits
        "9111111111111111",  # no such IIN
        "411111111111116",  # 15 digits: not a Visa
        "1710498600000",  # epoch milliseconds
        "1710498600000000",
        "20240315103000123",
        "2024-03-15 10:30:00",
        "4.242424242424242",
        "0.4111111111111111",
        "4111,1111,1111,1111",
        "62000000-0000-0000-0000-000000000000",
        "4111-1111-1111-111",
    ],
)
def test_what_is_no_card(text: str) -> None:
    assert card.find(text) == []


def test_digits_within_uuids_and_digests_are_not_cards() -> None:
    assert card.find(f"ab{VISA}" + "c" * 14) == []
    assert card.find("a" * 30 + f"-{VISA}") != []
    uuid = "60110000-0000-4000-8000-411111111111"
    assert str(UUID(uuid)) == uuid
    assert card.find(f"id {uuid} end") == []


@pytest.mark.parametrize(
    ("digits", "valid"),
    [("4242424242424242", True), ("4242424242424241", False), ("378282246310005", True), ("0" * 16, False)],
)
def test_validity_of_a_number(digits: str, valid: bool) -> None:  # noqa: FBT001
    assert card.is_card_number(digits) is valid


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("123-45-6789", "***-**-****"),
        ("078-05-1120", "***-**-****"),
        ("219 09 9999", "*** ** ****"),
        ("ssn:457-55-5462.", "ssn:***-**-****."),
        ("123\u201145\u20116789", "***\u2011**\u2011****"),
        ("123\u00a045\u00a06789", "***\u00a0**\u00a0****"),
        ("\uff11\uff12\uff13-\uff14\uff15-\uff16\uff17\uff18\uff19", "***-**-****"),
    ],
)
def test_ssns_in_text(text: str, expected: str) -> None:
    assert masked("ssn", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "123456789",
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "123-00-4567",
        "123-45-0000",
        "1123-45-6789",
        "123-45-67890",
    ],
)
def test_what_is_no_ssn(text: str) -> None:
    assert ssn.find(text) == []


DIGITS = "0123456789\uff10\uff14\u0661\u0966"
texts = st.text(alphabet=DIGITS + ' -.\u00a0\u200b\u2011ax\n\\"*', max_size=60) | st.builds(
    lambda before, number, after: before + number + after,
    st.text(max_size=6),
    st.sampled_from([VISA, "4111-1111-1111-1111", "3782 822463 10005", "123-45-6789", "\uff14" + VISA[1:]]),
    st.text(max_size=6),
)


@given(texts)
def test_the_scan_passes_over_nothing_that_a_detector_finds(text: str) -> None:
    documents: list[Any] = [{"a": text}, {text: 1}, {"b": [text]}]
    for document in documents:
        if card.find(text) or ssn.find(text):
            assert suspects([b"{}", serialize(document), b"{}"]) == {1}


@given(texts)
def test_spans_are_in_order_and_masks_keep_all_but_digits(text: str) -> None:
    for detector in DETECTORS.values():
        position = 0
        for start, end in detector.find(text):
            assert position <= start < end <= len(text)
            position = end
            found, mask = text[start:end], detector.mask(text[start:end])
            assert len(mask) == len(found)
            assert sum(char.isdecimal() for char in mask) == (4 if detector.name == "card" else 0)
            assert all(new in ("*", old) for old, new in zip(found, mask, strict=True))


def test_the_scan_names_the_right_documents_across_chunks() -> None:
    clean, suspect = b'{"a":"' + b"x" * 2**20 + b'"}', b'{"a":"' + VISA.encode() + b'"}'
    accents = '{"a":"caf\u00e9"}'.encode()
    bodies = [clean, suspect, clean, clean, accents, clean, clean, suspect, suspect, clean]
    assert suspects(bodies) == {1, 7, 8}


@pytest.mark.parametrize("unit", ["6 ", "4111111111111111 ", "4", "0.4111111111111111,", "123-45-6789"])
def test_time_is_linear_in_the_text(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        start = time.process_time()
        card.find(text)
        ssn.find(text)
        return time.process_time() - start

    assert seconds(200_000) < 16 * seconds(50_000) + 0.2
