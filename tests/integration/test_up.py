"""`make up` as a user runs it, with the real Prometheus and the dashboard's own queries."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.observability.grafana import generate
from tests.kits.needs import needs

from .conftest import descendants, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

RATE = 100
EMPTY_UNTIL_SOMETHING_GOES_WRONG = {panel["title"] for panel in generate.drawn() if "Empty w" in panel["description"]}
RECORDED_EVERY_TWO_MINUTES = re.compile(r":ratio_\d+d\b")
VARIABLES = {
    "$__rate_interval": "20s",
    "$instance": ".*",
    "$job": "kinesis-sanitizer",
}  # of four scrapes, as in Grafana

Up = Callable[..., "Running"]


class Running:
    """A started `make up`, with everything that it wrote."""

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        self.output = folder / "output.txt"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "consumer.local", "up", *arguments],
                stdout=output,
                stderr=output,
                env=os.environ | {"TMPDIR": str(folder)} | variables,
            )

    def text(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def wait_until_up(self) -> None:
        wait_for(lambda: "quarantine list" in self.text() or self.process.poll() is not None, "all runs", 60)
        assert self.process.poll() is None, self.text()

    def address(self, name: str) -> str:
        found = re.search(rf"^  {name} +(http\S+)$", self.text(), re.MULTILINE)
        assert found, self.text()
        return found[1]

    def environment(self) -> dict[str, str]:
        lines = re.findall(r"^  export (\w+)='?([^'\n]*)'?$", self.text(), re.MULTILINE)
        return dict(lines)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    started: list[Running] = []

    def start(*arguments: str, **variables: str) -> Running:
        started.append(Running(tmp_path, *arguments, **variables))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.terminate()
        running.process.wait(40)


def read(url: str) -> Any:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url, timeout=10) as answer:
        return json.loads(answer.read())


def ask(prometheus: str, query: str) -> list[float]:
    """Return the values of a query now."""
    answer = read(f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}")
    return [float(each["value"][1]) for each in answer["data"]["result"]]


def chosen(query: str) -> str:
    """Return a query of the dashboard with its variables filled in."""
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query


def data(prometheus: str, query: str, *, may_be_empty: bool) -> list[float]:
    """Return the values of a query, once it has any: some series begin seconds after the first records."""
    values = ask(prometheus, query)
    if not (values or may_be_empty):
        wait_for(lambda: ask(prometheus, query), f"data of {query}", 40, every=1)
        values = ask(prometheus, query)
    return values


def test_prometheus_sees_what_the_dashboard_shows_and_nothing_is_left_behind(tmp_path: Path, up: Up) -> None:
    needs("prometheus", "prometheus")
    running = up("--rate", str(RATE), "--shards", "2")
    running.wait_until_up()
    prometheus = running.address("Prometheus")
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(running.address("status page"), timeout=10) as page:
        assert b"kinesis-sanitizer" in page.read()

    wait_for(lambda: ask(prometheus, 'up{job="kinesis-sanitizer"}') == [1], "the target is up", 20)
    stored = 'sum(rate(sanitizer_records_total{outcome="stored"}[15s]))'
    wait_for(lambda: 0.85 * RATE < sum(ask(prometheus, stored)) < 1.15 * RATE, "the producer's rate", 50, every=1)

    for panel in generate.drawn():
        for target in panel["targets"]:
            query = chosen(target["expr"])
            is_late = panel["title"] in EMPTY_UNTIL_SOMETHING_GOES_WRONG or RECORDED_EVERY_TWO_MINUTES.search(query)
            values = data(prometheus, query, may_be_empty=bool(is_late))
            assert all(math.isfinite(value) and value >= 0 for value in values), query
    for annotation in generate.dashboard()["annotations"]["list"]:
        ask(prometheus, chosen(annotation["expr"]))

    found = subprocess.run(
        [sys.executable, "-m", "consumer.cli", "get", "12345"],
        env=os.environ | running.environment(),
        capture_output=True,
        check=True,
    )
    assert json.loads(found.stdout)["credit_card"] == "****-****-****-9012"

    below = descendants(running.process.pid)
    for name in ("sanitizer-cloud", "sanitizer-supervisor", "MultiLangDaemon", "prometheus", "consumer.local feed"):
        assert any(name in line for line in below.values()), name
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(40) == 0, running.text()
    assert not any(Path(f"/proc/{pid}").exists() for pid in below)
    assert [path.name for path in tmp_path.iterdir()] == ["output.txt"]


def test_it_ends_by_itself_and_says_what_is_missing_or_done(tmp_path: Path, up: Up) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    running = up("--shards", "1", "--records", "1", "--seconds", "3", PATH=str(empty))
    assert running.process.wait(60) == 0, running.text()
    assert "Prometheus  not on the PATH: install it" in running.text()
    assert "The producer has ended: 1 transactions are on the stream" in running.text()
    assert "Traceback" not in running.text()
