"""What a real worker says of its health while its table is out of reach, and after."""

import http.client
import json
import os
import re
import signal

import pytest

from consumer import aws, tables
from consumer.local.cloud_process import Cloud
from consumer.web.health import UNANSWERED_SECONDS

from .conftest import Lab, wait_for

pytestmark = pytest.mark.integration

STUCK_SECONDS = 5.0


Answer = tuple[int, str, list[str]]
"""Status code, status, codes of the reasons."""


def both(port: int) -> list[Answer]:
    """Ask at /healthz and at /readyz."""
    answers: list[Answer] = []
    for path in ("/healthz", "/readyz"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            report = json.loads(answer.read())
        finally:
            connection.close()
        answers.append((answer.status, report["status"], [reason["code"] for reason in report["reasons"]]))
    return answers


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
    finally:
        os.kill(cloud.pid, signal.SIGCONT)
    lab.put_transactions(5)
    lab.wait_until_found()
    wait_for(lambda: both(port) == [(200, "ok", [])] * 2, "all is well again", 60)
    assert lab.metrics()["sanitizer_daemon_errors_total"]
    assert lab.stop() == 0


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
