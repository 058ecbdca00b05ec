"""SECURITY.md names modules and tests: they must be there."""

import re
from pathlib import Path

import pytest

from consumer.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`((?:[\w-]+/)*[\w-]+\.(?:py|json|md|sha256))`", PAGE)))
SETTINGS = sorted(set(re.findall(r"`((?:kcl|quarantine|redaction|output)\.[a-z_]+)", PAGE)))


@pytest.mark.parametrize("name", NAMES)
def test_what_it_names_is_there(name: str) -> None:
    found = [ROOT / name] if "/" in name else list((ROOT / "tests").rglob(name))
    assert [path for path in found if path.is_file()], name


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_it_names_exist(name: str) -> None:
    section, key = name.split(".")
    annotation = Settings.model_fields[section].annotation
    assert key in getattr(annotation, "model_fields", {}), name
