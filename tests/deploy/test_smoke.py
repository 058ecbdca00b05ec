"""What is looked at when compose is up; without Docker, in whose place the test answers."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.local import smoke
from deploy.local.smoke import Compose, SmokeError, is_scraped, judge, look, stored

METRICS = """\
sanitizer_records_received_total{shard="a"} 90.0
sanitizer_records_total{outcome="stored",shard="a"} 40.0
sanitizer_records_total{shard="b",outcome="stored"} 2.0
sanitizer_records_total{shard="b",outcome="quarantined"} 7.0
"""


class Up(Compose):
    """A project whose services are all behind one address."""

    def __init__(self, url: str, folder: Path, audit: str) -> None:
        super().__init__(folder, None)
        self._url = url
        self._audit = audit

    def url(self, service: str, port: int) -> str:
        del service, port
        return self._url

    def read(self, *arguments: str) -> str:
        assert arguments[:4] == ("exec", "-T", "worker", "sanitizer")
        return self._audit


@pytest.fixture
def answers() -> dict[str, str]:
    scraped = {"data": {"result": [{"value": [0, "1"]}]}}
    return {"/healthz": "{}", "/metrics": METRICS, "/api/v1/query": json.dumps(scraped), "/api/health": "{}"}


@pytest.fixture
def url(answers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answers.get(self.path.partition("?")[0])
            self.send_response(200 if found else 503)
            self.end_headers()
            self.wfile.write((found or "").encode())

        def log_message(self, *_: Any) -> None:
            pass

    monkeypatch.setattr(smoke, "PAUSE_SECONDS", 0.01)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def audit(items: int, affected: int = 0) -> str:
    return json.dumps({"items": items, "affected": affected, "found": [], "places": []}) + "\n"


def test_all_that_should_be_so_is_enough(url: str, tmp_path: Path) -> None:
    look(Up(url, tmp_path, audit(42)), 42, 5)


@pytest.mark.parametrize("gone", ["/healthz", "/metrics", "/api/v1/query", "/api/health"])
def test_each_part_is_waited_for_and_missed(gone: str, answers: dict[str, str], url: str, tmp_path: Path) -> None:
    del answers[gone]
    with pytest.raises(SmokeError, match="there was not"):
        look(Up(url, tmp_path, audit(42)), 42, 0.2)


def test_prometheus_has_to_know_the_worker(answers: dict[str, str], url: str, tmp_path: Path) -> None:
    answers["/api/v1/query"] = '{"data": {"result": []}}'
    with pytest.raises(SmokeError, match="Prometheus"):
        look(Up(url, tmp_path, audit(42)), 42, 0.2)


def test_stored_records_are_counted_over_all_shards() -> None:
    assert stored(METRICS) == 42
    assert stored("") == 0


@pytest.mark.parametrize("answer", ["<html>", "[]", "null", '{"status": "error"}', '{"data": null}'])
def test_an_answer_that_is_none_of_prometheuss_is_a_failure(answer: str) -> None:
    with pytest.raises(SmokeError, match="Prometheus answered"):
        is_scraped(answer)


@pytest.mark.parametrize("ends", [0, 1])
def test_the_failure_is_told_with_the_logs_whatever_these_end_with(
    ends: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(f'#!/bin/sh\necho "$@"\ncase "$*" in *" ps "*|*" logs "*) exit {ends};; esac\n', encoding="utf-8")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("sys.argv", ["smoke"])
    monkeypatch.setattr(smoke, "fetch", lambda _: "{}")
    monkeypatch.setattr(smoke, "stored", lambda _: 1000)
    with pytest.raises(SystemExit, match="The audit said nothing of use"):
        smoke.main()
    written = capfd.readouterr().out
    assert all(each in written for each in ("ps --all", "logs --tail 50", "down --volumes"))


@pytest.mark.parametrize("said", [audit(41), audit(42, affected=1), "", "[]", "3", '{"items": 42}', '{"items": null}'])
def test_too_few_documents_or_one_that_leaks_is_a_failure(said: str) -> None:
    with pytest.raises(SmokeError, match="audit"):
        judge(said, 42)


def test_another_worker_image_is_used_and_not_built(tmp_path: Path) -> None:
    Compose(tmp_path, "kinesis-sanitizer:candidate")
    override = (tmp_path / "override.yaml").read_text(encoding="utf-8")
    assert (
        override
        == 'services: {worker: {image: "kinesis-sanitizer:candidate", pull_policy: never, build: !reset null}}\n'
    )
