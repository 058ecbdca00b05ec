"""Deliveries in portions: whatever the texts hold, each record comes once, in order, and within the budget."""

import base64
import io
import json
import threading
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import SessionBroken
from consumer.kcl import delivery
from consumer.kcl.delivery import Lines, Portion
from consumer.kcl.jvm.whole_records import WHOLE
from consumer.pipeline.byte_budget import ByteBudget
from tests.kits.examples import examples

PORTION = 400


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "PORTION_BYTES", PORTION)
    monkeypatch.setattr(delivery, "_READ_BYTES", 64)
    monkeypatch.setattr(delivery, "LONGEST_RECORD_BYTES", 5000)


def line(records: list[dict[str, Any]], behind: int | None = 5) -> bytes:
    message = {"action": "processRecords", "records": records, "millisBehindLatest": behind}
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def record(number: int, size: int = 10, key: str = "key") -> dict[str, Any]:
    return {
        "data": base64.b64encode(b"x" * size).decode(),
        "partitionKey": key,
        "sequenceNumber": str(number),
        "approximateArrivalTimestamp": 1,
        "subSequenceNumber": WHOLE,
        "action": "record",
    }


def lines(data: bytes, budget: int = 1000) -> Lines:
    return Lines(b"", io.BytesIO(data).read, ByteBudget(budget), threading.Event())


def portions(reader: Lines) -> list[Portion]:
    found = reader.readline()
    assert not isinstance(found, bytes)
    return list(found)


TRICKY = st.text(st.sampled_from('},{"\\adé[]:'), max_size=30)


@given(st.lists(st.tuples(st.integers(0, 900), TRICKY), max_size=20), st.none() | st.integers(0, 10**12))
@examples(100)
def test_each_record_comes_once_and_in_order(made: list[tuple[int, str]], behind: int | None) -> None:
    records = [record(number, size, key) for number, (size, key) in enumerate(made)]
    reader = lines(line(records, behind) + b'{"action":"shardEnded"}\n')
    found = portions(reader)
    assert [each for portion in found for each in json.loads(portion.records)] == records
    assert [portion.is_last for portion in found] == [False] * (len(found) - 1) + [True]
    assert found[-1].behind_ms == behind
    assert reader.readline() == b'{"action":"shardEnded"}\n'
    assert reader.readline() == b""
    longest = max((len(json.dumps(each, ensure_ascii=False).encode()) for each in records), default=0)
    assert all(len(portion.records) <= PORTION + 64 + longest for portion in found)


def test_a_line_that_is_cut_off_breaks_the_session() -> None:
    whole = line([record(number) for number in range(20)])
    for end in (len(whole) - 1, len(whole) // 2, 60):
        with pytest.raises(SessionBroken, match="daemon is gone"):
            portions(lines(whole[:end]))


def test_a_record_that_is_larger_than_any_breaks_the_session() -> None:
    with pytest.raises(SessionBroken, match="larger than Kinesis takes"):
        portions(lines(line([record(1, 6000)])))


@pytest.mark.parametrize("end", [b"]}\n", b'],"millisBehindLatest":"5"}\n', b'],"more":1}\n'])
def test_another_form_breaks_the_session(end: bytes) -> None:
    with pytest.raises(SessionBroken, match="another form"):
        portions(lines(b'{"action":"processRecords","records":[' + end))


def test_no_more_is_in_hand_than_the_budget_has_room_for() -> None:
    budget = ByteBudget(5000)
    both = [
        Lines(b"", io.BytesIO(line([record(n, 1000) for n in range(6)])).read, budget, threading.Event())
        for _ in range(2)
    ]
    first = both[0].readline()
    assert isinstance(first, Generator)
    next(first)  # a record that is longer than a portion: the whole budget
    taken = threading.Event()

    def take() -> None:
        found = both[1].readline()
        assert not isinstance(found, bytes)
        next(found)
        taken.set()

    threading.Thread(target=take, daemon=True).start()
    assert not taken.wait(0.2)
    first.close()
    assert taken.wait(10)
