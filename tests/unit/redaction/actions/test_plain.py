"""Mask, replace and generalise."""

from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.actions.base import Action, Scalar
from redaction.actions.generalise import Generalise
from redaction.actions.mask import Mask
from redaction.actions.replace import Replace
from redaction.detectors.base import Detector
from redaction.plugin import PolicyError

CARD = "4111-1111-1111-1111"
NUMBERS = st.one_of(st.integers(), st.decimals(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False))
SCALARS: st.SearchStrategy[Scalar] = st.one_of(
    NUMBERS,
    st.booleans(),
    st.text(),
    st.dates().map(str),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.ip_addresses().map(str),
    st.integers(10**11, 10**19),
    st.from_regex(r"([0-9]{4}[ .-]?){3,4}[0-9]{1,4}", fullmatch=True),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
)
ACTIONS: list[Action] = [
    Mask(),
    Mask("last4"),
    Mask("bin_last4"),
    Replace("[gone]"),
    Generalise("year"),
    Generalise("month"),
    Generalise("network"),
    Generalise("bucket", Decimal(50)),
    Generalise("bucket", Decimal("0.05")),
]


@pytest.mark.parametrize("action", ACTIONS)
@given(value=SCALARS)
def test_doing_it_twice_changes_nothing(action: Action, value: Scalar) -> None:
    once = action(value, None)
    assert isinstance(once, str | int | Decimal)
    assert action(once, None) == once
    assert not isinstance(value, str) or isinstance(once, str)  # what was found in a text is text again


class TestMask:
    def test_without_a_kind_nothing_stays(self) -> None:
        assert [Mask()(value, None) for value in (CARD, 5, True, Decimal("1.5"), "")] == ["****"] * 5

    def test_what_a_detector_found_is_masked_as_it_says(self, kind: Detector) -> None:
        assert Mask()("12-34", kind) == "#####"
        assert Mask()(1234, kind) == "****"

    @pytest.mark.parametrize(
        ("value", "last4", "bin_last4"),
        [
            (CARD, "****-****-****-1111", "4111-11**-****-1111"),
            (4111111111111111, "************1111", "411111******1111"),
            (Decimal(4111111111111111), "************1111", "411111******1111"),
            (Decimal("4.111111111111111E+15"), "************1111", "411111******1111"),
            (4111111111111111.0, "************1111", "411111******1111"),
            ("1234-5678-9012-3456", "****-****-****-3456", "1234-56**-****-3456"),  # no valid check digit
            (411111111111, "********1111", "********1111"),
            (41111111111, "****", "****"),
            (10**19, "****", "****"),
            (-4111111111111111, "****", "****"),
            (Decimal("411111111111111.5"), "****", "****"),
            (Decimal("1E+999999999"), "****", "****"),
            (float("inf"), "****", "****"),
            (True, "****", "****"),
            ("card 4111-1111-1111-1111 of J. Doe", "****", "****"),
            ("J. Doe", "****", "****"),
        ],
    )
    def test_of_a_card_number_these_digits_stay(self, value: Scalar, last4: str, bin_last4: str) -> None:
        assert Mask("last4")(value, None) == last4
        assert Mask("bin_last4")(value, None) == bin_last4


class TestReplace:
    def test_any_value(self, kind: Detector) -> None:
        assert {Replace("[email]")(value, kind) for value in ("a", 1, False)} == {"[email]"}

    @pytest.mark.parametrize("text", ["", "x" * 65, "a\nb", "\x00", "\u200b", "\ud800"])
    def test_the_text_is_short_and_printable(self, text: str) -> None:
        with pytest.raises(PolicyError, match="1 to 64 printable characters"):
            Replace(text)


class TestDates:
    @pytest.mark.parametrize(
        ("value", "year", "month"),
        [
            ("1985-04-12", "1985", "1985-04"),
            ("1985-04-12T10:30:00.123Z", "1985", "1985-04"),
            ("1985-04-12 10:30:00+02:00", "1985", "1985-04"),
            ("19850412T103000Z", "1985", "1985-04"),
            ("19850412", "1985", "1985-04"),
            (19850412, "1985", "1985-04"),
            ("1985-04", "1985", "1985-04"),
            ("1985", "1985", "****"),
            (1985, "1985", "****"),
            ("12.04.1985", "1985", "****"),
            ("04/12/1985", "1985", "****"),
            ("31/12/1985", "1985", "****"),
            ("12/31/1985", "1985", "****"),
            ("13.13.1985", "****", "****"),
            ("1985-02-30", "****", "****"),
            ("1985-13", "****", "****"),
            ("1985-04/12", "****", "****"),
            ("born 1985-04-12", "****", "****"),
            (4711, "****", "****"),
            ("4711", "****", "****"),
            (1710498600, "****", "****"),
            (True, "****", "****"),
            (Decimal("1985.5"), "****", "****"),
            ("\u0661\u0669\u0668\u0665", "****", "****"),
            ("", "****", "****"),
        ],
    )
    def test_year_and_month(self, value: Scalar, year: str, month: str) -> None:
        assert Generalise("year")(value, None) == year
        assert Generalise("month")(value, None) == month

    @given(st.dates())
    def test_every_date_of_these_centuries(self, day: object) -> None:
        text = str(day)
        expected = text[:4] if 1800 <= int(text[:4]) < 2200 else "****"
        assert Generalise("year")(text, None) == expected


class TestNetwork:
    def test_only_addresses_have_one(self) -> None:
        assert Generalise("network")(3221225985, None) == "****"
        assert Generalise("network")("next door", None) == "****"
        assert Generalise("network")("192.0.2.77", None) != "****"
        assert "77" not in str(Generalise("network")("192.0.2.77", None))


class TestBucket:
    @pytest.mark.parametrize(
        ("width", "value", "bound"),
        [
            ("50", Decimal("149.99"), 100),
            ("50", 149.99, 100),
            ("50", "149.99", "100"),
            ("50", 100, 100),
            ("50", "100.00", "100.00"),
            ("50", -1, -50),
            ("50", "-0.01", "-50"),
            ("50", 0, 0),
            ("0.5", Decimal("1.754"), Decimal("1.5")),
            ("0.1", 0.3, Decimal("0.3")),
            ("1E+2", 10**37 + 1, 10**37),
            ("50", Decimal("1E+131"), "****"),
            ("50", float("nan"), "****"),
            ("50", True, "****"),
            ("50", "12 euro", "****"),
            ("50", "1e5", "****"),
            ("50", "", "****"),
        ],
    )
    def test_examples(self, width: str, value: Scalar, bound: object) -> None:
        result = Generalise("bucket", Decimal(width))(value, None)
        assert (result, str(result)) == (bound, str(bound))

    @given(
        value=st.one_of(st.integers(-(10**40), 10**40), st.decimals(-(10**20), 10**20)),
        width=st.decimals("0.0001", 10**6).filter(lambda width: width > 0),
    )
    def test_the_bound_is_exact(self, value: int | Decimal, width: Decimal) -> None:
        bound = Generalise("bucket", width)(value, None)
        assert isinstance(bound, int | Decimal)
        assert Fraction(bound) == floor(Fraction(value) / Fraction(width)) * Fraction(width)
        assert Generalise("bucket", width)(format(value, "f") if isinstance(value, Decimal) else str(value), None) != ""

    @pytest.mark.parametrize("width", ["0", "-1", "NaN", "Infinity", "1E-200", "1E+200"])
    def test_a_width_is_a_positive_number(self, width: str) -> None:
        with pytest.raises(PolicyError, match="positive number"):
            Generalise("bucket", Decimal(width))

    def test_a_width_belongs_to_buckets(self) -> None:
        with pytest.raises(PolicyError, match="is needed"):
            Generalise("bucket")
        with pytest.raises(PolicyError, match="no meaning otherwise"):
            Generalise("year", Decimal(5))
