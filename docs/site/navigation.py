# noqa: INP001 - a folder of pages, no package
"""The site's navigation, which is docs/index.md: there is no second list to keep."""

import posixpath
import re
from pathlib import Path
from typing import Any, Final

_SECTION: Final = re.compile(r"^## (.+)$", re.MULTILINE)
_LINK: Final = re.compile(r"\[([^\]]*)\]\((?!https?:)([^)#\s]+)\)")
"""Not one that leads to a part of a page: the page itself has its place."""

HOME: Final = "README.md"


def navigation(root: Path) -> list[dict[str, Any]]:
    """Return MkDocs's `nav`: the index's sections, and in each the pages that it names, in its order."""
    index = "docs/index.md"
    titles = _SECTION.split((root / index).read_text(encoding="utf-8"))[1:]
    sections: list[dict[str, Any]] = [{"Home": HOME}]
    for title, text in zip(titles[::2], titles[1::2], strict=True):
        pages = [
            _entry(root, words, posixpath.normpath(posixpath.join("docs", to))) for words, to in _LINK.findall(text)
        ]
        sections.append({title: pages})
    return [*sections, {"All pages": index}]


def _entry(root: Path, words: str, to: str) -> Any:
    """Return a page; of a folder all of its pages, under what the index calls it."""
    folder = root / to
    if not folder.is_dir():
        return to
    return {words: [to, *(f"{to}/{page.name}" for page in sorted(folder.glob("*.md")))]}
