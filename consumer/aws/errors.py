"""What AWS's errors mean, without ever repeating their text."""

import os
import re
from typing import Final
from urllib.parse import urlsplit

import botocore.exceptions as be
import orjson

_PERMISSION = frozenset(
    {
        "AccessDeniedException",
        "AccessDenied",
        "UnauthorizedOperation",
        "NotAuthorized",
        "KMSAccessDeniedException",
    }
)


_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "IncompleteSignature",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)


_MISSING = frozenset({"ResourceNotFoundException"})


_THROTTLED = frozenset(
    {
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)


_CODE = re.compile(r"[A-Za-z]{1,80}")


_REFUSED = frozenset(
    {
        "InvalidArgumentException",  # Kinesis's
        "ItemCollectionSizeLimitExceededException",
        "SerializationException",
        "ValidationException",
    }
)


def error_code(error: Exception) -> str:
    """Return a short code for a botocore error: AWS's own, else the exception's class."""
    if isinstance(error, be.ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))[:80]
    return type(error).__name__


def request_id(error: Exception) -> str | None:
    """Return AWS's request id of a failed call, if it has one."""
    if isinstance(error, be.ClientError):
        found = error.response.get("ResponseMetadata", {}).get("RequestId")
        return str(found)[:80] if found else None
    return None


class CredentialsExpired(Exception):
    """Credentials were refreshed, and those that came have expired already."""


CALL_ERRORS: Final = (be.ClientError, be.BotoCoreError, OSError, CredentialsExpired)
"""What a call through botocore may raise."""


REASONS: Final = ("permission", "credentials", "missing", "throttled", "refused", "unreachable", "service")
"""What `reason` returns."""


def reason(error: Exception) -> str:
    """Classify a failed call.

    :return: ``permission``, ``credentials``, ``missing``, ``throttled``, ``refused`` (the request itself is at fault),
        ``unreachable`` (network or time-out) or ``service`` (anything else, 5xx among it).
    """
    if isinstance(error, be.ClientError):
        return reason_of(error_code(error))
    if isinstance(
        error,
        (
            be.NoCredentialsError,
            be.PartialCredentialsError,
            be.CredentialRetrievalError,
            be.TokenRetrievalError,
            CredentialsExpired,
        ),
    ):
        return "credentials"
    if isinstance(error, (be.HTTPClientError, be.ConnectionError, OSError)):
        return "unreachable"
    return "service"


def reason_of(code: str) -> str:
    """Classify a failed call by AWS's own code, as `reason` does."""
    for name, codes in (
        ("permission", _PERMISSION),
        ("credentials", _CREDENTIALS),
        ("missing", _MISSING),
        ("throttled", _THROTTLED),
        ("refused", _REFUSED),
    ):
        if code in codes:
            return name
    return "service"


def code_of(body: bytes) -> str:
    """Return AWS's own code from the body of a failed call in its JSON protocol; empty: there is none in it."""
    try:
        kind = orjson.loads(body)["__type"]
    except (ValueError, KeyError, TypeError):
        return ""
    code = str(kind).rpartition("#")[2]
    return code if _CODE.fullmatch(code) else ""


def explain(error: Exception, operation: str, target: str) -> str:
    """Return one sentence for a person about a failed call.

    :param operation: IAM action, e.g. ``dynamodb:DescribeTable``.
    :param target: what it was called for, e.g. ``table orders``.
    """
    code = error_code(error)
    match reason(error):
        case "permission":
            # A missing permission for its key has the same code; only the text differs, and that is not shown.
            return (
                f"{operation} on {target} is not permitted ({code}): grant it to the role in use, and kms:Decrypt on "
                "its key, if that is a customer's."
            )
        case "credentials":
            return f"AWS credentials are missing or not valid ({code}): needed for {operation} on {target}."
        case "missing":
            return f"There is no {target} ({code}): create it, or correct its name, region or account."
        case "throttled":
            return f"{operation} on {target} is throttled ({code})."
        case "unreachable":
            return (
                f"The endpoint for {operation} cannot be reached ({code}): check network, AWS_ENDPOINT_URL and region."
            )
        case _:
            return f"{operation} on {target} failed ({code})."


_ENDPOINT: Final = "AWS_ENDPOINT_URL"
_VARIABLES: Final = {
    be.InvalidRetryModeError: "AWS_RETRY_MODE",
    be.InvalidMaxRetryAttemptsError: "AWS_MAX_ATTEMPTS",
    be.InvalidDefaultsMode: "AWS_DEFAULTS_MODE",
    ValueError: "AWS's variables and files, one of which holds a value of another kind",
}


def misconfigured(error: Exception, service: str, endpoint: str | None = None) -> str:
    """Return one sentence on why there can be no session, or no client for a service.

    :param error: what botocore raised. Of its text nothing is repeated: an endpoint may hold a password.
    :param service: botocore's name of it, such as ``dynamodb``.
    :param endpoint: the one that the caller named; None: AWS's variables and files name it.
    """
    match error:
        case be.NoRegionError():
            return "No AWS region is configured: set AWS_REGION."
        case be.ProfileNotFound():
            variable = _set_one("AWS_PROFILE", "AWS_DEFAULT_PROFILE") or "AWS_PROFILE"
            return f"There is no AWS profile {error.kwargs['profile']!r}: correct {variable}, or add it to AWS's files."
        case be.ConfigParseError() | be.ConfigNotFound():
            return f"AWS's configuration file {error.kwargs['path']} cannot be read: correct it, or AWS_CONFIG_FILE."
        case be.InvalidRegionError():
            variable = _set_one("AWS_REGION", "AWS_DEFAULT_REGION") or "the region of the AWS profile"
            return f"{error.kwargs['region_name']!r} is no AWS region: correct {variable}."
        case ValueError():  # of an endpoint that is no URL, but also of what should be a number
            own = f"{_ENDPOINT}_{'SECRETS_MANAGER' if service == 'secretsmanager' else service.upper()}"
            named = None if endpoint else _set_one(own, _ENDPOINT)
            if _is_of_endpoint(error, endpoint or (os.environ[named] if named else "")):
                where = "The endpoint" if endpoint else named or "The endpoint_url of the AWS profile"
                return f"{where} is no URL of {service}: write it as https://HOST or http://HOST:PORT."
    kind = type(error)
    return (
        f"The AWS client for {service} cannot be made ({kind.__name__}): "
        f"correct {_VARIABLES.get(kind, 'region, profile and endpoint')}."
    )


def _is_of_endpoint(error: ValueError, endpoint: str) -> bool:
    """Whether botocore says so, or the endpoint cannot even be taken apart, which raises an error of Python's own."""
    if str(error).startswith("Invalid endpoint"):
        return True
    try:
        urlsplit(endpoint)
    except ValueError:
        return True
    return False


def _set_one(*variables: str) -> str | None:
    """Return the first that is set, which is the one that counts."""
    return next((name for name in variables if os.environ.get(name)), None)
