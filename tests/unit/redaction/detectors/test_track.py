import pytest

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
    ],
)
@pytest.mark.parametrize("around", ["{}", "swiped {} at 10:30", "track={}&x=1"])
def test_tracks_are_found_whole(track: str, around: str) -> None:
    assert found(around.format(track)) == [track]


def test_both_tracks_as_readers_give_them() -> None:
    both = "%B4242424242424242^DOE/JANE^25121011000000000?;4242424242424242=25121011000000000?"
    assert "".join(found(both)) == both


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112=25121011234567890",  # fails the check
        "4111111111111111=251",  # no expiry and service code: the card detector's
        "1700000000000=20240101120000",
        "a^b^2512101",
        "x=4111111111111111",
    ],
)
def test_what_is_no_track(text: str) -> None:
    assert found(text) == []
