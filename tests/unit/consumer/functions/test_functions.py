"""The Lambda functions, over real HTTP to the embedded cloud: what counts as done, what leaks, what is refused."""

import base64
import gzip
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer import logs
from consumer.decoder import Decoded, DecoderUnavailable, Kind
from consumer.decoding.chain import Chain
from consumer.dynamodb.attribute_values import decode_document
from consumer.dynamodb.item import decode_item
from consumer.errors import UsageError
from consumer.functions.environment import Environment, InvocationFailed
from consumer.functions.events import firehose_batch, kinesis_batch
from consumer.functions.firehose import MAX_RESPONSE_BYTES, FirehoseFunction
from consumer.functions.kinesis import KinesisFunction
from consumer.local.cloud.process import Cloud
from consumer.record import Item
from consumer.sink import Fate, Writing
from tests.kits.functions import Context, Mapping, event, kinesis_event, read_shard
from tests.kits.kpl import Part, aggregate
from tests.kits.log import RecordingLog
from tests.kits.stream import KEY, World

SHARD = "shardId-000000000000"
CANARY = "4111111111111111"
ROOT = Path(__file__).resolve().parents[4]
OUT = {
    "user_id": "12345",
    "credit_card": "****-****-****-9012",
    "amount": 149.99,
    "merchant": "Amazon",
    "timestamp": "2024-03-15T10:30:00Z",
}


@pytest.fixture
def open_world(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], World]:
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)

    def open_world(name: str) -> World:
        world = World(
            cloud,
            tmp_path,
            name,
            quarantine={"fingerprint_key": KEY, "max_share": 1.0, "table": f"{name}-q"},
            redaction={"options": {"policy": "default"}},
        )
        monkeypatch.setenv("SANITIZER_CONFIG", str(world.config))
        return world

    return open_world


@pytest.fixture
def world(open_world: Callable[[str], World], tmp_path: Path) -> World:
    return open_world(f"f{abs(hash(str(tmp_path)))}")


@pytest.fixture
def open_environment(
    tmp_path: Path, log: RecordingLog, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Environment]]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(logs, "configure", lambda *_: None)
    monkeypatch.setattr(logs, "get_logger", lambda _: log)
    made: list[Environment] = []

    def open_environment() -> Environment:
        made.append(Environment())
        return made[-1]

    yield open_environment
    for each in made:
        each.outputs.close()


@pytest.fixture
def environment(world: World, open_environment: Callable[[], Environment]) -> Environment:
    del world
    return open_environment()


def documents(world: World) -> list[dict[str, Any]]:
    return [decode_item(item, world.settings.output)[0] for item in world.cloud.table(world.settings.output.table)]


def codes(world: World) -> list[str]:
    return sorted(item["code"]["S"] for item in world.cloud.table(world.settings.quarantine.table))


def transaction(number: int) -> bytes:
    return json.dumps({"user_id": f"u{number}", "timestamp": "t", "credit_card": CANARY}).encode()


def put(world: World, count: int) -> set[str]:
    for number in range(count):
        world.put(transaction(number))
    return {f"u{number}" for number in range(count)}


def users(world: World) -> set[str]:
    return {document["user_id"] for document in documents(world)}


def said(log: RecordingLog) -> str:
    """What the log has, but for the exceptions, of which the real one writes no message."""
    return str([(level, name, {**fields, "exc_info": None}) for level, name, fields in log.events])


class Sink:
    """A sink before another, which does what each call's plan says: pass, raise, or take the first half only."""

    def __init__(self, inner: Any, *plans: str) -> None:
        self._inner, self._plans = inner, list(plans)

    def encoder(self, shard: str) -> Any:
        return self._inner.encoder(shard)

    def close(self) -> None:
        self._inner.close()

    def start(self, items: Sequence[Item], stop: threading.Event) -> Writing:
        plan = self._plans.pop(0) if self._plans and items else "pass"
        if plan == "raise":
            raise RuntimeError(CANARY)
        if plan == "pass":
            writing: Writing = self._inner.start(items, stop)
            return writing
        half = self._inner.start(items[: len(items) // 2], stop)
        while not half.wait(1):
            pass
        rest = Writing(len(items))
        rest.fates[: len(half.fates)] = half.fates
        rest.wait = stop.wait  # type: ignore[method-assign] # goes on until it is stopped
        return rest


def test_the_recorded_kinesis_event_is_stored_and_quarantined_as_by_the_worker(
    open_world: Callable[[str], World], open_environment: Callable[[], Environment], log: RecordingLog
) -> None:
    world = open_world("transactions")
    assert KinesisFunction(open_environment()).handle(event("kinesis"), Context()) == {"batchItemFailures": []}
    (item,) = world.cloud.table(world.settings.output.table)
    document, added = decode_item(item, world.settings.output)
    assert document == {**OUT, "amount": document["amount"]}
    assert str(document["amount"]) == "149.99"
    assert added["arrival_ms"] == 1545084650987
    assert (added["shard"], added["sub"]) == ("shardId-000000000006", 0)
    assert codes(world) == ["invalid_json"]
    (ended,) = log.named("invocation.ended")
    assert (ended["records"], ended["stored"], ended["quarantined"], ended["abandoned"]) == (2, 1, 1, 0)
    assert ended["sequence"] is None


def test_an_event_without_records_has_no_failures(environment: Environment) -> None:
    assert KinesisFunction(environment).handle({"Records": []}, Context()) == {"batchItemFailures": []}


def write_by(environment: Environment, *steps: str) -> None:
    """Have documents written by a sink that does these things, one after another."""
    factory = environment.pipelines
    factory._outputs = factory._outputs._replace(output=Sink(factory._outputs.output, *steps))


def test_whatever_fails_meanwhile_nothing_is_lost_and_nothing_leaks(
    world: World, environment: Environment, log: RecordingLog
) -> None:
    expected = put(world, 40)
    write_by(environment, "raise", "half", "pass", "half", "raise", "raise")
    mapping = Mapping(world.name, SHARD, KinesisFunction(environment).handle, lambda: Context(6.5))
    mapping.deliver(read_shard(world.name, SHARD), 16)
    assert users(world) == expected
    assert (mapping.errors, mapping.partial) == (3, 2)
    assert CANARY not in said(log)
    assert CANARY not in str(world.cloud.table(world.settings.output.table))


def test_the_lowest_record_that_is_not_durable_is_named(world: World, environment: Environment) -> None:
    put(world, 8)
    records = read_shard(world.name, SHARD)
    write_by(environment, "half")
    answer = KinesisFunction(environment).handle(kinesis_event(world.name, SHARD, reversed(records)), Context(6.5))
    assert answer == {"batchItemFailures": [{"itemIdentifier": records[4].sequence}]}


def test_an_aggregate_is_taken_apart_and_open_until_all_of_it_is_durable(
    world: World, environment: Environment
) -> None:
    world.put(transaction(9))
    world.put(aggregate([Part(transaction(number)) for number in range(6)]), aggregate([]))
    records = read_shard(world.name, SHARD)
    write_by(environment, "half")
    function = KinesisFunction(environment)
    whole = kinesis_event(world.name, SHARD, records)
    assert function.handle(whole, Context(6.5)) == {"batchItemFailures": [{"itemIdentifier": records[1].sequence}]}
    assert function.handle(whole, Context()) == {"batchItemFailures": []}
    assert users(world) == {*(f"u{number}" for number in range(6)), "u9"}


def test_of_an_aggregate_with_a_record_of_another_shard_nothing_is_stored_as_kcl_does_it(
    world: World, environment: Environment, log: RecordingLog
) -> None:
    world.kinesis.split_shard(StreamName=world.name, ShardToSplit=SHARD, NewStartingHashKey=str(2**127))
    child = "shardId-000000000001"
    foreign = aggregate([Part(transaction(1)), Part(transaction(2), explicit=0)], explicit=(str(2**128 - 1),))
    world.put(foreign, explicit=1)
    answer = KinesisFunction(environment).handle(
        kinesis_event(world.name, child, read_shard(world.name, child)), Context()
    )
    assert answer == {"batchItemFailures": []}
    assert documents(world) == []
    (left_out,) = log.named("aggregate.foreign")
    assert left_out["count"] == 2


def test_older_records_after_newer_ones_are_settled_too(world: World, environment: Environment) -> None:
    """With a parallelization factor the batches of a shard interleave: a mark of the last one says nothing."""
    expected = put(world, 4)
    records = read_shard(world.name, SHARD)
    function = KinesisFunction(environment)
    for some in (records[1::2], records[::2]):
        assert function.handle(kinesis_event(world.name, SHARD, some), Context()) == {"batchItemFailures": []}
    assert users(world) == expected


def test_other_streams_records_and_other_events_are_refused(
    world: World, environment: Environment, log: RecordingLog
) -> None:
    function = KinesisFunction(environment)
    put(world, 1)
    records = read_shard(world.name, SHARD)
    for bad in (kinesis_event("other", SHARD, records), {"Records": [{"body": CANARY}]}, {}):
        with pytest.raises(InvocationFailed) as failed:
            function.handle(bad, Context())
        assert failed.value.__context__ is None
    assert len([fields for fields in log.named("invocation.failed") if fields["reason"]]) == 3
    assert CANARY not in said(log)


def test_too_short_a_time_out_is_said(world: World, environment: Environment, log: RecordingLog) -> None:
    put(world, 1)
    whole = kinesis_event(world.name, SHARD, read_shard(world.name, SHARD))
    with pytest.raises(InvocationFailed):
        KinesisFunction(environment).handle(whole, Context(3.0))
    assert "give it more" in log.named("invocation.failed")[0]["reason"]


def test_records_of_two_shards_in_one_event_are_refused() -> None:
    mixed = event("kinesis")
    mixed["Records"][1]["eventID"] = "shardId-000000000007:1"
    with pytest.raises(UsageError, match="several shards"):
        kinesis_batch(mixed)


def test_the_aggregated_shape_is_one_record_of_the_event() -> None:
    batch = kinesis_batch(event("kinesis_aggregated"))
    assert (batch.stream, batch.shard, len(batch.records)) == ("transactions", "shardId-000000000006", 1)


DYING = """
import json, os, sys
from consumer.functions import environment, handlers
from tests.kits.functions import Context
class Dying:
    name, version, digest = "dying", "1", "d"
    def __init__(self, inner): self.inner = inner
    def redact(self, payloads):
        if any(b"die" in each for each in payloads): os._exit(9)
        return self.inner.redact(payloads)
made = handlers._kinesis()._environment
made.pipelines._shown = Dying(made.redactor)
json.dump(handlers.kinesis_handler(json.load(sys.stdin), Context()), sys.stdout)
"""


def test_a_record_that_kills_the_function_is_quarantined_while_lambda_keeps_its_folder(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put(transaction(1), {"user_id": "die", "timestamp": "t", "card": CANARY}, transaction(2))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    whole = json.dumps(kinesis_event(world.name, SHARD, read_shard(world.name, SHARD))).encode()
    statuses, out, err = [], b"", b""
    for _ in range(3):
        ran = subprocess.run([sys.executable, "-c", DYING], input=whole, capture_output=True, check=False, timeout=60)
        statuses.append(ran.returncode)
        out, err = ran.stdout, err + ran.stderr
    assert statuses == [9, 9, 0], err
    assert json.loads(out) == {"batchItemFailures": []}
    assert users(world) == {"u1", "u2"}
    assert codes(world) == ["redactor_died"]
    assert CANARY.encode() not in err
    assert b"invocation.ended" in err


def test_the_recorded_firehose_event_gives_released_lines_and_nothing_else(
    world: World, environment: Environment, log: RecordingLog
) -> None:
    given = event("firehose")
    given["sourceKinesisStreamArn"] = given["sourceKinesisStreamArn"].replace("transactions", world.name)
    answer = FirehoseFunction(environment).handle(given, Context())
    first, second, third = answer["records"]
    assert [each["recordId"] for each in answer["records"]] == [each["recordId"] for each in given["records"]]
    assert second == {"recordId": second["recordId"], "result": "Dropped"}
    for each in (first, third):
        line = base64.b64decode(each["data"])
        assert line.endswith(b"}\n")
        assert json.loads(line) == OUT
        assert each["result"] == "Ok"
    assert codes(world) == ["invalid_json"]
    assert log.named("invocation.ended")[0] | {"seconds": 0, "bytes": 0} == {
        "request_id": Context.aws_request_id,
        "records": 3,
        "bytes": 0,
        "seconds": 0,
        "released": 2,
        "quarantined": 1,
        "dropped": 0,
    }


def firehose_event(stream: str, payloads: Sequence[bytes]) -> dict[str, Any]:
    given = event("firehose")
    given["sourceKinesisStreamArn"] = f"arn:aws:kinesis:eu-central-1:1:stream/{stream}"
    template = given["records"][0]
    given["records"] = [
        {
            **template,
            "recordId": str(number),
            "data": base64.b64encode(payload).decode(),
            "kinesisRecordMetadata": {**template["kinesisRecordMetadata"], "sequenceNumber": str(number)},
        }
        for number, payload in enumerate(payloads)
    ]
    return given


def test_without_a_durable_quarantine_entry_firehose_gets_no_answer(world: World, environment: Environment) -> None:
    class Pending:
        def start(self, items: Sequence[Item], stop: threading.Event) -> Writing:
            del stop
            return Writing(len(items))

    environment.outputs = environment.outputs._replace(quarantine=Pending())  # type: ignore[misc]
    assert Writing(1).fates == [Fate.PENDING]
    with pytest.raises(InvocationFailed):
        FirehoseFunction(environment).handle(firehose_event(world.name, [b"no JSON"]), Context())


def test_what_the_answer_has_no_room_for_is_quarantined(world: World, environment: Environment) -> None:
    large = [json.dumps({"user_id": "u", "note": "x " * 100_000}).encode()] * 24
    answer = FirehoseFunction(environment).handle(firehose_event(world.name, large), Context())
    assert [each["result"] for each in answer["records"]] == ["Ok"] * 22 + ["Dropped"] * 2
    assert len(json.dumps(answer)) <= MAX_RESPONSE_BYTES
    assert codes(world) == ["response_too_large"] * 2


def test_records_of_several_documents_are_decoded_as_by_the_worker(world: World, environment: Environment) -> None:
    lines = [transaction(1), b"no JSON", transaction(2)]
    world.put(gzip.compress(b"\n".join(lines)), transaction(3))
    handler = KinesisFunction(environment)
    given = kinesis_event(world.name, SHARD, read_shard(world.name, SHARD))
    assert handler.handle(given, Context()) == {"batchItemFailures": []}
    assert len(documents(world)) == 3
    assert codes(world) == ["invalid_json"]


def test_firehose_gets_a_line_for_each_document_of_a_record(world: World, environment: Environment) -> None:
    lines = [transaction(1), b"no JSON", transaction(2)]
    given = firehose_event(world.name, [gzip.compress(b"\n".join(lines)), b'[{"user_id":1},7]', transaction(3)])
    answer = FirehoseFunction(environment).handle(given, Context())
    assert [each["result"] for each in answer["records"]] == ["Ok", "Dropped", "Ok"]
    decoded = [base64.b64decode(each["data"]).splitlines() for each in answer["records"] if "data" in each]
    assert list(map(len, decoded)) == [2, 1]
    assert codes(world) == ["invalid_json", "not_an_object"]


class Registry:
    """A decoder's, which gives no answer to the first so many questions for a record that asks it."""

    takes = Kind.BYTES
    gives = Kind.JSON

    def __init__(self, silent: int) -> None:
        self.silent = silent

    def decode(self, data: bytes) -> Sequence[Decoded]:
        if data == b"?" and self.silent:
            self.silent -= 1
            raise DecoderUnavailable("The registry does not answer.")
        return (Decoded(transaction(9) if data == b"?" else data),)


@pytest.mark.parametrize(("silent", "result"), [(2, "Ok"), (1_000_000, "Dropped")])
def test_a_registry_that_does_not_answer_has_no_invocation_fail_so_that_firehose_would_keep_raw_data(
    world: World, environment: Environment, silent: int, result: str
) -> None:
    environment.decoding.chain = Chain([Registry(silent)], 1 << 20)
    seconds = environment.settings.output.timeout_seconds + 4
    given = firehose_event(world.name, [transaction(1), b"?", transaction(2)])
    answer = FirehoseFunction(environment).handle(given, Context(seconds))
    results = [each["result"] for each in answer["records"]]
    assert results[:2] == ["Ok", result]
    assert codes(world) == ["not_decoded_in_time"] * results.count("Dropped")


def test_direct_puts_to_firehose_are_refused() -> None:
    given = event("firehose")
    del given["sourceKinesisStreamArn"]
    with pytest.raises(UsageError, match="direct puts"):
        firehose_batch(given)


def test_a_candidate_policy_is_refused(world: World, open_environment: Callable[[], Environment]) -> None:
    given = yaml.safe_load(world.config.read_text())
    given["redaction"]["candidate"] = {"policy": "default"}
    world.config.write_text(yaml.safe_dump(given))
    with pytest.raises(UsageError, match=r"redaction\.candidate"):
        open_environment()


def test_quarantine_entries_hold_no_content(world: World, environment: Environment) -> None:
    world.put(f"no JSON {CANARY}".encode())
    KinesisFunction(environment).handle(kinesis_event(world.name, SHARD, read_shard(world.name, SHARD)), Context())
    (entry,) = map(decode_document, world.cloud.table(world.settings.quarantine.table))
    assert CANARY not in str(entry)
