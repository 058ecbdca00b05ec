"""The daemon's lines: known templates pass without arguments, everything else is counted and withheld."""

import base64
import json
import zipfile
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.kcl import log as daemon_log
from consumer.kcl.log import DaemonLog, Phase
from consumer.kcl.log_errors import ACTIONS, aws_error
from consumer.kcl.log_templates import ALLOWED
from consumer.metrics import Metrics

CANARY = "4111111111111111"
SCHEDULER = "software.amazon.kinesis.coordinator.Scheduler"
SDK = "software.amazon.awssdk.services."
FETCHER = "software.amazon.kinesis.retrieval.polling.PrefetchRecordsPublisher"
FETCHING = "{} :  Exception thrown while fetching records from Kinesis"
PROCESSOR = "software.amazon.kinesis.multilang.MultiLangShardRecordProcessor"


def event(logger: Any, level: Any, message: Any, **more: Any) -> bytes:
    """A line as logback's JsonEncoder writes it."""
    line = {
        "sequenceNumber": 0,
        "timestamp": 1710498600000,
        "nanoseconds": 7,
        "level": level,
        "threadName": "multi-lang-daemon-0000",
        "loggerName": logger,
        "context": {"name": "default", "birthdate": 1710498500000, "properties": {}},
        "mdc": {},
        "message": message,
        "throwable": None,
    }
    return json.dumps(line | more).encode() + b"\n"


def counted(metrics: Metrics, logger: str, level: str) -> float:
    return float(metrics.daemon_log_lines.labels(logger, level)._value.get())


@pytest.fixture
def reader(metrics: Metrics, log: Any) -> Iterator[DaemonLog]:
    reader = DaemonLog(metrics, log)
    yield reader
    reader.close()
    assert CANARY not in str(log.events)
    assert base64.b64encode(CANARY.encode()).decode() not in str(log.events)


def test_a_known_template_passes_without_its_arguments(reader: DaemonLog, log: Any) -> None:
    reader.line(event(SCHEDULER, "INFO", "Initializing LeaseCoordinator attempt {}", arguments=[CANARY]))
    assert log.events == [
        ("info", "daemon.log", {
            "logger": SCHEDULER, "template": "Initializing LeaseCoordinator attempt {}", "error": None,
        })
    ]  # fmt: skip


def test_of_a_throwable_the_class_passes_and_nothing_else(reader: DaemonLog, log: Any) -> None:
    thrown = {
        "className": "java.io.IOException",
        "message": f"Broken pipe: {CANARY}",
        "stepArray": [{"className": "A", "methodName": CANARY}],
    }
    reader.line(event(PROCESSOR, "ERROR", "Encountered an error while trying to process records", throwable=thrown))
    ((level, _, fields),) = log.events
    assert level == "error"
    assert fields["error"] == "java.io.IOException"


@pytest.mark.parametrize(
    "line",
    [
        event("software.amazon.kinesis.retrieval.AggregatorUtil", "ERROR", f"Unable to parse {CANARY}"),
        event(SCHEDULER, "INFO", f"Initializing LeaseCoordinator attempt {CANARY}"),
        event(
            "software.amazon.kinesis.multilang.MessageWriter", "ERROR", "x {}", arguments=[CANARY], mdc={"a": CANARY}
        ),
        event(PROCESSOR, "ERROR", "x", throwable={"className": "a.B", "cause": {"className": f"x {CANARY}"}}),
        *[
            event(PROCESSOR, "ERROR", "x", throwable={"className": SDK + "kinesis.model.A", "message": message})
            for message in (
                CANARY,
                f"is not authorized to perform: kinesis:{CANARY} on",
                f"User {CANARY} is not authorized to perform: kinesis:GetRecords{CANARY}",
                f"The security token included in the request is {CANARY}",
                f"(Service: {CANARY}, Status Code: 400, Request ID: 1)",
                f"(Service: Kinesis, Status Code: {CANARY}, Request ID: 1)",
                f"(Service: Kinesis, Status Code: 400, Request ID: {CANARY})",
                f"(Service: Kinesis, Status Code: 400, Request ID: {CANARY + 'A' * 36})",
                f"(Service: Kinesis, Status Code: 400, Request ID: 4111-1111-1111-1111 {CANARY})",
            )
        ],
        event(CANARY, "INFO", "x"),
        event(f"a.B {CANARY}", "INFO", "x"),
        event(SCHEDULER, CANARY, "x"),
        event([CANARY], "INFO", "x"),
        event(SCHEDULER, {"a": CANARY}, "x"),
        event(SCHEDULER, "INFO", [CANARY]),
        event(SCHEDULER, "INFO", "Worker shutdown requested.", throwable=CANARY),
        event(SCHEDULER, "INFO", "Worker shutdown requested.", throwable={"className": f"x {CANARY}"}),
        b'{"loggerName": "' + CANARY.encode() + b'"}\n',
        b"[" + CANARY.encode() + b"]\n",
        b"[" * 100_000 + CANARY.encode() + b"\n",
        f"Traceback (most recent call last): {CANARY}\n".encode(),
        b"\xff\xfe" + CANARY.encode(),
        b"\n",
    ],
    ids=lambda line: line[:60],
)
def test_content_in_any_place_of_a_line_is_withheld(reader: DaemonLog, metrics: Metrics, line: bytes) -> None:
    reader.line(line)
    labels = [sample.labels for family in metrics.daemon_log_lines.collect() for sample in family.samples]
    assert CANARY not in str(labels)


@given(st.binary(max_size=80) | st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(
    inner, max_size=3) | st.dictionaries(st.sampled_from(["loggerName", "level", "message", "throwable"]), inner)
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_no_line_stops_the_reader(line: bytes) -> None:
    """A reader that stops would stop the daemon, whose pipe would be full soon."""

    class Quiet:
        def __getattr__(self, _: str) -> Any:
            return lambda *_args, **_fields: self

    metrics: Any = Quiet()
    metrics.daemon_log_lines = Quiet()
    DaemonLog(metrics, Quiet()).line(line)


def test_what_is_withheld_is_counted_and_summed_up(reader: DaemonLog, log: Any, metrics: Metrics) -> None:
    for _ in range(3):
        reader.line(event("a.Flood", "WARN", CANARY))
    reader.line(f"stderr of a child: {CANARY}\n".encode())
    assert log.events == []
    reader.close()
    assert log.events == [
        ("warning", "daemon.log_withheld", {"logger": "a.Flood", "level": "WARN", "count": 3}),
        ("debug", "daemon.log_withheld", {"logger": "stderr", "level": "UNKNOWN", "count": 1}),
    ]
    assert counted(metrics, "a.Flood", "WARN") == 3
    reader.close()
    assert len(log.events) == 2


def test_a_summary_comes_now_and_then(reader: DaemonLog, log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon_log, "SUMMARY_SECONDS", 0.0)
    reader.line(event("a.Flood", "WARN", CANARY))
    assert log.named("daemon.log_withheld") == [{"logger": "a.Flood", "level": "WARN", "count": 1}]


def test_the_jvms_own_last_words_are_translated(reader: DaemonLog, log: Any) -> None:
    reader.line(b"Terminating due to java.lang.OutOfMemoryError: Java heap space\n")
    assert log.named("daemon.fatal") == [{"reason": "out of memory"}]


def test_how_far_the_daemon_has_come_is_read_from_its_log(reader: DaemonLog) -> None:
    assert reader.line(event(SCHEDULER, "INFO", "Initializing LeaseCoordinator attempt {}")) is Phase.INITIALISING
    serving = "Initialization complete. Starting worker loop."
    assert reader.line(event(SCHEDULER, "INFO", serving)) is Phase.SERVING
    assert reader.line(event(PROCESSOR, "INFO", serving)) is None
    assert reader.line(event(SCHEDULER, "INFO", {"no": "text"})) is None
    assert reader.line(b"Exception in thread\n") is None


def test_the_first_error_that_is_withheld_is_told_at_once(reader: DaemonLog, log: Any) -> None:
    for _ in range(3):
        reader.line(event("a.Flood", "ERROR", CANARY, throwable={"className": "java.io.IOException"}))
    first = {"logger": "a.Flood", "level": "ERROR", "count": 1, "error": "java.io.IOException"}
    assert log.named("daemon.log_withheld") == [first]
    reader.close()
    assert log.named("daemon.log_withheld") == [first, {"logger": "a.Flood", "level": "ERROR", "count": 2}]
    reader.close()
    assert len(log.events) == 2


@pytest.mark.parametrize(
    ("level", "severity"),
    [("ERROR", "error"), ("WARN", "warning"), ("INFO", "info"), ("DEBUG", "debug"), ("TRACE", "debug")],
)
def test_a_line_keeps_its_level(reader: DaemonLog, log: Any, level: str, severity: str) -> None:
    reader.line(event(SCHEDULER, level, "Worker shutdown requested."))
    assert [(said, name) for said, name, _ in log.events] == [(severity, "daemon.log")]


def test_each_template_is_a_literal_of_the_installed_kcl() -> None:
    """So none can hold content; and a new KCL that says it otherwise is noticed."""
    texts: dict[str, bytes] = {}
    for jar in files("amazon_kclpy").joinpath("jars").iterdir():
        if jar.name.startswith("amazon-kinesis-client"):
            with jar.open("rb") as opened, zipfile.ZipFile(opened) as classes:
                for name in {logger for logger, _ in ALLOWED}:
                    with_inner = [n for n in classes.namelist() if n.startswith(name.replace(".", "/"))]
                    texts[name] = texts.get(name, b"") + b"".join(classes.read(each) for each in with_inner)
    assert [(name, template) for name, template in sorted(ALLOWED) if template.encode() not in texts[name]] == []


def denied(action: str = "kinesis:GetRecords", request_id: str = "c1a2b3c4-0000-4000-8000-00000000000f") -> Any:
    """What KCL throws where a policy does not allow a call; the texts are AWS's."""
    cause = {
        "className": SDK + "kinesis.model.AccessDeniedException",
        "message": f"User: arn:aws:sts::{CANARY[:12]}:assumed-role/worker/1 is not authorized to perform: {action} on "
        f"resource: arn:aws:kinesis:eu-west-1:1:stream/s because no identity-based policy allows the {action} action "
        f"(Service: Kinesis, Status Code: 400, Request ID: {request_id}) (SDK Attempt Count: 1)",
    }
    return {"className": "java.lang.RuntimeException", "message": CANARY, "cause": cause}


def test_a_missing_permission_is_told_at_once_and_then_once_a_minute(
    reader: DaemonLog, log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        reader.line(event(FETCHER, "ERROR", FETCHING, throwable=denied()))
    told = {
        "reason": "permission",
        "missing": "kinesis:GetRecords",
        "count": 1,
        "cause": SDK + "kinesis.model.AccessDeniedException",
        "service": "Kinesis",
        "status": 400,
        "request_id": "c1a2b3c4-0000-4000-8000-00000000000f",
    }
    assert log.named("daemon.denied") == [told]
    reader.line(event(FETCHER, "ERROR", FETCHING, throwable=denied("kinesis:GetShardIterator")))
    assert [fields["missing"] for fields in log.named("daemon.denied")][1:] == ["kinesis:GetShardIterator"]
    monkeypatch.setattr(daemon_log, "DENIED_SECONDS", 0.0)
    reader.line(event(FETCHER, "ERROR", FETCHING, throwable=denied()))
    assert log.named("daemon.denied")[2:] == [told | {"count": 5}]


def test_it_is_told_of_a_line_that_is_withheld(reader: DaemonLog, log: Any) -> None:
    reader.line(event("a.B", "WARN", CANARY, throwable=denied()))
    assert [name for _, name, _ in log.events] == ["daemon.denied"]


def test_what_aws_answered_stands_beside_what_kcl_threw(reader: DaemonLog, log: Any) -> None:
    thrown = {
        "className": "software.amazon.kinesis.leases.exceptions.DependencyException",
        "message": CANARY,
        "cause": {
            "className": SDK + "dynamodb.model.DynamoDbException",
            "message": f"{CANARY} (Service: DynamoDb, Status Code: 500, Request ID: {'A1' * 26})",
        },
    }
    reader.line(event(SCHEDULER, "ERROR", "Caught exception when initializing LeaseCoordinator", throwable=thrown))
    ((_, _, fields),) = log.events
    assert fields["error"] == thrown["className"]
    assert fields["cause"] == SDK + "dynamodb.model.DynamoDbException"
    assert (fields["service"], fields["status"], fields["request_id"]) == ("DynamoDb", 500, "A1" * 26)


def test_errors_are_counted_by_their_exceptions(reader: DaemonLog, metrics: Metrics) -> None:
    def errors(name: str) -> float:
        return float(metrics.daemon_errors.labels(name)._value.get())

    timeout = "software.amazon.awssdk.core.exception.ApiCallAttemptTimeoutException"
    cause = {"className": timeout, "message": "content"}
    thrown = {"className": "java.lang.RuntimeException", "message": "content", "cause": cause}
    before = errors("ApiCallAttemptTimeoutException"), errors("RuntimeException")
    reader.line(event("software.amazon.kinesis.a.B", "ERROR", "?", throwable=thrown))
    reader.line(
        event("software.amazon.kinesis.a.B", "WARN", "?", throwable={"className": "java.lang.RuntimeException"})
    )
    reader.line(event("software.amazon.kinesis.a.B", "INFO", "?", throwable=thrown))
    reader.line(event("software.amazon.kinesis.a.B", "ERROR", "?"))
    assert (errors("ApiCallAttemptTimeoutException"), errors("RuntimeException")) == (before[0] + 1, before[1] + 1)


def test_throttled_reads_are_counted_and_throttled_writes_are_not(reader: DaemonLog, metrics: Metrics) -> None:
    for service, count in (("kinesis", 1), ("dynamodb", 1), ("kinesis", 2)):
        thrown = {"className": f"{SDK}{service}.model.ProvisionedThroughputExceededException", "message": CANARY}
        reader.line(event(FETCHER, "ERROR", FETCHING, throwable=thrown))
        assert metrics.read_throttles._value.get() == count


@pytest.mark.parametrize(
    ("name", "message", "reason"),
    [
        (SDK + "dynamodb.model.DynamoDbException", "The security token included in the request is expired (", "cred"),
        (SDK + "dynamodb.model.DynamoDbException", "Signature expired: 20260101T000000Z is now earlier than", "clock"),
        ("software.amazon.awssdk.core.exception.SdkClientException", "Unable to load credentials from any of", "cred"),
        (SDK + "kinesis.model.KmsAccessDeniedException", "The ciphertext refers to a customer master key", "perm"),
        (SDK + "kinesis.model.ProvisionedThroughputExceededException", "Rate exceeded for shard", None),
        (SDK + "kinesis.model.ResourceNotFoundException", "Stream not found", None),
    ],
)
def test_why_kcl_was_turned_away(name: str, message: str, reason: str | None) -> None:
    found = aws_error({"className": name, "message": message})
    assert found is not None
    assert (found.reason or "none")[: len(reason or "none")] == (reason or "none")
    assert aws_error({"className": "java.lang." + name, "message": message}) is None


@given(
    st.text(max_size=30),
    st.sampled_from(sorted(ACTIONS)) | st.text(max_size=30),
    st.sampled_from(["Kinesis", "DynamoDb"]) | st.text(max_size=10),
    st.integers().map(str) | st.text(max_size=5),
    st.uuids().map(str) | st.text(alphabet="0123456789ABC-", max_size=60),
)
def test_nothing_of_an_exceptions_text_passes_but_what_is_known(
    sentence: str, action: str, service: str, status: str, request_id: str
) -> None:
    message = (
        f"{sentence} is not authorized to perform: {action} on {sentence} "
        f"(Service: {service}, Status Code: {status}, Request ID: {request_id})"
    )
    found = aws_error({"className": SDK + "kinesis.model.KinesisException", "message": message})
    assert found is not None
    assert found.missing is None or found.missing in ACTIONS
    assert found.service in (None, "Kinesis", "DynamoDb", "CloudWatch", "Kms", "Sts")
    assert found.status is None or 100 <= found.status < 600
    assert found.request_id is None or (len(found.request_id) in (36, 52) and found.request_id == request_id)


def test_a_chain_of_causes_without_end_is_left() -> None:
    chain: dict[str, Any] = {"className": SDK + "A"}
    for _ in range(50):
        chain = {"className": "java.lang.Error", "cause": chain}
    assert aws_error(chain) is None
