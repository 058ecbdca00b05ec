"""The status page of a real worker, in a real browser.

With STATUS_PAGE_PICTURES it leaves its pictures in that folder: docs/img has them from there.
"""

import http.client
import itertools
import json
import os
import re
import shutil
import struct
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from consumer.web.markup import NOTHING
from tests.kits.needs import needs

from .conftest import Lab, wait_for

SHARDS = 3
RATE = 60
PICTURES = os.environ.get("STATUS_PAGE_PICTURES")
LOAD_SECONDS = 120 if PICTURES else 12
DESKTOP, PHONE = (1200, 1110), (390, 2430)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(450)]


class Browser:
    """Chromium without a window, and with a profile of its own."""

    def __init__(self, folder: Path) -> None:
        self._program = shutil.which("google-chrome") or needs("chromium", "chromium")
        self._folder = folder
        self.requests: list[dict[str, Any]] = []
        self.console = ""

    def dom(self, address: str, more: Sequence[str] = ()) -> str:
        return self._run(DESKTOP, "--dump-dom", *more, address)

    def picture(self, address: str, file: Path, size: tuple[int, int], *, dark: bool = False) -> None:
        scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []  # mojom: 0 is dark, 1 light
        self._run(size, f"--screenshot={file}", *scheme, address)

    def _run(self, size: tuple[int, int], *arguments: str) -> str:
        net_log = self._folder / "net.json"
        ran = subprocess.run(
            [
                self._program,
                "--headless=new",
                "--no-sandbox",  # a container's root has no other way
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--no-first-run",
                "--no-proxy-server",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                "--enable-logging=stderr",
                "--hide-scrollbars",
                f"--user-data-dir={self._folder / 'profile'}",
                f"--log-net-log={net_log}",
                f"--window-size={size[0]},{size[1]}",
                *arguments,
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        self.console += "\n".join(line for line in ran.stderr.splitlines() if "CONSOLE" in line)
        self.requests += [
            event["params"] for event in json.loads(net_log.read_text())["events"] if "url" in event.get("params", {})
        ]
        return ran.stdout


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    return Browser(tmp_path)


@pytest.fixture
def busy(lab: Lab) -> Iterator[Lab]:
    """A worker at work, under an even load."""
    lab.name = "transactions"  # for the picture
    lab.set_up(SHARDS)
    lab.start(SHARDS)
    ended = threading.Event()

    def load() -> None:
        began = time.monotonic()
        for second in itertools.count(1):
            lab.put_transactions(RATE + RATE * (second % 30) // 60, second)
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
    wait_for(lambda: re.search(rf">stored</th><td>{stored}</td>", get(port, "/")[1]), "the page has every record", 20)
    lab.assert_no_leaks()
    assert not any(lab.ledger.leaks({"page": [get(port, "/")[1]]}).values())
    lab.stop()


def get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def figure(dom: str, section: str) -> str:
    found = re.search(rf'<section id="{section}".*?<p class="figure">(.*?)</p>', dom, re.DOTALL)
    assert found, section
    return re.sub("<[^>]*>", "", found[1])


def test_the_page_of_a_worker_as_a_browser_shows_it(browser: Browser, busy: Lab, tmp_path: Path) -> None:
    port = busy.port()
    assert port is not None
    address = f"http://127.0.0.1:{port}/"
    wait_for(lambda: figure(get(port, "/")[1], "latency") != NOTHING, "a figure of the latency", 30)
    dom = browser.dom(address)
    [shards] = re.findall(r'<section id="shards">(.*?)</section>', dom, re.DOTALL)
    names = {re.sub("<[^>]*>", "", cell) for cell in re.findall(r'<th scope="row">(.*?)</th>', shards)}
    assert names == {f"shardId-{number:012}" for number in range(SHARDS)}
    assert figure(dom, "leases") == str(SHARDS)
    assert re.fullmatch(r"[\d,.]+", figure(dom, "rate"))
    assert re.fullmatch(r"[\d.]+ (ms|s)", figure(dom, "latency"))
    for section in ("rate", "latency", "lag"):
        assert re.search(rf'<section id="{section}".*?<path d="M[^"]*L', dom, re.DOTALL), section
    for text in ("healthy", "serving", "stored", "quarantined", "mask", busy.name):
        assert text in dom, text

    folder = Path(PICTURES or tmp_path)
    for name, size in (("status-page", DESKTOP), ("status-page-phone", PHONE)):
        browser.picture(address, folder / f"{name}.png", size)
        assert seen(folder / f"{name}.png") == (size, "light")
    browser.picture(address, tmp_path / "dark.png", DESKTOP, dark=True)
    assert seen(tmp_path / "dark.png") == (DESKTOP, "dark")

    assert "Content Security Policy" not in browser.console  # its own style is allowed
    origin = address.rstrip("/")
    assert address in {each["url"] for each in browser.requests}
    # Chromium has business of its own; what the page asked for has the page as its initiator.
    assert not [each["url"] for each in browser.requests if each.get("initiator") == origin]

    assert width_on_a_phone(browser, get(port, "/")[1], tmp_path) == PHONE[0]


def seen(picture: Path) -> tuple[tuple[int, int], str]:
    """Return a PNG's size, and of what kind its background is: its first pixel, which no filter changes."""
    data, at, pixels = picture.read_bytes(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        pixels += data[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    width, height = struct.unpack(">II", data[16:24])
    return (width, height), "dark" if sum(zlib.decompress(pixels)[1:4]) < 3 * 128 else "light"


def width_on_a_phone(browser: Browser, text: str, folder: Path) -> int:
    """Return how wide the page is where there are so many pixels: more, if something sticks out.

    A copy is measured in a frame: a window cannot be that narrow, and the page lets nobody frame it.
    """
    (folder / "page.html").write_text(text, encoding="utf-8")
    measure = 'document.body.id = "w" + page.contentDocument.documentElement.scrollWidth'
    (folder / "frame.html").write_text(
        f'<iframe id="page" width="{PHONE[0]}" height="800" src="page.html" frameborder="0"></iframe>'
        f"<script>onload = () => {{ {measure} }}</script>",
        encoding="utf-8",
    )
    dom = browser.dom((folder / "frame.html").as_uri(), more=("--allow-file-access-from-files",))
    [width] = re.findall(r'<body id="w(\d+)">', dom)
    return int(width)
