"""Where calls go, and as whom: by AWS's own variables, and without a call."""

import itertools
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import botocore.httpsession
import botocore.session
import pytest
from botocore.credentials import CredentialResolver, RefreshableCredentials
from botocore.exceptions import HTTPClientError

from consumer import aws
from consumer.aws.endpoint import Endpoint, endpoint_of
from consumer.aws.errors import CredentialsExpired
from consumer.aws.sigv4 import DYNAMODB, KINESIS, Signer
from consumer.errors import StartError

SECRET = "the-secret-key"


@pytest.fixture(autouse=True)
def _nothing_but_the_tests_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_CA_BUNDLE", "AWS_ACCOUNT_ID", "AWS_ACCOUNT_ID_ENDPOINT_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)

    def refused(*_: object, **__: object) -> Any:
        msg = "the network was touched"
        raise AssertionError(msg)

    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(socket.socket, "connect", refused)


def with_environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Endpoint:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return endpoint_of(DYNAMODB)


def test_the_region_says_where() -> None:
    endpoint = endpoint_of(DYNAMODB)
    assert endpoint.url == "https://dynamodb.eu-central-1.amazonaws.com/"
    assert endpoint.region == "eu-central-1"
    assert endpoint.ca_bundle == botocore.httpsession.where()
    assert endpoint.user_agent.startswith("Botocore/")
    assert endpoint.user_agent.isprintable()
    assert endpoint.credentials()[:3] == ("testing", SECRET, None)


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:4566"}, "http://127.0.0.1:4566/"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}, "http://127.0.0.1:4566/"),
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:2"},
            "http://127.0.0.1:2/",
        ),
        ({"AWS_ENDPOINT_URL_KINESIS": "http://127.0.0.1:1"}, "https://dynamodb.eu-central-1.amazonaws.com/"),
        (
            {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_REGION": "us-east-1"},
            "https://dynamodb-fips.us-east-1.amazonaws.com/",
        ),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://dynamodb.eu-central-1.api.aws/"),
        ({"AWS_REGION": "cn-north-1"}, "https://dynamodb.cn-north-1.amazonaws.com.cn/"),
        ({"AWS_ACCOUNT_ID": "123456789012"}, "https://123456789012.ddb.eu-central-1.amazonaws.com/"),
        (
            {"AWS_ACCOUNT_ID": "123456789012", "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled"},
            "https://dynamodb.eu-central-1.amazonaws.com/",
        ),
    ],
    ids=[
        "own",
        "all services",
        "own wins",
        "another service's",
        "FIPS",
        "dual-stack",
        "China",
        "account",
        "no account",
    ],
)
def test_awss_variables_say_where(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str) -> None:
    assert with_environment(monkeypatch, **variables).url == url


def test_the_region_is_signed_for_also_where_the_endpoint_does_not_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = with_environment(monkeypatch, AWS_ENDPOINT_URL="http://127.0.0.1:1", AWS_REGION="us-west-2")
    assert endpoint.region == "us-west-2"


def test_a_bundle_of_certificates_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(Path(botocore.httpsession.where()).read_bytes())
    assert with_environment(monkeypatch, AWS_CA_BUNDLE=str(bundle)).ca_bundle == str(bundle)


def test_a_bundle_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"AWS_CA_BUNDLE is .*none\.pem, but there is no such file"):
        with_environment(monkeypatch, AWS_CA_BUNDLE=str(tmp_path / "none.pem"))


def test_credentials_are_refreshed_when_they_are_due(monkeypatch: pytest.MonkeyPatch) -> None:
    made = itertools.count()

    def metadata() -> dict[str, str]:
        key = f"AKID{next(made)}"
        return {"access_key": key, "secret_key": SECRET, "token": "t", "expiry_time": "2999-01-01T00:00:00Z"}

    refreshable = RefreshableCredentials.create_from_metadata(metadata(), metadata, "test")
    monkeypatch.setattr(botocore.session.Session, "get_credentials", lambda *_: refreshable)
    endpoint = endpoint_of(DYNAMODB)
    assert [endpoint.credentials().access_key for _ in range(2)] == ["AKID0"] * 2
    refreshable._expiry_time = refreshable._expiry_time.replace(year=2000)  # type: ignore[attr-defined]
    assert endpoint.credentials().access_key == "AKID1"


def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")


def half_of_the_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")


def no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")


def no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "no url")


def no_such_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobodys")


@pytest.mark.parametrize(
    ("without", "sentence"),
    [
        (no_credentials, "AWS credentials are missing or not valid"),
        (half_of_the_credentials, "PartialCredentialsError"),
        (no_region, "set AWS_REGION"),
        (no_url, "AWS_ENDPOINT_URL_DYNAMODB is no URL of dynamodb"),
        (no_such_profile, "There is no AWS profile 'nobodys'"),
    ],
)
def test_what_is_missing_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, without: Callable[[pytest.MonkeyPatch], None], sentence: str
) -> None:
    without(monkeypatch)
    with pytest.raises(StartError, match=sentence) as raised:
        endpoint_of(DYNAMODB)
    assert SECRET not in str(raised.value)


def test_it_is_found_out_once_and_again_when_the_variables_change(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = endpoint_of(DYNAMODB)
    assert endpoint_of(DYNAMODB) is endpoint
    assert endpoint_of(KINESIS).url == "https://kinesis.eu-central-1.amazonaws.com/"
    assert with_environment(monkeypatch, AWS_REGION="us-west-2").region == "us-west-2"


def test_calls_of_others_are_not_intercepted() -> None:
    endpoint_of(DYNAMODB)
    with pytest.raises(HTTPClientError, match="the network was touched"):
        aws.client("dynamodb").batch_write_item(
            RequestItems={"table": [{"DeleteRequest": {"Key": {"key": {"S": "value"}}}}]}
        )


def test_credentials_are_fetched_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[object] = []
    load = CredentialResolver.load_credentials

    def counted(resolver: CredentialResolver) -> Any:
        fetched.append(resolver)
        return load(resolver)

    monkeypatch.setattr(CredentialResolver, "load_credentials", counted)
    aws.client("kinesis")
    for service in (DYNAMODB, KINESIS):
        aws.client(service.name, retries=3)
        endpoint_of(service)
    assert len(fetched) == 1


def expired(monkeypatch: pytest.MonkeyPatch, refresh: Callable[[], dict[str, str]] | None = None) -> None:
    """Let the credentials of the session be due, and what comes for them as old."""
    metadata = {"access_key": "AKID", "secret_key": SECRET, "token": "t", "expiry_time": "2000-01-01T00:00:00Z"}
    found = RefreshableCredentials.create_from_metadata(metadata, refresh or (lambda: metadata), "test")
    monkeypatch.setattr(botocore.session.Session, "get_credentials", lambda *_: found)


def test_credentials_that_come_expired_have_an_error_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    expired(monkeypatch)
    with pytest.raises(CredentialsExpired) as failed:
        aws.client("dynamodb").list_tables()
    assert aws.reason(failed.value) == "credentials"
    assert isinstance(failed.value, aws.CALL_ERRORS)
    with pytest.raises(StartError, match=r"not valid \(CredentialsExpired\)"):
        endpoint_of(DYNAMODB)


def test_credentials_that_expire_later_have_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = {"access_key": "AKID", "secret_key": SECRET, "token": "t", "expiry_time": "2999-01-01T00:00:00Z"}
    found = RefreshableCredentials.create_from_metadata(metadata, lambda: metadata, "test")
    monkeypatch.setattr(botocore.session.Session, "get_credentials", lambda *_: found)
    endpoint = endpoint_of(DYNAMODB)
    metadata["expiry_time"] = "2000-01-01T00:00:00Z"
    found._expiry_time = found._expiry_time.replace(year=2000)  # type: ignore[attr-defined]
    signer = Signer(endpoint.credentials, endpoint.url, endpoint.region, DYNAMODB, "agent")
    with pytest.raises(CredentialsExpired):
        signer.head("t", b"{}")


def test_a_defect_in_a_refresh_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def refresh() -> dict[str, str]:
        return refresh()

    expired(monkeypatch, refresh)
    with pytest.raises(RecursionError):
        aws.client("dynamodb").list_tables()
