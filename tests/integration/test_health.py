"""What a real worker says of its health while its table is out of reach, and after."""

import contextlib
import http.client
import json
import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest
import yaml

from consumer import aws, tables
from consumer.kcl.leases.takeover import BEGIN_SECONDS, LEFT_LYING
from consumer.local.cloud.process import Cloud
from consumer.local.worker_process import WorkerProcess
from consumer.web.health import UNANSWERED_SECONDS
from tests.lab.watched import Watched

from .conftest import FAST_KCL, Lab, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(450)]

STUCK_SECONDS = 5.0


Answer = tuple[int, str, list[str]]
"""Status code, status, codes of the reasons."""


def ask(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def both(port: int) -> list[Answer]:
    """Ask at /healthz and at /readyz."""
    answers: list[Answer] = []
    for path in ("/healthz", "/readyz"):
        status, text = ask(port, path)
        report = json.loads(text)
        answers.append((status, report["status"], [reason["code"] for reason in report["reasons"]]))
    return answers


def title(port: int) -> str:
    [found] = re.findall("<title>(.*?)</title>", ask(port, "/")[1])
    return str(found)


def reasons(port: int) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(ask(port, "/healthz")[1])["reasons"]
    return found


def lags(lab: Lab) -> dict[str, float]:
    found = re.findall(r'^sanitizer_behind_latest_seconds\{shard="([^"]*)"\} (.*)$', lab.metrics_text(), re.MULTILINE)
    return {shard: float(value) for shard, value in found}


def test_a_worker_that_gets_no_answer_says_so_and_its_lag_goes_on(cloud: Cloud, lab: Lab) -> None:
    """Kinesis and DynamoDB are frozen: the whole cloud is."""
    lab.set_up(2)
    lab.start(2)
    port = lab.port()
    assert port is not None
    os.kill(cloud.pid, signal.SIGSTOP)
    try:
        wait_for(
            lambda: all({"nothing_read", "leases_not_seen"} <= set(codes) for _, _, codes in both(port)),
            "both say so",
            60,
        )
        assert [status for status, *_ in both(port)] == [200, 200]
        first = lags(lab)
        assert len(first) == 2
        assert min(first.values()) > UNANSWERED_SECONDS
        wait_for(lambda: all(lags(lab)[shard] > lag for shard, lag in first.items()), "the lag goes on")
        assert title(port).startswith("\u25b2 degraded")
        lost = {"code": "no_shard_read", "detail": "no shard is read: 2 leases lost"}
        wait_for(lambda: lost in reasons(port), "KCL has lost all of its leases", 120)
        wait_for(lambda: '<span class="bad">0 of 2</span>' in ask(port, "/")[1], "the page says that, too")
        wait_for(lambda: "kcl_errors" in [reason["code"] for reason in reasons(port)], "KCL has logged errors enough")
        assert min(lags(lab).values()) > max(first.values())
    finally:
        os.kill(cloud.pid, signal.SIGCONT)
    lab.put_transactions(5)
    lab.wait_until_found()
    # For a minute it tells of KCL's errors still.
    wait_for(lambda: both(port) == [(200, "ok", [])] * 2, "all is well again", 120)
    wait_for(lambda: title(port).startswith("\u2713 healthy"), "the page says that, too")
    assert lab.metrics()["sanitizer_daemon_errors_total"]
    assert lab.stop() == 0


class Told(threading.Thread):
    """Asks a worker for its health again and again.

    :ivar codes: of all the reasons that it ever gave.
    """

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._is_over = threading.Event()
        self.codes: set[str] = set()
        self.start()

    def run(self) -> None:
        while not self._is_over.wait(0.2):
            with contextlib.suppress(OSError, http.client.HTTPException):  # it has ended
                self.codes |= {code for *_, codes in both(self._port) for code in codes}

    def end(self) -> set[str]:
        self._is_over.set()
        self.join()
        return self.codes


def test_starts_hand_overs_and_a_worker_without_shards_are_no_reasons(lab: Lab, tmp_path: Path) -> None:
    """Two workers, and one shard in which nothing arrives."""
    lab.set_up(1)
    lab.start(1)
    port = lab.port()
    assert port is not None
    first = Told(port)
    (tmp_path / "second").mkdir()
    second = Watched(tmp_path / "second")
    settings = yaml.safe_load(lab.config.read_text()) | {"runtime_dir": str(second.folder / "run")}
    second.config.write_text(yaml.safe_dump(settings))
    second.worker = WorkerProcess(second.config, second.log)
    try:
        other = wait_for(second.port, "the second worker's port")
        told = Told(other)
        wait_for(lambda: both(other) == [(200, "ok", [])] * 2, "the second one is well")
        limit = LEFT_LYING * FAST_KCL["failover_ms"] / 1000 + BEGIN_SECONDS
        quiet_until = time.monotonic() + limit + 5
        wait_for(lambda: time.monotonic() > quiet_until, "what would be a takeover's time", 60)
        held = [each.metrics()["sanitizer_shards_owned"] for each in (lab, second)]
        assert sum(held) == 1
        leaving, staying = (lab, second) if held[0] else (second, lab)
        assert leaving.stop() == 0
        wait_for(lambda: staying.metrics()["sanitizer_shards_owned"] == 1, "the other one has taken the shard")
        assert (first.end() | told.end()) <= {"starting", "stopping"}
        assert staying.stop() == 0
    finally:
        second.worker.close()


def test_a_worker_that_waits_for_its_table_is_not_replaced_for_it(lab: Lab) -> None:
    """All tasks would be, for nothing: a new one would wait as well."""
    lab.set_up(1, pipeline={"stuck_seconds": STUCK_SECONDS})
    lab.start(1)
    port = lab.port()
    assert port is not None
    assert both(port) == [(200, "ok", [])] * 2
    aws.client("dynamodb").delete_table(TableName=lab.settings.output.table)
    lab.put_transactions(5)
    degraded = [(200, "degraded", ["batch_in_flight"])] * 2
    wait_for(lambda: both(port) == degraded, "both tell of it", 4 * STUCK_SECONDS)
    tables.create(lab.settings)
    lab.wait_until_found()
    wait_for(lambda: both(port) == [(200, "ok", [])] * 2, "all is well again", 10)
    assert not lab.events("pipeline.stuck")
    assert lab.stop() == 0
