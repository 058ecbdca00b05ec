"""Where the key of the fingerprints comes from."""

import secrets
from typing import Final

from consumer import aws
from consumer.errors import UsageError
from consumer.settings.sections import FINGERPRINT_KEY_LENGTH, QuarantineSettings

_KEY_BYTES: Final = 32


def fingerprint_key(quarantine: QuarantineSettings) -> bytes:
    """Return the key that is set, or that of the secret that is; else a random one, another one at each call.

    :raises UsageError: the secret is no such key.
    :raises StartError: the secret cannot be read.
    """
    return chosen_key(quarantine) or secrets.token_bytes(_KEY_BYTES)


def chosen_key(quarantine: QuarantineSettings) -> bytes | None:
    """Return the key as it is set; None: by nothing. Raises as `fingerprint_key`."""
    if quarantine.fingerprint_key is not None:
        return quarantine.fingerprint_key.get_secret_value().encode()
    if quarantine.fingerprint_secret is None:
        return None
    key = aws.read_secret(quarantine.fingerprint_secret)
    if len(key) < FINGERPRINT_KEY_LENGTH:
        raise UsageError(
            f"quarantine.fingerprint_secret: the secret's text must have {FINGERPRINT_KEY_LENGTH} characters or more."
        )
    return key.encode()
