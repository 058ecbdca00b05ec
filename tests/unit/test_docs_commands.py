"""What the pages tell to type can be typed: commands and their options, targets of make, modules, files that are named.

What they print is the matter of each page's own test, where it needs no AWS.
"""

import pkgutil
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import click
import pytest

from consumer.cli import cli
from docs.setting_tables import sections

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted(
    page
    for pattern in ("*.md", "docs/*.md", "examples/*/README.md", "native/README.md", "benchmarks/*/*.md")
    for page in ROOT.glob(pattern)
    if page.name != "CHANGELOG.md"  # tells of what was
)
MAKEFILE: Final = (ROOT / "Makefile").read_text(encoding="utf-8")

_BLOCK: Final = re.compile(r"^```(\w*).*\n((?:.*\n)*?)```$|((?:^(?:    |\t).*\n|^\n(?=(?:    |\t)))+)", re.MULTILINE)
_INLINE: Final = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_SHELL: Final = ("", "bash", "console", "sh", "shell")
_ENDS: Final = re.compile(r"[|&;()<>]+")
_STANDS_FOR: Final = re.compile(r"^\[|^[A-Z][A-Z_]*(?:\.{3})?$|\.\.\.|…|\$")
_FILES: Final = (".jsonl", ".yaml")


class Typed(NamedTuple):
    """A command as a page has it."""

    page: Path
    line: str
    words: tuple[str, ...]


@cache
def parts(page: Path) -> tuple[list[str], list[str]]:
    """Return the lines of a page's blocks that may be a shell's, with those that go on joined; and its inline code."""
    text = page.read_text(encoding="utf-8")
    lines = []
    for language, fenced, indented in _BLOCK.findall(text):
        if language in _SHELL:
            block = fenced if not indented else re.sub(r"^(?:    |\t)", "", indented, flags=re.MULTILINE)
            lines += re.sub(r"\\\n\s*", " ", block).split("\n")
    inline = [" ".join(each.split()) for each in _INLINE.findall(_BLOCK.sub("", text))]
    return lines, inline


def split(line: str) -> list[str]:
    """Return a line's words as a shell has them; none: it is no line of a shell."""
    lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars="|&;()<>")
    lexer.whitespace_split, lexer.commenters = True, "#"
    try:
        return list(lexer)
    except ValueError:
        return []


def commands_of(line: str, program: str) -> Iterator[tuple[str, ...]]:
    """Yield what follows the program's name in a line, as far as the command goes."""
    words = split(line)
    for place, word in enumerate(words):
        if word in (program, f".venv/bin/{program}") and not (place and words[place - 1].startswith("--")):
            rest = words[place + 1 :]
            end = next((n for n, each in enumerate(rest) if _ENDS.fullmatch(each)), len(rest))
            if end < len(rest) and end and rest[end - 1].isdigit() and rest[end].startswith(">"):
                end -= 1  # 2>/dev/null
            yield tuple(rest[:end])


def typed(program: str, *, inline: bool) -> list[Typed]:
    return [
        Typed(page, line, words)
        for page in PAGES
        for line in parts(page)[inline]
        for words in commands_of(line, program)
    ]


def name_of(value: object) -> str | None:
    return f"{value.page.stem}: {' '.join(value.words)}" if isinstance(value, Typed) else None


def found(words: tuple[str, ...]) -> tuple[click.Context, list[str]]:
    """Return the context of the command that is meant, and the words behind its name."""
    context = click.Context(cli, info_name="sanitizer")
    rest = list(words[words[:1] == ("help",) :])
    while isinstance(context.command, click.Group) and rest and not re.match(r"-|\[|[A-Z]", rest[0]):
        name, command, rest = context.command.resolve_command(context, rest)
        assert command is not None
        context = click.Context(command, info_name=name, parent=context)
    return context, rest


BLOCKS: Final = typed("sanitizer", inline=False)
INLINE: Final = typed("sanitizer", inline=True)


@pytest.mark.parametrize("each", BLOCKS, ids=name_of)
def test_a_command_is_understood_as_it_stands(each: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for word in each.words:
        if word.endswith(_FILES) and not Path(word).is_absolute():
            (tmp_path / word).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / word).touch()
    context, rest = found(each.words)
    if not rest or any(_STANDS_FOR.search(word) for word in rest):
        known(context, rest)
        return
    with suppress(click.exceptions.Exit), context.command.make_context(context.info_name, rest, parent=context.parent):
        pass  # Exit: of --help


@pytest.mark.parametrize("each", INLINE, ids=name_of)
def test_a_command_within_a_sentence_exists_with_its_options(each: Typed) -> None:
    known(*found(each.words))


def known(context: click.Context, rest: list[str]) -> None:
    options = {name for parameter in context.command.get_params(context) for name in parameter.opts}
    assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= options


def test_make_has_the_targets() -> None:
    for each in typed("make", inline=False) + typed("make", inline=True):
        for word in each.words:
            if re.fullmatch(r"[a-z][a-z-]*", word):
                assert re.search(rf"^{word}:", MAKEFILE, re.MULTILINE), each


def test_the_modules_are_there() -> None:
    for each in typed("python", inline=False) + typed("python", inline=True):
        module = each.words[1] if each.words[:1] == ("-m",) and len(each.words) > 1 else ""
        if module.split(".")[0] in ("benchmarks", "consumer", "deploy", "docs", "requirements", "tests"):
            path = ROOT.joinpath(*module.split("."))
            assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), each


def test_the_patterns_above_still_find_something() -> None:
    assert len(BLOCKS) > 150
    assert len(INLINE) > 100
    assert len(typed("make", inline=False)) > 20
    assert {"tutorial.md", "policies.md", "runbook.md", "commands.md"} <= {each.page.name for each in BLOCKS}


_FOLDERS: Final = r"(?:consumer|redaction|deploy|docs|tests|examples|benchmarks|native|requirements|\.ci|\.github)"
_PATH: Final = re.compile(rf"(?<![\w/.-]){_FOLDERS}/[\w./*\\-]*")
_ELSEWHERE: Final = {
    "docs/NAME.md": "a new page",
    "tests/test_conformance.py": "of somebody's plug-in",
    "deploy/ecs/template.yaml": "before 0.2",
}
_DOTTED: Final = re.compile(r"^[a-z_]+(?:\.[A-Za-z_]\w*)+$")
_SECTIONS: Final = {setting.path[0] for _, _, settings in sections() for setting in settings}
_SETTINGS: Final = {".".join(setting.path) for _, _, settings in sections() for setting in settings}
_EVENTS: Final = set(parts(ROOT / "docs" / "logs.md")[1])  # as the page's own test has them


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_files_that_are_named_are_there(page: Path) -> None:
    lines, inline = parts(page)
    named = {path for text in lines + inline for path in _PATH.findall(text)}
    whole = {path.rstrip("./") for path in named if not set(path) & set("*\\")}  # those are patterns
    assert {path for path in whole - set(_ELSEWHERE) if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_modules_settings_and_events_are_called_what_they_are(page: Path) -> None:
    dotted = {name for name in parts(page)[1] if _DOTTED.match(name)}
    of_python = {name for name in dotted if name.startswith(("consumer.", "redaction.")) and not is_setting(name)}
    assert {name for name in of_python if not is_python(name)} == set()
    of_settings = {name for name in dotted - of_python if name.partition(".")[0] in _SECTIONS}
    assert {name for name in of_settings - _EVENTS if not is_setting(name)} == set()


def is_setting(name: str) -> bool:
    return re.sub(r"(\.options)\..*", r"\1", name) in _SETTINGS


def is_python(name: str) -> bool:
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True
