"""The pictures of the pages: each is used, can be read aloud, and is shown whole by a browser, light and dark."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.kits.needs import needs
from tests.unit.test_docs_links import PAGES, ROOT

FOLDER: Final = ROOT / "docs" / "img"
DRAWN: Final = sorted(FOLDER.glob("*.svg"))
IMAGE: Final = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
SVG: Final = "{http://www.w3.org/2000/svg}"
LEAST_CONTRAST: Final = 4.5  # WCAG 2.2, 1.4.3
PHONE: Final = 360
"""How wide a picture is on a telephone, in px; and what can be read there."""
LEAST_SIZE: Final = 12

LOOK: Final = """() => {
    const paint = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const paints = element => {
        const fill = getComputedStyle(element).fill;
        const named = fill.match(/url\\("?#([^")]+)/);
        const stops = named ? [...document.getElementById(named[1]).children] : [];
        return named ? stops.map(stop => paint(getComputedStyle(stop).stopColor)) : [paint(fill)];
    };
    const box = element => {
        const {left, top, right, bottom} = element.getBoundingClientRect();
        return [left, top, right, bottom];
    };
    const texts = [...document.querySelectorAll("text")].map(text => {
        const [left, top, right, bottom] = box(text);
        const below = [left + 1, (left + right) / 2, right - 1].flatMap(x => {
            const found = document.elementsFromPoint(x, (top + bottom) / 2);
            return found.filter(each => each.tagName === "rect").slice(0, 1).flatMap(paints);
        });
        const size = parseFloat(getComputedStyle(text).fontSize);
        return {text: text.textContent, box: [left, top, right, bottom], size, colour: paints(text)[0], below};
    });
    return {texts, boxes: [...document.querySelectorAll("rect")].map(box)};
}"""

Box = tuple[float, float, float, float]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = needs("chromium", "chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


def images() -> list[tuple[Path, str, str]]:
    """Return page, alternative text and file of each picture of the pages."""
    found = ((page, IMAGE.findall(page.read_text(encoding="utf-8"))) for page in PAGES)
    return [(page, alt, file) for page, listed in found for alt, file in listed]


def overlap(one: Box, other: Box) -> float:
    """Return the area that two boxes share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0, width) * max(0, height)


def contrast(one: list[float], other: list[float]) -> float:
    """Return the contrast of two colours, as WCAG 2.2 reckons it."""

    def luminance(colour: list[float]) -> float:
        parts = (part / 255 for part in colour)
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("file", DRAWN, ids=lambda file: file.stem)
def test_a_browser_shows_all_of_it(browser: Browser, file: Path, scheme: Any) -> None:
    root = ET.parse(file).getroot()  # noqa: S314 - our own
    width, height = int(root.attrib["width"]), int(root.attrib["height"])
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.goto(file.as_uri())
    seen = page.evaluate(LOOK)
    page.close()
    assert seen["texts"]
    for number, text in enumerate(seen["texts"]):
        said, box = text["text"], text["box"]
        assert 0 <= box[0] < box[2] <= width, f"{said!r} is cut off"
        assert 0 <= box[1] < box[3] <= height, f"{said!r} is cut off"
        assert text["size"] * PHONE / width >= LEAST_SIZE, f"{said!r} is too small on a telephone"
        for other in seen["texts"][number + 1 :]:
            assert not overlap(box, other["box"]), f"{said!r} lies on {other['text']!r}"
        area = (box[2] - box[0]) * (box[3] - box[1])
        for drawn in seen["boxes"]:
            shared = overlap(box, drawn)
            assert not shared or shared > area - 1, f"{said!r} lies across the edge of a box"
        for below in text["below"]:
            assert contrast(text["colour"], below) >= LEAST_CONTRAST, f"{said!r} does not stand out"


@pytest.mark.parametrize("file", DRAWN, ids=lambda file: file.stem)
def test_it_can_be_read_aloud_and_needs_nothing_else(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    root = ET.fromstring(text)  # noqa: S314 - our own
    assert root.attrib["viewBox"] == f"0 0 {root.attrib['width']} {root.attrib['height']}"
    assert (root.attrib["role"], root.attrib["aria-labelledby"]) == ("img", "title desc")
    for name in ("title", "desc"):
        element = root.find(f"{SVG}{name}")
        assert element is not None
        assert element.attrib["id"] == name
        assert element.text
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {
        "svg", "title", "desc", "style", "defs", "marker", "linearGradient", "stop", "rect", "path", "polyline", "text",
    }  # fmt: skip
    assert not re.search(r"https?://|//|@import|href|\bon\w+=", text.replace('xmlns="http://www.w3.org/2000/svg"', ""))
    assert all(each.startswith("#") for each in re.findall(r"url\(([^)]*)\)", text))


def test_one_palette() -> None:
    found = {tuple(re.findall(r":root\{[^}]*\}", file.read_text(encoding="utf-8"))) for file in DRAWN}
    assert len(found) == 1
    assert len(found.pop()) == 2  # light and dark


def test_every_picture_is_used_and_there() -> None:
    used = {(page.parent / file).resolve() for page, _, file in images()}
    assert all(each.exists() for each in used)
    assert used.issuperset(DRAWN)


def test_every_picture_is_told_in_words() -> None:
    for page, alt, file in images():
        assert len(alt.split()) >= 3, f"{page.name}: {file}: {alt!r}"
