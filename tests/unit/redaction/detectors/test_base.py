import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.detectors.base import mask_digits, view


@given(st.text())
def test_a_view_is_as_long_as_its_text_and_ascii(text: str) -> None:
    seen = view(text)
    assert len(seen) == len(text)
    assert seen.isascii()


@given(st.text())
def test_a_view_of_a_view_is_itself_but_for_the_invisible(text: str) -> None:
    seen = view(text)
    assert view(seen.decode()) == seen.replace(b"\x1c", b"\x1d")


@given(st.text(), st.text())
def test_views_of_parts_make_the_view_of_the_whole(left: str, right: str) -> None:
    assert view(left + right) == view(left) + view(right)


@given(st.characters(categories=["Nd"]))
def test_decimal_digits_of_any_script_are_seen_as_digits(char: str) -> None:
    assert view(char) == b"%d" % unicodedata.decimal(char)
    assert mask_digits(char) == "*"


def test_separators_of_any_script_are_seen_as_the_ascii_ones() -> None:
    assert view("\u00a0\u202f\u3000") == b"   "
    assert view("\u2010\u2011\u2212\uff0d") == b"----"
    assert view("\u2028\u2029\u0085") == b"   "
    assert view("\uff0e\u00b7\uff0b\uff20\uff0f") == b"..+@/"
    assert view("\u2022\u30fb\u2219\u2044\uff5c\uff1b\uff05") == b".../|;%"
    assert view("a\u200bb\ufeffc\u00ad") == b"a\x1cb\x1cc\x1c"
    assert view("\x00\t\x1c\x7f") == b"\x1d\x1d\x1d\x1d"
    assert view("\uff24\uff25\u0416\u4e2d") == b"DEx?"


@given(st.text())
def test_masked_digits_leave_the_rest(text: str) -> None:
    masked = mask_digits(text)
    assert not any(char.isdecimal() for char in masked)
    assert all(new == ("*" if old.isdecimal() else old) for old, new in zip(text, masked, strict=True))


@pytest.mark.parametrize("unit", ["é6\uff16 ", "日本", "\u200b1"])
def test_a_large_text_has_the_view_of_its_parts(unit: str) -> None:
    assert view(unit * 200_000) == view(unit) * 200_000
