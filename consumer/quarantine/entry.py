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


def position_of(sequence: str, place: str) -> str:
    """Return the sort key of an entry.

    :param place: see `consumer.record.place_of`.
    """
    return f"{sequence}#{place}"


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
        self._last: tuple[bytes, str] | None = None
        """The record of the last entry, with its fingerprint: a large one may have many."""

    def encode(self, record: Record, code: str, rule: str | None, now: float) -> Item:
        """Return the entry.

        Of a document it names the record that it was decoded from: `bytes` and `fingerprint` are that one's.

        :param code: why, machine-readable.
        :param rule: the policy's rule that refused, if one did.
        :param now: epoch seconds.
        """
        position = position_of(record.sequence, record.place)
        attributes = {
            "source": {"S": self._source},
            "position": {"S": position},
            "sequence": {"S": record.sequence},
            "sub": {"N": str(record.sub)},
            "arrival_ms": {"N": str(record.arrival_ms)},
            "quarantined_at": {"S": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")},
            "code": {"S": code},
            "bytes": {"N": str(len(record.original))},
            "fingerprint": {"S": self._fingerprint(record.original)},
            **self._common,
        }
        if record.part is not None:
            attributes["part"] = {"N": str(record.part)}
        if record.schema:
            attributes |= {"schema": {"S": record.schema.name}, "schema_version": {"S": record.schema.version}}
        if rule:
            attributes["rule"] = {"S": rule}
        if self._ttl:
            attributes[EXPIRES_AT] = {"N": str(int(now) + self._ttl)}
        return Item((self._source, position), orjson.dumps(attributes))

    def _fingerprint(self, data: bytes) -> str:
        if self._last is None or self._last[0] is not data:
            self._last = data, fingerprint(self._key, data)
        return self._last[1]
