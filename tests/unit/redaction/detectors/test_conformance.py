"""Every built-in detector against the kit that authors of plug-ins use."""

import base64

import pytest

from redaction.detectors.base import Detector
from redaction.detectors.registry import detectors
from redaction.testing import DETECTOR_CHECKS, DetectorCheck, Examples


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


# Sample secrets are put together at run time: nothing in this file looks like one to a scanner of repositories.
LETTERS = "aB3dE5gH7jK9mN1pQ2sT4vW6yZ8" * 2
EXAMPLES = {
    "track": Examples(
        sensitive=[
            ";4111111111111111=25121011234567890?",
            "%B4242424242424242^DOE/JANE^25121011000000000?",
            "5555555555554444=2512101",
        ],
        near_misses=["4111111111111112=25121011234567890", "id=1700000000000=2024010112", "4111=2512101"],
    ),
    "jwt": Examples(
        sensitive=[
            ".".join((encoded('{"alg":"HS256"}'), encoded('{"sub":"1"}'), LETTERS)),
            ".".join((encoded('{ "alg": "none" }'), encoded("{}"), "")),
        ],
        near_misses=[".".join((encoded('{"typ":"x"}'), LETTERS, LETTERS)), encoded('{"alg":"HS256"}')],
    ),
    "credential": Examples(
        sensitive=[
            "AKIA" + "ABCDEFGH23456789",
            "ghp_" + LETTERS[:36],
            ("Bearer ", LETTERS[:24]),
            ("secret_access_key=", LETTERS[:40]),
            ('secretAccessKey":"', LETTERS[:40]),
        ],
        near_misses=["AKIA" + "ABC", "Bearer of good news", "secret_key_id"],
    ),
    "iban": Examples(
        sensitive=["DE89370400440532013000", "GB82 WEST 1234 5698 7654 32", "NO93-8601-1117-947"],
        near_misses=["DE88370400440532013000", "GB82 WEST 1234 5698 7654 33", "ZZ89370400440532013000"],
        spellings=[
            [
                "DE89370400440532013000",
                "de89 3704 0044 0532 0130 00",
                "DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000",
            ],
            ["GB82WEST12345698765432", "GB82-WEST-1234-5698-7654-32"],
        ],
    ),
    "card": Examples(
        sensitive=["4111 1111 1111 1111", "4242-4242-4242-4242", "5555555555554444", "378282246310005"],
        near_misses=["4111 1111 1111 1112", "1234567890123456", "41111111111111110"],
        spellings=[
            ["4111111111111111", "4111-1111-1111-1111", "4111\u00a01111\u00a01111\u00a01111", "\uff14111111111111111"],
            ["378282246310005", "3782 822463 10005"],
        ],
    ),
    "ssn": Examples(
        sensitive=["219-09-9999", "078 05 1120", ("SSN ", "219099999"), ('ssn":"', "219099999")],
        near_misses=["219099999", "000-12-3456", "666-12-3456", "219-00-9999", "219-09-0000", "1-219-09-9999"],
        spellings=[["219-09-9999", "219 09 9999", "219\u201109\u20119999"]],
    ),
    "itin": Examples(
        sensitive=["912-70-1234", ("ITIN: ", "912701234"), ('taxId":"', "912701234")],
        near_misses=["912-10-1234", "912701234"],
        spellings=[["912-70-1234", "912 70 1234"]],
    ),
    "national_id": Examples(
        sensitive=[
            "529.982.247-25",
            "RSSMRA85T10A562S",
            "AB 12 34 56 C",
            "756.9217.0769.85",
            "11010519491231002X",
            ("Aadhaar: ", "2345 6789 0124"),
            ('pesel":"', "44051401359"),
        ],
        near_misses=["529.982.247-26", "RSSMRA85T10A562T", "52998224725", "2345 6789 0124", "44051401359", "X1234567L"],
        spellings=[["529.982.247-25"], ["RSSMRA85T10A562S"], ["AB 12 34 56 C"]],
    ),
    "email": Examples(
        sensitive=["jane.doe+shop@mail.example.com", "jörg@müller.example.de", "JANE@EXAMPLE.ORG"],
        near_misses=["user@host", "logo@2x.png", "package@1.2.3", "a @ b.com"],
        spellings=[["jane@example.com", "Jane@Example.COM", "jane\uff20example.com"], ["john@example.com"]],
    ),
    "phone": Examples(
        sensitive=[
            "+1 202 555 0143",
            "+442079460018",
            "(202) 555-0143",
            ("Tel. ", "030 123456"),
            ('phone":"', "0301234567"),
        ],
        near_misses=["030123456", "2024-03-15", "1234567890"],
        spellings=[["+1 202 555 0143", "+1-202-555-0143", "+1 (202) 555-0143"], ["+442079460018", "+44 20 7946 0018"]],
    ),
    "ip": Examples(
        sensitive=["203.0.113.7", "2001:db8::1", "fe80::1%eth0", "::ffff:203.0.113.9"],
        near_misses=["127.0.0.1", "1.2.3", "256.1.1.1", "version 1.2.3.4", "12:34:56"],
        spellings=[["2001:db8::1", "2001:DB8:0:0:0:0:0:1"], ["203.0.113.7", "::ffff:203.0.113.7"]],
    ),
}


def test_all_detectors_are_tried() -> None:
    assert set(EXAMPLES) >= set(detectors())


@pytest.mark.parametrize("check", DETECTOR_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("detector", detectors().values(), ids=lambda detector: detector.name)
def test_a_built_in_detector_conforms(detector: Detector, check: DetectorCheck) -> None:
    check(detector, EXAMPLES[detector.name])
