import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ch import ssn
from stdnum.cl import rut
from stdnum.cn import ric
from stdnum.es import dni
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.in_ import aadhaar
from stdnum.it import codicefiscale
from stdnum.mx import curp
from stdnum.nl import bsn
from stdnum.pl import pesel

from redaction.detectors.national import NATIONAL_ID
from redaction.engine.finder import Finder

FINDER = Finder([NATIONAL_ID])


def found(text: str) -> list[str]:
    return [text[finding.start : finding.end] for finding in FINDER.find_in(text)]


# By form: what makes one, what tells whether it is valid, and what has to stand before it.
FORMS = [
    (r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", cpf, ""),
    (r"[A-Z]{6}[0-9]{2}[ABCDEHLMPRST](0[1-9]|[12][0-8])[A-Z][0-9]{3}[A-Z]", codicefiscale, ""),
    (r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}", ssn, ""),
    (r"[12] [0-9]{2} (0[1-9]|1[0-2]) [0-9]{2} [0-9]{3} [0-9]{3} [0-9]{2}", nir, ""),
    (r"8[0-9]\.0[1-9]\.[01][1-9]-[0-9]{3}\.[0-9]{2}", nn, ""),
    (r"(0[1-9]|[12][0-8])0[1-9][0-9]{2}[-A]0[0-9]{2}[0-9A-FHJ-NPR-Y]", hetu, ""),
    (r"[1-9][0-9]\.[0-9]{3}\.[0-9]{3}-[0-9K]", rut, ""),
    (r"BOXW310820HNERXN[0-9]{2}", curp, ""),
    (r"11010519[0-9]{2}0[1-9](0[1-9]|1[0-9])[0-9]{3}[0-9X]", ric, ""),
    (r"[0-9]{11}", cpf, "CPF "),
    (r"[2-9][0-9]{3} [0-9]{4} [0-9]{4}", aadhaar, "Aadhaar: "),
    (r"[0-9]{8}[A-Z]", dni, "DNI "),
    (r"[0-9]{2}0[1-9](0[1-9]|[12][0-8])[0-9]{5}", pesel, "pesel="),
    (r"[1-9][0-9]{8}", bsn, "BSN: "),
]


@pytest.mark.parametrize(("form", "judge", "before"), FORMS)
@given(data=st.data())
def test_a_judge_says_the_same(form: str, judge: object, before: str, data: st.DataObject) -> None:
    body = data.draw(st.from_regex(form, fullmatch=True).filter(str.isascii))
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" if body[-1].isalpha() else "0123456789"
    for check in last:  # one of them is right, or none
        text = body[:-1] + check
        if judge.is_valid(text):  # type: ignore[attr-defined]
            assert found(f"by {before}{text}, please") == [text]
            if before:
                assert text not in found(f"by {text}, please")


def test_nothing_is_found_where_a_check_digit_is_wrong() -> None:
    right = ["529.982.247-25", "RSSMRA85T10A562S", "756.9217.0769.85", "30.686.957-4", "131052-308T"]
    assert [text for text in right if found(text) != [text]] == []
    wrong = ["529.982.247-24", "RSSMRA85T10A562R", "756.9217.0769.84", "30.686.957-3", "131052-308U"]
    assert [text for text in wrong if found(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "1529.982.247-25",
        "1.529.982.247-25",
        "529.982.247-251",
        'order_id":"529.982.247-25',
        "xRSSMRA85T10A562S",
        "GB 12 34 56 C",
        "AB 12 34 56 E",
        "2345 6789 0124",
        "44051401359",
    ],
)
def test_what_is_none(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "text", ["AB 12 34 56 C", "NINO AB123456C", "nino: AB-12-34-56-C", "ABCPE1234F", "DNI: X-1234567-L"]
)
def test_forms_without_a_check_or_with_a_word(text: str) -> None:
    assert len(found(text)) == 1


def test_random_identifiers_are_hardly_ever_any() -> None:
    rng = random.Random(5)  # noqa: S311 - repeatable by design
    shapes = (
        ["9" * size for size in range(8, 20)] + ["a" * size for size in range(8, 21)] + ["999-999-9999", "99-9999999"]
    )
    alphabets = {"9": "0123456789", "a": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    for shape in shapes:
        texts = ["".join(rng.choice(alphabets.get(char, char)) for char in shape) for _ in range(4_000)]
        assert sum(bool(found(text)) for text in texts) <= 4, shape  # one in a thousand
