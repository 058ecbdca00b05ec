"""The documentation as a site: built without a network, it says what the repository says, and no link is dead."""

import re
from collections import Counter
from functools import cache
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt

from docs.site.repository import paths
from tests.kits.site import ROOT

LOADS: Final = {"script", "link", "img", "iframe", "source", "object", "embed", "video", "audio", "use", "image"}
REFERS: Final = ("href", "src", "xlink:href", "data", "poster")
OF_STYLES: Final = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")
COUNTED: Final = ("h1", "h2", "h3", "h4", "li", "ol", "ul", "pre", "table", "tr", "img", "blockquote", "strong", "em")


class Read(HTMLParser):
    """What a page refers to, its anchors, and how many there are of each tag of its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.refers: list[tuple[str, str]] = []
        self.anchors = {"", "__top"}
        self.tags: Counter[str] = Counter()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.tags[tag] += 1
        self.anchors |= {told[name] for name in ("id", "name") if name in told}
        self.refers += [(tag, told[name]) for name in REFERS if name in told]
        self.refers += [("img", each.split()[0]) for each in told.get("srcset", "").split(",") if each.strip()]
        self.refers += [("img", url) for pair in OF_STYLES.findall(told.get("style", "")) for url in pair if url]


@cache
def read(file: Path) -> Read:
    return Read(file.read_text(encoding="utf-8"))


def referring(site: Path) -> list[Path]:
    return [file for file in sorted(site.rglob("*")) if file.suffix in (".html", ".svg")]


def test_no_link_is_dead(site: Path) -> None:
    dead = []
    for file in referring(site):
        for _, url in read(file).refers:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            is_there = target.is_relative_to(site) and target.is_file()
            if is_there and target.suffix in (".html", ".svg"):
                is_there = unquote(parts.fragment) in read(target).anchors
            if not is_there:
                dead.append((file.relative_to(site), url))
    assert not dead


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    asked = [(file, url) for file in referring(site) for tag, url in read(file).refers if tag in LOADS]
    for file in site.rglob("*.css"):
        asked += [(file, url) for pair in OF_STYLES.findall(file.read_text(encoding="utf-8")) for url in pair if url]
    assert len(asked) > 100
    assert not [(file.relative_to(site), url) for file, url in asked if urlsplit(url).scheme not in ("", "data")]
    assert not [(file.relative_to(site), url) for file, url in asked if urlsplit(url).netloc]


def test_each_page_has_as_many_of_each_as_in_the_repository(site: Path) -> None:
    markdown = MarkdownIt().enable("table")
    compared = 0
    for page in site.rglob("*.html"):
        path = page.relative_to(site)
        sources = [
            ROOT / path.with_suffix(".md"),
            *([ROOT / path.parent / "README.md"] if page.stem == "index" else []),
        ]
        for source in filter(Path.is_file, sources):
            text = source.read_text(encoding="utf-8")
            if "<!-- api: " in text:
                continue
            article = page.read_text(encoding="utf-8").partition("<article")[2].partition("</article>")[0]
            there, here = Read(f"<article{article}").tags, Read(markdown.render(text)).tags
            assert {tag: there[tag] for tag in COUNTED} == {tag: here[tag] for tag in COUNTED}, path
            compared += 1
    assert compared > 40


def test_its_navigation_is_the_index(site: Path) -> None:
    sections = re.findall("^## (.+)$", (ROOT / "docs" / "index.md").read_text(encoding="utf-8"), re.MULTILINE)
    home = (site / "index.html").read_text(encoding="utf-8")
    tabs = re.findall(r'class="md-tabs__link">\s*([^<]*?)\s*<', home)
    assert tabs == ["Home", *sections, "All pages"]
    decisions = {file.stem for file in (ROOT / "docs" / "decisions").glob("*.md")}
    assert decisions
    assert decisions <= set(re.findall(r'href="docs/decisions/([^"/]+)\.html" class="md-nav__link"', home))


def test_it_is_whole_without_this_repository(site: Path) -> None:
    for page in ("index", "SECURITY", "deploy/ecs/service.yaml", "deploy/ecs/index", "examples/producer/index"):
        assert (site / f"{page}.html").is_file(), page
    text = (site / "docs" / "api-documents.html").read_text(encoding="utf-8")
    assert 'id="consumer.documents.Documents.iterate"' in text
    names = re.findall(r"<h1[^>]*><code>([^<]*)</code>", "".join(map(Path.read_text, site.rglob("*.py.html"))))
    assert "__init__.py" in names
    kept = (ROOT / "deploy" / "ecs" / "service.yaml").read_bytes()
    assert (site / "files" / "deploy" / "ecs" / "service.yaml").read_bytes() == kept


def test_no_template_is_left_unrendered(site: Path) -> None:
    texts = [file for file in site.rglob("*") if file.suffix in (".html", ".xml", ".txt") and "files" not in file.parts]
    assert len(texts) > 100
    assert [
        file for file in texts if "{%" in re.sub(r"<code>[\s\S]*?</code>", "", file.read_text(encoding="utf-8"))
    ] == []


def test_what_tools_leave_in_a_folder_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("[all](../deploy)", encoding="utf-8")
    for name in ("README.md", "deploy/main.tf", "deploy/a.tfstate", "deploy/a.tfstate.backup", "deploy/.cache/b"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text", encoding="utf-8")
    assert paths(tmp_path) == {"README.md", "docs/index.md", "deploy", "deploy/main.tf"}


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("api-*.md")), ids=lambda page: page.stem)
def test_whatever_a_module_names_stands_on_its_page(page: Path, site: Path) -> None:
    modules = re.findall(r"^<!-- api: ([\w.]+) -->$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert modules
    anchors = read(site / "docs" / f"{page.stem}.html").anchors
    named = {f"{module}.{name}" for module in modules for name in import_module(module).__all__}
    assert named - anchors == set(), "without a docstring nothing stands there"
