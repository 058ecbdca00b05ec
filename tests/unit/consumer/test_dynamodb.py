"""The batch writer against a scripted DynamoDB."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from consumer import dynamodb
from consumer.dynamodb import MAX_CALL_BYTES, MAX_ITEMS, BatchWriter
from consumer.metrics import Metrics
from consumer.record import Item
from consumer.sink import Fate, Writing

CANARY = "4111111111111111"
Answer = Callable[[list[str]], Any]
"""Takes the sort keys of one call; returns the unprocessed ones, or raises."""


def error(code: str) -> ClientError:
    answer = {"Error": {"Code": code, "Message": f"Value '{CANARY}' failed"}, "ResponseMetadata": {"RequestId": "REQ"}}
    return ClientError(answer, "BatchWriteItem")  # type: ignore[arg-type]


class FakeDynamoDB:
    """Answers call after call as its script says (an exception, an `Answer` or a raw answer), then takes all."""

    def __init__(self, *script: Any, always: Answer | None = None) -> None:
        self.script = list(script)
        self.always = always or (lambda _: [])
        self.calls: list[list[str]] = []
        self.stored: list[str] = []
        self.lock = threading.Lock()

    def batch_write_item(self, RequestItems: dict[str, Any]) -> Any:  # noqa: N803 - AWS's name
        ((table, requests),) = RequestItems.items()
        by_key = {request["PutRequest"]["Item"]["sk"]["S"]: request for request in requests}
        assert len(by_key) == len(requests) <= MAX_ITEMS
        with self.lock:
            self.calls.append(list(by_key))
            answer = self.script.pop(0) if self.script else self.always
        if isinstance(answer, Exception):
            raise answer
        if not callable(answer):
            return answer
        left = answer(list(by_key))
        with self.lock:
            self.stored += [key for key in by_key if key not in left]
        return {"UnprocessedItems": {table: [by_key[key] for key in left]} if left else {}}


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb, "BACKOFF_FIRST_SECONDS", 0.0001)


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def write(metrics: Metrics, log: Any, pool: ThreadPoolExecutor) -> Callable[..., Writing]:
    def write(client: FakeDynamoDB, items: list[Item], stop: threading.Event | None = None) -> Writing:
        writer = BatchWriter(client, "orders", ("pk", "sk"), pool, metrics, log)
        writing = writer.start(items, stop or threading.Event())
        if stop is None:
            assert writing.wait(10)
        return writing

    return write


def items(count: int, size: int = 100) -> list[Item]:
    return [
        Item(("p", str(i)), {"pk": {"S": "p"}, "sk": {"S": str(i)}, "x": {"S": CANARY}}, size) for i in range(count)
    ]


def test_every_item_is_durable_and_dated(write: Any) -> None:
    client = FakeDynamoDB()
    writing = write(client, items(60))
    assert writing.fates == [Fate.DURABLE] * 60
    assert all(at > 1e9 for at in writing.durable_at)
    assert sorted(map(len, client.calls)) == [10, 25, 25]
    assert sorted(client.stored, key=int) == [str(i) for i in range(60)]


def test_nothing_to_write_is_no_call(write: Any) -> None:
    client = FakeDynamoDB()
    assert write(client, []).fates == []
    assert client.calls == []


@given(st.lists(st.integers(1, 400 * 1024), max_size=80))
def test_chunks_hold_each_item_once_within_the_limits(sizes: list[int]) -> None:
    made = [Item(("p", str(i)), {}, size) for i, size in enumerate(sizes)]
    chunks = dynamodb._chunks(made)
    assert [i for chunk in chunks for i in chunk] == list(range(len(made)))
    for chunk in chunks:
        assert 0 < len(chunk) <= MAX_ITEMS
        assert sum(sizes[i] for i in chunk) <= MAX_CALL_BYTES


def test_unprocessed_items_are_sent_again_and_no_others(write: Any) -> None:
    client = FakeDynamoDB(lambda keys: keys[::2], lambda keys: keys[:1])
    writing = write(client, items(7))
    assert writing.fates == [Fate.DURABLE] * 7
    assert client.calls == [list("0123456"), ["0", "2", "4", "6"], ["0"]]
    assert sorted(client.stored) == list("0123456")


@pytest.mark.parametrize(
    "failure",
    [
        error("ProvisionedThroughputExceededException"),
        error("ThrottlingException"),
        error("InternalServerError"),
        error("AccessDeniedException"),
        error("ResourceNotFoundException"),
        error("ExpiredTokenException"),
        NoCredentialsError(),
        EndpointConnectionError(endpoint_url=f"http://{CANARY}"),
        ConnectionResetError(CANARY),
    ],
    ids=repr,
)
def test_what_may_pass_is_tried_until_it_does(write: Any, log: Any, failure: Exception) -> None:
    client = FakeDynamoDB(*[failure] * 7)
    assert write(client, items(3)).fates == [Fate.DURABLE] * 3
    assert len(client.calls) == 8
    assert log.named("dynamodb.write_retried")  # what lasts is said
    assert CANARY not in str(log.events)


def test_what_needs_a_person_is_said_at_once(write: Any, log: Any) -> None:
    write(FakeDynamoDB(error("AccessDeniedException")), items(1))
    (said,) = log.named("dynamodb.write_retried")
    assert said["reason"] == "permission"
    assert said["missing"] == "dynamodb:BatchWriteItem"
    assert (said["table"], said["code"], said["request_id"]) == ("orders", "AccessDeniedException", "REQ")


def test_a_refused_item_is_found_and_its_companions_are_stored(write: Any, log: Any) -> None:
    def refuse_7_and_20(keys: list[str]) -> list[str]:
        if {"7", "20"} & set(keys):
            raise error("ValidationException")
        return []

    client = FakeDynamoDB(always=refuse_7_and_20)
    writing = write(client, items(25))
    assert [i for i, fate in enumerate(writing.fates) if fate is Fate.REFUSED] == [7, 20]
    assert len(client.stored) == 23
    assert len(client.calls) < 25
    assert [fields["code"] for fields in log.named("dynamodb.item_refused")] == ["ValidationException"] * 2
    assert CANARY not in str(log.events)


def test_a_stop_leaves_the_rest_pending(write: Any) -> None:
    stop = threading.Event()

    def stored_in_part(keys: list[str]) -> list[str]:
        stop.set()
        return keys[1:]

    client = FakeDynamoDB(stored_in_part)
    writing = write(client, items(5), stop)
    assert writing.wait(10)
    assert writing.fates == [Fate.DURABLE] + [Fate.PENDING] * 4
    assert client.calls == [list("01234")]


def test_a_stop_ends_the_wait_between_two_attempts(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb, "BACKOFF_FIRST_SECONDS", 60.0)
    monkeypatch.setattr(dynamodb, "BACKOFF_LIMIT_SECONDS", 60.0)
    stop, called = threading.Event(), threading.Event()

    def throttled(_: list[str]) -> list[str]:
        called.set()
        raise error("ThrottlingException")

    writing = write(FakeDynamoDB(always=throttled), items(1), stop)
    assert called.wait(10)
    stop.set()
    assert writing.wait(10)
    assert writing.fates == [Fate.PENDING]


def test_the_batches_in_flight_are_bounded(write: Any) -> None:
    release, lock = threading.Event(), threading.Lock()
    in_flight, most = 0, 0

    def slow(_: list[str]) -> list[str]:
        nonlocal in_flight, most
        with lock:
            in_flight += 1
            most = max(most, in_flight)
            if in_flight == 4:
                release.set()
        release.wait(10)
        with lock:
            in_flight -= 1
        return []

    assert write(FakeDynamoDB(always=slow), items(25 * 12)).fates == [Fate.DURABLE] * 300
    assert most == 4


def test_a_defect_in_a_thread_is_raised_and_not_swallowed(write: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        write(FakeDynamoDB(ZeroDivisionError()), items(1))


@pytest.mark.parametrize("answer", [{}, [], None, "<html>", {"UnprocessedItems": None}])
def test_a_200_that_is_not_dynamodbs_counts_for_nothing(write: Any, answer: Any) -> None:
    fake = FakeDynamoDB(answer)
    assert write(fake, items(3)).fates == [Fate.DURABLE] * 3
    assert len(fake.calls) == 2  # the first answer was not believed


def test_expired_credentials_are_waited_out(write: Any) -> None:
    fake = FakeDynamoDB(RuntimeError("Credentials were refreshed, but the refreshed credentials are still expired."))
    assert write(fake, items(2)).fates == [Fate.DURABLE] * 2
    assert len(fake.calls) == 2
