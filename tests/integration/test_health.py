"""What a real worker says of its health while its table is out of reach, and after."""

import http.client
import json

import pytest

from consumer import aws, tables

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
