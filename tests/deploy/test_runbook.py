"""What the runbook tells somebody to type and to read, is there."""

import re
import shlex
from pathlib import Path

import click
import pytest

from consumer.cli import cli
from tests.deploy.exposed import exposed

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "runbook.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """Return the command lines of `sanitizer`, in the text and in blocks, without what a `#` says of them."""
    found = re.findall(r"`(sanitizer [a-z][^`]*)`", TEXT) + re.findall(r"^    (sanitizer [^\n#]*)", TEXT, re.MULTILINE)
    return sorted(set(found))


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("line", commands())
def test_the_commands_exist_and_take_these_options(line: str) -> None:
    command: click.Command = cli
    words = shlex.split(line)[1:]
    while words and isinstance(command, click.Group):
        _, found, words = command.resolve_command(click.Context(command), words)
        assert found is not None, line
        command = found
    options = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_the_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]*)#?([^)]*)\)", TEXT)
    assert links
    for file, anchor in links:
        page = DOCS / (file or "runbook.md")
        assert page.exists(), file
        if anchor:
            headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), f"{file}#{anchor}"


def test_the_metrics_exist() -> None:
    names = set(re.findall(r"\bsanitizer_[a-z_]+", TEXT))
    assert names <= set(exposed())
