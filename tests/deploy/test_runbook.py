"""What the runbook and the procedures tell somebody to type and to read, is there."""

import re
import shlex
from pathlib import Path
from typing import Final

import click
import pytest

from consumer.cli import cli
from tests.deploy.exposed import exposed

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGES: Final = {name: (DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("runbook", "procedures")}


def commands() -> list[str]:
    """Return the command lines of `sanitizer`, in the text and in blocks, without what a `#` says of them."""
    text = "\n".join(PAGES.values())
    found = re.findall(r"`(sanitizer [a-z][^`]*)`", text) + re.findall(r"^ {4,}(sanitizer [^\n#]*)", text, re.MULTILINE)
    return sorted(set(found))


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


@pytest.mark.parametrize("page", PAGES)
def test_the_metrics_exist(page: str) -> None:
    names = set(re.findall(r"\bsanitizer_[a-z_]+", PAGES[page]))
    assert names <= set(exposed())
