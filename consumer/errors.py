"""Every error of the worker.

    SanitizerError
    ├── UsageError          wrong usage or configuration: exit status 2
    ├── StartError          the surroundings are not as they must be (no stream, no Java, ...): exit status 1
    │   └── NotConfigured   AWS's own variables and files do not say where it is, or wrongly: exit status 2
    ├── ServiceError        a call to AWS failed, after its retries: exit status 1
    │   └── ReadFailed      in `consumer.documents`, for other applications
    ├── DecoderUnavailable  what a decoder asks does not answer: its record is held, and decoded again later
    ├── EncodeError         one document does not fit the sink: the record goes to quarantine with `.code`
    ├── LeaseLost           another worker owns the shard: stop writing, never checkpoint
    └── SessionBroken       one shard's session cannot go on: the daemon is restarted, its records are redelivered

No message ever holds record content, a partition key, or the text of a botocore error (which repeats request values).
"""

__all__ = [
    "DecoderUnavailable",
    "EncodeError",
    "LeaseLost",
    "NotConfigured",
    "SanitizerError",
    "ServiceError",
    "SessionBroken",
    "StartError",
    "UsageError",
]


class SanitizerError(Exception):
    """Base of the tree; `str()` is one sentence for a person.

    :ivar exit_status: of a command that ends with it.
    """

    exit_status = 1


class UsageError(SanitizerError):
    """Wrong usage or configuration."""

    exit_status = 2


class StartError(SanitizerError):
    """What the worker needs around it is missing, unreachable or not permitted."""


class NotConfigured(StartError):
    """No region, or a profile or endpoint that cannot be used: waiting does not mend it."""

    exit_status = UsageError.exit_status


class ServiceError(SanitizerError):
    """A call to AWS failed: out of reach, not permitted, throttled for long, or of something that is not there."""


class DecoderUnavailable(SanitizerError):
    """What a decoder asks, such as a registry of schemas, does not answer, or not as it should."""


class EncodeError(SanitizerError):
    """A document that a sink cannot hold.

    :param code: machine-readable reason, stored with the quarantine entry.
    """

    def __init__(self, code: str) -> None:
        super().__init__(f"The document cannot be stored: {code}.")
        self.code = code


class LeaseLost(SanitizerError):
    """Another worker owns the shard now."""


class SessionBroken(SanitizerError):
    """A shard's session met something that only a new daemon can mend."""
