import json
import re
from itertools import product
from string import ascii_uppercase, digits
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban as judge
from stdnum import numdb

from redaction.detectors.base import view
from redaction.detectors.iban import IBAN, LENGTHS
from redaction.engine.finder import Finder
from redaction.patterns import compile_bytes
from redaction.serialize import serialize

FINDER = Finder([IBAN])
GERMAN = "DE89370400440532013000"


def found(text: str) -> list[str]:
    return [text[finding.start : finding.end] for finding in FINDER.find_in(text)]


def with_checks(country: str, account: str) -> str:
    remainder = int("".join(str(int(char, 36)) for char in f"{account}{country}00")) % 97
    return f"{country}{98 - remainder:02d}{account}"


@st.composite
def ibans(draw: st.DrawFn) -> str:
    country = draw(st.sampled_from(sorted(LENGTHS)))
    size = LENGTHS[country] - 4
    return with_checks(country, draw(st.text(digits, min_size=size, max_size=size)))


def grouped(iban: str, separator: str) -> str:
    return separator.join(iban[place : place + 4] for place in range(0, len(iban), 4))


separators = st.sampled_from(["", " ", "-", "\u00a0", "\u2011", "\u200b", "  ", "\u202f"])


@given(ibans(), separators, st.booleans())
def test_valid_ibans_are_found_whole(iban: str, separator: str, lower: bool) -> None:  # noqa: FBT001
    text = grouped(iban.lower() if lower else iban, separator)
    assert found(f"to {text}, please") == [text]
    assert found(f"to {text} today") == [text]


# The registry's examples, one for each shape of national number.
@pytest.mark.parametrize(
    "iban",
    [
        GERMAN,
        "GB29NWBK60161331926819",
        "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S",
        "BR1800360305000010009795493C1",
        "FR1420041010050500013M02606",
        "KZ86125KZT5004100100",
        "MU17BOMM0101101030300200000MUR",
        "LC55HEMM000100010012001200023015",
        "IT60X0542811101000000123456",
        "XK051212012345678906",
        "AZ21NABZ00000000137010001944",
        "QA58DOHB00001234567890ABCDEFG",
        "BE68539007547034",
        "SC18SSCB11010000000000001497USD",
        "UA213223130000026007233566001",
        "GI75NWBK000000007099453",
    ],
)
def test_examples_of_the_registry(iban: str) -> None:
    for text in (iban, iban.lower(), grouped(iban, " "), grouped(iban, "-"), f"IBAN{iban}", f"iban:{iban}"):
        assert len(found(text)) == 1, text


@pytest.mark.parametrize(
    "around", ["{}EUR", "{}EUR100", "?31{}?32JANE DOE", ":25:{}EUR", "EUR{}", "COBADEFF{}", "COBADEFFXXX{}", "/20{}"]
)
@pytest.mark.parametrize("iban", [GERMAN, "NL91ABNA0417164300", "MT84MALT011000012345MTLCAST001S"])
def test_ibans_glued_to_what_payments_write_beside_them(around: str, iban: str) -> None:
    assert found(around.format(iban)) == [iban]


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("⑆110000000⑆000123456789⑈0042", "⑆*****0000⑆********6789⑈0042"),
        ("⑈0042⑈ ⑆110000000⑆ 000123⑉456789⑈", "⑈0042⑈ ⑆*****0000⑆ ******⑉**6789⑈"),
        ("account ⑆000123456789⑈", "account ⑆********6789⑈"),
        ("121042882-38381234567", "*********-*******4567"),
        ("121042883-38381234567", "121042883-38381234567"),  # no routing number
        ("order 121042882-38381234567", "order 121042882-38381234567"),
        ("⑈0042⑈", "⑈0042⑈"),
    ],
)
def test_bank_and_account_in_the_line_of_a_cheque(line: str, masked: str) -> None:
    text = line
    for first, end in [(finding.start, finding.end) for finding in FINDER.find_in(line)]:
        text = text[:first] + IBAN.mask(text[first:end]) + text[end:]
    assert text == masked
    assert found(text) == []


@pytest.mark.parametrize("iban", ["BE68.5390.0754.7034", "GB82.WEST.1234.5698.7654.32"])
def test_dots_between_groups_of_four(iban: str) -> None:
    assert found(f"to {iban}.") == [iban]
    assert found(f"to {iban[:6]}.{iban[6:]}") == []


def registered() -> dict[str, str]:
    """Return the structure of a national number by country, as python-stdnum knows SWIFT's registry."""
    registry = numdb.get("iban")
    countries = map("".join, product(ascii_uppercase, repeat=2))
    infos = {country: registry.info(country)[0][1] for country in countries}
    return {country: info["bban"] for country, info in infos.items() if "bban" in info}


def test_the_countries_and_their_lengths_are_those_of_the_registry() -> None:
    lengths = {country: 4 + sum(map(int, re.findall(r"\d+", form))) for country, form in registered().items()}
    assert len(lengths) >= 89
    assert {country: LENGTHS.get(country) for country in lengths} == lengths


@st.composite
def judged_ibans(draw: st.DrawFn) -> str:
    """Draw IBANs of the registry's structures, with letters where they may stand."""
    country, form = draw(st.sampled_from(sorted(registered().items())))
    alphabets = {"n": digits, "a": ascii_uppercase, "c": digits + ascii_uppercase}
    parts = [
        draw(st.text(alphabets[kind], min_size=int(length), max_size=int(length)))
        for length, kind in re.findall(r"(\d+)!([nac])", form)
    ]
    return country + judge.calc_check_digits(f"{country}00{''.join(parts)}") + "".join(parts)


@given(judged_ibans(), st.integers(2, 33), st.integers(1, 9))
def test_what_the_judge_takes_is_found_and_with_a_wrong_digit_is_not(iban: str, place: int, other: int) -> None:
    assert judge.is_valid(iban, check_country=False)
    assert found(f"to {iban}, please") == [iban]
    place %= len(iban)
    if iban[place].isdigit():
        wrong = iban[:place] + str((int(iban[place]) + other) % 10) + iban[place + 1 :]
        assert not judge.is_valid(wrong, check_country=False)
        assert found(f"to {wrong}, please") == []


def test_every_length_is_one_that_the_standard_allows() -> None:
    assert all(15 <= length <= 34 for length in LENGTHS.values())
    assert len(LENGTHS) == 89 + 22


@given(ibans(), st.integers(2, 40), st.integers(1, 9))
def test_a_wrong_digit_is_no_iban(iban: str, place: int, other: int) -> None:
    place = 2 + place % (len(iban) - 2)
    wrong = iban[:place] + str((int(iban[place]) + other) % 10) + iban[place + 1 :]
    assert found(wrong) == []


@pytest.mark.parametrize(
    "text",
    [
        "DE89370400440532013001",
        "DE8937040044053201300",
        GERMAN + "0",
        "X" + GERMAN,
        "AM47212110090000000235698740",
        "XX22YYY1234567890123",
        "no12 345 people at 12 noon",
        "7b4de893-7040-0440-5320-130000000000",
        "DE** **** **** **** **30 00",
        "de 89 3704 0044 0532 0130 00",
        "DE 88 3704 0044 0532 0130 00",
        "DE  89370400440532013000",
        "2024-03-15T10:30:00Z",
    ],
)
def test_what_is_none(text: str) -> None:
    assert found(text) == []


def test_one_that_follows_what_only_begins_like_one_is_found() -> None:
    assert found(f"at12 to no12 {GERMAN}") == [GERMAN]
    assert found(f"de12345678901 de89 {grouped(GERMAN, ' ')} de89") == [grouped(GERMAN, " ")]
    assert found(f"{GERMAN} {GERMAN}") == [GERMAN, GERMAN]
    assert found("GB29 NWBK 601613 31926819") == ["GB29 NWBK 601613 31926819"]


@given(ibans(), separators, st.sampled_from(" -\u00a0"))
def test_the_country_may_stand_apart(iban: str, separator: str, apart: str) -> None:
    text = f"{iban[:2]}{apart}{iban[2:4]}{separator}{grouped(iban[4:], separator)}"
    assert found(f"IBAN: {text}, please") == [text]
    assert found(IBAN.mask(text)) == []
    assert IBAN.normalise(text) == iban
    assert CANDIDATE.search(view(f'"{text}"'))


@given(ibans(), separators)
def test_masks_keep_country_and_last_four_and_spellings_are_one(iban: str, separator: str) -> None:
    text = grouped(iban, separator)
    mask = IBAN.mask(text)
    assert mask.replace(separator, "") == iban[:2] + "*" * (len(iban) - 6) + iban[-4:]
    assert len(mask) == len(text)
    assert IBAN.mask(mask) == mask
    assert found(mask) == []
    assert IBAN.normalise(text.lower()) == iban


CANDIDATE = compile_bytes(IBAN.candidate)
texts = st.builds(
    lambda before, iban, separator, after: before + grouped(iban, separator) + after,
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=6)
    | st.text(ascii_uppercase + digits + " -", max_size=12),
    ibans(),
    separators,
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=6),  # the scan sees to escapes
)


@given(texts)
def test_what_is_found_in_a_text_is_a_candidate_in_its_json(text: str) -> None:
    if found(text):
        documents: list[Any] = [{"a": text}, {text: 1}, {"b": [{"c": json.dumps({"d": text}, ensure_ascii=False)}]}]
        for document in documents:
            assert CANDIDATE.search(view(serialize(document).decode()))
