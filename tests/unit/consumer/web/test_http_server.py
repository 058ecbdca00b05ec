"""The routes, over real HTTP."""

import http.client
import json
import socket
import urllib.request
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from consumer.errors import StartError
from consumer.web.health import Reason, Report, Status
from consumer.web.http_server import Answer, HttpServer, verdict


class One(Collector):
    def collect(self) -> Iterator[Any]:
        family = GaugeMetricFamily("sanitizer_shards_owned", "Shards.")
        family.add_metric([], 3)
        yield family


@pytest.fixture
def worker() -> Iterator[SimpleNamespace]:
    state = SimpleNamespace(report=Report(Status.OK))
    registry = CollectorRegistry()
    registry.register(One())
    routes = {
        "/healthz": lambda: verdict(state.report),
        "/": lambda: Answer(200, "text/html; charset=utf-8", b"<!doctype html>", {"Content-Security-Policy": "x"}),
    }
    server = HttpServer("127.0.0.1", 0, registry, routes)
    state.port = server.port
    yield state
    server.close()


def get(port: int, path: str, accept: str = "", method: str = "GET") -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, headers={"Accept": accept} if accept else {})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type", ""), answer.read().decode()
    finally:
        connection.close()


def test_metrics_in_the_format_that_is_asked_for(worker: Any) -> None:
    status, kind, body = get(worker.port, "/metrics")
    assert status == 200
    assert kind.startswith("text/plain")
    assert "sanitizer_shards_owned 3.0" in body
    status, kind, body = get(worker.port, "/metrics?x=y", "application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("report", "status"),
    [
        (Report(Status.OK), 200),
        (Report(Status.DEGRADED, (Reason("batch_in_flight", "s-1"),)), 200),
        (Report(Status.FAILING, (Reason("daemon_failing", "6 times"), Reason("shard_stuck", "s-1"))), 503),
    ],
)
def test_health_is_a_status_and_the_reasons(worker: Any, report: Report, status: int) -> None:
    worker.report = report
    answered, kind, body = get(worker.port, "/healthz")
    assert (answered, kind) == (status, "application/json")
    reasons = [{"code": reason.code, "detail": reason.detail} for reason in report.reasons]
    assert json.loads(body) == {"status": report.status.value, "reasons": reasons}


def test_a_route_has_headers_of_its_own(worker: Any) -> None:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://127.0.0.1:{worker.port}/?x") as got:
        assert got.headers["Content-Security-Policy"] == "x"
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert got.headers["Content-Type"] == "text/html; charset=utf-8"


def test_everything_else_is_not_found_or_not_allowed(worker: Any) -> None:
    assert get(worker.port, "/nothing")[::2] == (404, "/ /healthz /metrics\n")
    assert get(worker.port, "/metrics/..")[0] == 404
    assert get(worker.port, "/metrics", method="POST")[0] == 501


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/nothing"])
def test_head_is_get_without_a_body(worker: Any, path: str) -> None:
    answers = {}
    for method in ("GET", "HEAD"):
        connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=5)
        for _ in range(2):  # of a body, the second answer's first line would be the rest
            connection.request(method, path)
            answer = connection.getresponse()
            answers[method] = (answer.status, [pair for pair in answer.getheaders() if pair[0] != "Date"])
            assert bool(answer.read()) is (method == "GET")
        connection.close()
    assert answers["GET"] == answers["HEAD"]


def test_a_burst_of_connections_waits_to_be_taken() -> None:
    server = HttpServer("127.0.0.1", 0, CollectorRegistry(), {})
    server._server.shutdown()  # nobody takes them now
    burst = []
    try:
        for _ in range(200):
            burst.append(socket.create_connection(("127.0.0.1", server.port), timeout=0.5))  # noqa: PERF401 - closed
    finally:
        for connection in burst:
            connection.close()
        server.close()
    assert len(burst) == 200


def test_a_client_that_hangs_up_harms_nobody(worker: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_connection(("127.0.0.1", worker.port)) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\n")
    with socket.create_connection(("127.0.0.1", worker.port)) as client:
        client.sendall(b"\x16\x03\x01 no http\r\n\r\n")
    assert get(worker.port, "/healthz")[0] == 200
    assert capfd.readouterr() == ("", "")


def test_a_taken_port_is_one_sentence(worker: Any) -> None:
    with pytest.raises(StartError, match=f"Port {worker.port} of 127.0.0.1 cannot be listened on"):
        HttpServer("127.0.0.1", worker.port, CollectorRegistry(), {})
