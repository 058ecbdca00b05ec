"""What is kept of a registry: schemas once, unknown ids for a while, and a registry that is down is left in peace."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from consumer import thread_turns
from consumer.decoder import DecoderUnavailable, Schema
from consumer.decoding.asking import told_of_asking
from consumer.decoding.schemas import memory
from consumer.decoding.schemas.definition import (
    Definition,
    Format,
    Refused,
    SchemaReader,
    SchemaUnusable,
    Unusable,
    Wire,
)
from consumer.decoding.schemas.memory import SchemaMemory

FOUND = Definition(Format.JSON, "{}", "orders", "1")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Registry:
    """Answers with what is in `known`, raises what is in `failures` before."""

    def __init__(self, *, lags: bool = True) -> None:
        self.lags = lags
        self.known: dict[Any, Definition] = {}
        self.failures: list[Exception] = []
        self.asked: list[Any] = []

    def fetch(self, schema_id: Any) -> Definition | None:
        self.asked.append(schema_id)
        if self.failures:
            raise self.failures.pop(0)
        return self.known.get(schema_id)


class Reader:
    def read(self, payload: bytes, wire: Wire) -> tuple[bytes, Schema]:  # noqa: ARG002
        return payload, FOUND.schema


def _memory(
    registry: Any, clock: Clock, compiled: Callable[[Definition], SchemaReader] = lambda _: Reader()
) -> SchemaMemory:
    return SchemaMemory(registry, compiled, clock=clock, sleep=clock.sleep)


def _unavailable(kept: SchemaMemory, schema_id: Any) -> str:
    with pytest.raises(DecoderUnavailable) as error:
        kept.get(schema_id)
    return str(error.value)


def test_a_schema_is_fetched_once() -> None:
    registry, clock = Registry(), Clock()
    registry.known[7] = FOUND
    kept = _memory(registry, clock)
    assert kept.get(7) is kept.get(7)
    assert registry.asked == [7]


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_SCHEMAS", 2)
    registry, clock = Registry(), Clock()
    registry.known = dict.fromkeys(range(3), FOUND)
    kept = _memory(registry, clock)
    for schema_id in (0, 1, 0, 2, 0, 1):
        assert kept.get(schema_id)
    assert registry.asked == [0, 1, 2, 1]


def test_large_ones_are_forgotten_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_MAX_CHARS", 10)
    registry, clock = Registry(), Clock()
    registry.known = dict.fromkeys(range(2), FOUND._replace(text="123456"))
    kept = _memory(registry, clock)
    for schema_id in (0, 1, 0):
        assert kept.get(schema_id)
    assert registry.asked == [0, 1, 0]


@pytest.mark.parametrize("error", [SchemaUnusable(), RecursionError(), KeyError("x"), MemoryError()])
def test_a_schema_of_which_no_reader_can_be_made_refuses_what_was_written_with_it(error: Exception) -> None:
    def broken(_: Definition) -> SchemaReader:
        raise error

    registry, clock = Registry(), Clock()
    registry.known[7] = FOUND
    reader = _memory(registry, clock, broken).get(7)
    assert reader
    with pytest.raises(Refused, match="schema_unusable"):
        reader.read(b"", None)  # type: ignore[arg-type]


def test_an_id_is_unknown_only_at_a_second_look_some_seconds_later() -> None:
    registry, clock = Registry(), Clock()
    kept = _memory(registry, clock)
    assert "once more" in _unavailable(kept, 7)
    clock.now += 1
    assert "once more" in _unavailable(kept, 7)
    assert registry.asked == [7]
    clock.now += 2
    assert kept.get(7) is None
    assert registry.asked == [7, 7]
    assert kept.get(7) is None
    assert registry.asked == [7, 7]


def test_a_schema_that_a_replica_has_late_is_found_at_the_second_look() -> None:
    registry, clock = Registry(), Clock()
    kept = _memory(registry, clock)
    _unavailable(kept, 7)
    registry.known[7] = FOUND
    clock.now += 3
    assert kept.get(7)


def test_an_unknown_id_is_asked_for_again_after_a_minute() -> None:
    registry, clock = Registry(), Clock()
    kept = _memory(registry, clock)
    _unavailable(kept, 7)
    clock.now += 3
    assert kept.get(7) is None
    registry.known[7] = FOUND
    clock.now += 59
    assert kept.get(7) is None
    clock.now += 1
    assert kept.get(7)


def test_a_folder_has_no_second_look() -> None:
    registry, clock = Registry(lags=False), Clock()
    assert _memory(registry, clock).get(7) is None


def test_whoever_makes_ids_up_holds_a_shard_for_seconds_only() -> None:
    registry, clock = Registry(), Clock()
    kept = _memory(registry, clock)
    settled = 0
    for schema_id in range(1000):
        while True:
            try:
                assert kept.get(schema_id) is None
                settled += 1
                break
            except DecoderUnavailable:
                clock.now += 0.5
    assert settled == 1000
    took = clock.now - 1000
    assert took < 1000 / 5 * 1.3  # five look-ups a second, and at most three waits of 3 s a minute
    assert len(registry.asked) <= 50 + 5 * took + 1


def test_unknown_ids_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_MAX_UNKNOWN", 3)
    registry, clock = Registry(lags=False), Clock()
    kept = _memory(registry, clock)
    for schema_id in range(100):
        kept.get(schema_id)
    assert len(kept._unknown) == 3


def test_a_registry_that_fails_is_asked_ever_less_and_by_one_at_a_time() -> None:
    registry, clock = Registry(), Clock()
    registry.known = dict.fromkeys(range(1000, 1100), FOUND)
    registry.failures = [DecoderUnavailable("It is down.") for _ in range(6)]
    kept = _memory(registry, clock)
    asked, told = [], set()
    while clock.now < 1100:
        before = len(registry.asked)
        try:
            kept.get(int(clock.now))
            break
        except DecoderUnavailable as error:
            told.add(str(error))
        if len(registry.asked) > before:
            asked.append(clock.now - 1000)
        clock.now += 0.5
    assert told == {"It is down."}
    assert asked == [0, 1, 3, 7, 15, 31]
    assert clock.now == 1061


@pytest.mark.parametrize("error", [KeyError("SchemaArn"), ValueError("secret"), AttributeError("x")])
def test_an_answer_that_makes_no_sense_holds_the_record(error: Exception) -> None:
    registry, clock = Registry(), Clock()
    registry.failures = [error]
    told = _unavailable(_memory(registry, clock), 7)
    assert type(error).__name__ in told
    assert "secret" not in told


class Slow:
    """Answers when it is told to."""

    lags = True

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.is_asked = threading.Event()
        self.may_answer = threading.Event()

    def fetch(self, schema_id: Any) -> Definition | None:
        self.asked.append(schema_id)
        self.is_asked.set()
        assert self.may_answer.wait(10)
        return FOUND


def test_threads_that_want_one_schema_ask_once_and_let_others_work_meanwhile() -> None:
    registry = Slow()
    kept = SchemaMemory(registry, lambda _: Reader())
    found: list[Any] = []

    def want() -> None:
        with thread_turns.working():
            found.append(kept.get(7))

    threads = [threading.Thread(target=want) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert registry.is_asked.wait(10)
    with thread_turns.working():  # none of those that wait is in the way
        registry.may_answer.set()
    for thread in threads:
        thread.join(10)
    assert len(found) == 5
    assert all(found)
    assert registry.asked == [7]


def test_who_waits_for_the_registry_says_so() -> None:
    waited: list[str] = []

    @contextmanager
    def aside() -> Iterator[None]:
        waited.append("begun")
        yield
        waited.append("ended")

    memory = SchemaMemory(Asked(waited), lambda _: Unusable())
    with told_of_asking(aside):
        memory.get(1)
        memory.get(1)  # known
    assert waited == ["begun", "asked", "ended"]


class Asked:
    lags = False

    def __init__(self, told: list[str]) -> None:
        self._told = told

    def fetch(self, schema_id: Any) -> Definition:  # noqa: ARG002
        self._told.append("asked")
        return Definition(Format.JSON, "{}", "a", "1")
