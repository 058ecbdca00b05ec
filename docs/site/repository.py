# noqa: INP001 - a folder of pages, no package
"""What the site holds: the pages in docs/, and each file of the repository that a page leads to, with its own path.

So a link is the same in the repository and on the site, also one that leaves docs/. A file that is no Markdown becomes
a page that shows it, and a folder one that lists it.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, InclusionLevel

from docs.site.navigation import HOME

_LINK: Final = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]+)[^)\s]*\)")
_CODE: Final = re.compile(r"^(?: {4}|\t).*$|^```[\s\S]*?^```$|`[^`\n]*`", re.MULTILINE)
_LEFT_OUT: Final = re.compile(r"\.|(__pycache__|build|dist|target)$|.*\.(egg-info|tfstate.*)$")
"""What tools leave in a folder, as .gitignore has it; a state of Terraform may hold secrets."""

_MEDIA: Final = (".svg", ".png", ".js", ".css")
_LANGUAGES: Final = {
    ".json": "json",
    ".py": "python",
    ".tf": "terraform",
    ".tfvars": "terraform",
    ".toml": "toml",
    ".yaml": "yaml",
    ".yml": "yaml",
}
_SHOWN: Final = 200_000
"""Bytes up to which a file is shown on a page; a larger one is only copied."""

RAW: Final = "files/"
"""Below which the files lie as they are."""


class Shown(File):
    """A page about a file or a folder, under the path of what it shows."""

    def is_documentation_page(self) -> bool:
        """Return whether it is rendered: always."""
        return True


def files(root: Path, config: MkDocsConfig) -> list[File]:
    """Return all that the site is made of."""
    return [file for path in sorted(paths(root)) for file in _made(root, path, config)]


def paths(root: Path) -> set[str]:
    """Return what is found by the links from the pages in docs/ and the README: files, folders, what is in these."""
    found: set[str] = set()
    waiting = [HOME, *_docs(root)]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _leads_to(root, path)
    return found


def _docs(root: Path) -> Iterator[str]:
    for folder, pattern in (("docs", "**/*.md"), ("docs/img", "*.*g"), ("docs/site/assets", "*")):
        yield from (str(path.relative_to(root)) for path in sorted((root / folder).glob(pattern)))


def _leads_to(root: Path, path: str) -> list[str]:
    """Return what a page links to, or a folder holds."""
    if (root / path).is_dir():
        return [str(inner.relative_to(root)) for inner in _inside(root / path)]
    if not path.endswith(".md"):
        return []
    text = _CODE.sub("", (root / path).read_text(encoding="utf-8"))
    return [posixpath.normpath(posixpath.join(posixpath.dirname(path), to)) for to in _LINK.findall(text)]


def _inside(folder: Path) -> list[Path]:
    inner = (each for each in folder.iterdir() if not _LEFT_OUT.match(each.name))
    return sorted(inner, key=lambda each: (each.is_file(), each.name))


def _made(root: Path, path: str, config: MkDocsConfig) -> Iterator[File]:
    source = root / path
    if path.endswith((".md", *_MEDIA)):
        file = File.generated(config, path, abs_src_path=str(source))
        if not path.startswith("docs/") and path != HOME:
            file.inclusion = InclusionLevel.NOT_IN_NAV  # unless the index names it
        yield _at(file)
    elif source.is_dir():
        yield _page(config, path, _listing(source, path), is_index=True)
    else:
        data = source.read_bytes()
        yield _at(File.generated(config, RAW + path, content=data, inclusion=InclusionLevel.INCLUDED))
        yield _page(config, path, _shown(path, data))


def _page(config: MkDocsConfig, path: str, text: str, *, is_index: bool = False) -> File:
    page = Shown.generated(config, path, content=f"---\nsearch: {{exclude: true}}\nhide: [toc]\n---\n{text}")
    if is_index:
        page.name = "index"
    page.dest_uri = f"{path}/index.html" if is_index else f"{path}.html"
    page.inclusion = InclusionLevel.NOT_IN_NAV
    return _at(page)


def _at(file: File) -> File:
    """Return a file in no hidden folder: some that put a site onto the web leave these out."""
    file.dest_uri = re.sub(r"(^|/)\.", r"\1", file.dest_uri)
    return file


def _shown(path: str, data: bytes) -> str:
    title = f"# `{posixpath.basename(path)}`\n\n`{path}` of the repository; [as a file]({_up(path)}{RAW}{path}).\n"
    if len(data) > _SHOWN:
        return title
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return title
    fence = "`" * 4
    return f"{title}\n{fence} {_LANGUAGES.get(posixpath.splitext(path)[1], 'text')}\n{text.rstrip()}\n{fence}\n"


def _listing(folder: Path, path: str) -> str:
    title = folder.name.capitalize() if path.startswith("docs/") else f"`{path}`"
    rows = [f"- [{_title(each)}]({folder.name}/{each.name})" for each in _inside(folder)]
    return f"# {title}\n\n" + "\n".join(rows) + "\n"


def _title(path: Path) -> str:
    if path.suffix == ".md":
        heading = re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        if heading:
            return heading[1]
    return f"`{path.name}/`" if path.is_dir() else f"`{path.name}`"


def _up(path: str) -> str:
    return "../" * path.count("/")
