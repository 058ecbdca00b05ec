"""The sinks: the conformance kit over each, over real HTTP; what is a sink's own; how they are found and combined."""

import json
import os
import random
import resource
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
import orjson
import pytest

from consumer import tables
from consumer.aws.transport import CallTimeout
from consumer.dynamodb import schema
from consumer.dynamodb.item import decode_item
from consumer.errors import EncodeError, StartError, UsageError
from consumer.local.cloud.process import Cloud
from consumer.metrics import Metrics
from consumer.pipeline.outputs import WriteMetrics
from consumer.record import Item, Record
from consumer.settings import Settings
from consumer.sink import DocumentSink, Encoder, Fate, SinkContext, Writing
from consumer.sink_testing import CHECKS, Log, SinkCheck, Stored
from consumer.sinks import service_writer
from consumer.sinks.jsonl import JsonLinesSink
from consumer.sinks.kinesis import MAX_RECORDS, KinesisSink, RecordEncoder
from consumer.sinks.loading import check_sinks, open_sinks, sink_context
from consumer.worker.preflight import check
from redaction.plugin import Verdict
from tests.kits.cli import Run
from tests.kits.tables import created

CANARY = "4111111111111111"
RECORD = Record("7", 0, 1_700_000_000_000, b"{}", CANARY)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Cloud() as running:
        yield running


@pytest.fixture
def name(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    for variable in [variable for variable in os.environ if variable.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    for variable, value in cloud.environment().items():
        monkeypatch.setenv(variable, value)
    return "s-" + "".join(c if c.isalnum() else "-" for c in request.node.name)[:60]


class _Redactor:
    name, version, digest = "p", "1", "d"

    def redact(self, payloads: Sequence[bytes]) -> list[Verdict]:
        raise NotImplementedError


def told(settings: Settings, metrics: Metrics, log: Log) -> SinkContext:
    return sink_context(settings, _Redactor(), WriteMetrics(metrics), log)


class Common:
    """A place of one sink, for the kit."""

    has_order = True

    def __init__(self, name: str, folder: Path, metrics: Metrics) -> None:
        self.name, self.folder, self.metrics = name, folder, metrics
        self.log = Log()
        self.settings = Settings.model_validate(
            {"stream": {"name": f"{name}-raw"}, "output": {"table": f"{name}-out"}, "sinks": [self.chosen()]}
        )

    def chosen(self) -> dict[str, Any]:
        raise NotImplementedError

    def context(self) -> SinkContext:
        return told(self.settings, self.metrics, self.log)

    def open(self) -> DocumentSink:
        return open_sinks(self.settings, self.context())


class Table(Common):
    """The output table; it fails by not being there."""

    has_order = False

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.mend()

    def chosen(self) -> dict[str, Any]:
        return {"plugin": "dynamodb"}

    def stored(self) -> list[Stored]:
        items: Any = boto3.client("dynamodb").scan(TableName=self.settings.output.table)["Items"]
        added = [decode_item(item, self.settings.output)[1] for item in items]
        return [Stored(each["shard"], each["sequence"], each["sub"]) for each in added]

    def fail(self) -> None:
        boto3.client("dynamodb").delete_table(TableName=self.settings.output.table)

    def mend(self) -> None:
        schema.create_each([tables.output_table(self.settings)])


class Stream(Common):
    """A stream; it fails by not being there."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.mend()

    def chosen(self) -> dict[str, Any]:
        return {"plugin": "kinesis", "options": {"stream": f"{self.name}-clean"}}

    def read(self) -> list[dict[str, Any]]:
        client: Any = boto3.client("kinesis")
        found: list[dict[str, Any]] = []
        stream = f"{self.name}-clean"
        for shard in client.list_shards(StreamName=stream)["Shards"]:
            iterator = client.get_shard_iterator(
                StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while True:
                answer = client.get_records(ShardIterator=iterator)
                found += answer["Records"]
                iterator = answer["NextShardIterator"]
                if not answer["Records"]:
                    break
        return found

    def stored(self) -> list[Stored]:
        added = [json.loads(each["Data"])["_sanitizer"] for each in self.read()]
        return [Stored(each["shard"], each["sequence"], each["sub"]) for each in added]

    def fail(self) -> None:
        boto3.client("kinesis").delete_stream(StreamName=f"{self.name}-clean")

    def mend(self) -> None:
        boto3.client("kinesis").create_stream(StreamName=f"{self.name}-clean", ShardCount=2)


class Lines(Common):
    """A file; it fails as on a full disk: it takes a part of what is written."""

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    @property
    def file(self) -> Path:
        return self.folder / "out.jsonl"

    def chosen(self) -> dict[str, Any]:
        return {"plugin": "jsonl", "options": {"path": str(self.file)}}

    def stored(self) -> list[Stored]:
        text = self.file.read_bytes()
        assert not text or text.endswith(b"\n")
        added = [json.loads(line)["_sanitizer"] for line in text.splitlines()]
        return [Stored(each["shard"], each["sequence"], each["sub"]) for each in added]

    def fail(self) -> None:
        size = self.file.stat().st_size if self.file.exists() else 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, self.limits[1]))

    def mend(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self.limits)


PLACES: list[type[Common]] = [Table, Stream, Lines]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("place", PLACES)
def test_each_sink_conforms(check: SinkCheck, place: Any, name: str, tmp_path: Path, metrics: Metrics) -> None:
    made = place(name, tmp_path, metrics)
    try:
        check(made)
    finally:
        Lines.mend(made) if place is Lines else None


class Hasty:
    """A sabotaged sink: it calls durable what it has only begun, in any order, and says what it writes."""

    def __init__(self, inner: DocumentSink, log: Any) -> None:
        self._inner, self._log = inner, log

    def encoder(self, shard: str) -> Encoder:
        return self._inner.encoder(shard)

    def start(self, items: Sequence[Item], stop: threading.Event) -> Writing:
        self._log.info("written", body=items[0].body if items else b"")
        self._inner.start(items[::-1], stop).wait(0.1)
        writing = Writing(len(items))
        writing.fates = [Fate.DURABLE] * len(items)
        return writing

    def close(self) -> None:
        self._inner.close()


def test_the_kit_catches_a_sabotaged_sink(tmp_path: Path, metrics: Metrics) -> None:
    class Sabotaged(Lines):
        def open(self) -> DocumentSink:
            return Hasty(super().open(), self.log)

    failed = set()
    for number, each in enumerate(CHECKS):
        folder = tmp_path / str(number)
        folder.mkdir()
        place = Sabotaged("s", folder, metrics)
        try:
            each(place)
        except AssertionError as error:
            assert CANARY not in str(error)  # noqa: PT017 - which checks fail is what is asked
            failed.add(getattr(each, "__name__", ""))
        finally:
            place.mend()
    assert failed >= {
        "durable_is_stored",
        "order_is_kept",
        "retries_until_it_succeeds",
        "a_stop_leaves_the_rest",
        "says_no_content",
    }


class Exchange:
    """An answer of `Flaky`; what was sent may be carried out only now."""

    latency = 0.001

    def __init__(self, finish: Callable[[], tuple[int, bytes]]) -> None:
        self._finish = finish

    def is_answered(self, timeout: float) -> bool:
        assert timeout >= 0
        return True

    def finish(self) -> tuple[int, Mapping[str, str], bytes]:
        status, body = self._finish()
        return status, {}, body


class Flaky:
    """A Kinesis that fails in every way: parts of a call, whole calls, answers that get lost, and calls that come late.

    :ivar taken: partition key and data, in the order of the stream.
    """

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - repeatable by design
        self.taken: list[tuple[str, bytes]] = []
        self.late: list[tuple[str, bytes]] = []
        self.calls: list[int] = []

    def start(self, operation: str, body: bytes) -> Any:
        assert operation == "PutRecords"
        request = orjson.loads(body)
        assert request["StreamName"] == "clean"
        records = [(each["PartitionKey"], each["Data"].encode()) for each in request["Records"]]
        assert 0 < len(records) <= MAX_RECORDS
        assert len({key for key, _ in records}) == len(records), "two of one key are under way"
        self.calls.append(len(records))
        return Exchange(lambda: self._answer(records))

    def _answer(self, records: list[tuple[str, bytes]]) -> tuple[int, bytes]:
        self.taken += self.late  # carried out after the client has given it up
        self.late = []
        match self.rng.randrange(5):
            case 0:
                return 400, b'{"__type":"ProvisionedThroughputExceededException","message":"%b"}' % CANARY.encode()
            case 1:
                self.late = records
                raise CallTimeout("no answer in time")
            case 2:
                return 500, b'{"__type":"InternalFailure"}'
        results = []
        for each in records:
            if self.rng.random() < 0.3:
                results.append({"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": CANARY})
            else:
                self.taken.append(each)
                results.append({"SequenceNumber": "1", "ShardId": "s"})
        return 200, orjson.dumps({"FailedRecordCount": 0, "Records": results})


def to_stream(metrics: Metrics, flaky: Any, **options: Any) -> KinesisSink:
    settings = Settings.model_validate({"sinks": [{"plugin": "kinesis", "options": {"stream": "clean"} | options}]})
    return KinesisSink(settings.sinks[0].options, told(settings, metrics, Log()), flaky)


@pytest.mark.parametrize("seed", range(20))
def test_distinct_records_of_a_key_never_change_places(
    seed: int, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_writer, "BACKOFF_FIRST_SECONDS", 0.0001)
    monkeypatch.setattr(service_writer, "BACKOFF_LIMIT_SECONDS", 0.001)
    flaky = Flaky(seed)
    sink = to_stream(metrics, flaky)
    encoder = sink.encoder("shardId-0")
    users = [flaky.rng.randrange(9) for _ in range(80)]
    items = [
        encoder.encode({"user_id": f"u{user}", "n": number}, RECORD._replace(sequence=str(number)))
        for number, user in enumerate(users)
    ]
    writing = sink.start(items, threading.Event())
    while not writing.wait(5):
        pass
    assert set(writing.fates) == {Fate.DURABLE}
    by_key: dict[Any, list[bytes]] = {}
    for key, data in flaky.taken:
        seen = by_key.setdefault(key, [])
        if data not in seen:
            seen.append(data)
    sent: list[tuple[Any, bytes]] = [
        (item.attributes["PartitionKey"], str(item.attributes["Data"]).encode()) for item in items
    ]
    assert by_key == {key: [data for its, data in sent if its == key] for key, _ in sent}


def test_keys_that_differ_go_together(metrics: Metrics) -> None:
    flaky = Flaky(1)
    flaky.rng = random.Random()  # noqa: S311
    flaky.rng.randrange = lambda *_: 4  # type: ignore[method-assign]
    flaky.rng.random = lambda: 1.0  # type: ignore[method-assign]
    sink = to_stream(metrics, flaky)
    encoder = sink.encoder("shardId-0")
    items = [encoder.encode({"user_id": str(n)}, RECORD._replace(sequence=str(n))) for n in range(1100)]
    assert sink.start(items, threading.Event()).wait(5)
    assert flaky.calls == [500, 500, 100]


def test_a_refused_record_is_found_and_the_next_of_its_key_goes_on(metrics: Metrics) -> None:
    class Refusing(Flaky):
        def _answer(self, records: list[tuple[str, bytes]]) -> tuple[int, bytes]:
            if any(data == bad for _, data in records):
                return 400, b'{"__type":"InvalidArgumentException","message":"%b"}' % CANARY.encode()
            self.taken += records
            return 200, orjson.dumps({"Records": [{"SequenceNumber": "1"} for _ in records]})

    sink = to_stream(metrics, refusing := Refusing(1))
    encoder = sink.encoder("shardId-0")
    items = [encoder.encode({"user_id": str(n % 5)}, RECORD._replace(sequence=str(n))) for n in range(15)]
    bad = str(items[2].attributes["Data"]).encode()
    writing = sink.start(items, threading.Event())
    assert writing.wait(5)
    assert [i for i, fate in enumerate(writing.fates) if fate is Fate.REFUSED] == [2]
    assert len(refusing.taken) == 14


def test_what_is_on_the_stream_is_sanitised_and_identified(name: str, tmp_path: Path, metrics: Metrics) -> None:
    place = Stream(name, tmp_path, metrics)
    sink = place.open()
    item = sink.encoder("shardId-3").encode({"user_id": "u", "amount": 1.5}, RECORD)
    assert sink.start([item], threading.Event()).wait(5)
    (record,) = place.read()
    assert record["PartitionKey"] == "u"
    added: dict[str, Any] = {"stream": f"{name}-raw", "shard": "shardId-3", "policy": "p@1", "digest": "d"}
    added |= {"sequence": "7", "sub": 0, "arrival_ms": RECORD.arrival_ms}
    assert json.loads(record["Data"]) == {"user_id": "u", "amount": 1.5, "_sanitizer": added}
    sink.close()


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({}, "key_missing"),
        ({"user_id": "x" * 257}, "key_too_long"),
        ({"user_id": "\U0001f600" * 129}, "key_too_long"),
        ({"user_id": "u", "large": "x" * 2**20}, "record_too_large"),
        ({"user_id": "u", "_sanitizer": 1}, "reserved_attribute"),
        ({"user_id": "u", "odd": object()}, "type_unsupported"),
    ],
)
def test_what_a_stream_cannot_hold_has_a_code(document: dict[str, object], code: str, metrics: Metrics) -> None:
    with pytest.raises(EncodeError) as caught:
        to_stream(metrics, Flaky(1)).encoder("shardId-0").encode(document, RECORD)
    assert caught.value.code == code


def test_the_longest_key_and_record_fit(metrics: Metrics) -> None:
    encoder = to_stream(metrics, Flaky(1)).encoder("shardId-0")
    encoder.encode({"user_id": "é" * 256}, RECORD)
    encoder.encode({"user_id": "u", "large": "x" * (2**20 - 500)}, RECORD)


def test_a_record_may_be_as_large_as_the_stream_allows(metrics: Metrics) -> None:
    context = to_stream(metrics, Flaky(1))._context
    encoder = RecordEncoder("{user_id}", context, "shardId-0", 2 * 2**20)
    encoder.encode({"user_id": "u", "large": "x" * (2 * 2**20 - 500)}, RECORD)
    with pytest.raises(EncodeError, match="record_too_large"):
        encoder.encode({"user_id": "u", "large": "x" * 2 * 2**20}, RECORD)


def test_lines_of_a_killed_process_are_cut_off(tmp_path: Path, metrics: Metrics) -> None:
    place = Lines("s", tmp_path, metrics)
    place.file.write_bytes(b'{"_sanitizer":{"shard":"s","sequence":"1","sub":0}}\n' + b'{"half' * 30_000)
    sink = place.open()
    sink.start([sink.encoder("s").encode({}, RECORD)], threading.Event()).wait(5)
    assert [each.sequence for each in place.stored()] == ["1", "7"]
    sink.close()


def test_stdout_gets_whole_lines(metrics: Metrics, capfd: pytest.CaptureFixture[str]) -> None:
    settings = Settings.model_validate({"sinks": [{"plugin": "jsonl", "options": {"path": "-"}}]})
    sink = open_sinks(settings, told(settings, metrics, Log()))
    items = [sink.encoder("s").encode({"n": n, "x": "y" * 3000}, RECORD) for n in range(5)]
    assert sink.start(items, threading.Event()).wait(10)
    sink.close()
    assert [json.loads(line)["n"] for line in capfd.readouterr().out.splitlines()] == [0, 1, 2, 3, 4]


def chosen(*sinks: dict[str, Any], **sections: Any) -> Settings:
    return Settings.model_validate({"stream": {"name": "raw"}, "sinks": list(sinks)} | sections)


@pytest.mark.parametrize(
    ("sink", "said"),
    [
        ({"plugin": "nowhere"}, "No sink named 'nowhere' is installed; known: dynamodb, jsonl, kinesis"),
        ({"plugin": "dynamodb", "options": {"table": "t"}}, "sinks: dynamodb: it takes no options"),
        ({"plugin": "jsonl"}, "sinks: jsonl: it takes one option, path"),
        ({"plugin": "kinesis"}, "sinks: kinesis: its option stream must name a stream"),
        ({"plugin": "kinesis", "options": {"stream": "raw"}}, "which is also what is read"),
        ({"plugin": "kinesis", "options": {"stream": "s", "partition_key": "none"}}, "holds no placeholder"),
        ({"plugin": "kinesis", "options": {"stream": "s", "shards": 3}}, "it has no option 'shards'"),
    ],
)
def test_a_wrong_sink_is_one_sentence(sink: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_sinks(chosen(sink))
    assert said in str(caught.value)
    assert caught.value.exit_status == 2


def test_a_stream_that_is_missing_is_one_sentence(name: str) -> None:
    del name
    with pytest.raises(StartError, match="There is no stream gone"):
        check_sinks(chosen({"plugin": "kinesis", "options": {"stream": "gone"}}))


def test_without_the_table_nobody_asks_for_it(name: str) -> None:
    settings = Settings.model_validate(
        {
            "stream": {"name": name},
            "output": {"table": f"{name}-out"},
            "quarantine": {"table": f"{name}-q"},
            "kcl": {"application": f"{name}-app"},
            "sinks": [{"plugin": "jsonl", "options": {"path": "-"}}],
        }
    )
    boto3.client("kinesis").create_stream(StreamName=name, ShardCount=1)
    assert f"{name}-out" not in created(settings)
    check(settings)
    with pytest.raises(UsageError, match="`sanitizer get` needs the output table"):
        settings.require_table("`sanitizer get`")


def test_sinks_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANITIZER_SINKS", '[{"plugin": "jsonl", "options": {"path": "-"}}]')
    assert [sink.plugin for sink in Settings().sinks] == ["jsonl"]
    monkeypatch.delenv("SANITIZER_SINKS")
    assert [sink.plugin for sink in Settings().sinks] == ["dynamodb"]
    with pytest.raises(ValueError, match="named twice"):
        chosen({"plugin": "dynamodb"}, {"plugin": "dynamodb"})


class Both(Lines):
    """Two files at once; the first is what is looked at."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        second = {"plugin": "jsonl", "options": {"path": str(self.folder / "second.jsonl")}}
        self.settings = Settings.model_validate({"sinks": [self.chosen(), second]})

    def stored(self) -> list[Stored]:
        found = super().stored()
        second = (self.folder / "second.jsonl").read_bytes().splitlines()
        assert {json.loads(line)["_sanitizer"]["sequence"] for line in second} == {each.sequence for each in found}
        return found


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_several_conform_too(check: SinkCheck, tmp_path: Path, metrics: Metrics) -> None:
    place = Both("s", tmp_path, metrics)
    try:
        check(place)
    finally:
        place.mend()


class Fated:
    """A sink that gives all items one fate."""

    def __init__(self, fate: Fate, at: float, metrics: Metrics) -> None:
        self._fate, self._at = fate, at
        self._lines = to_stream(metrics, Flaky(1))

    def encoder(self, shard: str) -> Encoder:
        return self._lines.encoder(shard)

    def start(self, items: Sequence[Item], stop: threading.Event) -> Writing:
        del stop
        writing = Writing(len(items))
        writing.fates = [self._fate] * len(items)
        writing.durable_at = [self._at] * len(items)
        return writing

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("fates", "expected"),
    [
        ((Fate.DURABLE, Fate.DURABLE), Fate.DURABLE),
        ((Fate.DURABLE, Fate.PENDING), Fate.PENDING),
        ((Fate.REFUSED, Fate.PENDING), Fate.PENDING),
        ((Fate.DURABLE, Fate.REFUSED), Fate.REFUSED),
        ((Fate.DURABLE, Fate.SUPERSEDED), Fate.DURABLE),
    ],
)
def test_a_record_is_stored_when_all_have_it(fates: tuple[Fate, Fate], expected: Fate, metrics: Metrics) -> None:
    from consumer.sinks.several import FanOut  # noqa: PLC0415

    several = FanOut([Fated(fate, float(number + 1), metrics) for number, fate in enumerate(fates)])
    writing = several.start([several.encoder("s").encode({"user_id": "u"}, RECORD)], threading.Event())
    assert writing.wait(1)
    assert writing.fates == [expected]
    assert writing.durable_at == [2.0 if expected is Fate.DURABLE else 0.0]


def test_several_sinks_want_keys_of_their_own(name: str, metrics: Metrics) -> None:
    del name
    shared = {"partition_key": "{user_id}", "sort_key": "latest#{user_id}"}
    settings = chosen({"plugin": "dynamodb"}, {"plugin": "jsonl", "options": {"path": "-"}}, output=shared)
    with pytest.raises(UsageError, match="let records share an item"):
        open_sinks(settings, told(settings, metrics, Log()))


def test_a_closed_pipe_is_tried_again(metrics: Metrics, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    settings = Settings.model_validate({"sinks": [{"plugin": "jsonl", "options": {"path": str(tmp_path / "pipe")}}]})
    sink = JsonLinesSink(settings.sinks[0].options, told(settings, metrics, Log()))
    item = sink.encoder("s").encode({"x": "y" * 3000}, RECORD)
    writing = sink.start([item] * 40, threading.Event())
    assert not writing.wait(0.3)  # nobody reads: the pipe is full
    assert 0 < writing.fates.count(Fate.DURABLE) < 40
    with (tmp_path / "pipe").open("rb", buffering=0) as reader:
        thread = threading.Thread(target=lambda: writing.wait(10))
        thread.start()
        got = b""
        while got.count(b"\n") < 40:
            got += reader.read(65536)
        thread.join()
    assert all(json.loads(line) for line in got.splitlines())
    sink.close()


def test_options_of_a_plug_in_are_starred_out(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text("sinks: [{plugin: queue, options: {token: secret}}, {plugin: jsonl, options: {path: '-'}}]")
    shown = json.loads(run("config", "show", "--config", config, "--json").out)["sinks"]
    assert [sink["options"] for sink in shown] == [{"token": "**********"}, {"path": "-"}]
