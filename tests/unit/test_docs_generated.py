"""The generated tables of the pages are those of the code as it is."""

import re
from pathlib import Path

import pytest

from docs.generate import FILES, PAGES, generated


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_are_up_to_date(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert generated(text, PAGES[page]) == text, "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_table_stands_somewhere(page: Path) -> None:
    names = re.findall(r"<!-- generated: (.*) -->", page.read_text(encoding="utf-8"))
    assert sorted(names) == sorted(PAGES[page])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_files_are_up_to_date(file: Path) -> None:
    assert file.read_text(encoding="utf-8") == FILES[file](), "run: make docs"
