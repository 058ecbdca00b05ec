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
    *(sample("gl" + kind + "-", 24) for kind in ("rt", "dt", "ptt", "soat")),
    *("shp" + kind + "_" + "0123456789abcdef" * 2 for kind in ("at", "ca", "pa", "ss")),
    sample("sq0" + "csp-", 43),
    sample("sq0" + "atp-", 22),
    sample("EAA" + "A", 60),
    sample("A21" + "AA", 80),
    "access_token" + "$production$" + sample("", 16).lower() + "$" + "0123456789abcdef" * 2,
    *(f"access-{mode}-8ab976e6-64bc-4b38-98f7-731e7a349970" for mode in ("sandbox", "production")),
    sample("SG" + ".", 22) + "." + sample("", 43),
    sample("sk-" + "ant-api03-", 95),
    sample("sk-" + "proj-", 60),
    sample("sk" + "-", 48),
    sample("npm" + "_", 36),
    sample("hv" + "s.", 95),
    sample("pypi" + "-AgEIcHlwaS5vcmc", 60),
    "dop" + "_v1_" + "0123456789abcdef" * 4,
    sample("ya" + "29.", 80),
    "sntrys" + "_eyJpYXQiOjE3MDB9==_" + sample("", 43),
    "AQE" + sample("", 60) + "==-" + sample("", 43) + "=-" + sample("", 16),
    sample("li" + "ve_", 30),
    "c" + "k_" + "0123456789abcdef" * 2 + "01234567",
    "key" + "-" + "0123456789abcdef" * 2,
    "1234567890:" + sample("AA", 33),
    "MTk4NjIyNDgzNDcxOTI1MjQ4" + ".Cl2FMQ." + sample("", 27),
    "0123456789abcdef" * 2 + "-us" + "12",
    "dapi" + "0123456789abcdef" * 2,
    sample("lin" + "_api_", 40),
    sample("ntn" + "_", 46),
    "PMAK" + "-" + "0123456789abcdef01234567" + "-" + "0123456789abcdef0123456789abcdef01",
    sample("NRAK" + "-", 27).upper(),
    sample("glsa" + "_", 32) + "_0123abcd",
    "IQoJb3Jp" + "Z2luX2VjE" + sample("", 50),
    "hooks.slack.com" + "/services/T0123/B0123/" + sample("", 24),
]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("https://shop.example/authenticate?key=imasecretipod", "imasecretipod"),
        ("/geocode?address=x&key=91447fd1849316bbc89d&lang=en", "91447fd1849316bbc89d"),
        ("/geocode?address=x&amp;key=91447fd1849316bbc89d", "91447fd1849316bbc89d"),
        ("8=FIX.4.4|35=A|553=trader7|554=Sup3r Secret!|10=062|", "Sup3r Secret!"),
        ("8=FIX.4.4\x0135=A\x01925=Sup3r|Secret\x0110=062\x01", "Sup3r|Secret"),
    ],
)
def test_keys_of_programs_and_passwords_of_fix(text: str, secret: str) -> None:
    assert found(CREDENTIAL, text) == [secret]
    assert compile_bytes(CREDENTIAL.candidate).search(json.dumps(text).encode())
    assert found(CREDENTIAL, text.replace(secret, "****")) == []


@pytest.mark.parametrize(
    "text",
    [
        "key=imasecretipod",
        "?key=lastModified",
        "?key=img/photo-2024.jpg",
        "?key=report_2024.csv",
        "?key=12345678",
        "?key=sort_by_date",
        "554=Sup3rSecret!|925=x",
        "?sortkey=imasecretipod",
    ],
)
def test_other_keys_and_tags(text: str) -> None:
    assert found(CREDENTIAL, text) == []


@pytest.mark.parametrize("secret", PREFIXED)
@pytest.mark.parametrize("around", [("", ""), ("key ", "."), ('{"key":"', '"}'), ("KEY=", "\nNEXT=1")])
def test_documented_prefixes(secret: str, around: tuple[str, str]) -> None:
    assert found(CREDENTIAL, around[0] + secret + around[1]) == [secret]


@pytest.mark.parametrize(
    "text",
    [
        sample("pk" + "_test_", 24),
        sample("sq0" + "idp-", 22),
        "rzp" + "_live_" + "a1B2c3D4e5f6g7",
        "xEAA" + "A" + "a1B2c3D4e5" * 6,
        "task-" + "0123456789abcdef" * 2,
        "test_ShouldDoThisAndThatAndTheOther",
        "live_stream_status_for_2024_and_then_more",
        "my_secret_rotation_policy",
        "feat" + "_test_61QGU1MWyFMSP9YBZ41ClCIKljWvsTgu",
        "customer_secret_question_answered",
        "java.util.concurrent.atomic.AtomicReferenceArrayOfThings",
    ],
)
def test_what_is_public_or_a_word_is_no_token(text: str) -> None:
    assert found(CREDENTIAL, f"use {text} now") == []


def test_a_token_may_begin_within_what_looked_like_another() -> None:
    token = sample("sk" + "_live_", 24)
    assert found(CREDENTIAL, f"stripe_secret_{token} AKIA-{token}") == [token, token]


def test_of_a_client_secret_the_id_stays() -> None:
    text = "pi_3MtwBwLkdIwHu7ix28a3tqPa_" + "secret_YrKJUKribcBjcG8HVhfZluoGH"
    assert redacted(CREDENTIAL, text) == "pi_3MtwBwLkdIwHu7ix28a3tqPa_secret_****"


# What is hidden stands between guillemets.
@pytest.mark.parametrize(
    "text",
    [
        "Cookie: sid=«abc»; theme=dark; _ga=«GA1.2.3»; lang=en-GB; n=1",
        '"cookie":"sid=«6f1ed002ab5595859014ebf0951522d9»',
        "Set-Cookie: session=«8f14e45f»; HttpOnly; Path=/; Expires=Wed, 21 Oct 2015 07:28:00 GMT; b=«c9»",
        "Set-Cookie: a=«1z»; Path=/, b=«2y»; Max-Age=60; Secure",
        "curl -H 'Cookie: a=«b1»; c=«d2»' https://a.example/?x=1",
        "GET / Cookie: sid=«abc» HTTP/1.1 200",
        'Cookie: a=«"x y"»; b=«c1»',
        "mysql://«root»:«r00tpw»@10.1.2.3/db and mongodb+srv://«u»:«p%40ss»@h1,h2/x",
        "postgres://«u»:«p@ss»@db.example.com:5432/x?y=a@b.example",
        "redis://:«p#s/s»@host:1/0",
        r"amqp:\/\/«u»:«pw»@host",
        "https://host:8080/@user/x http://h:80?x=a@b.example https://a.example/c:d@e https://a.example:443,x@y",
        "sv=2022&sig=«abcDEF%2B123%3D»&se=2024",
        "https://x.example/k?X-Amz-Signature=«0123456789abcdef»&x=1",
        "SharedAccessKeyName=Root;SharedAccessKey=«aB3aB3aB3aB3aB3aB3=»;EntityPath=y",
        'Authorization: Digest username="rita", nonce="abc", response="«6629fae49393a053»"',
        "Authorization: AWS4-HMAC-SHA256 SignedHeaders=host, Signature=«f0e8bdb87c964420e857bd35»",
        "Authorization: Token «abcdefgh»",
        "Authorization: GenieKey «eb243592-faa2-4ba2»",
        'Authorization: OAuth oauth_consumer_key="«xvz1ev»", oauth_signature="«tnnA%3D»", oauth_token="«370-Gm»"',
        'Authorization: Hawk id="dh37", ts="1353832234", mac="«6R4rV5iE+NPo=»"',
        "authorization: approved later, Authorization: Approved 831005",
        "config=/some/long/path design=12345678901234567890",
    ],
)
def test_headers_and_addresses(text: str) -> None:
    clear = text.replace("«", "").replace("»", "")
    hidden = [each.split("»")[0] for each in text.split("«")[1:]]
    assert found(CREDENTIAL, clear) == hidden
    assert found(CREDENTIAL, redacted(CREDENTIAL, clear)) == []


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
        "xo" + "xb-" * 6_000,
        ("sk" + "_live_") * 2_000,
        "Cookie: a=b;" * 1_500,
        "authorization: a bcde=" * 1_000,
        "://a:b" * 3_000,
        "AQ" + "E/AQE" * 4_000,
    ],
)
def test_time_is_bounded(text: str) -> None:
    begun = time.process_time()
    found(JWT, text)
    found(CREDENTIAL, text)
    assert time.process_time() - begun < 0.5
