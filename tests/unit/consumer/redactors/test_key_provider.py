"""Keys from a file, Secrets Manager and KMS, as moto plays them."""

import base64
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from consumer import aws
from consumer.aws import SECRET_PREFIX
from consumer.redactors.key_provider import SourceUnreachable, encryption_context, key_provider
from redaction.keys import Key, KeyProvider, KeyUnavailable

SECRET = bytes(range(32))
WRITTEN = base64.b64encode(SECRET).decode()
PLAIN = f"customer: [{{id: a, secret: {WRITTEN}}}]\n"


@pytest.fixture
def cloud() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(service: str, **_: Any) -> Any:
        raise AssertionError(service)

    monkeypatch.setattr(aws, "client", refuse)
    monkeypatch.setattr(aws, "read_secret", refuse)


def wrapped(context: dict[str, str]) -> str:
    kms: Any = boto3.client("kms")  # type: ignore[call-overload, unused-ignore]
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=SECRET, EncryptionContext=context)["CiphertextBlob"]
    return base64.b64encode(blob).decode()


def stored(text: str, name: str = "prod/keys") -> str:
    manager: Any = boto3.client("secretsmanager")  # type: ignore[call-overload, unused-ignore]
    arn: str = manager.create_secret(Name=name, SecretString=text)["ARN"]
    return arn


def provider(source: object) -> KeyProvider:
    made = key_provider(str(source))
    assert made
    return made


def error_of(source: object, name: str = "customer") -> str:
    with pytest.raises(KeyUnavailable) as caught:
        provider(source).keys(name)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__context__)
    assert WRITTEN[:12] not in shown
    return str(caught.value)


def test_no_source_no_provider() -> None:
    assert key_provider(None) is None


@pytest.mark.usefixtures("no_aws")
class TestFile:
    def test_is_read_once_when_a_key_is_asked_for(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.yaml"
        keys = provider(path)
        path.write_text(PLAIN)
        assert list(keys.keys("customer")) == [Key("a", SECRET)]
        path.unlink()
        assert list(keys.keys("customer")) == [Key("a", SECRET)]

    def test_a_secret_is_not_fetched_before_a_key_is_asked_for(self) -> None:
        provider(f"{SECRET_PREFIX}prod/keys")

    def test_what_is_wrong_with_it(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.yaml"
        assert error_of(path) == f"key file {path} cannot be read (No such file or directory): correct redaction.keys"
        path.write_bytes(b"\xff\xfe" + PLAIN.encode())
        assert error_of(path).startswith(f"key file {path}:1: ")
        path.write_text(PLAIN)
        assert error_of(path, "card").startswith(f"key file {path}: there is no key 'card'")


@pytest.mark.usefixtures("cloud")
class TestSecret:
    def test_by_name_and_by_arn(self) -> None:
        arn = stored(PLAIN)
        for source in (arn, f"{SECRET_PREFIX}prod/keys"):
            assert list(provider(source).keys("customer")) == [Key("a", SECRET)]

    def test_none_of_that_name(self) -> None:
        message = error_of(f"{SECRET_PREFIX}absent")
        assert message.startswith("There is no secret absent (ResourceNotFoundException): create it")

    def test_binary(self) -> None:
        manager: Any = boto3.client("secretsmanager")  # type: ignore[call-overload, unused-ignore]
        manager.create_secret(Name="binary", SecretBinary=PLAIN.encode())
        assert error_of(f"{SECRET_PREFIX}binary") == (
            "secret binary holds no text: store the key file as its SecretString"
        )

    def test_an_arn_of_something_else(self) -> None:
        with pytest.raises(KeyUnavailable, match="must be a path, or the ARN of a Secrets Manager secret"):
            key_provider("arn:aws:kms:eu-central-1:123456789012:key/x")

    def test_no_region(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        assert error_of(f"{SECRET_PREFIX}prod/keys") == "No AWS region is configured: set AWS_REGION."


@pytest.mark.usefixtures("cloud")
class TestKms:
    def test_encrypted_keys_in_a_file_and_in_a_secret(self, tmp_path: Path) -> None:
        text = f"customer: [{{id: a, encrypted: {wrapped(encryption_context('customer', 'a'))}}}]"
        path = tmp_path / "keys.yaml"
        path.write_text(text)
        for source in (path, stored(text)):
            assert list(provider(source).keys("customer")) == [Key("a", SECRET)]

    def test_a_key_cannot_be_put_in_anothers_place(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.yaml"
        path.write_text(f"customer: [{{id: a, encrypted: {wrapped(encryption_context('customer', 'b'))}}}]")
        message = error_of(path)
        assert message.startswith("kms:Decrypt on key 'customer', id 'a' failed (InvalidCiphertextException)")
        assert "the context application, key, id of this very key" in message

    def test_keys_that_nobody_asks_for_are_not_decrypted(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.yaml"
        path.write_text(f"{PLAIN}card: [{{id: a, encrypted: AAAA}}]")
        assert list(provider(path).keys("customer")) == [Key("a", SECRET)]
        assert "kms:Decrypt on key 'card'" in error_of(path, "card")


def test_what_aws_is_not_configured_for_is_no_source_out_of_reach(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Waiting would not mend it: as with a file that is not there, the exit status is 2."""
    path = tmp_path / "keys.yaml"
    path.write_text("customer: [{id: a, encrypted: AAAA}]")
    for source, service in ((f"{SECRET_PREFIX}prod/keys", "SECRETS_MANAGER"), (path, "KMS")):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", "no url")
        with pytest.raises(KeyUnavailable, match=f"AWS_ENDPOINT_URL_{service} is no URL") as refused:
            provider(source).keys("customer")
        assert not isinstance(refused.value, SourceUnreachable)
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", "http://127.0.0.1:1")
        monkeypatch.setattr("consumer.redactors.key_provider._RETRIES", 0)
        monkeypatch.setattr("consumer.aws.secrets._RETRIES", 0)
        with pytest.raises(SourceUnreachable):
            provider(source).keys("customer")


def test_an_endpoint_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETSMANAGER", "http://127.0.0.1:1")
    monkeypatch.setattr("consumer.redactors.key_provider._RETRIES", 0)
    assert error_of(f"{SECRET_PREFIX}prod/keys").startswith("The endpoint for secretsmanager:GetSecretValue cannot be")
