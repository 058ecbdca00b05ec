"""Sample secrets are put together at run time: nothing in this file looks like one to a scanner of repositories."""

import base64
import json
import time

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.detectors.base import Detector, view
from redaction.detectors.secrets import CREDENTIAL, JWT
from redaction.engine.finder import Finder
from redaction.patterns import compile_bytes

BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
ALNUM = BASE64URL[:-2]


def found(detector: Detector, text: str) -> list[str]:
    return [text[finding.start : finding.end] for finding in Finder([detector]).find_in(text)]


def redacted(detector: Detector, text: str) -> str:
    for finding in reversed(Finder([detector]).find_in(text)):
        text = text[: finding.start] + detector.mask(text[finding.start : finding.end]) + text[finding.end :]
    return text


def encoded(header: object, **options: object) -> str:
    text = header if isinstance(header, str) else json.dumps(header, **options)  # type: ignore[arg-type]
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


PART = st.text(BASE64URL, max_size=60)
HEADERS = st.fixed_dictionaries(
    {"alg": st.sampled_from(["HS256", "RS256", "ES384", "EdDSA", "none", "dir"])},
    optional={
        "typ": st.just("JWT"),
        "kid": st.text(max_size=12),
        "jwk": st.fixed_dictionaries({"kty": st.just("RSA")}),
    },
)


@given(
    HEADERS, PART, PART, st.sampled_from([None, 0, 1, 2]), st.sampled_from(["", "Bearer ", "token=", '{"jwt":"', "x"])
)
def test_signed_tokens(header: dict[str, str], payload: str, signature: str, indent: int | None, before: str) -> None:
    token = f"{encoded(header, indent=indent)}.{payload}.{signature}"
    assert found(JWT, f"{before}{token}, and") == [token]


@given(HEADERS, st.tuples(PART, PART, PART, PART))
def test_encrypted_tokens(header: dict[str, str], parts: tuple[str, str, str, str]) -> None:
    token = ".".join((encoded({**header, "enc": "A256GCM"}), *parts))
    assert found(JWT, token) == [token]


def test_the_example_of_rfc_7515() -> None:
    header = base64.urlsafe_b64encode(b'{"typ":"JWT",\r\n "alg":"HS256"}').decode().rstrip("=")  # appendix A.1
    assert found(JWT, f"{header}.payload.signature") == [f"{header}.payload.signature"]


@pytest.mark.parametrize(
    "text",
    [
        encoded({"alg": "HS256"}),
        encoded({"alg": "HS256"}) + ".payload",
        encoded({"typ": "JWT"}) + ".payload.signature",
        encoded("[1, 2, 3, 4, 5, 6]") + ".payload.signature",
        encoded('{"alg": "HS256"') + ".payload.signature",
        "eyJustAWord.example.com",
        "eyelashes.example.com",
        "****",
    ],
)
def test_no_tokens(text: str) -> None:
    assert found(JWT, text) == []


def sample(prefix: str, length: int) -> str:
    return prefix + ("a1B2c3D4e5" * 10)[:length]


PREFIXED = [
    "AKIA" + "ABCDEFGH12345678"[::-1],
    "ASIA" + "ABCDEFGH12345678"[::-1],
    *(sample(prefix + "_", 36) for prefix in ("ghp", "gho", "ghu", "ghs", "ghr")),
    sample("github" + "_pat_", 82),
    *(sample(prefix + "-", 40) for prefix in ("xoxb", "xoxp", "xoxa", "xoxr", "xoxs", "xoxe.xoxp")),
    sample("xapp" + "-1-", 40),
    *(sample(f"{kind}_{mode}_", 24) for kind in ("sk", "rk") for mode in ("live", "test")),
    sample("whsec" + "_", 32),
    sample("AI" + "za", 35),
    sample("glpat" + "-", 20),
]


@pytest.mark.parametrize("secret", PREFIXED)
@pytest.mark.parametrize("around", [("", ""), ("key ", "."), ('{"key":"', '"}'), ("KEY=", "\nNEXT=1")])
def test_documented_prefixes(secret: str, around: tuple[str, str]) -> None:
    assert found(CREDENTIAL, around[0] + secret + around[1]) == [secret]


FORTY = ("wJalr/XUtn" + "FEMI+K7MDE") * 2
USER = base64.b64encode(b"anna:a pass phrase").decode()
B64TOKEN = sample("", 24) + "-._~+/=="


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("aws_secret_access_key = {}", FORTY),
        ("AWS_SECRET_ACCESS_KEY={}", FORTY),
        ('"secretAccessKey":"{}"', FORTY),
        ('"SecretKey" : "{}"', FORTY),
        (r"{{\"secret_key\":\"{}\"}}", FORTY),
        ("Authorization: Bearer {}", B64TOKEN),
        ("bearer {}", B64TOKEN),
        ("authorization=Bearer {}", "word"),
        ('authorization="Bearer {}"', "word"),
        ("curl -H 'Authorization: Bearer {}'", "s3cr3tTok"),
        ("Authorization: bearer {}", "only-letters-and-so-on"),
        (r"{{\"authorization\":\"Bearer {}\"}}", "a1b2"),
        ("Authorization: Basic {}", USER),
        ("Authorization: Basic {}", USER.rstrip("=")),
        ('"authorization":"Basic {}"', USER),
        (r"{{\"Authorization\":\"basic {}\"}}", USER),
    ],
)
def test_what_the_words_before_reveal(text: str, secret: str) -> None:
    assert found(CREDENTIAL, text.format(secret)) == [secret]
    assert redacted(CREDENTIAL, text.format(secret)) == text.format("****")


@pytest.mark.parametrize(
    "text",
    [
        "bearer of unexpectedly good news",
        "Bearer responsibilities-and-such",
        "Basic Membership",
        "Authorization: Basic Membership",
        "Authorization: none",
        "Authorization: bearer token required",
        "secret_key: see the vault",
        '"hash":"' + FORTY + '"',
        "AKIA" + "1234",
        "gh" + "p_short",
        "AI" + "zawa Yukio",
        "-----BEGIN " + "CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----BEGIN " + "PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
        "****",
    ],
)
def test_no_credentials(text: str) -> None:
    assert found(CREDENTIAL, text) == []


BODY = [("MIIEvQIBADANBgkq" * 4)[:64]] * 5 + ["a1B2c3=="]


def pem(kind: str, newline: str, *, closed: bool = True) -> str:
    lines = ["-----BEGIN " + kind + "-----", *BODY]
    return newline.join([*lines, "-----END " + kind + "-----"] if closed else lines)


@pytest.mark.parametrize("kind", ["PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", r"\n", r"\\n", " ", ""])
def test_private_keys(kind: str, newline: str) -> None:
    text = redacted(CREDENTIAL, f"before {pem(kind, newline)} after\nlast")
    assert text.startswith("before ****")
    assert text.endswith("**** after\nlast")
    assert not any(line in text for line in BODY)


def test_headers_within_a_private_key() -> None:
    text = pem("RSA PRIVATE KEY", "\n").replace("\n", "\nProc-Type: 4,ENCRYPTED\n\n", 1)
    assert set(redacted(CREDENTIAL, text)) <= set("*\n")


@pytest.mark.parametrize("newline", ["\n", r"\n"])
def test_a_private_key_cut_short(newline: str) -> None:
    text = redacted(CREDENTIAL, pem("PRIVATE KEY", newline, closed=False) + "\nmerchant\n")
    assert BODY[0] not in text
    assert "merchant" in text


def test_a_private_key_ends_with_its_text() -> None:
    seen = view(pem("PRIVATE KEY", "\n", closed=False)) + b"\n" + BODY[0].encode()
    assert all(end <= seen.index(b"\n") for _, end in CREDENTIAL.find(seen, 0, len("-----BEGIN PRIVATE KEY-----")))


@pytest.mark.parametrize("detector", [JWT, CREDENTIAL], ids=lambda each: str(each.name))
@given(st.text(max_size=20), st.sampled_from([*PREFIXED, pem("PRIVATE KEY", "\n"), encoded({"alg": "none"}) + ".x."]))
def test_what_is_found_in_a_text_is_a_candidate_in_its_json(detector: Detector, before: str, secret: str) -> None:
    text = before + secret
    if found(detector, text):
        assert compile_bytes(detector.candidate).search(view(orjson.dumps({"key": text}).decode()))
    assert found(detector, redacted(detector, text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "eyJ" * 5_300 + ".a.b",
        "-----BEGIN " + "PRIVATE KEY-----" * 1_000,
        ("-----BEGIN " + "PRIVATE KEY-----") * 600,
        "Bearer " + "1" * 16_000,
        "Authorization: Basic " + "QQ==" * 4_000,
        "secret_key=" * 1_500 + "1" * 40,
    ],
)
def test_time_is_bounded(text: str) -> None:
    begun = time.process_time()
    found(JWT, text)
    found(CREDENTIAL, text)
    assert time.process_time() - begun < 0.5
