"""The page on producing names each format, with the setting that reads it."""

import re
from pathlib import Path

import pytest
import yaml

from consumer.producing.avro import MAX_SHAPES, SCHEMA
from consumer.producing.formats import DEFAULT, NAMES, format_named

PAGE = (Path(__file__).parents[2] / "docs" / "producing.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## Formats\n")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| (`[a-z].*?) \| .*? \| (`.*?) \|$", SECTION, re.MULTILINE)
SHOWN = {name: settings for names, settings in ROWS for name in re.findall(r"`([a-z-]+)`", names)}


@pytest.mark.parametrize("name", NAMES)
def test_each_format_stands_there_with_its_setting(name: str) -> None:
    setting = format_named(name).setting
    if name == DEFAULT:
        assert SHOWN[name] == "`auto`"
    elif name in SHOWN and "…" not in SHOWN[name]:
        assert yaml.safe_load(SHOWN[name].strip("`")) == setting
    elif name in SHOWN:  # the first of a row of several
        assert yaml.safe_load(re.findall(r"`(\[.*?\])`", SHOWN[name])[0])[0] == setting[0]
    else:
        compression, _, framing = name.partition("-")
        assert f"`{compression}-`" in SECTION
        assert (framing or DEFAULT) in SHOWN
        assert setting == [compression, *format_named(framing or DEFAULT).setting]


def test_none_more_stands_there() -> None:
    assert {name for name in SHOWN if not name.endswith("-")} <= set(NAMES)


def test_its_figures_are_those_of_the_code() -> None:
    assert f"up to {MAX_SHAPES}" in SECTION
    assert f"`{SCHEMA}`" in SECTION
    assert f"{format_named('ndjson').most} unless told otherwise" in SECTION
