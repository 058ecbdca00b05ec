"""The site as somebody sees it who has it on disk: found by a word, on a phone too, by day and by night."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.kits.needs import needs
from tests.kits.site import built

DESKTOP, PHONE = 1300, 390
AXE: Final = {
    "preload": False,  # of stylesheets, which is forbidden where the page is a file
    # Left to the theme, which puts a `nav` without a name around each button that copies.
    "rules": {"landmark-unique": {"enabled": False}},
}

# With whatever there is: a picture, tables that are too wide, code of each language, signatures, a file, a folder.
PAGES: Final = ("index", "docs/guide", "docs/library", "docs/settings", "docs/api-documents", "deploy/ecs/index")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = needs("chromium", "chromium")
    with sync_playwright() as playwright:
        # Without a sandbox: a container's root has none.
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, scheme: str) -> Iterator[Page]:
    size = {"width": request.param, "height": 900}
    context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    asked, said = [], []
    page.on("request", lambda each: asked.append(each.url))
    page.on("pageerror", lambda each: said.append(str(each)))
    page.on("console", lambda each: said.append(each.text) if each.type in ("error", "warning") else None)
    yield page
    context.close()
    assert asked
    assert [url for url in asked if not url.startswith(("file:", "data:", "about:"))] == []
    assert said == []


def test_a_word_leads_to_its_page(page: Page, site: Path, scheme: str) -> None:
    page.goto((site / "index.html").as_uri())
    shown = "slate" if scheme == "dark" else "default"
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", shown)
    if page.viewport_size and page.viewport_size["width"] == PHONE:
        page.locator("label.md-header__button[for=__search]").click()
    page.locator("input.md-search__input").press_sequentially("idle_between_reads_ms")
    found = page.locator("a.md-search-result__link[href*='/docs/settings.html']").first
    expect(found).to_be_visible(timeout=20_000)
    found.click()
    expect(page).to_have_url(re.compile(r"/docs/settings\.html"))
    expect(page.locator("article")).to_contain_text("idle_between_reads_ms")


def test_nothing_hinders_those_who_see_or_move_otherwise(page: Page, site: Path) -> None:
    found = []
    for name in PAGES:
        page.goto((site / f"{name}.html").as_uri())
        page.wait_for_load_state()
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is wider than the window"
        for violation in Axe().run(page, options=AXE).response["violations"]:
            found += [(name, violation["id"], violation["impact"], node["html"][:100]) for node in violation["nodes"]]
    assert found == []
