"""The audit of what is pinned: it passes over nothing in silence."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from consumer.kcl.jvm.jars import listed, version
from requirements import audit

BAD_NAME = "none"
CLEAN = {"name": "one", "version": "1", "vulns": []}
SKIPPED = {"name": "two", "skip_reason": "not found"}
BAD = {"name": "three", "version": "3", "vulns": [{"id": "PYSEC-1", "fix_versions": ["4"]}]}


@pytest.mark.parametrize(
    ("dependencies", "errors", "status", "said"),
    [
        ([CLEAN], "", 0, "1 packages, no known vulnerability"),
        ([CLEAN, BAD, SKIPPED], "", 1, "three 3: PYSEC-1; mended in 4"),
        ([CLEAN, SKIPPED], "", 2, "1 of 2 packages could not be looked up: two"),
        ([], "", 2, "0 of 0"),
        (None, "requests.exceptions.ConnectionError: no name", 2, "cannot be reached"),
        (None, "usage: pip-audit", 1, "pip-audit failed: usage"),
        (None, "", 1, "no output"),
    ],
)
def test_what_is_made_of_an_answer(dependencies: Any, errors: str, status: int, said: str) -> None:
    answer = "" if dependencies is None else json.dumps({"dependencies": dependencies})
    found, lines = audit.report(answer, errors)
    assert found == status
    assert said in lines[0]


class Advisories(BaseHTTPRequestHandler):
    """OSV's API of batches in small: one name is known to be bad."""

    answer: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, body))
        found = [
            {"vulns": [{"id": "GHSA-1"}]} if each["package"]["name"] == BAD_NAME else {} for each in body["queries"]
        ]
        content = json.dumps(self.answer or {"results": found}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def advisories(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Advisories]]:
    """Answer for OSV, at the address that OSV_URL names."""

    class Fresh(Advisories):
        answer: ClassVar[dict[str, Any]] = {}
        asked: ClassVar[list[Any]] = []

    with ThreadingHTTPServer(("127.0.0.1", 0), Fresh) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OSV_URL", f"http://127.0.0.1:{server.server_port}/v1/query")
        yield Fresh
        server.shutdown()


def test_each_jar_is_asked_about_by_its_coordinates(advisories: type[Advisories]) -> None:
    status, lines = audit.jars()
    assert (status, lines) == (0, [f"{len(listed())} jars, no known vulnerability"])
    ((path, body),) = advisories.asked
    assert path == "/v1/querybatch"
    core = {"package": {"ecosystem": "Maven", "name": "software.amazon.kinesis:amazon-kinesis-client"}}
    assert core | {"version": version()} in body["queries"]


def test_a_jar_with_an_advisory_is_a_failure(advisories: type[Advisories], monkeypatch: pytest.MonkeyPatch) -> None:
    jar = next(jar for jar in listed() if jar.artifact == "netty-handler")
    monkeypatch.setitem(globals(), "BAD_NAME", f"{jar.group}:{jar.artifact}")
    assert advisories
    assert audit.jars() == (1, [f"io.netty:netty-handler {jar.version}: GHSA-1"])


def test_each_crate_is_asked_about_but_our_own(advisories: type[Advisories]) -> None:
    status, (line,) = audit.crates()
    ((path, body),) = advisories.asked
    assert (status, line) == (0, f"{len(body['queries'])} crates, no known vulnerability")
    assert path == "/v1/querybatch"
    assert {each["package"]["ecosystem"] for each in body["queries"]} == {"crates.io"}
    names = {each["package"]["name"] for each in body["queries"]}
    assert names > {"pyo3", "memchr"}
    assert "kinesis-sanitizer-native" not in names


def test_a_crate_with_an_advisory_is_a_failure(advisories: type[Advisories], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "BAD_NAME", "pyo3")
    status, (line,) = audit.crates()
    assert (status, len(advisories.asked)) == (1, 1)
    assert re.fullmatch(r"pyo3 [\d.]+: GHSA-1", line)


@pytest.mark.parametrize("answer", [{"results": [{}]}, {"code": 3}, {"results": 1}])
def test_an_answer_that_is_not_understood_is_a_failure(advisories: type[Advisories], answer: dict[str, Any]) -> None:
    advisories.answer = answer
    status, lines = audit.jars()
    assert status == 1
    assert "not understood" in lines[0]


@pytest.mark.parametrize(("required", "status"), [(False, 0), (True, 1)])
def test_nobody_to_ask_is_said_loudly(
    required: bool,  # noqa: FBT001 - a parameter
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ran = subprocess.CompletedProcess([sys.executable], 1, "", "requests.exceptions.ConnectionError: no name")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ran)
    monkeypatch.setenv("OSV_URL", "http://127.0.0.1:1/v1/query")
    assert audit.main(["dev.txt"], required=required) == status
    said = capsys.readouterr().err
    assert "Python packages NOT AUDITED" in said
    assert "KCL's jars NOT AUDITED" in said
    assert "The compiled part's crates NOT AUDITED" in said
