"""What names a secret names one for every setting, and what names none is a file, or a mistake."""

import pytest
from pydantic import ValidationError

from consumer.secret_names import is_file, is_secret
from consumer.settings import Settings


@pytest.mark.parametrize(
    ("source", "secret", "file"),
    [
        ("secretsmanager:prod/keys", True, False),
        ("arn:aws:secretsmanager:eu-central-1:111122223333:secret:a-AbCdEf", True, False),
        ("arn:aws-us-gov:secretsmanager:us-gov-west-1:1:secret:a", True, False),
        ("arn:aws:s3:::bucket/keys.yaml", False, False),
        ("arn:aws:kms:eu-central-1:1:key/secretsmanager:a", False, False),
        ("secretsmanager:", False, True),
        ("secretsmanager/keys.yaml", False, True),
        ("keys.yaml", False, True),
    ],
)
def test_a_secret_is_told_from_a_file(source: str, *, secret: bool, file: bool) -> None:
    assert (is_secret(source), is_file(source)) == (secret, file)
    try:
        Settings.model_validate({"quarantine": {"fingerprint_secret": source}})
    except ValidationError:
        assert not secret
    else:
        assert secret
