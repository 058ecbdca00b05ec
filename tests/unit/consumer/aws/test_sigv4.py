"""The signer against botocore's."""

import hmac
import string
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from consumer.aws import sigv4
from consumer.aws.sigv4 import CONTENT_TYPE, DYNAMODB, Signer, agrees_with_botocore

REGION, SERVICE = "eu-central-1", DYNAMODB
URL = "https://dynamodb.eu-central-1.amazonaws.com/"
CREDENTIALS = ReadOnlyCredentials("AKID", "secret", "token")
DAY = 86400

urls = st.sampled_from(
    [
        URL,
        "https://dynamodb.eu-central-1.amazonaws.com",
        "https://123456789012.ddb.us-east-1.amazonaws.com",
        "https://dynamodb.eu-central-1.api.aws:443",
        "https://vpce-1.dynamodb.vpce.amazonaws.com:8443/",
        "http://127.0.0.1:8000",
        "http://localhost:80/",
        "http://localhost:443/",
        "http://[::1]:4566",
        "http://[::1]",
        "http://localhost:4566/dynamodb/local",
    ]
)
text = st.text(string.ascii_letters + string.digits + "+/=", min_size=1, max_size=60)
credentials = st.builds(ReadOnlyCredentials, text, text, st.none() | text)
targets = st.sampled_from(["BatchWriteItem", "ListTables"]).map("DynamoDB_20120810.".__add__)
moments = st.integers(0, 4_000_000_000)


@contextmanager
def at(now: float) -> Iterator[None]:
    """Let both signers believe that it is this moment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sigv4, "time", SimpleNamespace(time=lambda: now, strftime=time.strftime, gmtime=time.gmtime))
        patch.setattr(botocore.auth, "get_current_datetime", lambda: datetime.fromtimestamp(int(now), UTC))
        yield


def headers_of(head: bytes) -> dict[str, str]:
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    assert first.startswith("POST /")
    assert first.endswith(" HTTP/1.1")
    headers = dict(line.split(": ", 1) for line in lines)
    assert len(headers) == len(lines)
    return headers


def botocores(frozen: Any, url: str, target: str, body: bytes) -> dict[str, str]:
    request = AWSRequest("POST", url, data=body, headers={"content-type": CONTENT_TYPE, "x-amz-target": target})
    SigV4Auth(frozen, SERVICE.name, REGION).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def assert_alike(signer: Signer, frozen: Any, url: str, target: str, body: bytes) -> None:
    headers = headers_of(signer.head(target, body))
    assert headers.pop("content-length") == str(len(body))
    assert headers.pop("user-agent") == "agent"
    assert headers.pop("host") in url.lower()
    assert headers == botocores(frozen, url, target, body)


@given(credentials, urls, targets, st.binary(max_size=200), moments)
def test_every_request_is_signed_as_botocore_signs_it(
    frozen: ReadOnlyCredentials, url: str, target: str, body: bytes, now: int
) -> None:
    with at(now):
        assert_alike(Signer(lambda: frozen, url, REGION, SERVICE, "agent"), frozen, url, target, body)


@given(
    st.lists(credentials, min_size=1, max_size=3).flatmap(
        lambda some: st.lists(
            st.tuples(st.sampled_from(some), targets, st.binary(max_size=9), st.sampled_from([0, 0, 1, 60, DAY, -DAY])),
            min_size=2,
            max_size=8,
        )
    ),
    moments,
)
def test_what_a_signer_keeps_is_never_out_of_date(
    calls: Sequence[tuple[ReadOnlyCredentials, str, bytes, int]], now: int
) -> None:
    """Credentials are refreshed between calls, seconds and days pass, and clocks are set back."""
    now += DAY * len(calls)
    current = [calls[0][0]]
    signer = Signer(lambda: current[0], URL, REGION, SERVICE, "agent")
    for frozen, target, body, passed in calls:
        now += passed
        current[0] = frozen
        with at(now):
            assert_alike(signer, frozen, URL, target, body)


@pytest.mark.parametrize(("before", "after"), [(DAY - 1, DAY), (20_000 * DAY - 1, 20_000 * DAY)])
def test_a_new_day_has_a_new_key(before: int, after: int) -> None:
    signer = Signer(lambda: CREDENTIALS, URL, REGION, SERVICE, "agent")
    for now in (before, after):
        with at(now + 0.999):
            assert_alike(signer, CREDENTIALS, URL, "t", b"{}")


def test_the_key_is_made_once_a_day_also_from_credentials_that_are_frozen_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signer = Signer(Credentials("AKID", "secret", "token").get_frozen_credentials, URL, REGION, SERVICE, "agent")
    signer.head("t", b"{}")
    made: list[object] = []
    digest = hmac.digest

    def counted(*arguments: Any) -> bytes:
        made.append(arguments)
        return digest(*arguments)

    monkeypatch.setattr(hmac, "digest", counted)
    for _ in range(10):
        signer.head("t", b"{}")
    assert len(made) == 10  # the signatures


def test_no_credentials_is_the_callers_error() -> None:
    def expired() -> Any:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        Signer(expired, URL, REGION, SERVICE, "agent").head("t", b"{}")


@given(credentials, urls)
def test_agreement_is_found(frozen: ReadOnlyCredentials, url: str) -> None:
    assert agrees_with_botocore(lambda: frozen, url, REGION, SERVICE)


def test_a_second_that_passes_between_the_two_is_no_disagreement(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    ticks = iter([now.timestamp() - 1, now.timestamp(), now.timestamp()])
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: now)
    fake = SimpleNamespace(time=lambda: next(ticks), strftime=time.strftime, gmtime=time.gmtime)
    monkeypatch.setattr(sigv4, "time", fake)
    assert agrees_with_botocore(lambda: CREDENTIALS, URL, REGION, SERVICE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("canonical_query_string", lambda *_: "x=1"),
        ("signed_headers", lambda *_: "host"),
        ("payload", lambda *_: "0" * 64),
        ("credential_scope", lambda *_: "x"),
        ("signature", lambda *_: "0" * 64),
    ],
)
def test_any_difference_is_no_agreement(monkeypatch: pytest.MonkeyPatch, name: str, value: Any) -> None:
    assert agrees_with_botocore(lambda: CREDENTIALS, URL, REGION, SERVICE)
    monkeypatch.setattr(SigV4Auth, name, value)
    assert not agrees_with_botocore(lambda: CREDENTIALS, URL, REGION, SERVICE)


def test_an_endpoint_that_cannot_be_signed_alike_is_no_agreement() -> None:
    assert not agrees_with_botocore(lambda: CREDENTIALS, "https://host/?query=1", REGION, SERVICE)
    assert not agrees_with_botocore(lambda: CREDENTIALS, "https://host/a%20b", REGION, SERVICE)
