"""The fingerprints' key: as it is set, of a secret as moto plays it, or random."""

import traceback
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from consumer.errors import SanitizerError, StartError, UsageError
from consumer.quarantine.fingerprint_key import chosen_key, fingerprint_key
from consumer.settings.sections import QuarantineSettings

KEY = "canary-key-of-32-characters-or-more"


@pytest.fixture(autouse=True)
def _cloud() -> Iterator[None]:
    with mock_aws():
        yield


def stored(text: str) -> str:
    manager: Any = boto3.client("secretsmanager")  # type: ignore[call-overload, unused-ignore]
    arn: str = manager.create_secret(Name="prod/fingerprints", SecretString=text)["ARN"]
    return arn


def settings(**values: Any) -> QuarantineSettings:
    return QuarantineSettings.model_validate(values)


def error_of(kind: type[SanitizerError], source: str) -> str:
    with pytest.raises(kind) as caught:
        fingerprint_key(settings(fingerprint_secret=source))
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__context__)
    assert KEY[:10] not in shown
    return str(caught.value)


def test_without_one_each_start_has_its_own() -> None:
    assert chosen_key(settings()) is None
    assert len(fingerprint_key(settings())) >= 32
    assert fingerprint_key(settings()) != fingerprint_key(settings())


def test_the_same_key_by_variable_and_by_secret_is_the_same() -> None:
    by_arn = settings(fingerprint_secret=stored(KEY))
    by_name = settings(fingerprint_secret="secretsmanager:prod/fingerprints")
    by_variable = settings(fingerprint_key=KEY)
    assert fingerprint_key(by_arn) == fingerprint_key(by_name) == fingerprint_key(by_variable) == KEY.encode()


def test_a_secret_that_is_no_key_is_wrong_usage() -> None:
    said = error_of(UsageError, stored(KEY[:31]))
    assert said.startswith("quarantine.fingerprint_secret: ")
    assert "32 characters" in said


def test_a_secret_that_is_not_there_ends_the_start() -> None:
    said = error_of(StartError, "secretsmanager:prod/nothing")
    assert "prod/nothing" in said
