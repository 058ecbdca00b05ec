"""The status page of a real worker, in a real browser."""

import http.client
import itertools
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.web.numbers import NOTHING
from tests.kits.browser import chromium

from .conftest import Lab, wait_for

SHARDS = 3
RATE = 60
LOAD_SECONDS = 12

pytestmark = [pytest.mark.integration, pytest.mark.timeout(450)]


@pytest.fixture
def busy(lab: Lab) -> Iterator[Lab]:
    """A worker at work, under an even load."""
    lab.set_up(SHARDS)
    lab.start(SHARDS)
    ended = threading.Event()

    def load() -> None:
        began = time.monotonic()
        for second in itertools.count(1):
            lab.put_transactions(RATE, second)
            if ended.wait(max(0.0, began + second - time.monotonic())):
                return

    loading = threading.Thread(target=load)
    loading.start()
    try:
        assert not ended.wait(LOAD_SECONDS)
        yield lab
    finally:
        ended.set()
        loading.join()
    lab.wait_until_found()
    port = lab.port()
    assert port is not None
    stored = f"{lab.metrics()['sanitizer_records_total'] - len(lab.quarantine_codes()):,.0f}"
    wait_for(lambda: in_a_quarter_of_an_hour(get(port, "/"), "records stored") == stored, "the page has every record")
    lab.assert_no_leaks()
    assert not any(lab.ledger.leaks({"page": [get(port, "/")]}).values())
    lab.stop()


def get(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def in_a_quarter_of_an_hour(text: str, what: str) -> str:
    found = re.search(rf">{what}</th>(.*?)</tr>", text)
    assert found, what
    return re.sub("<[^>]*>", " ", found[1]).split()[-1]


def figure(text: str, tile: str) -> str:
    found = re.search(rf'<section id="{tile}".*?<p class="figure">(.*?)</p>', text, re.DOTALL)
    assert found, tile
    return re.sub("<[^>]*>", "", found[1])


def test_the_page_of_a_worker_as_a_browser_shows_it(busy: Lab, tmp_path: Path) -> None:
    port = busy.port()
    assert port is not None
    wait_for(lambda: figure(get(port, "/"), "latency") != NOTHING, "a figure of the latency", 30)
    address = f"http://127.0.0.1:{port}/paused"
    with chromium(tmp_path) as browser, browser.window(390) as seen:
        seen.page.goto(address)
        assert seen.page.title().startswith("\u2713 healthy")
        names = seen.page.locator("#shards tbody th").all_text_contents()
        assert names == [f"shardId-{number:012}" for number in range(SHARDS)]
        text = seen.page.content()
        assert figure(text, "leases") == f"{SHARDS} of {SHARDS}"
        assert re.fullmatch(r"[\d,.]+", figure(text, "rate"))
        assert re.fullmatch(r"[\d.]+ (ms|s)", figure(text, "latency"))
        for lines in ("rates", "latencies", "lags"):
            assert seen.page.locator(f"#{lines} .line").count()
        pids = [row.split("\t")[1].strip() for row in seen.page.inner_text("#processes tbody").splitlines()]
        assert [Path(f"/proc/{pid}").exists() for pid in pids if pid != NOTHING] == [True] * (len(pids) - 1)
        assert seen.requests == [address]
        assert seen.sticks_out() == []
        assert seen.violations() == ""
        assert seen.said == []
