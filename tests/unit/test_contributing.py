"""CONTRIBUTING.md names files, names in them, and targets of make: they must be there."""

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
MODULES = sorted(set(re.findall(r"python -m ([\w.]+)", PAGE)))
TARGETS = sorted(set(re.findall(r"\bmake ([a-z][a-z-]*)", PAGE.replace("make what", ""))))
INSIDE = re.findall(r"`(\w+)`\s+(?:of|in)\s+`([\w/]+\.py)`", PAGE)


@pytest.mark.parametrize("name", PATHS)
def test_what_it_names_is_there(name: str) -> None:
    assert (ROOT / name).is_dir() if name.endswith("/") else (ROOT / name).is_file()


@pytest.mark.parametrize("name", MODULES)
def test_what_it_runs_is_there(name: str) -> None:
    path = ROOT.joinpath(*name.split("."))
    assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


@pytest.mark.parametrize("target", TARGETS)
def test_make_has_the_target(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(("name", "file"), INSIDE)
def test_the_names_stand_where_it_says(name: str, file: str) -> None:
    assert re.search(rf"\b{name}\b", (ROOT / file).read_text(encoding="utf-8"))


def test_the_patterns_above_still_find_something() -> None:
    assert len(PATHS) > 40
    assert "bench" not in TARGETS
    assert {"setup", "check", "test-unit"} <= set(TARGETS)
    assert ("Declarations", "consumer/metrics/declared.py") in INSIDE
    assert ("PAGES", "docs/generate.py") in INSIDE
