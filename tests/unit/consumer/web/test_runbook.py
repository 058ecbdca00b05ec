"""Each reason is explained, where the page says that it is."""

import inspect
import re
from pathlib import Path

from consumer.web import health, noticed
from consumer.web.runbook import PAGE, REASONS, address

RUNBOOK = (Path(__file__).parents[4] / PAGE).read_text(encoding="utf-8")


def test_each_reason_that_is_given_is_explained_and_no_other() -> None:
    sources = inspect.getsource(health) + inspect.getsource(noticed)
    assert set(re.findall(r'Reason\(\s*"([a-z_]+)"', sources)) == set(REASONS)


def test_its_section_is_there() -> None:
    headings = {heading.lower().replace(" ", "-") for heading in re.findall("^#+ (.*)$", RUNBOOK, re.MULTILINE)}
    assert {entry.section for entry in REASONS.values()} <= headings
    for code in (*REASONS, "of_a_version_to_come"):
        page, _, section = address(code, None).partition("#")
        assert page == PAGE
        assert section in headings


def test_it_is_a_link_where_it_is_known_where_the_runbook_is_read() -> None:
    assert address("kcl_errors", "https://docs.example.com/runbook/") == (
        "https://docs.example.com/runbook/#sanitizerdaemonerrors"
    )
