"""Links between the pages lead somewhere, and every page is found from the index."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for page in ROOT.rglob("*.md")
    if not any(
        part.startswith(".") or part in ("build", "dist", "target", "node_modules")
        for part in page.relative_to(ROOT).parts
    )
)
INDEX = ROOT / "docs" / "index.md"
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)#?([^)\s]*)\)|^\[[^\]]+\]: (?!https?:)(\S+)$", re.MULTILINE)


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in plain)


def links(page: Path) -> list[tuple[str, str]]:
    """Return file and anchor of each link of a page to something of this repository."""
    return [(file or other, anchor) for file, anchor, other in LINK.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_lead_somewhere(page: Path) -> None:
    for file, anchor in links(page):
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), file
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{file}#{anchor}"


@pytest.mark.parametrize("page", sorted({*(ROOT / "docs").glob("*.md")} - {INDEX}), ids=lambda page: page.name)
def test_the_index_leads_to_every_page(page: Path) -> None:
    assert (page.name, "") in links(INDEX)


def test_the_readme_leads_to_the_index() -> None:
    assert ("docs/index.md", "") in links(ROOT / "README.md")
