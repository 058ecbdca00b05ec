"""CONTRIBUTING.md names files, and names in them: they must be there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PATHS = sorted(
    {name for name in re.findall(r"`([.\w/-]+)`", PAGE) if "/" in name or re.search(r"\.(py|md|ya?ml|toml)$", name)}
    - {"docs/NAME.md"}
    | set(re.findall(r"\]\(([^)#]+)\)", PAGE))
)
INSIDE = re.findall(r"`(\w+)`\s+(?:of|in)\s+`([\w/]+\.py)`", PAGE)


@pytest.mark.parametrize("name", PATHS)
def test_what_it_names_is_there(name: str) -> None:
    assert (ROOT / name).is_dir() if name.endswith("/") else (ROOT / name).is_file()


@pytest.mark.parametrize(("name", "file"), INSIDE)
def test_the_names_stand_where_it_says(name: str, file: str) -> None:
    assert re.search(rf"\b{name}\b", (ROOT / file).read_text(encoding="utf-8"))


def test_the_patterns_above_still_find_something() -> None:
    assert len(PATHS) > 40
    assert ("Declarations", "consumer/metrics/declared.py") in INSIDE
    assert ("PAGES", "docs/generate.py") in INSIDE
