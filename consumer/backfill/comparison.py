"""A backfill's dry run: holds what would be stored against what is, by key, and counts."""

import time
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from itertools import chain
from typing import Any, Final

from consumer import aws
from consumer.backoff import backoff
from consumer.decoding.documents import RecordDecoder, judged
from consumer.dynamodb.item import decode_item, item_encoder, key_names
from consumer.dynamodb.names import VERSION
from consumer.errors import EncodeError, ServiceError
from consumer.record import AttributeValue, Item, Position, Record
from consumer.settings import Settings
from redaction.comparison import same
from redaction.plugin import Dropped, Redactor, Released

MAX_KEYS: Final = 100
"""AWS: BatchGetItem takes at most 100 keys."""

_ATTEMPTS: Final = 10
_PAUSE_SECONDS: Final = 0.2
_PAUSE_LIMIT_SECONDS: Final = 6.4


class Finding(StrEnum):
    """What a backfill would do with a record."""

    MISSING = "missing"
    EQUAL = "equal"
    DIFFERENT = "different"
    NEWER = "newer"
    """A later record's document stands there."""
    QUARANTINED = "quarantined"
    DROPPED = "dropped"


class Comparer:
    """Compares the records of one shard."""

    def __init__(self, settings: Settings, redactor: Redactor, chain: RecordDecoder, shard: str) -> None:
        self._chain = chain
        self._output = settings.output
        self._redactor = redactor
        self._encoder = item_encoder(settings, shard, "", "")
        self._client: Any = aws.client("dynamodb", retries=6, timeout=10)

    def compare(self, records: Sequence[Record]) -> Counter[Finding]:
        """Count what would become of the documents of the records.

        :raises ServiceError: the table cannot be read.
        """
        found: Counter[Finding] = Counter()
        items: list[Item] = []
        for record, verdict in chain.from_iterable(judged(self._chain, self._redactor, records)):
            if isinstance(verdict, Released):
                try:
                    items.append(self._encoder.encode(verdict.document, record))
                except EncodeError:
                    found[Finding.QUARANTINED] += 1
            else:
                found[Finding.DROPPED if isinstance(verdict, Dropped) else Finding.QUARANTINED] += 1
        for start in range(0, len(items), MAX_KEYS):
            some = items[start : start + MAX_KEYS]
            stored = self._stored({item.key for item in some})
            found.update(self._finding(item, stored.get(item.key)) for item in some)
        return found

    def _finding(self, item: Item, stored: dict[str, AttributeValue] | None) -> Finding:
        if stored is None:
            return Finding.MISSING
        document, added = decode_item(item.attributes, self._output)
        its_document, its_added = decode_item(stored, self._output)
        if all(added.get(name) == its_added.get(name) for name in ("stream", "shard", "sequence", "sub", "part")):
            return Finding.EQUAL if same(document, its_document) else Finding.DIFFERENT
        if item.version:
            return Finding.NEWER if str(its_added.get(VERSION, "")) > item.version else Finding.DIFFERENT
        is_same_shard = added["shard"] == its_added.get("shard")
        later = is_same_shard and _position(its_added) > _position(added)
        return Finding.NEWER if later else Finding.DIFFERENT

    def _stored(self, keys: set[tuple[str, str]]) -> dict[tuple[str, str], dict[str, AttributeValue]]:
        """Return the items that stand under these keys."""
        partition, sort = key_names(self._output)
        table = self._output.table
        wanted: dict[str, Any] = {
            "Keys": [{partition: {"S": one}, sort: {"S": other}} for one, other in sorted(keys)],
            "ConsistentRead": True,
        }
        items: dict[tuple[str, str], dict[str, AttributeValue]] = {}
        for attempt in range(_ATTEMPTS):
            try:
                answer = self._client.batch_get_item(RequestItems={table: wanted})
            except aws.CALL_ERRORS as error:
                raise ServiceError(aws.explain(error, "dynamodb:BatchGetItem", f"table {table}")) from None
            items |= {(item[partition]["S"], item[sort]["S"]): item for item in answer["Responses"].get(table, ())}
            if not answer.get("UnprocessedKeys"):
                return items
            wanted = answer["UnprocessedKeys"][table]
            time.sleep(backoff(attempt, _PAUSE_SECONDS, _PAUSE_LIMIT_SECONDS))
        raise ServiceError(f"dynamodb:BatchGetItem on table {table} is throttled.")


def _position(added: dict[str, Any]) -> Position:
    return Position(int(added["sequence"]), added["sub"], added.get("part") or 0)
