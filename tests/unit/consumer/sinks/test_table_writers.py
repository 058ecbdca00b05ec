"""The batch writer against a scripted DynamoDB."""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
import pytest
from botocore.exceptions import CredentialRetrievalError, EndpointConnectionError, NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from consumer.aws.errors import CredentialsExpired
from consumer.aws.transport import BadResponse, CallTimeout, ConnectError, ConnectionLost
from consumer.metrics import Metrics
from consumer.pipeline.outputs import WriteMetrics
from consumer.record import Item
from consumer.sink import Fate, Writing
from consumer.sinks import service_writer
from consumer.sinks.concurrency import FIRST, PAUSE_SECONDS, Concurrency
from consumer.sinks.service_writer import chunked
from consumer.sinks.table_writers import MAX_CALL_BYTES, MAX_ITEMS, BatchWriter
from tests.kits.dynamodb import (
    CANARY,
    TABLE,
    AtStart,
    Failed,
    FakeDynamoDB,
    Raw,
    Step,
    Stored,
    Taking,
    items,
)
from tests.kits.log import RecordingLog

SLOTS = 4


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_writer, "BACKOFF_FIRST_SECONDS", 0.0001)
    monkeypatch.setattr(service_writer, "BACKOFF_LIMIT_SECONDS", 0.001)


def free(slots: Concurrency) -> int:
    """Count the slots that can be taken."""
    taken = 0
    while slots.take(0):
        taken += 1
    for _ in range(taken):
        slots.give_back(None, throttled=False)
    return taken


Begin = Callable[..., tuple[BatchWriter, Concurrency]]


@pytest.fixture
def writer_to(metrics: Metrics, log: Any) -> Iterator[Begin]:
    """Make writers; whatever a test does to them, in the end all slots are free, and no exchange is left open."""
    used: list[tuple[FakeDynamoDB, Concurrency]] = []

    def make(fake: FakeDynamoDB, most: int = SLOTS) -> tuple[BatchWriter, Concurrency]:
        slots = Concurrency(most)
        used.append((fake, slots))
        return BatchWriter(fake, TABLE, ("pk", "sk"), slots, WriteMetrics(metrics), log), slots

    yield make
    for fake, slots in used:
        assert fake.under_way == 0
        assert free(slots) == slots.slots


@pytest.fixture
def write(writer_to: Begin) -> Callable[..., Writing]:
    def write(fake: FakeDynamoDB, batch: list[Item], stop: threading.Event | None = None) -> Writing:
        writing = writer_to(fake)[0].start(batch, stop or threading.Event())
        if stop is None:
            assert writing.wait(10)
        return writing

    return write


def test_every_item_is_durable_and_dated(write: Any) -> None:
    fake = FakeDynamoDB()
    writing = write(fake, items(60))
    assert writing.fates == [Fate.DURABLE] * 60
    assert all(at > 1e9 for at in writing.durable_at)
    assert sorted(map(len, fake.calls)) == [10, 25, 25]
    assert fake.stored == [str(i) for i in range(60)]


def test_nothing_to_write_is_no_call(write: Any) -> None:
    fake = FakeDynamoDB()
    assert write(fake, []).fates == []
    assert fake.calls == []


@given(st.lists(st.sampled_from([1, 1000, 400 * 1024, 4_000_000]), max_size=80))
def test_chunks_hold_each_item_once_within_the_limits(sizes: list[int]) -> None:
    bodies = {size: bytes(size) for size in set(sizes)}
    made = [Item(("p", str(i)), bodies[size]) for i, size in enumerate(sizes)]
    chunks = chunked(made, range(len(made)), MAX_ITEMS, MAX_CALL_BYTES)
    assert [i for chunk in chunks for i in chunk] == list(range(len(sizes)))
    for chunk in chunks:
        assert 0 < len(chunk) <= MAX_ITEMS
        assert sum(sizes[i] for i in chunk) <= MAX_CALL_BYTES


def test_a_call_begins_with_the_write_and_ends_with_the_waiting(writer_to: Begin) -> None:
    fake = FakeDynamoDB()
    writer, slots = writer_to(fake)
    writing = writer.start(items(75), threading.Event())
    assert (fake.under_way, free(slots)) == (3, SLOTS - 3)
    assert writing.fates == [Fate.PENDING] * 75
    assert writing.wait(10)
    assert writing.wait(0)


def test_a_wait_is_bounded_and_can_be_taken_up_again(write: Any) -> None:
    fake = FakeDynamoDB(polls=10**9)
    writing = write(fake, items(60), threading.Event())
    assert not writing.wait(0.01)
    assert writing.fates == [Fate.PENDING] * 60
    for exchange in (sent.exchange for sent in writing._under_way):
        exchange._polls = 0
    assert writing.wait(10)
    assert writing.fates == [Fate.DURABLE] * 60


def test_unprocessed_items_are_sent_again_and_no_others(write: Any) -> None:
    fake = FakeDynamoDB(lambda keys: keys[::2], lambda keys: keys[:1])
    writing = write(fake, items(7))
    assert writing.fates == [Fate.DURABLE] * 7
    assert fake.calls == [list("0123456"), ["0", "2", "4", "6"], ["0"]]
    assert sorted(fake.stored) == list("0123456")


def test_retries_come_less_and_less_often_until_something_is_taken(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_writer, "BACKOFF_FIRST_SECONDS", 0.05)
    monkeypatch.setattr(service_writer, "BACKOFF_LIMIT_SECONDS", 10.0)
    delays: list[tuple[float, float]] = []

    def uniform(least: float, most: float) -> float:
        delays.append((least, most))
        return 0.0

    monkeypatch.setattr("consumer.backoff.random.uniform", uniform)
    busy = Failed("ThrottlingException")
    none: Step = lambda keys: keys  # noqa: E731
    fake = FakeDynamoDB(none, busy, none, lambda keys: keys[:1], *[busy] * 40)
    assert write(fake, items(2)).fates == [Fate.DURABLE] * 2
    most = [delay[1] for delay in delays]
    assert most[:7] == pytest.approx([0.1, 0.2, 0.4, 0.1, 0.2, 0.4, 0.8])
    assert most[10:] == [10.0] * len(most[10:])
    assert len(delays) == 44
    assert all(least == delay / 2 for least, delay in delays)


FAILURES: list[tuple[Step, str]] = [
    (Failed("ProvisionedThroughputExceededException"), "throttled"),
    (Failed("ThrottlingException"), "throttled"),
    (Failed("InternalServerError", 500), "service"),
    (Failed("", 503, b""), "service"),
    (Failed("", 502, f"<html>{CANARY}</html>".encode()), "service"),
    (Failed("", 400, f'{{"__type":"{CANARY}"}}'.encode()), "service"),
    (Failed("AccessDeniedException"), "permission"),
    (Failed("ResourceNotFoundException"), "missing"),
    (Failed("ExpiredTokenException"), "credentials"),
    (AtStart(NoCredentialsError()), "credentials"),
    (AtStart(CredentialRetrievalError(provider=CANARY, error_msg=CANARY)), "credentials"),
    (AtStart(CredentialsExpired()), "credentials"),
    (AtStart(EndpointConnectionError(endpoint_url=f"http://{CANARY}")), "unreachable"),
    (AtStart(ConnectionResetError(CANARY)), "unreachable"),
    (AtStart(ConnectError("refused")), "unreachable"),
    (AtStart(CallTimeout("not sent")), "unreachable"),
    (CallTimeout("late"), "unreachable"),
    (ConnectionLost("closed"), "unreachable"),
    (Stored(ConnectionLost("closed")), "unreachable"),
    (BadResponse("checksum"), "service"),
    (lambda keys: keys, "unprocessed"),
]
CONGESTED = {"throttled", "unreachable", "service", "unprocessed"}


def retries(metrics: Metrics) -> dict[str, float]:
    (family,) = metrics.write_retries.collect()
    return {sample.labels["reason"]: sample.value for sample in family.samples if sample.name.endswith("_total")}


def _said(value: object) -> str:
    return getattr(value, "__name__", repr(value))  # a function's address differs from one test process to the next


@pytest.mark.parametrize(("failure", "reason"), FAILURES, ids=_said)
def test_what_may_pass_is_tried_until_it_does(
    write: Any, log: Any, metrics: Metrics, failure: Step, reason: str
) -> None:
    before = retries(metrics)
    fake = FakeDynamoDB(*[failure] * 7)
    assert write(fake, items(3)).fates == [Fate.DURABLE] * 3
    assert fake.calls == [["0", "1", "2"]] * 8
    now = retries(metrics)
    assert {why: now[why] - before[why] for why in now if now[why] != before[why]} == {reason: 7}
    said = log.named("dynamodb.write_retried")
    assert {fields["reason"] for fields in said} == ({reason} if reason != "unprocessed" else set())
    assert CANARY not in str(log.events)


@pytest.mark.parametrize(("failure", "reason"), FAILURES, ids=_said)
def test_only_what_speaks_of_load_takes_slots_away(log: Any, metrics: Metrics, failure: Step, reason: str) -> None:
    ticks = itertools.count(0.0, PAUSE_SECONDS)
    slots = Concurrency(FIRST, clock=lambda: next(ticks))
    writer = BatchWriter(FakeDynamoDB(failure), TABLE, ("pk", "sk"), slots, WriteMetrics(metrics), log)
    assert writer.start(items(1), threading.Event()).wait(10)
    assert slots.slots == (FIRST // 2 if reason in CONGESTED else FIRST)


def test_what_needs_a_person_is_said_at_once(write: Any, log: Any) -> None:
    write(FakeDynamoDB(Failed("AccessDeniedException")), items(1))
    (said,) = log.named("dynamodb.write_retried")
    assert said["reason"] == "permission"
    assert said["missing"] == "dynamodb:BatchWriteItem"
    assert (said["table"], said["code"], said["request_id"]) == (TABLE, "AccessDeniedException", "REQ")


def refuse(*refused: str) -> Taking:
    return lambda keys: Failed("ValidationException") if set(refused) & set(keys) else []


def test_a_refused_item_is_found_and_its_companions_are_stored(write: Any, log: Any) -> None:
    fake = FakeDynamoDB(always=refuse("7", "20"))
    writing = write(fake, items(25))
    assert [i for i, fate in enumerate(writing.fates) if fate is Fate.REFUSED] == [7, 20]
    assert len(fake.stored) == 23
    assert len(fake.calls) < 25
    assert [fields["code"] for fields in log.named("dynamodb.item_refused")] == ["ValidationException"] * 2
    assert CANARY not in str(log.events)


def test_a_stop_leaves_the_rest_pending(write: Any) -> None:
    stop = threading.Event()

    def stored_in_part(keys: list[str]) -> list[str]:
        stop.set()
        return keys[1:]

    fake = FakeDynamoDB(stored_in_part)
    writing = write(fake, items(5), stop)
    assert writing.wait(10)
    assert writing.fates == [Fate.DURABLE] + [Fate.PENDING] * 4
    assert fake.calls == [list("01234")]


def test_what_is_under_way_when_the_work_is_stopped_counts(write: Any) -> None:
    stop = threading.Event()
    fake = FakeDynamoDB(polls=3)
    writing = write(fake, items(25 * SLOTS + 1), stop)
    stop.set()
    assert writing.wait(10)
    assert writing.fates == [Fate.DURABLE] * 25 * SLOTS + [Fate.PENDING]
    assert len(fake.calls) == SLOTS


def test_a_stop_before_the_start_is_no_call(write: Any) -> None:
    stop = threading.Event()
    stop.set()
    fake = FakeDynamoDB()
    writing = write(fake, items(3), stop)
    assert writing.wait(10)
    assert (writing.fates, fake.calls) == ([Fate.PENDING] * 3, [])


def test_a_stop_ends_the_wait_between_two_attempts(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_writer, "BACKOFF_FIRST_SECONDS", 60.0)
    monkeypatch.setattr(service_writer, "BACKOFF_LIMIT_SECONDS", 60.0)
    stop = threading.Event()
    writing = write(FakeDynamoDB(always=Failed("ThrottlingException")), items(1), stop)
    assert not writing.wait(0.01)
    timer = threading.Timer(0.05, stop.set)
    timer.start()
    assert writing.wait(10)
    timer.join()
    assert writing.fates == [Fate.PENDING]


def test_the_batches_in_flight_are_bounded(write: Any) -> None:
    fake = FakeDynamoDB(polls=2)
    assert write(fake, items(25 * 12)).fates == [Fate.DURABLE] * 300
    assert fake.most == SLOTS


def test_a_write_that_finds_no_slot_waits_for_one(writer_to: Begin) -> None:
    fake = FakeDynamoDB()
    writer, slots = writer_to(fake, 1)
    assert slots.take(0)
    writing = writer.start(items(1), threading.Event())
    assert not writing.wait(0.01)
    assert fake.calls == []
    timer = threading.Timer(0.02, slots.give_back, (None,), {"throttled": False})
    timer.start()
    assert writing.wait(10)
    timer.join()
    assert writing.fates == [Fate.DURABLE]


class Defect(BaseException):
    """Nothing that anybody expects."""


@pytest.mark.parametrize("defect", [ZeroDivisionError(), RuntimeError(), RecursionError(), Defect()], ids=repr)
@pytest.mark.parametrize("before", [0, 1, SLOTS - 1])
def test_a_defect_in_a_start_is_raised_and_leaves_nothing_under_way(
    writer_to: Begin, before: int, defect: BaseException
) -> None:
    """The fixture sees to it that every slot comes back."""
    script: list[Step] = [lambda _: []] * before
    writer, _ = writer_to(FakeDynamoDB(*script, AtStart(defect)))
    with pytest.raises(type(defect)):
        writer.start(items(25 * SLOTS), threading.Event())


@pytest.mark.parametrize("defect", [OSError(CANARY), NoCredentialsError(), ConnectError("refused"), Defect()], ids=repr)
def test_a_defect_in_the_making_of_a_request_is_raised_whatever_it_is(
    writer_to: Begin, monkeypatch: pytest.MonkeyPatch, defect: BaseException
) -> None:
    """Of a call the same errors would be tried again, for ever."""
    fake = FakeDynamoDB()
    writer, _ = writer_to(fake)

    def request(_: object) -> bytes:
        raise defect

    monkeypatch.setattr(writer, "request", request)
    with pytest.raises(type(defect)):
        writer.start(items(1), threading.Event())
    assert fake.calls == []


@pytest.mark.parametrize("defects", [1, 2, SLOTS])
def test_a_defect_in_an_answer_is_raised_and_leaves_nothing_under_way(writer_to: Begin, defects: int) -> None:
    writer, _ = writer_to(FakeDynamoDB(*[ZeroDivisionError()] * defects))
    stop = threading.Event()
    writing = writer.start(items(25 * 2 * SLOTS), stop)
    with pytest.raises(ZeroDivisionError):
        writing.wait(10)
    assert writing.fates[: 25 * defects] == [Fate.PENDING] * 25 * defects


FOREIGN = orjson.dumps({"UnprocessedItems": {TABLE: [{"PutRequest": {"Item": {"pk": {"S": "p"}, "sk": {"S": "no"}}}}]}})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"<html>",
        b'{"UnprocessedItems":null}',
        b'{"UnprocessedItems":[]}',
        b'{"UnprocessedItems":{"orders":5}}',
        b'{"UnprocessedItems":{"orders":["x"]}}',
        b'{"UnprocessedItems":{"orders":[{"DeleteRequest":{}}]}}',
        b'{"UnprocessedItems":{"another":[{"PutRequest":{"Item":{"pk":{"S":"p"},"sk":{"S":"1"}}}}]}}',
        FOREIGN,
    ],
)
def test_a_200_that_is_not_dynamodbs_counts_for_nothing(write: Any, body: bytes) -> None:
    fake = FakeDynamoDB(Raw(body))
    assert write(fake, items(3)).fates == [Fate.DURABLE] * 3
    assert fake.calls == [["0", "1", "2"]] * 2  # the first answer was not believed


random_steps: st.SearchStrategy[Step] = st.sampled_from(
    [
        *(failure for failure, _ in FAILURES),
        Raw(b"<html>"),
        Raw(FOREIGN),
        lambda keys: keys[1:],
        lambda keys: keys[::3],
        lambda keys: keys[-1:],
        lambda _: [],
    ]
)
random_scripts = st.lists(random_steps, max_size=25)


def unless(bad: set[str], step: Step) -> Step:
    """DynamoDB refuses what it has to, where it would have taken it."""
    if not isinstance(step, Stored) and not callable(step):
        return step

    def take(keys: list[str]) -> list[str] | Failed | Stored:
        if bad & set(keys):
            return Failed("ValidationException")
        return step if isinstance(step, Stored) else step(keys)

    return take


@given(random_scripts, st.sets(st.integers(0, 239), max_size=3), st.integers(1, 5), st.integers(0, 2), st.data())
def test_several_threads_lose_nothing_whatever_fails(
    metrics: Metrics, script: list[Step], refused: set[int], most: int, polls: int, data: st.DataObject
) -> None:
    bad, log = {str(i) for i in refused}, RecordingLog()
    fake = FakeDynamoDB(*[unless(bad, step) for step in script], always=refuse(*bad), polls=polls)
    slots = Concurrency(most)
    writer = BatchWriter(fake, TABLE, ("pk", "sk"), slots, WriteMetrics(metrics), log)
    counts = data.draw(st.lists(st.integers(0, 60), min_size=1, max_size=4))
    batches = [items(count, 60 * number) for number, count in enumerate(counts)]
    written: dict[int, Writing] = {}

    def work(number: int) -> None:
        writing = writer.start(batches[number], threading.Event())
        if writing.wait(10):
            written[number] = writing

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, batch in enumerate(batches):
        expected = [Fate.REFUSED if item.key[1] in bad else Fate.DURABLE for item in batch]
        assert written[number].fates == expected
        assert [at > 0 for at in written[number].durable_at] == [fate is Fate.DURABLE for fate in expected]
    assert set(fake.stored) == {item.key[1] for batch in batches for item in batch} - bad
    assert fake.under_way == 0
    assert free(slots) == slots.slots
    assert CANARY not in str(log.events)


@given(random_scripts, st.integers(0, 12))
def test_what_is_said_to_be_durable_is_stored_whenever_the_work_is_stopped(
    metrics: Metrics, script: Sequence[Step], after: int
) -> None:
    stop = threading.Event()

    def stopping(number: int, step: Step) -> Step:
        if not callable(step):
            return step

        def take(keys: list[str]) -> list[str] | Failed | Stored:
            if number >= after:
                stop.set()
            return step(keys)

        return take

    fake = FakeDynamoDB(*map(stopping, itertools.count(), script), always=stopping(after, lambda keys: keys[::2]))
    slots = Concurrency(3)
    writing = BatchWriter(fake, TABLE, ("pk", "sk"), slots, WriteMetrics(metrics), RecordingLog()).start(
        items(120), stop
    )
    assert writing.wait(10)
    calls = len(fake.calls)
    assert writing.wait(0)
    assert len(fake.calls) == calls
    durable = {str(i) for i, fate in enumerate(writing.fates) if fate is Fate.DURABLE}
    assert durable <= set(fake.stored)
    assert Fate.REFUSED not in writing.fates
    assert fake.under_way == 0
    assert free(slots) == slots.slots
