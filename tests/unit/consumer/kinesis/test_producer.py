"""The producer: what a call holds, and that what was turned away is sent again in order."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import ServiceError, StartError
from consumer.kinesis.producer import ATTEMPTS, MAX_CALL_BYTES, MAX_RECORD_BYTES, Producer, Put, calls, read_lines

CANARY = "4111111111111111"


class FakeKinesis:
    """Turns away what `refuse` picks of each call."""

    def __init__(self, refuse: Callable[[int, int], bool]) -> None:
        self.refuse = refuse
        self.calls: list[list[bytes]] = []

    def put_records(self, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert StreamName == "orders"
        number = len(self.calls)
        self.calls.append([record["Data"] for record in Records])
        return {
            "Records": [
                {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": CANARY}
                if self.refuse(number, i)
                else {"ShardId": "shardId-0", "SequenceNumber": record["Data"].decode()}
                for i, record in enumerate(Records)
            ]
        }


@pytest.fixture(autouse=True)
def _no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.kinesis.producer.time.sleep", lambda _: None)


def over(kinesis: Any, monkeypatch: pytest.MonkeyPatch) -> Producer:
    monkeypatch.setattr("consumer.kinesis.producer.aws.client", lambda *_, **__: kinesis)
    return Producer("orders")


def test_what_was_turned_away_is_sent_again_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    kinesis = FakeKinesis(lambda call, index: call < 2 and index % 2 == 1)
    placed = over(kinesis, monkeypatch).put([Put(str(i).encode(), "k") for i in range(8)])
    assert [place.sequence for place in placed] == list("01234567")
    assert kinesis.calls == [[b"%d" % i for i in range(8)], [b"1", b"3", b"5", b"7"], [b"3", b"7"]]


def test_a_stream_that_never_takes_them_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    kinesis = FakeKinesis(lambda _, index: index == 0)
    with pytest.raises(ServiceError, match=f"turned 1 records away {ATTEMPTS} times: add shards"):
        over(kinesis, monkeypatch).put([Put(b"1", "k"), Put(b"2", "k")])
    assert len(kinesis.calls) == ATTEMPTS


def test_a_failed_call_is_explained_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        def put_records(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": CANARY}}, "PutRecords")

    with pytest.raises(ServiceError, match="There is no stream orders") as error:
        over(Missing(), monkeypatch).put([Put(b"1", "k")])
    assert CANARY not in str(error.value)
    assert error.value.__suppress_context__


@given(st.lists(st.integers(0, 1 << 20), max_size=40), st.integers(1, 10))
def test_calls_hold_each_record_once_in_order_within_the_limits(sizes: list[int], limit: int) -> None:
    class Sized(bytes):
        """Bytes that claim to be many."""

        claimed = 0

        def __len__(self) -> int:
            return self.claimed

    def sized(size: int) -> bytes:
        data = Sized()
        data.claimed = size
        return data

    records = [Put(sized(size), "k") for size in sizes]
    made = list(calls(records, limit))
    assert [record for call in made for record in call] == records
    for call in made:
        assert 0 < len(call) <= limit
        assert sum(len(record.data) + 1 for record in call) <= MAX_CALL_BYTES


def test_lines_become_records_keyed_by_a_field() -> None:
    lines = [b'{"user_id": "u-1"}\r\n', b'{"user_id": 7}\n', b'{"user_id": ""}\n', b"no json\n", b"\n", b"[1]"]
    assert list(read_lines(lines, "user_id")) == [
        Put(b'{"user_id": "u-1"}', "u-1"),
        Put(b'{"user_id": 7}', "7"),
        Put(b'{"user_id": ""}', "line-3"),
        Put(b"no json", "line-4"),
        Put(b"", "line-5"),
        Put(b"[1]", "line-6"),
    ]


def test_partition_keys_hold_256_characters() -> None:
    (record,) = read_lines([b'{"u": "%s"}' % (b"x" * 500)], "u")
    assert record.partition_key == "x" * 256


def test_a_line_longer_than_a_record_is_named_by_its_number() -> None:
    lines = [b"ok", CANARY.encode() + b"x" * MAX_RECORD_BYTES]
    with pytest.raises(StartError, match=r"Line 2 has \d+ bytes") as error:
        list(read_lines(lines, "u"))
    assert CANARY not in str(error.value)


def test_a_record_is_as_large_as_any_stream_allows() -> None:
    line = b"x" * (MAX_RECORD_BYTES - len("line-1"))
    assert [len(call) for call in calls(read_lines([line, b"small"], "u"))] == [1, 1]
    with pytest.raises(StartError, match="10 MiB"):
        list(read_lines([line + b"x"], "u"))


@pytest.mark.parametrize(("size", "hinted"), [(2 << 20, True), (1000, False)])
def test_a_refused_call_with_a_large_record_says_what_that_takes(
    monkeypatch: pytest.MonkeyPatch,
    size: int,
    hinted: bool,  # noqa: FBT001
) -> None:
    def put_records(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ValidationException", "Message": CANARY}}, "PutRecords")

    kinesis = FakeKinesis(lambda *_: False)
    monkeypatch.setattr(kinesis, "put_records", put_records)
    monkeypatch.setattr("consumer.kinesis.producer.aws.client", lambda *_, **__: kinesis)
    with pytest.raises(ServiceError) as error:
        Producer("orders").put([Put(b"x" * size, "k")])
    assert ("MaxRecordSizeInKiB" in str(error.value)) == hinted
    assert CANARY not in str(error.value)
