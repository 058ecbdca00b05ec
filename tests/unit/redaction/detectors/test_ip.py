import json
import time
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from redaction.detectors.base import view
from redaction.detectors.ip import IP, network
from redaction.engine.finder import Finder
from redaction.patterns import compile_bytes

FINDER = Finder([IP])
CANDIDATE = compile_bytes(IP.candidate)
V4 = st.ip_addresses(v=4).filter(lambda ip: int(ip) & 0xFFFFFF and not ip.is_loopback)
GLOBAL = st.integers(0x2000 << 112, (0x4000 << 112) - 1).map(IPv6Address)
AROUND = st.sampled_from(
    [("", ""), ("from ", " at"), ("[", "]:443"), ("ip=", "&"), ("(", ")."), ('"', '"'), ("source:", ",")]
)


def found(text: str) -> list[str]:
    return [text[finding.start : finding.end] for finding in FINDER.find_in(text)]


@given(V4, AROUND)
def test_ipv4_is_found(address: IPv4Address, around: tuple[str, str]) -> None:
    assert found(f"{around[0]}{address}{around[1]}") == [str(address)]


@given(GLOBAL, AROUND, st.booleans(), st.booleans())
def test_ipv6_is_found(address: IPv6Address, around: tuple[str, str], long: bool, upper: bool) -> None:  # noqa: FBT001
    text = address.exploded if long else address.compressed
    text = text.upper() if upper else text
    assert found(f"{around[0]}{text}{around[1]}") == [text]


@pytest.mark.parametrize(
    "text",
    [
        "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789",  # RFC 4291, 2.2
        "2001:DB8:0:0:8:800:200C:417A",
        "2001:DB8::8:800:200C:417A",
        "FF01::101",
        "0:0:0:0:0:0:13.1.68.3",
        "0:0:0:0:0:FFFF:129.144.52.38",
        "::13.1.68.3",
        "::FFFF:129.144.52.38",
        "2001:db8::1",  # RFC 5952, 4
        "2001:db8:0:1:1:1:1:1",
        "fe80::1%eth0",  # RFC 4007, 11
        "fe80::1ff:fe23:4567:890a%3",
        "fd12:3456:789a::1",  # RFC 4193
        "64:ff9b::192.0.2.33",  # RFC 6052
        "::ffff:c0a8:101",
        "10.1.2.3",
        "192.168.1.1",
        "255.255.255.255",
    ],
)
def test_forms_of_the_standards(text: str) -> None:
    assert found(text) == [text]
    assert found(f"from {text}, then") == [text]


@pytest.mark.parametrize(
    "text",
    [
        'oid2":"1.3.6.1',
        "2.5.29.15",
        "2.5.4.3",
        "10:30:00",
        "2024-03-15T10:30:00.123+00:00",
        "00:1A:2B:3C:4D:5E",
        "00:11:22:33:44:55:66:77",
        "12:34:56:78:9a:bc:de:f0:11:22:33:44:55:66:77:88:99:aa:bb:cc",
        "std::vector<int>",
        "std::add::b",
        "a::b",
        "::before",
        "x[::2]",
        "xs[1::2]",
        "arn:aws:iam::123456789012:role/reader",
        "1.2.3",
        "1.2.3.4.5",
        "v1.2.3.4",
        "version 1.2.3.4",
        "app_version: 10.1.2.3",
        '"appVersion":"10.1.2.3"',
        '"fw":"1.4.2.10"',
        '"deviceFw":"1.4.2.10"',
        "fw_rev=1.4.2.10",
        '"os":"10.0.19045.1"',
        '"osVersionString":"10.0.19.1"',
        '"gatewayRelease":"4.12.0.1"',
        "Section 4.3.2.1",
        "Chrome/120.0.0.0",
        "256.1.1.1",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.4567",
        "1234.5.6.7",
        "ratio 1:2:3:4",
        "1:2:3:4:5:6:7:8",
        "10:20:30:40:50:60:70:80",
        "Mozilla/5.0 (Windows; U; en) Gecko/20071127 Firefox/2.0.0.11",
        "OpenSSL/1.1.1w openresty/1.25.3.1",
        "User-Agent: WhatsApp/2.23.20.76 A",
        '"user_agent":"nginx/1.25.3.1"',
        r"{\"userAgent\":\"a/1 (b) nginx/1.25.3.1\"}",
        "2001:db8::256.1.1.1",
        "2001::25de::cade",
        "12345:db8::1",
        "0.0.0.0",  # noqa: S104
        "127.0.0.1",
        "127.1.2.3",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "10.1.2.0/24",
        "10.0.0.0/8",
        "2001:db8::/32",
        "2001:db8:1::/48",
        "***.***.***.***",
    ],
)
def test_no_addresses(text: str) -> None:
    assert found(text) == []
    assert found(f"see {text} there") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Server: 10.1.2.3.", ["10.1.2.3"]),
        ("driver=10.1.2.3", ["10.1.2.3"]),
        ("10.1.2.3:8080", ["10.1.2.3"]),
        ("10.1.2.3/24", ["10.1.2.3"]),
        ("10.1.2.3/32", ["10.1.2.3"]),
        ("10.1.2.0/25", ["10.1.2.0"]),
        ("10.1.2.1-10.1.2.9", ["10.1.2.1", "10.1.2.9"]),
        ("2001:db8::1/64", ["2001:db8::1"]),
        ("http://[2001:db8::1]:8080/", ["2001:db8::1"]),
        ("type:10.1.2.3", ["10.1.2.3"]),
        ("source:2001:db8::1", ["2001:db8::1"]),
        ("2001:db8::1: connected", ["2001:db8::1"]),
        ("x-forwarded-for: 203.0.113.7, 2001:db8::1,10.1.2.3", ["203.0.113.7", "2001:db8::1", "10.1.2.3"]),
        (r"{\"ip\":\"10.1.2.3\"}", ["10.1.2.3"]),
        (r"first\n10.1.2.3\nlast", ["10.1.2.3"]),
        ("1:2:3:4:5:6:7:a", ["1:2:3:4:5:6:7:a"]),
        ("2001:20:30:40:50:60:70:80", ["2001:20:30:40:50:60:70:80"]),
        # Java's InetAddress.toString, and whatever else no grammar tells from it
        ("dns.google/8.8.8.8", ["8.8.8.8"]),
        ("db7/9.12.3.4:5432", ["9.12.3.4"]),
        ("nginx/1.25.3.1", ["1.25.3.1"]),
        ("db7/9.12.3.4 db8/9.12.3.5", ["9.12.3.4", "9.12.3.5"]),
        ("GET / HTTP/1.1 db7/9.12.3.4", ["9.12.3.4"]),
        ("attempt 2/3 db7/9.12.3.4", ["9.12.3.4"]),
        ("Mozilla/5.0 (X11) from db7/9.12.3.4", ["9.12.3.4"]),
        ('"Mozilla/5.0 (X11)" db7/9.12.3.4', ["9.12.3.4"]),
        ("Mozilla/5.0 (X11) /9.12.3.4", ["9.12.3.4"]),
        ("Mozilla/5.0 (X11) https://db7/9.12.3.4", ["9.12.3.4"]),
        ("curl/8.1.0 db7/10.1.2.3", ["10.1.2.3"]),
        ("user_agent: db7/192.168.1.2", ["192.168.1.2"]),
        ("\uff11\uff10.1.2.3", ["\uff11\uff10.1.2.3"]),
    ],
)
def test_what_is_hidden_and_what_stays(text: str, expected: list[str]) -> None:
    assert found(text) == expected


@given(st.text(max_size=20), V4 | GLOBAL, st.text(max_size=20))
def test_what_is_found_in_a_text_is_a_candidate_in_its_json(before: str, address: object, after: str) -> None:
    text = f"{before}{address}{after}"
    assume(FINDER.find_in(text))
    assert CANDIDATE.search(view(orjson.dumps({"key": text}).decode()))


@given(V4 | GLOBAL)
def test_a_network_is_stable_and_not_found_again(address: IPv4Address | IPv6Address) -> None:
    text = network(str(address))
    assert text is not None
    assert ip_network(text).prefixlen == (24 if address.version == 4 else 48)
    assert address in ip_network(text)
    assert network(text) == text
    assert found(f"from {text}.") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.1.2.3", "10.1.2.0/24"),
        ("10.1.2.3/32", "10.1.2.0/24"),
        ("10.1.2.0/24", "10.1.2.0/24"),
        ("10.1.0.0/16", "10.1.0.0/16"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("[2001:db8:1:2::3]", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("::ffff:10.1.2.3", "10.1.2.0/24"),
        ("10.1.2", None),
        ("10.1.2.3/99", None),
        ("someone", None),
        ("", None),
    ],
)
def test_network(text: str, expected: str | None) -> None:
    assert network(text) == expected


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("::ffff:a01:203", "10.1.2.3"),
    ],
)
def test_one_spelling_for_all(text: str, same: str) -> None:
    assert IP.normalise(text) == IP.normalise(same) == same


def test_the_mask_holds_nothing() -> None:
    assert found(IP.mask("10.1.2.3")) == []
    assert IP.mask("10.1.2.3") == IP.mask("2001:db8::1")


@pytest.mark.parametrize(
    "text",
    [
        "1.1.1.1." * 2_000,
        "1:" * 8_000,
        "::1" * 5_300,
        "1." * 8_000,
        "f" * 16_000 + "::",
        "a/1.2 " * 40 + "x y/8.8.8.8 " * 1_300,
        "a/1.2 " * 2_000 + "y/8.8.8.8",
    ],
)
def test_time_is_bounded(text: str) -> None:
    begun = time.process_time()
    FINDER.find_in(text)
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize("name", ["presidio_research_synth_v2", "presidio_research_generated_large"])
def test_labelled_texts(name: str) -> None:
    path = Path(__file__).parents[5] / f"shared/data/pii/{name}.jsonl"
    if not path.exists():
        pytest.skip("the shared folder with labelled texts is not beside this checkout")
    labelled = 0
    for row in map(json.loads, path.read_text("utf-8").splitlines()):
        expected = [row["text"][span["start"] : span["end"]] for span in row["spans"] if span["type"] == "IP_ADDRESS"]
        assert found(row["text"]) == expected
        labelled += len(expected)
    assert labelled
