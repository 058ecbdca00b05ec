"""The text of a secret in AWS Secrets Manager, which a setting names."""

from typing import Final

from consumer.aws.clients import client
from consumer.aws.errors import CALL_ERRORS, explain
from consumer.errors import StartError
from consumer.secret_names import SECRET_PREFIX

_RETRIES: Final = 3


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
