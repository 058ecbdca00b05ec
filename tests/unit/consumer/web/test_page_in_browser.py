"""The status page as a browser shows it: three states, two widths, light and dark.

`make pictures` has it leave the pictures of the documentation, and beside them what they were made from.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from consumer.web.health import Condition
from consumer.web.history import SAMPLE_SECONDS, History
from consumer.web.page import Shown
from consumer.web.site import routes
from tests.kits.browser import Chromium, Scheme, Seen, chromium
from tests.kits.log import RecordingLog
from tests.kits.page import WELL, Figures, served, watched
from tests.kits.status_scenes import NOW, SCENES, SHOWN, Scene, history_of

PICTURES: Final = Path(__file__).parents[4] / "docs" / "img"
DIGEST: Final = PICTURES / "status-page.sha256"
WRITE: Final = bool(os.environ.get("WRITE_PICTURES"))
WIDTHS: Final = {"desk": 1300, "phone": 390}
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
PLACES: Final = {name: f"status-page-{name}-{{}}-{{}}.png" for name in SCENES}
WORDS: Final = {"healthy": 200, "degraded": 200, "down": 503}
"""What /healthz answers in each state."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture(scope="module")
def histories() -> dict[str, History]:
    return {name: history_of(scene) for name, scene in SCENES.items()}


def is_dark(seen: Seen) -> bool:
    parts = re.findall(r"\d+", seen.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    return sum(map(int, parts[:3])) < 3 * 128


@pytest.mark.parametrize("name", SCENES)
def test_the_page_is_whole_and_legible_in_every_window(
    browser: Chromium, histories: dict[str, History], name: str
) -> None:
    scene = SCENES[name]
    with served(histories[name], SHOWN, scene.condition, lambda: NOW) as port:
        address = f"http://127.0.0.1:{port}/paused"
        for (place, width), scheme in product(WIDTHS.items(), SCHEMES):
            with browser.window(width, scheme) as seen:
                seen.page.goto(address)
                assert seen.page.title().split()[1] == name
                assert seen.page.inner_text(".banner strong").lower() == name
                assert is_dark(seen) == (scheme == "dark")
                assert seen.requests == [address]
                assert seen.sticks_out() == []
                if WRITE:
                    (PICTURES / PLACES[name].format(place, scheme)).write_bytes(seen.picture())
                assert seen.violations() == ""
                assert seen.said == []
                health = seen.page.goto(f"http://127.0.0.1:{port}/healthz")
                assert health
                assert health.status == WORDS[name]


@pytest.mark.parametrize(
    ("word", "condition"),
    [
        ("starting", replace(WELL, has_served=False, is_serving=False)),
        ("stopping", replace(WELL, is_stopping=True, is_serving=False)),
    ],
)
def test_a_start_and_a_stop_are_legible_too(browser: Chromium, word: str, condition: Condition) -> None:
    figures = Figures(1)
    history = History(figures.collect, RecordingLog(), lambda: 1_700_000_005.0)  # five seconds after its start
    watched(figures, 2, history)
    with served(history, SHOWN, condition, lambda: 1_700_000_005.0) as port:
        for scheme in SCHEMES:
            with browser.window(WIDTHS["phone"], scheme) as seen:
                seen.page.goto(f"http://127.0.0.1:{port}/paused")
                assert seen.page.inner_text(".banner strong").lower() == word
                assert seen.sticks_out() == []
                assert seen.violations() == ""


@pytest.mark.parametrize("width", WIDTHS.values())
def test_names_and_numbers_as_long_as_they_get_are_not_cut_off(browser: Chromium, width: int) -> None:
    figures = Figures(3)
    figures.more = [
        *(f'sanitizer_quarantined_total{{code="{"very_" * 12}long_{n}"}} 0' for n in range(3)),
        'sanitizer_sessions_total{event="began"} 123456',
        f'sanitizer_field_drift{{path="{"customer.address." * 8}street"}} 1',
    ]
    history = watched(figures, 2)
    figures.seconds = 33_333  # 9,999,900 records
    figures.more = [
        *(f'sanitizer_quarantined_total{{code="{"very_" * 12}long_{n}"}} 9999999' for n in range(3)),
        'sanitizer_sessions_total{event="began"} 1234567',
        *(f'sanitizer_in_flight_age_seconds{{shard="{shard}"}} 123456' for shard in figures.shards),
        f'sanitizer_field_drift{{path="{"customer.address." * 8}street"}} 1',
    ]
    history.look(2 * SAMPLE_SECONDS)
    shown = Shown(
        {"stream": "s" * 128, "application": "a" * 128, "worker": "w" * 60}, runbook_url=f"https://{'d' * 90}"
    )
    with served(history, shown, WELL) as port, browser.window(width) as seen:
        seen.page.goto(f"http://127.0.0.1:{port}/paused")
        assert seen.sticks_out() == []


def test_it_is_read_without_scripts_and_refreshes_itself(browser: Chromium, histories: dict[str, History]) -> None:
    with (
        served(histories["healthy"], SHOWN, WELL) as port,
        browser.window(WIDTHS["desk"], java_script_enabled=False) as seen,
    ):
        seen.page.goto(f"http://127.0.0.1:{port}/")
        assert "shardId-000000000003" in seen.page.inner_text("#shards")
        with seen.page.expect_navigation(timeout=30_000):  # by itself, after five seconds
            pass
        assert seen.page.title().startswith("\u2713 healthy")
        assert set(seen.requests) == {f"http://127.0.0.1:{port}/"}


def test_a_young_worker_has_lines_over_the_time_that_it_has_lived(browser: Chromium) -> None:
    history = history_of(Scene(WELL), 40.0)
    with served(history, SHOWN, WELL) as port, browser.window(WIDTHS["phone"]) as seen:
        seen.page.goto(f"http://127.0.0.1:{port}/paused")
        for lines in ("#rates", "#latencies", "#lags"):
            box, window = (seen.page.locator(f"{lines} {part}").bounding_box() for part in (".line", "svg"))
            assert box
            assert window
            assert box["width"] > window["width"] / 2
        assert "10:29:25 to 10:30:00 UTC" in seen.page.inner_text("#lags")


def test_the_pictures_of_the_documentation_show_the_page_as_it_is(histories: dict[str, History]) -> None:
    """By the pages' text and style, which are the same on every machine; what is drawn of them is not."""
    digest = hashlib.sha256()
    for name, history in histories.items():
        condition = SCENES[name].condition
        digest.update(routes(history, SHOWN, lambda condition=condition: condition, lambda: NOW)["/paused"]().body)  # type: ignore[misc]
    shown = digest.hexdigest()
    if WRITE:
        DIGEST.write_text(f"{shown}  the pages of status-page-*.png; `make pictures` writes both\n", encoding="utf-8")
    assert DIGEST.read_text(encoding="utf-8").split()[0] == shown, "make pictures"
    expected = {PLACES[name].format(place, scheme) for name, place, scheme in product(SCENES, WIDTHS, SCHEMES)}
    found = {path.name: path.stat().st_size for path in PICTURES.glob("status-page*.png")}
    assert set(found) == expected
    assert sum(found.values()) < 1_500_000
