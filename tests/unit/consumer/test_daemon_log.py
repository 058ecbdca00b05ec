"""The daemon's lines: known templates pass without arguments, everything else is counted and withheld."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer import daemon_log
from consumer.daemon_log import DaemonLog, Phase
from consumer.metrics import Metrics

CANARY = "4111111111111111"
SCHEDULER = "software.amazon.kinesis.coordinator.Scheduler"
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
    reader.line(event("a.Flood", "ERROR", CANARY))
    assert log.named("daemon.log_withheld") == [{"logger": "a.Flood", "level": "ERROR", "count": 1}]


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
