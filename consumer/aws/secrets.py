"""The text of a secret in AWS Secrets Manager, which a setting names."""

from typing import Final

from consumer.aws.clients import client
from consumer.aws.errors import CALL_ERRORS, explain
from consumer.errors import StartError

SECRET_PREFIX: Final = "secretsmanager:"  # noqa: S105 - a scheme, no secret

_RETRIES: Final = 3


def is_secret(source: str) -> bool:
    """Whether a setting names a secret: by its ARN, or by ``secretsmanager:`` and its name."""
    return source.startswith(SECRET_PREFIX) or (
        source.startswith("arn:") and source.split(":")[2:3] == ["secretsmanager"]
    )


def read_secret(source: str) -> str:
    """Return a secret's current SecretString; empty where it holds none.

    :param source: what `is_secret` takes.
    :raises StartError: there is no such secret, it may not be read, or nobody answers.
    """
    name = source.removeprefix(SECRET_PREFIX)
    problem = ""
    try:
        answer = client("secretsmanager", retries=_RETRIES).get_secret_value(SecretId=name)
    except CALL_ERRORS as error:
        problem = explain(error, "secretsmanager:GetSecretValue", f"secret {name}")
    else:
        return answer.get("SecretString") or ""
    # Here, so that the error that repeats what was sent is not even the context of this one.
    raise StartError(problem)
