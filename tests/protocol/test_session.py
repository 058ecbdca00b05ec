"""One shard's session over real pipes: what is answered, what is checkpointed, what is stored."""

import json
from decimal import Decimal
from typing import Any

import pytest

from consumer.worker.events import SessionFailed
from tests.kits.daemon import CARD, record
from tests.kits.kpl import Part, aggregate


def test_records_are_stored_redacted_and_checkpointed_by_number(worker: Any) -> None:
    child = worker.child().initialize()
    checkpoints = child.process_records(record(101, amount=149.99), record(102), record(103))
    assert checkpoints == [("103", 0)]
    documents = worker.documents(child.shard)
    assert documents["user-101-0"] == {
        "user_id": "user-101-0",
        "credit_card": "****-****-****-9012",
        "amount": Decimal("149.99"),
        "timestamp": "2024-03-15T10:30:00Z",
    }
    assert len(documents) == 3
    assert worker.outcomes(child.shard) == {"stored": 3}
    assert child.hang_up() == 0


def test_each_answer_is_one_line_of_json_and_nothing_else_is_written(worker: Any) -> None:
    child = worker.child().initialize()
    child.process_records(record(1), record(2, data=b"no json"))
    child.process_records()
    child.say("leaseLost")
    child.hang_up()
    lines = [line for line in b"".join(child.raw).split(b"\n") if line]
    assert [(answer["action"], answer.get("responseFor")) for answer in map(json.loads, lines)] == [
        ("status", "initialize"),
        ("checkpoint", None),
        ("status", "processRecords"),
        ("status", "processRecords"),
        ("status", "leaseLost"),
    ]


def test_sequence_numbers_of_56_digits_keep_every_digit(worker: Any) -> None:
    child = worker.child().initialize()
    sequence = int("49" + "601234567" * 6)
    assert child.process_records(record(sequence), record(sequence + 1)) == [(str(sequence + 1), 0)]


def test_records_of_one_aggregate_are_checkpointed_by_their_sub_sequence_number(worker: Any) -> None:
    child = worker.child()
    child.say("initialize", shardId=child.shard, sequenceNumber="7", subSequenceNumber=1)
    parts = [Part(json.dumps({"user_id": f"user-{sub}", "timestamp": "t"}).encode()) for sub in range(5)]
    # KCL delivers the record again that is checkpointed; what the checkpoint passed of it is not even counted.
    assert child.process_records(record(7, data=aggregate(parts)), record(8)) == [("8", 0)]
    assert set(worker.documents(child.shard)) == {"user-2", "user-3", "user-4", "user-8-0"}
    assert worker.outcomes(child.shard) == {"stored": 4}
    assert child.process_records(record(9, data=aggregate(parts))) == [("9", 4)]


def test_a_record_that_is_checkpointed_is_not_delivered_again(worker: Any) -> None:
    child = worker.child()
    child.say("initialize", shardId=child.shard, sequenceNumber="7", subSequenceNumber=0)
    assert child.process_records(record(7)) == []
    assert child.process_records(record(8)) == [("8", 0)]
    assert worker.outcomes(child.shard) == {"stored": 1}


def test_a_delivery_that_is_larger_than_a_portion_is_settled_and_checkpointed_at_its_end(worker: Any) -> None:
    child = worker.child().initialize()
    key = CARD + '"},{"data'  # in JSON nearly what stands between two records
    many = [record(number, note="x" * 2000) | {"partitionKey": key} for number in range(1, 1201)]
    large = record(1201, data=b'{"user_id": "large", "timestamp": "t", "text": "' + b"x" * 3_000_000 + b'"}')
    assert child.process_records(*many, large, record(1202)) == [("1202", 0)]
    assert len(worker.documents(child.shard)) == 1201
    assert sum(worker.outcomes(child.shard).values()) == 1202


def test_aggregates_that_kcl_took_apart_end_the_session(worker: Any) -> None:
    child = worker.child().initialize()
    child.send("processRecords", records=[record(1) | {"subSequenceNumber": 0}], millisBehindLatest=0)
    assert child.receive() is None
    assert worker.wait_for(SessionFailed).shard == child.shard


def test_what_cannot_be_read_is_quarantined_and_its_companions_are_stored(worker: Any) -> None:
    child = worker.child().initialize()
    odd = [record(2, data=b'{"credit_card": "4532-1234-5678-9012"'), record(3, data=b""), record(4, user_id=None)]
    assert child.process_records(record(1), *odd, record(5)) == [("5", 0)]
    assert worker.quarantined(child.shard) == {"2#0": "invalid_json", "3#0": "empty", "4#0": "key_missing"}
    assert set(worker.documents(child.shard)) == {"user-1-0", "user-5-0"}
    assert worker.outcomes(child.shard) == {"stored": 2, "quarantined": 3}


def test_a_throttled_checkpoint_is_written_at_the_next_heartbeat(worker: Any) -> None:
    child = worker.child().initialize()
    refused = child.process_records(record(1), errors=("ThrottlingException",) * 10)
    assert set(refused) == {("1", 0)}
    assert child.process_records() == [("1", 0)]
    assert child.process_records() == []


def test_heartbeats_write_the_checkpoint_when_it_is_due(own_worker: Any) -> None:
    worker = own_worker(pipeline={"checkpoint_seconds": 1.0})
    child = worker.child().initialize()
    assert child.process_records(record(1)) == []
    heartbeats = 0
    while not (checkpoints := child.process_records()):
        heartbeats += 1
    assert checkpoints == [("1", 0)]
    assert heartbeats > 1


def test_a_lease_lost_at_a_checkpoint_ends_the_writing_and_not_the_protocol(worker: Any) -> None:
    child = worker.child().initialize()
    assert child.process_records(record(1), errors=("ShutdownException",)) == [("1", 0)]
    assert child.process_records(record(2)) == []
    assert child.say("leaseLost") == []
    assert child.hang_up() == 0
    assert "user-2-0" not in worker.documents(child.shard)
    assert worker.outcomes(child.shard) == {"stored": 1, "abandoned": 1}


@pytest.mark.parametrize("error", ["InvalidStateException", "IllegalArgumentException", "OfTomorrowException"])
def test_a_checkpoint_that_only_a_new_daemon_mends_ends_the_session_without_an_answer(worker: Any, error: str) -> None:
    child = worker.child().initialize()
    child.send("processRecords", records=[record(1)], millisBehindLatest=0)
    assert child.receive() == {"action": "checkpoint", "sequenceNumber": "1", "subSequenceNumber": 0}
    child.send("checkpoint", sequenceNumber="1", subSequenceNumber=0, error=error)
    assert child.receive() is None
    assert worker.wait_for(SessionFailed) == SessionFailed(0, child.shard, 1)
    assert child.process.wait(10) == 0


def test_the_end_of_a_shard_is_checkpointed_when_all_of_it_is_durable(worker: Any) -> None:
    child = worker.child().initialize()
    child.process_records(record(1))
    assert "user-1-0" in worker.documents(child.shard)
    assert child.say("shardEnded") == [(None, None)]
    assert child.hang_up() == 0


def test_a_throttled_end_of_a_shard_is_tried_again(worker: Any) -> None:
    child = worker.child().initialize()
    assert child.say("shardEnded", "ThrottlingException", "ThrottlingException") == [(None, None)] * 3
    assert child.hang_up() == 0


def test_a_shutdown_takes_the_last_chance_to_checkpoint(worker: Any) -> None:
    child = worker.child().initialize()
    child.process_records(record(1), record(2), errors=("ThrottlingException",) * 10)
    assert child.say("shutdownRequested", "ThrottlingException") == [("2", 0), ("2", 0)]
    assert child.hang_up() == 0


def test_a_lost_lease_is_never_checkpointed(worker: Any) -> None:
    child = worker.child().initialize()
    child.process_records(record(1), errors=("ThrottlingException",) * 10)
    assert child.say("leaseLost") == []
    assert child.hang_up() == 0


def test_a_redelivery_after_the_daemons_restart_is_a_duplicate(worker: Any) -> None:
    first = worker.child().initialize()
    first.process_records(record(1), record(2), errors=("ThrottlingException",) * 10)
    second = worker.child(first.shard, daemon=2)
    second.send("initialize", shardId=first.shard, sequenceNumber="TRIM_HORIZON", subSequenceNumber=0)
    first.hang_up()  # until then the older session may still write
    assert second.settle("initialize") == []
    assert second.process_records(record(1), record(2), record(3)) == [("3", 0)]
    assert worker.outcomes(first.shard) == {"stored": 3, "duplicate": 2}
    assert second.hang_up() == 0


@pytest.mark.parametrize(
    "line",
    [
        b'{"action":"processRecords","millisBehindLatest":0,"records":[{"data":"NDUzMi0xMjM0',  # cut off
        b'{"action":"4532-1234-5678-9012"}\n',
        b'{"data":"4532-1234-5678-9012"}\n',
        b'{"action":"processRecords","records":"4532-1234-5678-9012"}\n',
        b'{"action":"processRecords","millisBehindLatest":0,"records":[{"data":"4532-1234-5678-9012"}]}\n',
        b'{"action":"checkpoint","sequenceNumber":"4532-1234-5678-9012","subSequenceNumber":0}\n',
        b'["4532-1234-5678-9012"]\n',
        b"4532-1234-5678-9012\n",
        b"\n",
        b"\xff\xfe\n",
    ],
)
def test_a_line_that_is_no_message_ends_the_session_without_an_answer(worker: Any, line: bytes) -> None:
    child = worker.child().initialize()
    child.write(line)
    assert child.hang_up() == 0
    assert worker.wait_for(SessionFailed) == SessionFailed(0, child.shard, 1)
    answers = [json.loads(answer) for answer in child.raw if answer.strip()]
    assert answers == [{"action": "status", "responseFor": "initialize"}]


@pytest.mark.parametrize("line", [b"", b'{"action":"initialize","shard', b'{"action":"leaseLost"}\n'])
def test_a_child_that_learns_no_shard_ends_at_once(worker: Any, line: bytes) -> None:
    child = worker.child()
    child.write(line)
    assert child.hang_up() == 1
    assert child.raw == []


def test_a_checkpoint_passes_whole_records_of_the_stream(worker: Any) -> None:
    """KCL may go on behind the sequence number of a checkpoint, whatever its sub-sequence number."""
    child = worker.child().initialize()
    parts = [Part(json.dumps({"user_id": f"user-{sub}", "timestamp": "t"}).encode()) for sub in range(1100)]
    assert child.process_records(record(8), record(9, data=aggregate(parts))) == [("8", 0), ("9", 1099)]
    assert child.process_records(record(10, data=aggregate(parts)), record(11)) == [("11", 0)]
    assert len(worker.documents(child.shard)) == 1102
