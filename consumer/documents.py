"""Reads the stored documents: a small client for other applications, which needs nothing of the worker.

    documents = Documents("sanitized-transactions")
    for each in documents.latest("12345", 10):
        print(each.fields["amount"], each.metadata.arrival)

Region, endpoint and credentials are those that boto3 would use. Any number of threads may share one. A try waits 10
seconds at most for a connection and 10 for each read of the answer, and botocore makes up to four where that may help.
No error's text holds a key or a value.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from consumer import aws
from consumer.aws.errors import CredentialsExpired
from consumer.dynamodb.attribute_values import decode_document
from consumer.dynamodb.bounds import Bound, SortKey
from consumer.dynamodb.names import INDEX, VERSION, VERSION_SOURCE, names_of
from consumer.dynamodb.query import Query, SortRange
from consumer.errors import ServiceError, UsageError
from consumer.record import AttributeValue
from redaction.serialize import serialize

if TYPE_CHECKING:
    from consumer.settings import Settings  # which takes longer to load than all that is needed here

__all__ = ["Bound", "Document", "Documents", "Key", "Metadata", "Page", "ReadFailed", "SortKey"]

_FIRST_PAGE: Final = 100
_NO_ITEM_OF_OURS: Final = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError)


class ReadFailed(ServiceError):
    """A read that failed.

    :ivar reason: one of `consumer.aws.errors.REASONS`, or ``unreadable``: an item is none that the service writes.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Key(NamedTuple):
    """An item's key.

    :ivar partition, sort: what the templates of the settings made: `12345`, `2024-03-15T10:30:00Z#shardId-0#496#0`.
    """

    partition: str
    sort: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where a document comes from.

    :ivar stream, shard, sequence, sub: the record's identity.
    :ivar arrival: when it arrived in the stream, in UTC; None: Kinesis did not say.
    :ivar policy: name@version of what redacted it.
    :ivar digest: that policy's.
    :ivar version: with `write_mode: newest`, of two documents with one key the newer one's is the greater.
    :ivar version_of: what the version was made of.
    :ivar part: number of the document in a record that holds several; None: the record was one document.
    :ivar schema, schema_version: what the record was written with, if a registry of schemas said so.
    """

    stream: str
    shard: str
    sequence: str
    sub: int
    arrival: datetime | None
    policy: str
    digest: str
    version: str | None = None
    version_of: str | None = None
    part: int | None = None
    schema: str | None = None
    schema_version: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A stored document.

    :ivar key: the item's.
    :ivar fields: the JSON value as it was released; numbers are int or Decimal, exact to the digit.
    :ivar metadata: what the service added.
    """

    key: Key
    fields: dict[str, Any]
    metadata: Metadata

    def json(self) -> str:
        """Return `fields` as one compact line of JSON: an object, its numbers JSON numbers, exact to the digit.

        DynamoDB keeps a number's value and not its spelling: 1.50 is written as 1.5.
        """
        return serialize(self.fields).decode()

    def plain(self) -> dict[str, Any]:
        """Return a copy of `fields` with float in place of each Decimal, as `json.dumps` and most libraries take it.

        A float holds about 16 digits: for sums of money use `fields`. Whole numbers stay int, exact.
        """
        return {name: _plain(value) for name, value in self.fields.items()}


class Page(NamedTuple):
    """Some documents, in the order asked for, and the token with which the next page is asked for.

    :ivar documents: at most as many as asked for; a last page may have none.
    :ivar token: None: there is no more. It holds the key of the last document, only encoded.
    """

    documents: list[Document]
    token: str | None

    def json(self) -> str:
        """Return a compact line of JSON, ``{"documents": [...], "next": token or null}``, as `sanitizer get --json`."""
        return serialize({"documents": [each.fields for each in self.documents], "next": self.token}).decode()


class Documents:
    """The documents of one table.

    Reads are eventually consistent unless `consistent` is asked for, which costs twice the read units and sees every
    write that was acknowledged before; the second index has no consistent reads. What has outlived `output.ttl_days` is
    left out, also before DynamoDB deletes it.

    :param table: its name.
    :param reserved_attribute: the worker's setting of that name, from which the names of the keys are made.
    :param region_name, endpoint_url: as boto3 takes them; default: AWS's own variables and files.
    :param client: a botocore or boto3 client for DynamoDB to be used instead, e.g. with another role.
    :raises StartError: no region is configured, or an endpoint that is unusable or not encrypted.
    """

    def __init__(
        self,
        table: str,
        *,
        reserved_attribute: str = "_sanitizer",
        region_name: str | None = None,
        endpoint_url: str | None = None,
        client: Any | None = None,
    ) -> None:
        self._table = table
        self._names = names_of(reserved_attribute)
        self._client: Any = client or aws.client(
            "dynamodb", retries=3, timeout=10, region=region_name, endpoint=endpoint_url
        )

    @classmethod
    def of(cls, settings: "Settings") -> "Documents":
        """Return the documents that a worker with these settings stores."""
        return cls(settings.output.table, reserved_attribute=settings.output.reserved_attribute)

    def get(self, partition: str, sort: str, *, consistent: bool = False) -> Document | None:
        """Return one document by its whole key; None: there is none, or its time is over.

        :raises ReadFailed: table missing, out of reach, not permitted, throttled: see its `reason`.
        :raises UsageError: a key is empty.
        """
        if not sort:
            raise UsageError("The sort key is empty.")
        key = {self._names.partition: {"S": _checked(partition)}, self._names.sort: {"S": sort}}
        answer = self._call("get_item", "GetItem", Key=key, ConsistentRead=consistent)
        return self._document(answer["Item"]) if "Item" in answer else None

    def latest(
        self, partition: str, limit: int = 10, *, index: bool = False, consistent: bool = False
    ) -> list[Document]:
        """Return the documents with the greatest sort keys, greatest first: with the default keys the latest.

        :param limit: at most so many.
        :param index: whether `partition` is a key of the second index.
        :raises ReadFailed: see `get`.
        :raises UsageError: an empty key, no limit, a consistent read of the index.
        """
        return self.page(partition, limit=limit, index=index, consistent=consistent).documents

    def iterate(
        self,
        partition: str,
        *,
        after: Bound | None = None,
        before: Bound | None = None,
        prefix: str | None = None,
        newest_first: bool = True,
        index: bool = False,
        consistent: bool = False,
    ) -> Iterator[Document]:
        """Return the documents of one partition by sort key, read page by page as they are taken.

        :param after: only from then on: an aware datetime, whose whole second is meant; a time in ISO 8601 or its
            beginning, such as 2024-03-15, in UTC unless it has an offset; or a `SortKey`, for sort keys that begin with
            no time. An empty text is no bound.
        :param before: only before then; likewise.
        :param prefix: only sort keys that begin so, whatever they hold.
        :raises ReadFailed: while they are taken: see `get`.
        :raises UsageError: at once: see `latest`; a text that is no time, a datetime without a time zone, or an `after`
            behind `before`, or a `prefix` outside of them. Where both are the same, nothing is found.
        """
        return self._each(self._query(partition, after, before, prefix, newest_first, index, consistent))

    def _each(self, query: Query) -> Iterator[Document]:
        # Whoever stops early shall not have paid for a page of 1 MB.
        start, limit = None, _FIRST_PAGE
        while True:
            found, start = self._some(query, start, limit)
            yield from found
            if start is None:
                return
            limit = 0

    def page(  # noqa: PLR0913 - what DynamoDB can be asked
        self,
        partition: str,
        *,
        limit: int = 100,
        token: str | None = None,
        after: Bound | None = None,
        before: Bound | None = None,
        prefix: str | None = None,
        newest_first: bool = True,
        index: bool = False,
        consistent: bool = False,
    ) -> Page:
        """Return a page; the range is `iterate`'s.

        :param limit: so many documents, unless there are no more: 1 or more.
        :param token: of the page before, of the same partition, index and direction. A last page may be empty.
        :raises ReadFailed: see `get`.
        :raises UsageError: see `iterate`; or a token of another query.
        """
        if limit < 1:
            raise UsageError("A page has one document at least.")
        query = self._query(partition, after, before, prefix, newest_first, index, consistent)
        start = query.start_of(token) if token is not None else None
        documents: list[Document] = []
        while True:
            found, start = self._some(query, start, limit - len(documents))
            documents += found
            if start is None:
                return Page(documents, None)
            if len(documents) == limit:
                return Page(documents, query.token_of(start))

    def _query(
        self,
        partition: str,
        after: Bound | None,
        before: Bound | None,
        prefix: str | None,
        newest_first: bool,  # noqa: FBT001
        index: bool,  # noqa: FBT001
        consistent: bool,  # noqa: FBT001
    ) -> Query:
        if index and consistent:
            raise UsageError("DynamoDB has no consistent reads of an index.")
        range_ = SortRange.of(after, before, prefix)
        if range_.low and range_.high and range_.low > range_.high:
            raise UsageError("Nothing can lie in this range: `after` is behind `before`, or the prefix is outside.")
        return Query(self._names, _checked(partition), range_, newest_first, index, consistent)

    def _some(
        self, query: Query, start: dict[str, AttributeValue] | None, limit: int
    ) -> tuple[list[Document], dict[str, AttributeValue] | None]:
        """Return what one call finds, and where the next begins; `limit` 0: as much as DynamoDB gives."""
        if query.range.is_empty:
            return [], None
        request = query.request
        if limit:
            request["Limit"] = limit
        if start:
            request["ExclusiveStartKey"] = start
        answer = self._call("query", "Query", **request)
        items = [item for item in answer["Items"] if query.is_meant(item)]
        documents = [document for item in items if (document := self._document(item)) is not None]
        return documents, answer.get("LastEvaluatedKey")

    def _document(self, item: Mapping[str, AttributeValue]) -> Document | None:
        """Return an item as a document; None: its time is over, and DynamoDB has not deleted it yet."""
        names = self._names
        try:
            expires = item.get(names.expires)
            if expires is not None and int(expires["N"]) <= datetime.now(UTC).timestamp():
                return None
            fields = decode_document({name: value for name, value in item.items() if name not in names})
            added = decode_document(item[names.added]["M"])
            key = Key(item[names.partition]["S"], item[names.sort]["S"])
            return Document(key, fields, _metadata(added))
        except _NO_ITEM_OF_OURS:
            text = f"The table {self._table} holds an item that this service did not write: `sanitizer audit` finds it."
            raise ReadFailed("unreadable", text) from None

    def _call(self, method: str, operation: str, **request: Any) -> dict[str, Any]:
        is_index = "IndexName" in request
        target = f"index {INDEX} of table {self._table}" if is_index else f"table {self._table}"
        try:
            return self._asked(method, **request)
        except aws.CALL_ERRORS as error:
            reason = aws.reason(error)
            hint = ""
            if is_index and reason in ("missing", "refused"):  # the latter is AWS's answer, the former an emulator's
                hint = " `sanitizer tables check` says whether it is there and built, `tables create` adds it."
            elif reason == "missing":
                hint = " `sanitizer tables create` makes the tables."
            raise ReadFailed(reason, aws.explain(error, f"dynamodb:{operation}", target) + hint) from None

    def _asked(self, method: str, **request: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, method)(TableName=self._table, **request)
        except RuntimeError as error:
            if type(error) is not RuntimeError:
                raise
            # So botocore says of a client that was handed in that its credentials had expired when they were fetched.
            raise CredentialsExpired from None
        return answer


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return float(value)
        case dict():
            return {name: _plain(member) for name, member in value.items()}
        case list():
            return [_plain(element) for element in value]
        case _:
            return value


def _checked(partition: str) -> str:
    if not partition:
        raise UsageError("The partition key is empty.")
    return partition


def _metadata(added: Mapping[str, Any]) -> Metadata:
    arrival = int(added["arrival_ms"])
    return Metadata(
        str(added["stream"]),
        str(added["shard"]),
        str(added["sequence"]),
        int(added["sub"]),
        datetime.fromtimestamp(arrival / 1000, UTC) if arrival else None,
        str(added["policy"]),
        str(added["digest"]),
        added.get(VERSION),
        added.get(VERSION_SOURCE),
        int(added["part"]) if "part" in added else None,
        added.get("schema"),
        added.get("schema_version"),
    )
