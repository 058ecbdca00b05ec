"""What a setting may hold instead of a file's path: the name of a secret in AWS Secrets Manager."""

import re
from typing import Final

SECRET_PREFIX: Final = "secretsmanager:"  # noqa: S105 - a scheme, no secret

ARN_PREFIX: Final = "arn:"

SECRET_NAME: Final = rf"({ARN_PREFIX}[a-z-]+:secretsmanager:|{SECRET_PREFIX}).+"
"""The form of what names a secret: its ARN, or ``secretsmanager:`` and its name."""


def is_secret(source: str) -> bool:
    """Whether a setting names a secret."""
    return re.fullmatch(SECRET_NAME, source) is not None


def is_file(source: str) -> bool:
    """Whether it names a file; an ARN of anything else than a secret is a mistake, and no file."""
    return not is_secret(source) and not source.startswith(ARN_PREFIX)
