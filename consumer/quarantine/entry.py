"""Where a record goes that could not be processed: where it stands in the stream, when, why; never its content."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Final

import orjson

from consumer.record import Item, Record

KEY_NAMES: Final = ("source", "position")
"""Attribute names of the quarantine table's partition and sort key."""

EXPIRES_AT: Final = "expires_at"
"""Attribute, in epoch seconds, by which DynamoDB deletes an entry (AWS: "Time to Live")."""

_DAY_SECONDS: Final = 86_400


def source_of(stream: str, shard: str) -> str:
    """Return the partition key of a shard's entries."""
    return f"{stream}/{shard}"


def position_of(sequence: str, sub: int) -> str:
    """Return the sort key of an entry."""
    return f"{sequence}#{sub}"


def fingerprint(key: bytes, data: bytes) -> str:
    """Return what tells, to whoever has the key, whether two records are equal."""
    return hmac.new(key, data, hashlib.sha256).hexdigest()


class QuarantineEncoder:
    """Makes the quarantine entries of one shard.

    :param fingerprint_key: secret; makes the fingerprint useless for guessing content.
    :param ttl_days: after which DynamoDB may delete an entry; 0: never.
    """

    def __init__(
        self, stream: str, shard: str, policy: str, digest: str, fingerprint_key: bytes, ttl_days: int = 0
    ) -> None:
        self._source = source_of(stream, shard)
        self._ttl = ttl_days * _DAY_SECONDS
        self._common = {
            "stream": {"S": stream},
            "shard": {"S": shard},
            "policy": {"S": policy},
            "digest": {"S": digest},
        }
        self._key = fingerprint_key

    def encode(self, record: Record, code: str, rule: str | None, now: float) -> Item:
        """Return the entry.

        :param code: why, machine-readable.
        :param rule: the policy's rule that refused, if one did.
        :param now: epoch seconds.
        """
        position = position_of(record.sequence, record.sub)
        attributes = {
            "source": {"S": self._source},
            "position": {"S": position},
            "sequence": {"S": record.sequence},
            "sub": {"N": str(record.sub)},
            "arrival_ms": {"N": str(record.arrival_ms)},
            "quarantined_at": {"S": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")},
            "code": {"S": code},
            "bytes": {"N": str(len(record.data))},
            "fingerprint": {"S": fingerprint(self._key, record.data)},
            **self._common,
        }
        if rule:
            attributes["rule"] = {"S": rule}
        if self._ttl:
            attributes[EXPIRES_AT] = {"N": str(int(now) + self._ttl)}
        return Item((self._source, position), orjson.dumps(attributes))
