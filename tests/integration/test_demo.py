"""`sanitizer demo` as a user runs it: a process of its own, with files, signals and curl-like reads."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.kits.metrics import assert_promtool_accepts

from .conftest import descendants, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.smoke, pytest.mark.timeout(240)]

LINES = [
    b'{"user_id": "a", "timestamp": "2024-01-01T00:00:00Z", "pan": "4111 1111 1111 1111", "amount": 10.10}',
    b'{"user_id": "a", "timestamp": "2024-01-01T00:00:00Z", "pan": "4111 1111 1111 1111", "amount": 10.10}',
    b'{"user_id": "b", "timestamp": "t", "note": "card 5555-5555-5555-4444, ssn 078-05-1120", "n": 123456789012345678}',
    b"{broken",
    b"",
    b'{"user_id": "", "timestamp": "t"}',
    b'{"user_id": "c", "timestamp": "t", "carriage": "no\\rbreak"}\r',
    b'{"user_id": "d", "timestamp": "t", "exact": 0.10000000000000000000000000000000000001}',
]


class Demo:
    def __init__(self, folder: Path, *arguments: str) -> None:
        self.output = folder / "output.txt"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "consumer.cli", "demo", *arguments],
                stdout=output,
                stderr=output,
                env=os.environ | {"TMPDIR": str(folder)},
            )

    def text(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def url(self) -> str:
        found = wait_for(lambda: re.search(r"^Metrics: (\S+)$", self.text(), re.MULTILINE), "the metrics address")
        return str(found[1])

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@pytest.fixture
def demos() -> Iterator[list[Demo]]:
    started: list[Demo] = []
    yield started
    for demo in started:
        demo.end()


def test_every_line_of_ones_own_file_is_accounted_for_and_documents_read_back(
    tmp_path: Path, demos: list[Demo]
) -> None:
    source, report = tmp_path / "mine.jsonl", tmp_path / "report.json"
    source.write_bytes(b"\n".join(LINES) + b"\n")
    demo = Demo(tmp_path, "--input", str(source), "--report", str(report), "--shards", "2", "--keep-running")
    demos.append(demo)
    url = demo.url()
    wait_for(lambda: "Still running" in demo.text() or demo.process.poll() is not None, "the report", 120)
    assert demo.process.poll() is None, demo.text()

    found = json.loads(report.read_text())
    assert found["produced"] == len(LINES) == found["stored"] + found["quarantined"]
    assert (found["stored"], found["quarantined"]) == (5, 3)
    assert (found["dropped"], found["duplicates"], found["lost"], found["leaks"], found["shards"]) == (0, 0, 0, 0, 2)
    assert found["seconds_to_first_document"] > 0
    assert found["records_per_second"] > 0
    assert 0 < found["latency_ms"]["p50"] <= found["latency_ms"]["p99"] <= found["latency_ms"]["max"]
    assert '"credit_card":"****-****-****-9012"' in demo.text()
    assert "4111 1111" not in demo.text()

    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - printed by our own demo
        metrics = answer.read().decode()
    stored = [line for line in metrics.splitlines() if line.startswith('sanitizer_records_total{outcome="stored"')]
    assert sum(float(line.split()[-1]) for line in stored) == found["stored"]

    environment = dict(
        line.strip().removeprefix("export ").split("=", 1) for line in demo.text().splitlines() if "export" in line
    )
    documents = [json.loads(line, parse_float=Decimal) for line in sanitizer(environment, "get", "d").splitlines()]
    assert documents == [
        {"user_id": "d", "timestamp": "t", "exact": Decimal("0.10000000000000000000000000000000000001")}
    ]
    assert len(sanitizer(environment, "get", "a").splitlines()) == 2  # equal lines are two records
    assert len(json.loads(sanitizer(environment, "status", "--json"))) == 2
    assert len(sanitizer(environment, "quarantine", "list", "--json").splitlines()) == 3

    # The demo does what ECS does: a supervisor that died is started again, and records flow on.
    [supervisor] = [pid for pid, args in descendants(demo.process.pid).items() if "sanitizer-supervisor" in args]
    os.kill(supervisor, signal.SIGKILL)
    sanitizer(environment, "produce", str(source))
    wait_for(lambda: len(sanitizer(environment, "get", "a", check=False).splitlines()) == 4, "the new records", 120)

    below = set(descendants(demo.process.pid))
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(40) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in below)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    assert_promtool_accepts(metrics)  # last: without it, the test ends here


def test_records_without_the_configured_keys_are_stored_and_what_is_broken_is_told(
    tmp_path: Path, demos: list[Demo]
) -> None:
    source, report = tmp_path / "mine.jsonl", tmp_path / "report.json"
    # More than the brake judges go to quarantine, and more than it lets pass.
    rows = [b'{"id": %d, "pan": "4111111111111111"}' % number if number % 3 == 0 else b"{" for number in range(1800)]
    source.write_bytes(b"\n".join(rows))
    demo = Demo(tmp_path, "--input", str(source), "--report", str(report), "--shards", "1", "--show")
    demos.append(demo)
    assert demo.process.wait(120) == 0, demo.text()
    found = json.loads(report.read_text())
    assert (found["stored"], found["quarantined"], found["codes"]) == (600, 1200, {"invalid_json": 1200})
    assert "Keys of the items: {shard} and {sequence}#{sub}" in demo.text()
    assert 'after   {"id":0,"pan":"************1111"}' in demo.text()
    assert "quarantined as invalid_json: 1200, the first is record 2" in demo.text()
    assert "Status page: http://127.0.0.1:" in demo.text()
    _, verdict, after = demo.text().partition("Verdict: every record is accounted for")
    assert verdict
    assert f"policy try {source} " in after


@pytest.mark.parametrize(
    ("format_", "most"),
    [
        *[("gzip-ndjson", 20), ("json-concatenated", 20), ("cloudwatch-logs", 20), ("avro-glue", 1)],
        *[(each, 1) for each in ("cloudevents", "debezium", "dms", "dynamodb", "eventbridge", "sns")],
    ],
)
def test_each_document_of_a_format_is_accounted_for(tmp_path: Path, demos: list[Demo], format_: str, most: int) -> None:
    report = tmp_path / "report.json"
    demo = Demo(tmp_path, "--format", format_, "--records", "440", "--shards", "2", "--report", str(report))
    demos.append(demo)
    assert demo.process.wait(180) == 0, demo.text()
    found = json.loads(report.read_text())
    documents = found["documents"]
    assert documents["stored"] + documents["quarantined"] == 440 == documents["produced"] - documents["dropped"]
    assert documents["dropped"] == found["dropped"] == (2 if format_ == "cloudwatch-logs" else 0)  # control messages
    assert 0 < documents["quarantined"] < 20
    assert (documents["lost"], found["lost"], found["leaks"]) == (0, 0, 0)
    assert found["stored"] + found["quarantined"] + found["dropped"] == found["produced"]
    # What a format cannot hold has a record for itself.
    assert 440 / most <= found["produced"] - found["dropped"] <= 440 / most + 2 * documents["quarantined"]
    assert ("records documents" in demo.text()) == (most > 1)


def test_lines_of_ones_own_file_share_records_and_a_bad_one_is_alone_in_quarantine(
    tmp_path: Path, demos: list[Demo]
) -> None:
    source, report = tmp_path / "mine.jsonl", tmp_path / "report.json"
    rows = [b'{"user_id": "u%d", "timestamp": "%d", "pan": "4111111111111111"}' % (n % 3, n) for n in range(60)]
    rows[30] = rows[30].replace(b'"timestamp"', b'"pan": "4111111111111111", "timestamp"')  # twice
    source.write_bytes(b"\n".join(rows))
    words = ["--input", str(source), "--format", "zstd-json-array", "--documents", "10", "--shards", "1"]
    demo = Demo(tmp_path, *words, "--report", str(report))
    demos.append(demo)
    assert demo.process.wait(120) == 0, demo.text()
    found = json.loads(report.read_text())
    assert (found["produced"], found["stored"], found["quarantined"]) == (6, 5, 1)
    assert (found["documents"]["stored"], found["documents"]["quarantined"], found["leaks"]) == (59, 1, 0)
    assert "quarantined as duplicate_key: 1, the first is document " in demo.text()


def test_ctrl_c_in_the_middle_stops_everything_that_was_started(tmp_path: Path, demos: list[Demo]) -> None:
    demo = Demo(tmp_path, "--records", "100000", "--rate", "500", "--shards", "1")
    demos.append(demo)
    wait_for(lambda: "fed" in demo.text(), "it feeds", 90)
    below = descendants(demo.process.pid)
    assert any("MultiLangDaemon" in args for args in below.values())
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(40) == 130
    assert not any(Path(f"/proc/{pid}").exists() for pid in below)
    assert "Traceback" not in demo.text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--input", "missing.jsonl"], "cannot be read"),
        (["--policy", "missing.yaml"], "missing.yaml"),
        (["--records", "0"], "--records"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_status_2(
    tmp_path: Path, demos: list[Demo], arguments: list[str], sentence: str
) -> None:
    demo = Demo(tmp_path, *arguments)
    demos.append(demo)
    assert demo.process.wait(30) == 2
    assert sentence in demo.text()
    assert "Traceback" not in demo.text()


def sanitizer(environment: dict[str, str], *arguments: str, check: bool = True) -> Any:
    values = {name: value.strip("'") for name, value in environment.items()}
    ran = subprocess.run(
        [sys.executable, "-m", "consumer.cli", *arguments], env=os.environ | values, capture_output=True, check=check
    )
    return ran.stdout.decode()
