import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum.us import itin as itin_judge
from stdnum.us import ssn as ssn_judge

from redaction.detectors.base import view
from redaction.detectors.ssn import ITIN, SSN
from redaction.engine.finder import Finder
from redaction.patterns import compile_bytes
from redaction.serialize import serialize

FINDER = Finder([SSN, ITIN])


def found(text: str) -> list[tuple[str, str]]:
    return [(finding.detector.name, text[finding.start : finding.end]) for finding in FINDER.find_in(text)]


ssns = st.tuples(st.integers(1, 899).filter(lambda area: area != 666), st.integers(1, 99), st.integers(1, 9999)).map(
    lambda parts: (f"{parts[0]:03d}", f"{parts[1]:02d}", f"{parts[2]:04d}")
)
itins = st.tuples(
    st.integers(900, 999),
    st.sampled_from([*range(50, 66), *range(70, 89), *range(90, 93), *range(94, 100)]),
    st.integers(0, 9999),
).map(lambda parts: (f"{parts[0]:03d}", f"{parts[1]:02d}", f"{parts[2]:04d}"))
separators = st.sampled_from(["-", " ", ".", "\u00a0", "\u2011", " - ", "\u200b-\u200b", "\uff0e"])
labels = st.sampled_from(
    [
        "ssn ",
        "SSN: ",
        "my ssn is ",
        "Social Security Number: ",
        "social security number is ",
        "SSN#",
        "soc. sec. no. ",
        "ITIN ",
        "tax id: ",
        "Taxpayer Identification Number ",
        "customer_ssn=",
        'ssn":"',
        'ssn\\":\\"',
        'taxId":"',
        "(SSN) ",
    ]
)


@given(ssns, separators)
def test_ssns_with_separators_are_found(parts: tuple[str, str, str], separator: str) -> None:
    number = separator.join(parts)
    assert found(f"x {number}, y") == [("ssn", number)]


@given(itins, separators)
def test_itins_with_separators_are_found(parts: tuple[str, str, str], separator: str) -> None:
    number = separator.join(parts)
    assert found(f"x {number}, y") == [("itin", number)]


def judged(number: str) -> str | None:
    """What it is by python-stdnum, which does not know the groups of ITINs that came later, 50 to 65."""
    group = int(number[4:6])
    if ssn_judge.is_valid(number):
        return "ssn"
    older = f"{number[:4]}{group + 20 if 50 <= group <= 65 else group:02d}{number[6:]}"
    return "itin" if itin_judge.is_valid(older) else None


areas = st.sampled_from([0, 1, 78, 665, 666, 667, 899, 900, 999]) | st.integers(0, 999)
groups = st.sampled_from([0, 1, 49, 50, 65, 66, 69, 70, 88, 89, 90, 92, 93, 94, 99]) | st.integers(0, 99)


@given(areas, groups, st.integers(0, 9999))
def test_a_judge_says_the_same(area: int, group: int, serial: int) -> None:
    number = f"{area:03d}-{group:02d}-{serial:04d}"
    kind = judged(number)
    assume(number not in {"078-05-1120", "457-55-5462", "219-09-9999"})  # samples: found here, refused there
    assert found(f"x {number}, y") == ([(kind, number)] if kind else [])


@given(labels, ssns, itins)
def test_nine_digits_are_found_where_they_are_named(
    label: str, ssn: tuple[str, str, str], itin: tuple[str, str, str]
) -> None:
    assert found(label + "".join(ssn)) == [("ssn", "".join(ssn))]
    assert found(label + "".join(itin)) == [("itin", "".join(itin))]
    assert found("".join(ssn)) == []
    assert found("".join(itin)) == []


@given(st.integers(0, 999_999_999), st.sampled_from(["", "-"]))
def test_only_what_is_issued_is_found(number: int, separator: str) -> None:
    digits = f"{number:09d}"
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    ssn = area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"
    itin = area >= "900" and (50 <= int(group) <= 65 or (int(group) >= 70 and group not in {"89", "93"}))
    kinds = [kind for kind, _ in found(f"ssn {separator.join((area, group, serial))}")]
    assert kinds == ["ssn"] * ssn + ["itin"] * itin


@pytest.mark.parametrize(
    "text",
    [
        "123-45-6789",
        "078-05-1120",
        "219 09 9999",
        "ssn:457-55-5462.",
        "078.05.1120",
        "110-81-4127A",
        "apt 5 123-45-6789",
        "Martin 123-45-6789",
        "\uff11\uff12\uff13-\uff14\uff15-\uff16\uff17\uff18\uff19",
        'ssn":123456789',
        'Id":"078-05-1120',
        "SSN-078-05-1120",
        "SSN 078-051120",
        "ssn: 07805-1120",
    ],
)
def test_ssns_in_text(text: str) -> None:
    assert [kind for kind, _ in found(text)] == ["ssn"]


@pytest.mark.parametrize(
    "text",
    [
        'part_number":"219-09-9999',
        'partNo":"219-09-9999',
        'orderId":"219-09-9999',
        "11=ORD-555-12-3456|",
        "sku=219-09-9999",
        "part no. 219-09-9999",
        "123456789",
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "911-89-1234",
        "123-00-4567",
        "123-45-0000",
        "1123-45-6789",
        "123-45-67890",
        "1.123.45.6789",
        "1-123-45-6789",
        "123-45-6789-01",
        "693-09.4444",
        "ssn 1234567890",
        "Martin 123456789",
        "testing 123456789",
        "syntax id 123456789",
        "ssn not given, order 123456789",
        "tax id 12-3456789",  # an employer's
        "07805-1120",  # ZIP+4
        "089-123456",
        "+688 90 1234",
        "+255 800 12 3456",
        "2024-03-15 10:30:00",
        "2024-03-1512",
        "1710498600000",
        "***-**-****",
    ],
)
def test_what_is_none(text: str) -> None:
    assert found(text) == []


@given(ssns, separators)
def test_masks_hold_no_digit_and_spellings_are_one(parts: tuple[str, str, str], separator: str) -> None:
    number = separator.join(parts)
    assert SSN.mask(number) == separator.join(("***", "**", "****"))
    assert found("ssn " + SSN.mask(number)) == []
    assert SSN.normalise(number) == "".join(parts)


CANDIDATES = [compile_bytes(SSN.candidate), compile_bytes(ITIN.candidate)]
texts = st.builds(
    lambda before, label, parts, separator, after: before + label + separator.join(parts) + after,
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=5),  # the scan sees to escapes
    labels | st.just(""),
    ssns | itins,
    separators | st.just(""),
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=5),  # the scan sees to escapes
)


@given(texts)
def test_what_is_found_in_a_text_is_a_candidate_in_its_json(text: str) -> None:
    if found(text):
        documents: list[Any] = [{"a": text}, {text: 1}, {"b": [{"c": json.dumps({"d": text}, ensure_ascii=False)}]}]
        for document in documents:
            seen = view(serialize(document).decode())
            assert any(candidate.search(seen) for candidate in CANDIDATES)


def test_a_key_names_its_value_in_json() -> None:
    documents: list[Any] = [{"ssn": "123456789"}, {"ssn": 123456789}, {"a": json.dumps({"SSN": "123456789"})}]
    for document in documents:
        assert CANDIDATES[0].search(serialize(document))
