"""Conditional writes against a table that evaluates the condition as moto does: what is the newest stays."""

import threading
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.dynamo_type import Item as MotoItem

from consumer.aws.transport import CallTimeout, ConnectionLost
from consumer.dynamodb.item import ItemEncoder
from consumer.dynamodb.versions import FieldVersions
from consumer.metrics import Metrics
from consumer.pipeline.outputs import WriteMetrics
from consumer.record import Item, Record
from consumer.settings import Output
from consumer.sink import Fate, Writing
from consumer.sinks import service_writer
from consumer.sinks.concurrency import Concurrency
from consumer.sinks.table_writers import NewestWriter
from tests.kits.dynamodb import CANARY, AtStart, Failed, FakeExchange
from tests.kits.log import RecordingLog

TABLE = "orders"
OUTPUT = Output(partition_key="{user}", sort_key="{user}", write_mode="newest", version_field="at")
VERSIONS = FieldVersions("at")
ENCODER = ItemEncoder(OUTPUT, "orders", "shardId-0", "p@1", "d", VERSIONS)


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_writer, "BACKOFF_FIRST_SECONDS", 0.0001)
    monkeypatch.setattr(service_writer, "BACKOFF_LIMIT_SECONDS", 0.001)


class Lost:
    """The request is carried out, and its answer gets lost; of a closed connection, it may be carried out twice."""


class LostBefore:
    """The request never arrives."""


Step = Failed | AtStart | Lost | LostBefore | bytes | None


class ConditionalTable:
    """One item a user, as a table would keep it; `script`: what happens to request after request, None: nothing."""

    def __init__(self, *script: Step, polls: int = 0) -> None:
        self.script = list(script)
        self.polls = polls
        self.items: dict[str, dict[str, Any]] = {}
        self.requests: list[dict[str, Any]] = []
        self.lock = threading.Lock()
        self.under_way = 0

    def start(self, operation: str, body: bytes) -> Any:
        assert operation == "PutItem"
        request = orjson.loads(body)
        with self.lock:
            step = self.script.pop(0) if self.script else None
            self.requests.append(request)
            if isinstance(step, AtStart):
                raise step.error
            self.under_way += 1
            return FakeExchange(self, self._ending(step, request), self.polls)  # type: ignore[arg-type]

    def _ending(self, step: Step, request: dict[str, Any]) -> Any:
        if isinstance(step, Failed):
            return step.status, orjson.dumps({"__type": f"x#{step.code}", "message": CANARY})
        if isinstance(step, LostBefore):
            return CallTimeout("late")
        answer = self.put(request)
        if isinstance(step, bytes):
            return 200, step
        return ConnectionLost("closed") if isinstance(step, Lost) else answer

    def put(self, request: dict[str, Any]) -> tuple[int, bytes]:
        assert request["TableName"] == TABLE
        key = request["Item"]["_sanitizer_sk"]["S"]
        condition = get_filter_expression(
            request["ConditionExpression"], request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        )
        if not condition.expr(MotoItem(DynamoType({"S": key}), None, self.items.get(key, {}))):
            return 400, b'{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"no"}'
        self.items[key] = request["Item"]
        return 200, b"{}"

    def at(self, user: str) -> Any:
        """What `at` says in a user's item."""
        return next(iter(self.items[user]["at"].values()))


def item(at: float | str, user: str = "u", sequence: int = 1) -> Item:
    document: dict[str, Any] = {"user": user, "at": at, "card": CANARY}
    return ENCODER.encode(document, Record(str(sequence), 0, 0, orjson.dumps(document)))


Begin = Callable[..., Writing]


@pytest.fixture
def writer(metrics: Metrics, log: Any) -> Callable[[ConditionalTable], NewestWriter]:
    def make(table: ConditionalTable, slots: int = 4) -> NewestWriter:
        return NewestWriter(
            table, TABLE, ("pk", "sk"), Concurrency(slots), WriteMetrics(metrics), log, "_sanitizer", VERSIONS
        )

    return make


@pytest.fixture
def write(writer: Any) -> Callable[..., Writing]:
    def write(table: ConditionalTable, *items: Item) -> Writing:
        writing: Writing = writer(table).start(items, threading.Event())
        assert writing.wait(10)
        assert table.under_way == 0
        return writing

    return write


def test_what_was_not_there_is_stored_and_dated(write: Any) -> None:
    table = ConditionalTable()
    writing = write(table, item(1, "a"), item(1, "b"), item(1, "c"))
    assert writing.fates == [Fate.DURABLE] * 3
    assert all(at > 1e9 for at in writing.durable_at)
    assert set(table.items) == set("abc")


def test_an_old_document_does_not_replace_a_newer_one(write: Any, log: Any) -> None:
    table = ConditionalTable()
    assert write(table, item(2)).fates == [Fate.DURABLE]
    assert write(table, item(1), item(1, "other")).fates == [Fate.SUPERSEDED, Fate.DURABLE]
    assert table.at("u") == "2"
    assert write(table, item(3)).fates == [Fate.DURABLE]
    assert table.at("u") == "3"
    assert log.events == []


def test_the_same_document_again_is_durable_again(write: Any) -> None:
    table = ConditionalTable()
    assert [write(table, item(2)).fates[0] for _ in range(3)] == [Fate.DURABLE] * 3


def test_of_equal_versions_the_later_record_stays(write: Any) -> None:
    table = ConditionalTable()
    write(table, item(2, sequence=8))
    assert write(table, item(2, sequence=7)).fates == [Fate.SUPERSEDED]
    assert write(table, item(2, sequence=9)).fates == [Fate.DURABLE]


def stored_before(table: ConditionalTable, **added: Any) -> None:
    table.items["u"] = {"at": {"N": "9"}} | ({"_sanitizer": {"M": added}} if added else {})


@pytest.mark.parametrize(
    "added",
    [
        {},
        {"sequence": {"S": "99"}},
        {"version": {"S": "zzz"}, "version_of": {"S": "field another"}},
        {"version": {"S": "zzz"}},
    ],
    ids=repr,
)
def test_what_has_no_version_of_this_kind_is_replaced(write: Any, added: dict[str, Any]) -> None:
    """Else nothing would ever be stored in its place again."""
    table = ConditionalTable()
    stored_before(table, **added)
    assert write(table, item(1)).fates == [Fate.DURABLE]
    assert table.at("u") == "1"


def test_a_lost_answer_is_no_reason_to_call_it_superseded(write: Any) -> None:
    table = ConditionalTable(Lost(), LostBefore(), Failed("ThrottlingException"), Lost())
    assert write(table, item(1)).fates == [Fate.DURABLE]
    assert len(table.requests) == 5


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"message":"moved"}', b'{"UnprocessedItems":{}}'])
def test_a_200_that_is_not_dynamodbs_counts_for_nothing(write: Any, body: bytes) -> None:
    table = ConditionalTable(body)
    assert write(table, item(1)).fates == [Fate.DURABLE]
    assert len(table.requests) == 2


def test_a_refused_condition_is_neither_a_throttle_nor_a_refused_item(writer: Any, metrics: Metrics, log: Any) -> None:
    table = ConditionalTable()
    stored_before(table, version={"S": "zzz"}, version_of={"S": VERSIONS.source})
    before = {s.labels["reason"]: s.value for f in metrics.write_retries.collect() for s in f.samples if s.labels}
    made = writer(table)
    slots = made.concurrency.slots
    for _ in range(20):
        writing = made.start([item(1)], threading.Event())
        assert writing.wait(10)
        assert writing.fates == [Fate.SUPERSEDED]
    assert made.concurrency.slots >= slots
    after = {s.labels["reason"]: s.value for f in metrics.write_retries.collect() for s in f.samples if s.labels}
    assert before == after
    assert log.events == []


def test_an_item_that_dynamodb_refuses_is_refused_alone(write: Any, log: Any) -> None:
    table = ConditionalTable(None, Failed("ValidationException"), None)
    assert write(table, item(1, "a"), item(1, "b"), item(1, "c")).fates == [
        Fate.DURABLE,
        Fate.REFUSED,
        Fate.DURABLE,
    ]
    assert len(log.named("dynamodb.item_refused")) == 1
    assert CANARY not in str(log.events)


def test_a_missing_permission_is_named(write: Any, log: Any) -> None:
    write(ConditionalTable(Failed("AccessDeniedException")), item(1))
    (said,) = log.named("dynamodb.write_retried")
    assert (said["reason"], said["missing"]) == ("permission", "dynamodb:PutItem")


def test_an_item_without_a_version_is_never_written(writer: Any) -> None:
    table = ConditionalTable()
    made = writer(table)
    with pytest.raises(AssertionError):
        made.start([item(1)._replace(version="")], threading.Event())
    assert table.requests == []
    assert all(made.concurrency.take(0) for _ in range(4))  # no slot is lost


def test_a_stop_leaves_the_rest_pending(writer: Any) -> None:
    table, stop = ConditionalTable(polls=2), threading.Event()
    writing = writer(table).start([item(1, str(i)) for i in range(9)], stop)
    stop.set()
    assert writing.wait(10)
    assert writing.fates == [Fate.DURABLE] * 4 + [Fate.PENDING] * 5


steps: st.SearchStrategy[Step] = st.sampled_from(
    [
        None,
        Lost(),
        LostBefore(),
        Failed("ThrottlingException"),
        Failed("InternalServerError", 500),
        AtStart(ConnectionResetError()),
        b"<html>",
    ]
)
documents = st.tuples(st.sampled_from("ab"), st.integers(0, 4), st.integers(1, 9))


@given(st.lists(st.lists(documents, max_size=6), max_size=5), st.lists(steps, max_size=20), st.integers(0, 2))
def test_whoever_writes_and_in_whatever_order_the_newest_is_left(
    metrics: Metrics, workers: list[list[tuple[str, int, int]]], script: list[Step], polls: int
) -> None:
    """Several workers at once, each with documents of its own, new and old, and answers that get lost."""
    table = ConditionalTable(*script, polls=polls)
    fates: dict[tuple[str, int, int], list[Fate]] = {}

    told = WriteMetrics(metrics)

    def work(mine: list[tuple[str, int, int]]) -> None:
        made = NewestWriter(table, TABLE, ("pk", "sk"), Concurrency(2), told, RecordingLog(), "_sanitizer", VERSIONS)
        for one in mine:
            user, at, sequence = one
            writing = made.start([item(at, user, sequence)], threading.Event())
            assert writing.wait(10)
            fates.setdefault(one, []).extend(writing.fates)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(map(len, fates.values())) == sum(map(len, workers))
    for user in "ab":
        wanted = max((one for one in fates if one[0] == user), default=None)
        assert (user in table.items) == (wanted is not None)
        if wanted is not None:
            added = table.items[user]["_sanitizer"]["M"]
            assert (user, int(table.at(user)), int(added["sequence"]["S"])) == wanted
            assert set(fates[wanted]) == {Fate.DURABLE}
