"""Where a record goes that could not be processed: where it stands in the stream, when, why; never its content."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Final

import orjson

from consumer.record import Item, Record

KEY_NAMES: Final = ("source", "position")
"""Attribute names of the quarantine table's partition and sort key."""


class QuarantineEncoder:
    """Makes the quarantine entries of one shard.

    :param fingerprint_key: secret; makes the fingerprint useless for guessing content.
    """

    def __init__(self, stream: str, shard: str, policy: str, digest: str, fingerprint_key: bytes) -> None:
        self._source = f"{stream}/{shard}"
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
        position = f"{record.sequence}#{record.sub}"
        attributes = {
            "source": {"S": self._source},
            "position": {"S": position},
            "sequence": {"S": record.sequence},
            "sub": {"N": str(record.sub)},
            "arrival_ms": {"N": str(record.arrival_ms)},
            "quarantined_at": {"S": datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")},
            "code": {"S": code},
            "bytes": {"N": str(len(record.data))},
            "fingerprint": {"S": hmac.new(self._key, record.data, hashlib.sha256).hexdigest()},
            **self._common,
        }
        if rule:
            attributes["rule"] = {"S": rule}
        return Item((self._source, position), orjson.dumps(attributes))
