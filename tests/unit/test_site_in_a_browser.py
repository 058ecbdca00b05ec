"""The site as somebody sees it who has it on disk: found by a word, on a phone too, by day and by night."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

import pytest
from playwright.sync_api import expect

from tests.kits.browser import Chromium, Scheme, Seen, chromium

DESKTOP, PHONE = 1300, 390

# With whatever there is: a picture, tables that are too wide, code of each language, signatures, a file, a folder.
PAGES: Final = ("index", "docs/guide", "docs/library", "docs/settings", "docs/api-documents", "deploy/ecs/index")

FOUND: Final = {
    "backfill": "docs/commands",
    "checkpoint_seconds": "docs/settings",
    "costs": "docs/costs",
    "iban": "docs/policies",
    "install": "docs/install",
    "kcl.max_records": "docs/settings",
    "ReadFailed": "docs/api-documents",
    "sanitizer_records_received_total": "docs/metrics",
    "SANITIZER_OUTPUT__TABLE": "docs/settings",
    "status --watch": "docs/commands",
    "terraform": "docs/terraform",
}
"""What somebody types, and the page on which it should be looked up."""

AXE: Final = {
    "preload": False,  # of stylesheets, which is forbidden where the page is a file
    # Left to the theme, which puts a `nav` without a name around each button that copies.
    "rules": {"landmark-unique": {"enabled": False}},
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Scheme:
    return cast(Scheme, request.param)


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def width(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def seen(browser: Chromium, width: int, scheme: Scheme) -> Iterator[Seen]:
    with browser.window(width, scheme, reduced_motion="reduce") as window:
        yield window
        assert window.requests
        assert [url for url in window.requests if not url.startswith(("file:", "data:", "about:"))] == []
        assert window.said == []


def test_a_word_leads_to_its_page(seen: Seen, site: Path, width: int, scheme: Scheme) -> None:
    page = seen.page
    page.goto((site / "index.html").as_uri())
    shown = "slate" if scheme == "dark" else "default"
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", shown)
    if width == PHONE:
        page.locator("label.md-header__button[for=__search]").click()
    page.locator("input.md-search__input").press_sequentially("idle_between_reads_ms")
    found = page.locator("a.md-search-result__link[href*='/docs/settings.html']").first
    expect(found).to_be_visible(timeout=20_000)
    found.click()
    expect(page).to_have_url(re.compile(r"/docs/settings\.html"))
    expect(page.locator("article")).to_contain_text("idle_between_reads_ms")


def test_what_is_typed_finds_first_where_it_is_looked_up(browser: Chromium, site: Path) -> None:
    with browser.window(DESKTOP) as window:
        window.page.goto((site / "index.html").as_uri())
        typed = window.page.locator("input.md-search__input")
        for words, page in FOUND.items():
            typed.fill("")
            typed.press_sequentially(words)
            first = window.page.locator("a.md-search-result__link").first
            expect(first, words).to_have_attribute("href", re.compile(rf"/{page}\.html"), timeout=20_000)


def test_nothing_hinders_those_who_see_or_move_otherwise(seen: Seen, site: Path) -> None:
    for name in PAGES:
        seen.page.goto((site / f"{name}.html").as_uri())
        wide = seen.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is wider than the window"
        assert seen.violations(AXE) == "", name
