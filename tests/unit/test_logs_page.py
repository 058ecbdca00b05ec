"""docs/logs.md names every event that the code logs, and no other; and each event's fields may be logged."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from consumer.logs import structured

ROOT = Path(__file__).parents[2]
EVENT = re.compile(r"[a-z]+(\.[a-z_]+)+")
SEVERITIES = {"debug", "info", "warning", "error"}
OBJECTS = {"exc_info", "embedded"}
"""What is given to the log, and not written as it is."""


class Said(NamedTuple):
    event: str
    severity: str
    fields: frozenset[str]


def said() -> Iterator[Said]:
    """Yield each call that logs; a severity that is chosen while running is called ``method``."""
    for file in sorted((ROOT / "consumer").rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or not call.args or not isinstance(call.args[0], ast.Constant):
                continue
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            event = call.args[0].value
            if name in SEVERITIES | {"method", "always"} and isinstance(event, str) and EVENT.fullmatch(event):
                yield Said(event, name, frozenset(word.arg for word in call.keywords if word.arg))


def documented() -> dict[str, str]:
    """Return the level of each event of the page."""
    rows = re.findall(r"^\| (`[^|]*`) \| ([^|]*) \|", (ROOT / "docs/logs.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {event: level for events, level in rows for event in re.findall(r"`([^`]*)`", events)}


def test_every_event_stands_on_the_page_and_no_other() -> None:
    assert documented().keys() == {each.event for each in said()}


def test_the_levels_are_those_of_the_code() -> None:
    fixed: dict[str, set[str]] = {}
    for each in said():
        fixed.setdefault(each.event, set()).add(each.severity)
    wrong = {
        event: level
        for event, level in documented().items()
        if {level} != fixed[event] and not (fixed[event] & {"method", "always"} and level not in SEVERITIES)
    }
    assert wrong == {}


def test_no_field_would_be_withheld() -> None:
    assert {
        each.event: each.fields - structured.FIELDS for each in said() if each.fields - structured.FIELDS - OBJECTS
    } == {}


def test_what_is_never_left_out_exists() -> None:
    assert {each.event for each in said()} >= structured.UNLIMITED
