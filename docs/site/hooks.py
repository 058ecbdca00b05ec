# noqa: INP001 - a folder of pages, no package
"""What MkDocs calls while it builds the site (mkdocs.yml names this file)."""

import re
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs.site.dialect import for_the_site
from docs.site.navigation import navigation
from docs.site.repository import files as files_of

_ROOT: Final = Path(__file__).parents[2]
_API: Final = re.compile(r"^<!-- api: ([\w.]+) -->$", re.MULTILINE)
_UNUSED: Final = re.compile(r"/lunr/|\.map$|/favicon\.png$|^sitemap\.xml$")
"""Of the theme: other languages, what its own authors look at, a picture in whose place there is another, a template
that is not rendered."""

_WEIGHTS: Final = {
    "docs/settings.md": 6,
    "docs/commands.md": 4,
    "docs/metrics.md": 2,
    "docs/api-": 0.5,
    "CHANGELOG.md": 0.2,
    "benchmarks/": 0.2,
    "docs/decisions/": 0.2,
}
"""In a search, by the beginnings of paths: first what a name is looked up in, last what tells how it came to be."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Take the navigation from the index, and leave out what only a web server has use for."""
    config.nav = navigation(_ROOT)
    config.theme.static_templates.clear()  # 404.html and sitemap.xml, whose addresses begin with a host
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Take the files by their links, under their paths in the repository, in place of those that MkDocs has found."""
    of_the_theme = [each for each in files if each.src_dir != config.docs_dir and not _UNUSED.search(each.src_uri)]
    licence = distribution("mkdocs-material").read_text("licenses/LICENSE")  # to go with what is copied from it
    of_the_theme.append(File.generated(config, "assets/LICENSE", content=licence or ""))
    return Files([*of_the_theme, *files_of(_ROOT, config)])


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put what the docstrings say where a page names a module; in the repository that is a comment, and unseen."""
    del config, files
    weights = (each for start, each in _WEIGHTS.items() if page.file.src_uri.startswith(start))
    page.meta.setdefault("search", {}).setdefault("boost", next(weights, 1))
    if page.parent is None:
        page.meta.setdefault("hide", []).append("navigation")  # in which it stands alone, or not at all
    return _API.sub(r"::: \1\n    options: {toc_label: \1}", for_the_site(markdown))
