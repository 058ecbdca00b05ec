import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import (
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
    example_number,
    example_number_for_type,
    format_number,
    is_possible_number_with_reason,
    parse,
)
from phonenumbers.phonenumberutil import SUPPORTED_REGIONS, NumberParseException

from benchmarks.accuracy.clean import clean_texts
from redaction.detectors.base import view
from redaction.detectors.calling_codes import is_possible
from redaction.detectors.phone import PHONE, phone_in
from redaction.engine.finder import Finder
from redaction.patterns import compile_bytes

FINDER = Finder([PHONE])
CANDIDATE = compile_bytes(PHONE.candidate)
SHARED = Path(__file__).parents[5] / "shared/data/pii"
EXAMPLES = [number for region in sorted(SUPPORTED_REGIONS) if (number := example_number(region))]


def found(text: str) -> list[str]:
    return [text[finding.start : finding.end] for finding in FINDER.find_in(text)]


def redacted(text: str) -> str:
    for finding in reversed(FINDER.find_in(text)):
        text = text[: finding.start] + PHONE.mask(text[finding.start : finding.end]) + text[finding.end :]
    return text


def rows(name: str) -> list[dict[str, Any]]:
    path = SHARED / f"{name}.jsonl"
    if not path.exists():
        pytest.skip("the shared folder with labelled texts is not beside this checkout")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("form", [PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL])
def test_an_example_of_every_region_written_internationally(form: int) -> None:
    numbers = [format_number(number, form) for number in EXAMPLES]
    assert len(numbers) > 240
    assert [number for number in numbers if found(f"by {number}, please") != [number]] == []


NORTH_AMERICAN = st.builds(
    "{}{}{}{}{}".format,
    st.from_regex(r"[2-9](?!11)[0-8][0-9]", fullmatch=True),
    st.shared(st.sampled_from(["-", ".", " "]), key="separator"),
    st.from_regex(r"[2-9](?!11)[0-9]{2}", fullmatch=True),
    st.shared(st.sampled_from(["-", ".", " "]), key="separator"),
    st.from_regex(r"[0-9]{4}", fullmatch=True),
)
BEFORE = st.sampled_from(["", "by ", "(", '"', ", ", "\n", "1-", "Unit 7, "])


@given(BEFORE, NORTH_AMERICAN, st.sampled_from(["", ".", ", or", ")", '"', " x123", "-Fax"]))
def test_north_american_numbers(before: str, number: str, after: str) -> None:
    assert len(found(before + number + after)) == 1
    assert number not in redacted(before + number + after)


@pytest.mark.parametrize(
    "number",
    [
        "+14155552671",
        "+1 (415) 555-2671",
        "+1-415-555-2671 ext. 12",
        "+44 20 7946 0958",
        "+44 (0)20 7946 0958",
        "+44 07911 123456",
        "+49 (30) 901820",
        "+49.30.901820",
        "+49/30/901820",
        "+33 1 42 68 53 00",
        "+41 (0)96 471 07 95",
        "+1.4155552671",  # as in RFC 5733
        "+55 11 98456-5666",
        "+86 138 1234 5678",
        "0049 30 901820",
        "00 44 20 7946 0958",
        "001-415-555-2671",
        "011 44 20 7946 0958",
        "(415) 555-2671",
        "(415)555-2671",
        "415-555-2671",
        "415.555.2671",
        "415 555 2671",
        "1-415-555-2671",
        "415-555-2671x123",
        "415-555-2671 ext 123",
        "(898)666-3621x0135",
        "03.93.92.16.85",
        "0688 843 79 56",
        "020 7946 0958",
        "(08) 8747 6301",
        "090-1234-5678",
        "\uff0b\uff14\uff19 30 901820",
        "+49\u00a030\u00a0901820",
        "+49 30\u2011901820",
        "+\u0664\u0669 \u0663\u0660 \u0669\u0660\u0661\u0668\u0662\u0660",
        "+49 30 901\u200b820",
    ],
)
def test_numbers_that_need_no_word(number: str) -> None:
    assert found(number) == [number]
    assert found(f"by {number}, please") == [number]


@pytest.mark.parametrize(
    "context",
    [
        "Phone: {}",
        "phone {}",
        "Phone no. {}",
        "Telephone number: {}",
        "Telefon: {}",
        "Telefonnummer {}",
        "T\u00e9l\u00e9phone : {}",
        "T\u00e9l. {}",
        "tel\u00e9fono: {}",
        "Tel.: {}",
        "tel:{}",
        "Mobile: {}",
        "Mobil {}",
        "m\u00f3vil: {}",
        "celular {}",
        "Handy: {}",
        "Fax {}",
        "WhatsApp: {}",
        "cell phone {}",
        "Office: {}",
        "call {}",
        "call me at {}",
        "Can someone call me on {}?",
        "text me at {}",
        "messages to {}",
        "not answering at {}",
        "reach us on {}",
        "{} fax",
        "{}-Office, 2nd floor",
        "{} (mobile)",
        "OSI AY CTCM {}",
        "SSR CTCM AY HK1/{}",
        "CTCH LON {}",
        '"phone":"{}"',
        '"phone" : "{}"',
        '"phone_number":"{}"',
        '"phoneNumber":"{}"',
        '"workPhone":"{}"',
        '"homephone":"{}"',
        '"contact_phone_1":"{}"',
        '"MSISDN":"{}"',
        "'tel': '{}'",
        '"phones":["{}"]',
        r"{{\"phone\":\"{}\"}}",
        r"{{\\\"mobile\\\":\\\"{}\\\"}}",
        r"name\nTel. {}\nstreet",
    ],
)
@pytest.mark.parametrize(
    "number", ["9469 9966", "030/1234567", "60-56-85-91", "4155552671", "0301234567", "(37) 788-063"]
)
def test_a_word_makes_a_number_a_telephone_number(context: str, number: str) -> None:
    text = context.format(number)
    assert len(found(text)) == 1
    assert redacted(text) == text.replace(number, PHONE.mask(number))


@pytest.mark.parametrize(
    ("key", "hidden"),
    [('phone":', True), ('msisdn":', True), ('phone_id":', False), ('hotel":', False), ('amount":', False)],
)
def test_the_key_of_a_number(key: str, hidden: bool) -> None:  # noqa: FBT001
    assert found(key + "4155552671") == (["4155552671"] if hidden else [])


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-15T10:30:00Z",
        "2024-03-15T10:30:00.123456+00:00",
        "2024-03-15 10:30:00 +05:30",
        "20240315T103000+0100",
        "15.03.2024",
        "1710498600000",
        "1710498600.123456",
        "550e8400-e29b-41d4-a716-446655440000",
        "00000000-0000-0000-0000-000000000000",
        "ORD-4051686260",
        'order_no":"630-596-1111',
        "orderNumber=630-596-1111",
        "order number 630-596-1111",
        "ABC630-596-1111",
        "order630-596-1111",
        "x2data630-596-1111",
        "%2B999+202+555+0143",
        "order 4155552671",
        "1Z999AA10123456784",
        "invoice 2024-0001234",
        "9400 1000 0000 0000 0000 00",
        "0012345678901",
        "149.99",
        "1,234,567.89",
        "1 000 000",
        "+1000000",
        "+12.50",
        "+49.460480,+172.373071",
        "01 02 03 04 05 ab",
        "1.5E+10",
        "192.168.100.200",
        "10.0.19041.1234",
        "123-45-6789",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "DE89 3704 0044 0532 0130 00",
        "NL91 ABNA 0417 1643 00",
        "CH93 0076 2011 6238 5295 7",
        "01-02-03-04-05-ab",
        "05 10 15 20 25",
        "01 02 03 04 05 06",
        "01 02 03 04 05 06 07 08 09 10 11 12",
        "04 07 23 27 38 45",
        "00 05 10 15 20 25 30",
        "01-02-03-04-05",
        "05.10.15.20.25",
        "51 824 753 5564",
        "hotel 12345678",
        "cancelled 12345678",
        "iPhone 12345678",
        "microphone 12345678",
        "mobile payment 12345678",
        "call on 2024-03-15",
        "phone verified 2024-03-15",
        "Phone: 2024-03-15",
        "phone: 192.168.100.200",
        "2500000 mobile users",
        "mobile 12345",
        "211-911-2671",
        "111-555-2671",
        '"text":"12345678"',
        '"contact":12345678',
        '"phone":"550e8400-e29b-41d4-a716-446655440000"',
        '"channel":"mobile","amount":12345678',
    ],
)
def test_no_telephone_numbers(text: str) -> None:
    assert found(text) == []
    assert found(f"see {text}, please") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("415-555-2671 415-555-2672", ["415-555-2671", "415-555-2672"]),
        ("testdata630-596-1111", ["630-596-1111"]),
        ("testdata+14155552671", ["+14155552671"]),
        ("tel=%2B1+202+555+0143&x=1", ["%2B1+202+555+0143"]),
        ("to=%2B442079460958", ["%2B442079460958"]),
        ('cardAcceptorPhone":"+61-(02)9999999999-9999', ["+61-(02)9999999999-9999"]),
        ('order_phone":"630-596-1111', ["630-596-1111"]),
        ('order_id":"+1 630 596 1111', ["+1 630 596 1111"]),
        ("call to order 630-596-1111", ["630-596-1111"]),
        ("Tel. 030 1234567 / 030 7654321", ["030 1234567 / 030", "7654321"]),
        ("+41 22 767 6111 2024", ["+41 22 767 6111"]),
        ("+41 22 767 6111 +41 22 767 6112", ["+41 22 767 6111", "+41 22 767 6112"]),
        ("12 415-555-2671", ["415-555-2671"]),
        ("(415-555-2671)", ["415-555-2671"]),
        ("order 12345678, phone: 4155552671", ["4155552671"]),
        ("2024-03-15 - phone: 4155552671", ["4155552671"]),
        ("2024-03-15 0688 843 79 56", ["0688 843 79 56"]),
        ("415-555-2671 12", ["415-555-2671"]),
        ("0049 30 901820 - 0049 30 901821", ["0049 30 901820", "0049 30 901821"]),
        ("v2 5551234 fax", ["5551234"]),
        ("01 42 68 53 00 24 h/24", ["01 42 68 53 00"]),
        ("06 12 34 56 78 01 42 68 53 00", ["06 12 34 56 78", "01 42 68 53 00"]),
        ("Tel. 01 02 03 04 05", ["01 02 03 04 05"]),
        ("04 11 23 38 45", ["04 11 23 38 45"]),
        ("06 06 06 06 06", ["06 06 06 06 06"]),
        ("(0688 843 79 56)", ["0688 843 79 56"]),
        ("Mobile: 03.93.92.16.85 Fax: 9498777106", ["03.93.92.16.85", "9498777106"]),
    ],
)
def test_several_numbers(text: str, expected: list[str]) -> None:
    assert "".join(found(text)).replace(" / ", "") == "".join(expected).replace(" / ", "")


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True))
def test_what_the_library_takes_for_possible_is_possible(digits: str) -> None:
    try:
        number = parse(f"+{digits}")
    except NumberParseException:
        assert not is_possible(digits)  # no such calling code
        return
    possible = is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
    # The library takes off trunk and carrier prefixes; +1 310 1234 is dialled locally only.
    if possible and digits == f"{number.country_code}{number.national_number}" and len(digits) > 8:
        assert is_possible(digits)


@pytest.mark.parametrize(
    ("digits", "possible"),
    [
        ("14155552671", True),
        ("1415555267", False),
        ("141555526711", False),
        ("4407911123456", True),  # with its trunk prefix
        ("2101234567", False),  # unassigned
        ("999123456789", False),
        ("4912345678901234", False),  # 16 digits
        ("", False),
    ],
)
def test_calling_codes(digits: str, possible: bool) -> None:  # noqa: FBT001
    assert is_possible(digits) is possible


NOISE = st.text("0123456789 +-./()x,:\nTel", max_size=24)


@given(NOISE, st.sampled_from(["+49 30 901820", "415-555-2671", "Tel. 12345678", "0688 843 79 56"]), NOISE)
def test_nothing_is_found_after_masking(before: str, number: str, after: str) -> None:
    text = before + number + after
    for _ in range(12):
        text = redacted(text)
    assert found(text) == []


@given(NOISE, st.sampled_from(["+49 30 901820", '"phone":"12345678"', "Tel. 12345678", "12345678 fax"]), NOISE)
def test_what_is_found_in_a_text_is_a_candidate_in_its_json(before: str, number: str, after: str) -> None:
    text = before + number + after
    if FINDER.find_in(text):
        assert CANDIDATE.search(view(orjson.dumps({"key": text}).decode()))
        assert CANDIDATE.search(view(orjson.dumps({"key": orjson.dumps([text]).decode()}).decode()))


@given(st.text("0123456789 +-./()", max_size=40))
def test_spans_are_in_order_and_apart(text: str) -> None:
    seen = view(text)
    spans = PHONE.find(seen, 0, len(seen))
    assert all(first < last for first, last in spans)
    assert all(left[1] <= right[0] for left, right in pairwise(spans))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("+49 (0)30 901820", "+4930901820"),
        ("0049 30 901820", "+4930901820"),
        ("(415) 555-2671", "4155552671"),
        ("415-555-2671x12", "4155552671;ext=12"),
        ("415-555-2671 ext. 12", "4155552671;ext=12"),
        ("\uff0b\uff14\uff19 30\u00a0901820", "+4930901820"),
    ],
)
def test_one_spelling_for_all(text: str, same: str) -> None:
    assert PHONE.normalise(text) == same


def test_masks_keep_the_shape_and_no_digit() -> None:
    assert PHONE.mask("+49 (30) 90-1820 x\u0661") == "+** (**) **-**** x*"


def share(name: str) -> tuple[int, int]:
    """Of the telephone numbers labelled in a set: how many were found, how many there are."""
    hits = total = 0
    for row in rows(name):
        findings = FINDER.find_in(row["text"])
        for span in row["spans"]:
            if span["type"] == "PHONE_NUMBER":
                total += 1
                hits += any(each.start <= span["start"] and span["end"] <= each.end for each in findings)
    return hits, total


@pytest.mark.parametrize(
    ("name", "least"), [("presidio_research_synth_v2", 0.8), ("presidio_research_generated_large", 0.9)]
)
def test_labelled_texts(name: str, least: float) -> None:
    hits, total = share(name)
    assert total > 40
    assert hits >= least * total


@pytest.mark.parametrize("name", ["presidio_research_synth_v2", "presidio_research_generated_large"])
def test_texts_without_a_label_stay(name: str) -> None:
    plain = [row["text"] for row in rows(name) if all(span["type"] != "PHONE_NUMBER" for span in row["spans"])]
    assert sum(bool(found(text)) for text in plain) * 300 <= len(plain)


@pytest.mark.parametrize(
    "text",
    ["1 " * 8_000, "1" * 16_000, "+1 " * 5_300, "0049 " * 3_200, "415-555-2671 " * 1_200, "tel " * 4_000 + "1" * 9],
)
def test_time_is_bounded(text: str) -> None:
    begun = time.process_time()
    FINDER.find_in(text)
    assert time.process_time() - begun < 0.5


AT_HOME = ["GB", "DE", "US", "FR", "IT"]


@pytest.mark.parametrize("region", AT_HOME)
def test_in_their_regions_national_numbers_need_no_word(region: str) -> None:
    finder = Finder([phone_in(AT_HOME)])
    numbers = [example_number_for_type(region, kind) for kind in (PhoneNumberType.MOBILE, PhoneNumberType.TOLL_FREE)]
    for number in filter(None, numbers):
        text = format_number(number, PhoneNumberFormat.NATIONAL)
        for before, after in (("", ""), ("by ", ", please"), ("\n", "\n")):
            spans = [(each.start, each.end) for each in finder.find_in(before + text + after)]
            assert spans == [(len(before), len(before + text))]


@pytest.mark.parametrize(
    "value", ["2025550147", "36866-4812", "651 576 115 623 309", "384 661 759,72", "x 07700900123"]
)
def test_numbers_that_could_be_something_else_do_in_regions_too(value: str) -> None:
    assert Finder([phone_in(AT_HOME)]).find_in(value) == []


def test_clean_texts_stay_clean_in_regions() -> None:
    finder = Finder([phone_in(AT_HOME)])
    changed = [each for each in clean_texts(6_000) if finder.find_in(str(each.value))]
    assert len(changed) <= 6
