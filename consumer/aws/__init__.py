"""Talking to AWS: clients, what its errors mean, the fast way of one signed request; knows nothing of the worker."""

from consumer.aws.clients import (
    clear_endpoints,
    client,
    custom_endpoint,
    is_encrypted,
    is_near,
    own_client,
    region,
    session,
    shown,
)
from consumer.aws.errors import CALL_ERRORS, REASONS, code_of, error_code, explain, reason, reason_of, request_id
from consumer.aws.secrets import read_secret
from consumer.secret_names import SECRET_PREFIX, is_secret

__all__ = [
    "CALL_ERRORS",
    "REASONS",
    "SECRET_PREFIX",
    "clear_endpoints",
    "client",
    "code_of",
    "custom_endpoint",
    "error_code",
    "explain",
    "is_encrypted",
    "is_near",
    "is_secret",
    "own_client",
    "read_secret",
    "reason",
    "reason_of",
    "region",
    "request_id",
    "session",
    "shown",
]
