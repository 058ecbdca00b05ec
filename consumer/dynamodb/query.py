"""What `consumer.documents` asks DynamoDB: one partition, or a range of its sort keys, from where a page ended.

DynamoDB compares sort keys by their UTF-8 bytes, which is the order of code points.
"""

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from consumer.dynamodb.bounds import Bound, text_of
from consumer.dynamodb.names import INDEX, Names
from consumer.errors import UsageError
from consumer.record import AttributeValue


class SortRange(NamedTuple):
    """From `low` on, below `high`; None leaves an end open."""

    low: str | None
    high: str | None

    @classmethod
    def of(cls, after: Bound | None, before: Bound | None, prefix: str | None) -> "SortRange":
        """Return what lies in all that is given.

        :raises UsageError: see `text_of`.
        """
        lows = [low for low in (text_of(after), prefix) if low]
        highs = [high for high in (text_of(before), _above(prefix)) if high]
        return cls(max(lows, default=None), min(highs, default=None))

    @property
    def is_empty(self) -> bool:
        """Whether nothing can lie in it: DynamoDB refuses to look."""
        return self.low is not None and self.high is not None and self.low >= self.high

    def condition(self, name: str) -> tuple[str, dict[str, Any]]:
        """Return DynamoDB's key condition, and its values.

        With both ends it holds the upper one too: key conditions have no other range.
        """
        values = {f":{end}": {"S": value} for end, value in (("low", self.low), ("high", self.high)) if value}
        if self.low and self.high:
            return f"{name} BETWEEN :low AND :high", values
        if self.low:
            return f"{name} >= :low", values
        return (f"{name} < :high" if self.high else ""), values


class Query(NamedTuple):
    """One partition, in part or whole."""

    names: Names
    partition: str
    range: SortRange
    newest_first: bool
    by_index: bool
    consistent: bool

    @property
    def request(self) -> dict[str, Any]:
        partition, sort = (
            (self.names.index_partition, self.names.index_sort)
            if self.by_index
            else (self.names.partition, self.names.sort)
        )
        condition, values = self.range.condition("#s")
        request: dict[str, Any] = {
            "KeyConditionExpression": "#p = :p" + (f" AND {condition}" if condition else ""),
            "ExpressionAttributeNames": {"#p": partition} | ({"#s": sort} if condition else {}),
            "ExpressionAttributeValues": {":p": {"S": self.partition}} | values,
            "ScanIndexForward": not self.newest_first,
        }
        return request | ({"IndexName": INDEX} if self.by_index else {"ConsistentRead": self.consistent})

    def is_meant(self, item: Mapping[str, AttributeValue]) -> bool:
        """Whether an item is in the range: DynamoDB's ranges hold their upper end."""
        sort = item.get(self.names.index_sort if self.by_index else self.names.sort)
        return self.range.high is None or sort is None or sort != {"S": self.range.high}

    def token_of(self, start: Mapping[str, AttributeValue]) -> str:
        key = {name: value["S"] for name, value in start.items()}
        return base64.urlsafe_b64encode(orjson.dumps([self._kind, key])).decode().rstrip("=")

    def start_of(self, token: str) -> dict[str, AttributeValue]:
        """:raises UsageError: it is of another query, or no token."""
        try:
            kind, key = orjson.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
            start: dict[str, AttributeValue] = {str(name): {"S": str(value)} for name, value in key.items()}
        except (ValueError, TypeError, AttributeError):
            raise UsageError("This is no page token.") from None
        name = self.names.index_partition if self.by_index else self.names.partition
        if kind != self._kind or start.get(name) != {"S": self.partition}:
            raise UsageError("The page token is one of another query.")
        return start

    @property
    def _kind(self) -> list[bool]:
        return [self.by_index, self.newest_first]


def _above(prefix: str | None) -> str | None:
    """Return the least text that is above all that begin with `prefix`; None: there is none."""
    for end in range(len(prefix or ""), 0, -1):
        code = ord((prefix or "")[end - 1])
        if code < 0x10FFFF:  # noqa: PLR2004 - Unicode's last code point
            after = 0xE000 if code == 0xD7FF else code + 1  # noqa: PLR2004 - surrogates are no characters
            return (prefix or "")[: end - 1] + chr(after)
    return None
