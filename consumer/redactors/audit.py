"""Looks through the stored documents for what the policy in force would not let through.

What the redactor releases, it finds nothing in again. So a stored document in which it finds something was written
under another policy, or by somebody else.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from consumer import aws
from consumer.dynamodb.item import decode_item, key_names
from consumer.errors import EncodeError, ServiceError, UsageError
from consumer.record import AttributeValue, place_of
from consumer.redactors.field_labels import Bounded, shown
from consumer.settings import Settings
from redaction.comparison import RECORD
from redaction.engine import PolicyRedactor
from redaction.plugin import Document, Dropped, Redactor, Rejected, Released
from redaction.serialize import serialize

UNREADABLE: Final = "unreadable"
"""Stands for the rule where an item is none that this service writes."""

_PAGE: Final = 500
_SHARD: Final = re.compile(r"shardId-[0-9]{12}")
_SEQUENCE: Final = re.compile(r"[0-9]{1,128}")
_NO_ITEM_OF_OURS: Final = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError)


class Place(NamedTuple):
    """Where an affected item is. `partition`, `sort`: its key, None where that may hold what was found."""

    partition: str | None
    sort: str | None
    shard: str | None
    sequence: str | None
    sub: int | None
    part: int | None = None


@dataclass(slots=True)
class Report:
    """What an audit found: no value, names of fields as metrics show them.

    :ivar items: how many were looked at.
    :ivar affected: how many of them hold something.
    :ivar found: how many items, by path and rule.
    :ivar places: the first affected items.
    """

    items: int = 0
    affected: int = 0
    found: dict[tuple[str, str], int] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)


class Auditor:
    """Audits items, one at a time.

    :param redactor: the built-in one, since others cannot say what they found.
    :param places: how many affected items to name.
    :raises UsageError: it is another.
    """

    def __init__(self, settings: Settings, redactor: Redactor, places: int) -> None:
        if not isinstance(redactor, PolicyRedactor):
            raise UsageError("An audit needs the redactor 'policy': only it can say what it finds, and where.")
        self._redactor = redactor
        self._output = settings.output
        self._templates = settings.output.key_templates()
        self._places = places
        self._bounded = Bounded()
        self.report: Final = Report()

    def look_at(self, attributes: dict[str, AttributeValue]) -> None:
        """Take an item, in DynamoDB's wire form, into the report."""
        report = self.report
        report.items += 1
        try:
            document, added = decode_item(attributes, self._output)
            found = self._found_in(document)
        except _NO_ITEM_OF_OURS:
            document, added, found = {}, {}, {(RECORD, UNREADABLE)}
        if not found:
            return
        report.affected += 1
        for each in found:
            report.found[each] = report.found.get(each, 0) + 1
        if len(report.places) < self._places:
            report.places.append(self._place(attributes, document, added))

    def _found_in(self, document: Document) -> set[tuple[str, str]]:
        verdict, steps = self._redactor.explain(serialize(document))
        found = {(self._bounded(".".join(map(shown, step.path)) or RECORD), step.rule) for step in steps}
        match verdict:
            case Rejected(code=code, rule=rule):
                found.add((RECORD, rule or code))
            case Dropped(rule=rule):
                found.add((RECORD, rule))
        return found

    def _place(self, attributes: dict[str, AttributeValue], document: Document, added: dict[str, Any]) -> Place:
        partition, sort = key_names(self._output)
        key = attributes[partition]["S"], attributes[sort]["S"]
        shows_key = self._is_clean(key, document, added)
        sub, part = added.get("sub"), added.get("part")
        return Place(
            key[0] if shows_key else None,
            key[1] if shows_key else None,
            _shaped(added.get("shard"), _SHARD),
            _shaped(added.get("sequence"), _SEQUENCE),
            sub if isinstance(sub, int) else None,
            part if isinstance(part, int) else None,
        )

    def _is_clean(self, key: tuple[str, str], document: Document, added: dict[str, Any]) -> bool:
        """Tell whether a key is made, by the templates in force, of fields in which nothing is found."""
        metadata = {name: str(added.get(name)) for name in ("stream", "shard", "sequence")}
        metadata["arrival"] = str(added.get("arrival_ms"))
        metadata["part"] = str(added.get("part") or 0)
        metadata["sub"] = place_of(added.get("sub") or 0, added.get("part"))
        try:
            made = [template.render(document, metadata) for template in self._templates.values()]
        except EncodeError:
            return False
        paths = [name.split(".") for template in self._templates.values() for name in template.names]
        fields: Document = {}
        for path in paths:
            _copy(path, document, fields)
        verdict, steps = self._redactor.explain(serialize(fields))
        return tuple(made) == key and isinstance(verdict, Released) and not steps


def _copy(path: list[str], source: Document, target: Document) -> None:
    """Copy what stands at a path, if anything does."""
    value = source.get(path[0])
    if len(path) > 1 and isinstance(value, dict):
        below = target.setdefault(path[0], {})
        if isinstance(below, dict):
            _copy(path[1:], value, below)
    elif path[0] in source:
        target[path[0]] = value


def _shaped(value: object, shape: re.Pattern[str]) -> str | None:
    """Return a text that is what it should be: another writer may have put anything there."""
    return value if isinstance(value, str) and shape.fullmatch(value) else None


def count_about(table: str) -> int:
    """Return how many items a table has, as DynamoDB counts them every six hours.

    :raises ServiceError: the table is missing, out of reach or not permitted.
    """
    return int(_call("describe_table", "dynamodb:DescribeTable", table)["Table"].get("ItemCount", 0))


def scan(
    table: str,
    rate: int,
    limit: int | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[dict[str, AttributeValue]]:
    """Yield the items of a table, eventually consistent (at half the cost), page by page.

    :param rate: items a second, on average; pages are small enough for it.
    :param limit: at most so many items.
    :raises ServiceError: the table is missing, out of reach or not permitted.
    """
    began = clock()
    read = 0
    request: dict[str, Any] = {"Limit": min(_PAGE, rate)}
    while limit is None or read < limit:
        if limit is not None:
            request["Limit"] = min(request["Limit"], limit - read)
        sleep(max(0.0, began + read / rate - clock()))
        page = _call("scan", "dynamodb:Scan", table, **request)
        yield from page["Items"]
        read += len(page["Items"])
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _call(method: str, operation: str, table: str, **request: Any) -> dict[str, Any]:
    client = aws.client("dynamodb", retries=5, timeout=30)
    try:
        answer: dict[str, Any] = getattr(client, method)(TableName=table, **request)
    except aws.CALL_ERRORS as error:
        raise ServiceError(aws.explain(error, operation, f"table {table}")) from None
    return answer
