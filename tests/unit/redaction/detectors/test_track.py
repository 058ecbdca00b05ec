import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.detectors.track import TRACK
from redaction.engine.finder import Finder

FINDER = Finder([TRACK])


def found(text: str) -> list[str]:
    return [text[finding.start : finding.end] for finding in FINDER.find_in(text)]


@pytest.mark.parametrize(
    "track",
    [
        # ISO/IEC 7813: track 2, with and without its sentinels; track 1
        ";4111111111111111=25121011234567890?",
        "4111111111111111=25121011234567890",
        "378282246310005=2512101",
        "%B4242424242424242^DOE/JANE^25121011000000000?",
        "B4242424242424242^DOE/JANE Q.^2512101ABC 123?",
        "4242424242424242^DOE/J^2512101",
        # EMV tag 57, ISO 8583 field 35
        "4111111111111111D25122011234567890F",
        "378282246310005d26041010987654321",
        # encoded
        "%3B4111111111111111%3D25122011234567890%3F",
        ";5555555555554444&#61;27032011234567890?",
        ";4111111111111111\\u003d25122011234567890?",
        "%B4242424242424242%5EDOE/JANE%5E25121011000000000%3F",
        # with expiry and security code
        "4111111111111111|12|2027|987",
        "4111111111111111,12/27,987",
        "4111111111111111 12/27 987",
        "4111111111111111/12/27/987",
        "4111 1111 1111 1111;12;27;987",
        "4111-1111-1111-1111:1227:987",
        "378282246310005\t12/2027\t9870",
        "4111111111111111|987|12|27",
        "4111111111111111 exp 12/27 cvv 987",
    ],
)
@pytest.mark.parametrize("around", ["{}", "swiped {} at 10:30", "track={}&x=1"])
def test_tracks_are_found_whole(track: str, around: str) -> None:
    assert found(around.format(track)) == [track]


def test_both_tracks_as_readers_give_them() -> None:
    both = "%B4242424242424242^DOE/JANE^25121011000000000?;4242424242424242=25121011000000000?"
    assert "".join(found(both)) == both


RITA = b"MOON/RITA".hex()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("9F2701805A0841111111111111115F3401019F0702FF00", ["4111111111111111"]),
        ("5a08378282246310005F5F2a020840", ["378282246310005F"]),
        ("57114111111111111111D251220112345678905F2403251231", ["4111111111111111D25122011234567890", "251231"]),
        ("9F6B114111111111111111D25122011234567890", ["4111111111111111D25122011234567890"]),
        (f"5F2009{RITA}5F24032512315A0841111111111111115F340101", [RITA, "251231", "4111111111111111"]),
        ("70155A0841111111111111115F2403251231", ["4111111111111111", "251231"]),
        ("5A0841111111111111119F810382000101", ["4111111111111111"]),
        ("5A084111111111111111FF", ["4111111111111111"]),
        ("5A0841111111111111115A085555555555554444", ["4111111111111111", "5555555555554444"]),
        ("02007234054128C288051641111111111111110000000000000010000411", ["4111111111111111"]),
        ("0200F234054128C28805000000000000000015378282246310005000000", ["378282246310005"]),
        ("164111111111111111", ["4111111111111111"]),
        ("374242424242424242=25121011234567890000", ["4242424242424242=25121011234567890000"]),
    ],
)
@pytest.mark.parametrize("around", ["{}", "emv {} ok"])
def test_values_behind_a_tag_or_a_length(text: str, values: list[str], around: str) -> None:
    assert found(around.format(text)) == values


def test_a_track_in_hexadecimal() -> None:
    track = b"B4111111111111111^MOON/RITA^25121011000".hex()
    assert found(f"5624{track}") == [track]


def test_the_number_alone_or_with_its_expiry_is_the_card_detector_s() -> None:
    assert found("4111 1111 1111 1111 12/26") == []
    assert found("5555555555554444, 13, 2027, 100") == []


@pytest.mark.parametrize(
    "unit", ["5A084111111111111111", "5F2009", "4111 1111 ", "12/27 ", "164111111111111111", "9F6B11"]
)
def test_time_is_linear_in_the_text(unit: str) -> None:
    start = time.process_time()
    found(unit * (100_000 // len(unit)))
    assert time.process_time() - start < 1


@given(st.text("0123456789ABCDEFabcdef=D;?^%|/ ", max_size=80))
def test_anything_can_be_looked_at(text: str) -> None:
    assert all(found(text))


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112=25121011234567890",  # fails the check
        "4111111111111111=251",  # no expiry and service code: the card detector's
        "1700000000000=20240101120000",
        "a^b^2512101",
        "x=4111111111111111",
        "5A084111111111111112",
        "5A034111111111111111",
        "174111111111111111",
        "4111111111111112|12|2027|987",
        "02003234054128C288051641111111111111110000",  # by its bitmap there is no number
    ],
)
def test_what_is_no_track(text: str) -> None:
    assert found(text) == []
