import json
from typing import Any

import pytest

from consumer.local.cloud import durable
from consumer.local.cloud.durable import DurableTimes


def put(sequence: str, **more: Any) -> Any:
    mark = {"shard": {"S": "s"}, "sequence": {"S": sequence}, "sub": {"N": "0"}} | more
    return {"PutRequest": {"Item": {"_sanitizer": {"M": mark}}}}


def note_batch(times: DurableTimes, written: list[Any], unprocessed: list[Any]) -> None:
    answer = {"UnprocessedItems": {"t": unprocessed} if unprocessed else {}}
    request = {"RequestItems": {"t": written}}
    times.note("BatchWriteItem", json.dumps(request).encode(), json.dumps(answer).encode())


def noted(times: DurableTimes) -> set[str]:
    return set(json.loads(times.to_json()))


def test_an_unprocessed_item_is_not_durable_until_it_is_sent_again() -> None:
    times = DurableTimes()
    note_batch(times, [put("1"), put("2")], [put("2")])
    assert noted(times) == {"s/1/0"}
    note_batch(times, [put("2")], [])
    assert noted(times) == {"s/1/0", "s/2/0"}


def test_the_documents_of_a_record_are_told_apart() -> None:
    times = DurableTimes()
    note_batch(times, [put("1", part={"N": "0"}), put("1", part={"N": "12"})], [])
    assert noted(times) == {"s/1/0", "s/1/0+12"}


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"_sanitizer": {"S": "text"}},
        {"_sanitizer": {"M": {"shard": {"S": "s"}}}},
        {"a": {"S": '"_sanitizer"'}},
    ],
)
def test_items_of_others_and_deletes_are_passed_over(item: Any) -> None:
    times = DurableTimes()
    delete = {"DeleteRequest": {"Key": {"_sanitizer": {"S": "k"}}}}
    note_batch(times, [delete, {"PutRequest": {"Item": item}}], [])
    assert noted(times) == set()


def test_it_holds_no_more_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable, "MAX_ENTRIES", 3)
    times = DurableTimes()
    note_batch(times, [put(str(number)) for number in range(5)], [])
    assert len(noted(times)) == 3
